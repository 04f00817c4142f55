"""A connection to an ERP that speaks the HTTP protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import httpx

from chansync.erp.http.wire_format import (
    HEADER,
    LARGEST_NUMBER,
    ChangesAnswer,
    ItemKey,
    ItemsAnswer,
    ReferenceAnswer,
    SaleResult,
    StockAnswer,
    ViewsAnswer,
    signature,
    steps_request,
)
from chansync.erp.remote import (
    ChangesPage,
    ErpError,
    ErpIdentity,
    ErpRefused,
    ErpRights,
    ErpSettings,
    ErpUnavailable,
    ReferencePage,
    ReferenceRow,
    SaleAnswer,
    SaleSteps,
)
from chansync.http.client import LONGEST_WAIT, Content, SiteHttp
from chansync.http.failures import Answer
from chansync.model import wire
from chansync.model.address import parse_address
from chansync.model.errors import SiteError, SiteUnavailable, UsageError
from chansync.model.sale import SaleView
from chansync.model.times import now_ms

T = TypeVar("T")
_Page = TypeVar("_Page", ReferenceAnswer, ChangesAnswer)

#: The longest wait before steps are sent again that cannot have arrived, in seconds: what ``settles_after`` counts from
#: is when they were to be sent first.
_SHORT_WAIT = 5.0
#: How many keys or items are asked for at once.
_ASKED = 100
#: The most pages that one read may have: an ERP that never says which is the last would be read for ever.
_PAGES = 100_000

_DESCRIPTION = "Its developer compares the answer with the description of the protocol: chansync erp openapi."

#: What the client says of web shops, as it is of an ERP's own server; by code.
_UNREADABLE = {
    "html": "answered with a web page where data was expected: it is in maintenance, a proxy stands before it, or the "
    "address is wrong. It will be tried again.",
    "truncated": "stopped in the middle of its answer: it ended, or the connection was cut. It will be tried again.",
    "empty": "gave an empty answer. It will be tried again; if it stays, see the log of its server.",
    "not_json": "answered with something that is no JSON. It will be tried again; if it stays, see the log of its "
    "server.",
    "bad_encoding": "sent text that is not UTF-8: its server must answer in UTF-8.",
    "packed": "packed its answer in a way that was not asked for: it must send it plain or as gzip.",
    "too_many": "sent data of too many parts to be read: it must answer in pages.",
    "too_deep": "sent data nested too deeply to be read.",
}

#: The fields that are numbers as text.
_DECIMALS = frozenset({"quantity", "rate"})

_ERRORS = {kind.code: kind for kind in (ErpUnavailable, ErpRefused, ErpRights)}


class HttpRemote:
    """``chansync.erp.remote.Remote`` says what each method does.

    What changes nothing is asked again after a temporary failure. ``POST /steps`` is not, where it may have arrived:
    what was done is for the core to find out.

    Raises:
        ErpRefused: the address or the token is missing.
    """

    #: The server must have given up by then what it has not committed: ``docs/own-erp.md`` asks for 60 s.
    settles_after = 120.0
    batch = 20

    def __init__(self, settings: ErpSettings, **http_options: Any) -> None:
        token = str(settings.values.get("token") or "")
        try:
            address = parse_address(str(settings.values.get("address") or ""))
        except UsageError as error:
            raise ErpRefused(f"The address of the ERP {settings.code} {error}.") from None
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise ErpRefused(f"The ERP {settings.code} has no token that can be sent: enter it again.")
        self.settings = settings
        #: Whether requests are signed instead of carrying the token.
        self.signs = bool(settings.values.get("sign_requests"))
        self._base = str(address)
        self._token = token
        self._http = SiteHttp(address.site, secrets=(token,), advice="see the log of its server", **http_options)
        self._quote = self._http.sentences.quote

    async def aclose(self) -> None:
        await self._http.aclose()

    async def check(self) -> ErpIdentity:
        found = await self._ask("GET", "/check", ErpIdentity)
        return replace(found, lacks={name: self._quote(why) for name, why in found.lacks.items()})

    async def reference(self, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
        async for found in self._pages("/reference", ReferenceAnswer, cursor):
            yield ReferencePage(found.rows, {"cursor": found.cursor}, found.complete, found.last)

    async def _pages(self, path: str, of: type[_Page], cursor: Mapping[str, Any]) -> AsyncIterator[_Page]:
        """What is told since the cursor, to the last page."""
        now = str(cursor.get("cursor") or "")
        for _ in range(_PAGES):
            found = await self._ask("GET", path, of, params=[("cursor", now)])
            if not found.last and found.cursor == now:
                break
            now = found.cursor
            yield found
            if found.last:
                return
        raise self._wrong(f"GET {path}", "`last` is false, and the cursor stays the same.")

    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        found: dict[str, ReferenceRow] = {}
        for some in _parts(keys, _ASKED):
            body = {"items": [wire.to_plain(ItemKey(*key)) for key in some]}
            answer = await self._ask("POST", "/items", ItemsAnswer, body=body)
            found |= {row.code: row for row in answer.rows}
        return list(found.values())

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        data = await self._send("POST", "/steps", body=steps_request(sales), changes=True)
        answers = data.get("answers") if isinstance(data, dict) else None
        if not isinstance(answers, list):
            raise self._wrong("POST /steps", "`answers` is missing", changes=True)
        # One at a time, so that what is wrong with one sale is told of that one only.
        found = {str(each.get("key")): each for each in answers if isinstance(each, dict)}
        return [self._answer(sale, found.get(sale.key)) for sale in sales]

    def _answer(self, sale: SaleSteps, data: Any) -> SaleAnswer:
        """The answer for one sale, held against what was asked."""
        try:
            found = _as(data, SaleResult)
        except wire.BadWire as error:
            what = f"{sale.key}: {error}" if data is not None else f"{sale.key} is left out"
            return self._unknown(sale, what)
        if found.view is not None and found.view.key != sale.key:
            return self._unknown(sale, f"{sale.key} has the view of {found.view.key:.100}")
        asked, told = [step.key(sale.key) for step in sale.steps], [result.key for result in found.results]
        # What waits is for the core to say.
        quote = self._quote
        results = tuple(
            replace(each, waiting=False, sentence=quote(each.sentence), warnings=tuple(map(quote, each.warnings)))
            for each in found.results
            if each.key in asked
        )
        if found.error is not None:
            # What came before is known to be done; more than that is not.
            sentence = quote(found.error.sentence) or "it does not say why"
            stopped = _ERRORS[str(found.error.code)](f"{self._http.site} could not finish {sale.key}: {sentence}")
            return SaleAnswer(sale.key, results, found.view, stopped)
        if told != asked:
            return self._unknown(sale, f"{sale.key} has results of other steps than were asked for")
        if found.view is None and not all(result.refused for result in found.results):
            return self._unknown(sale, f"{sale.key} has steps that were done, and no view")
        return SaleAnswer(sale.key, results, found.view)

    def _unknown(self, sale: SaleSteps, what: str) -> SaleAnswer:
        return SaleAnswer(sale.key, (), None, self._wrong("POST /steps", what, changes=True))

    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        found: dict[str, SaleView] = {}
        for some in _parts(keys, _ASKED):
            answer = await self._ask("POST", "/views", ViewsAnswer, body={"keys": list(some)})
            found |= {view.key: view for view in answer.views if view.key in some}
        return found

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        async for found in self._pages("/changes", ChangesAnswer, cursor):
            if not found.cursor:
                raise self._wrong("GET /changes", "`cursor` is empty")
            yield ChangesPage(found.views, found.items, {"cursor": found.cursor}, found.last)

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        places = [("warehouse", code) for code in warehouses]
        parts: Iterable[Sequence[str]] = [()] if items is None else _parts(items, _ASKED)
        found: dict[str, int] = {}
        for some in parts:
            answer = await self._ask("GET", "/stock", StockAnswer, params=[*places, *(("item", code) for code in some)])
            found |= {item: pieces for item, pieces in answer.stock.items() if items is None or item in some}
        return found

    async def _ask(self, method: str, path: str, of: type[T], **more: Any) -> T:
        """A request that changes nothing, and its answer as what it should be.

        Raises:
            ErpError: it got none.
        """
        data = await self._send(method, path, **more)
        try:
            return _as(data, of)
        except wire.BadWire as error:
            raise self._wrong(f"{method} {path}", str(error)) from None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        body: Any = None,
        changes: bool = False,
    ) -> Any:
        url = httpx.URL(self._base + path, params=params)
        content = None if body is None else Content(json.dumps(body).encode(), "application/json")
        target = f"{path}?{url.query.decode()}" if url.query else path
        wait = _SHORT_WAIT if changes else LONGEST_WAIT

        def sign(method: str, url: httpx.URL) -> tuple[httpx.URL, dict[str, str]]:
            return url, self._proof(method, target, content.data if content else b"")

        try:
            answer = await self._http.request(
                method, url, content=content, sign=sign, repeatable=not changes, longest_wait=wait
            )
        except SiteError as error:
            raise self._unanswered(error, changes=changes) from None
        if answer.status >= 300 or not answer.is_json:
            raise self._refusal(f"{method} {path}", answer)
        return answer.data

    def _unanswered(self, error: SiteError, *, changes: bool) -> ErpError:
        """The error of a request that got no answer.

        Args:
            changes: it was one that changes something: it is refused for certain only where it did not arrive.
        """
        site = self._http.site
        sentence = f"{site} {_UNREADABLE[error.code]}" if error.code in _UNREADABLE else str(error)
        if isinstance(error, SiteUnavailable):
            return ErpUnavailable(sentence, retry_after=error.retry_after, undelivered=error.undelivered)
        if error.code == "too_large":
            sentence = f"{site} sent an answer that is too large: it must answer in pages. {_DESCRIPTION}"
            return ErpUnavailable(sentence) if changes else ErpRefused(sentence)
        return ErpRefused(sentence, undelivered=error.undelivered or error.code == "redirect")

    def _refusal(self, request: str, answer: Answer) -> ErpError:
        """The error of an answer that is no 2xx."""
        site = self._http.site
        told = answer.data.get("sentence") if isinstance(answer.data, dict) else None
        said = f" (“{self._quote(told)}”)" if isinstance(told, str) and told.strip() else ""
        if answer.status == 401:
            if self.signs:
                return ErpRights(
                    f"{site} does not accept the signature{said}: enter the right token, see that the clocks of both "
                    "are right, and that its server knows signatures (sign_requests)."
                )
            return ErpRights(f"{site} does not accept the token{said}: enter the right one.")
        if answer.status == 403:
            return ErpRights(f"{site} forbids {request}{said}: give the token's user the right to it there.")
        if answer.status in (404, 405):
            return ErpRefused(f"{site} has no {request}{said}: check the address, with its path.", undelivered=True)
        return ErpRefused(f"{site} refuses {request} with {answer.status}{said}.")

    def _wrong(self, request: str, what: str, *, changes: bool = False) -> ErpError:
        """The error of an answer that is not what the protocol says; ``changes``: see ``_unanswered``."""
        sentence = f"{self._http.site} answered {request} with what the protocol does not have: {what} {_DESCRIPTION}"
        return ErpUnavailable(sentence) if changes else ErpRefused(sentence)

    def _proof(self, method: str, target: str, body: bytes) -> dict[str, str]:
        """The header by which the server knows us."""
        if not self.signs:
            return {"Authorization": f"Bearer {self._token}"}
        return {HEADER: signature(self._token, now_ms() // 1000, method, target, body)}


def _as(data: Any, of: type[T]) -> T:
    """What came as what it should be, with no number that we could not keep.

    Raises:
        BadWire: it is none.
    """
    found, waiting = wire.from_plain(data, of), [data]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
            for name in _DECIMALS.intersection(each):
                with suppress(InvalidOperation, TypeError):
                    number = Decimal(each[name])
                    if not number.is_finite() or abs(number) > LARGEST_NUMBER:
                        raise wire.BadWire(f"This is no {of.__name__}: {each[name]:.40} is no {name}.")
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, int) and abs(each) > LARGEST_NUMBER:
            raise wire.BadWire(f"This is no {of.__name__}: {each:.3e} is too large a number.")
    return found


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[begin : begin + size] for begin in range(0, len(values), size))
