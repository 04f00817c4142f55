"""Requests to the Selling Partner API: token, pace, and what a refusal means."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import httpx

from chansync.http.client import ATTEMPTS, LARGEST_DOCUMENT, Content, SiteHttp
from chansync.http.failures import Answer
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.model.times import now_ms
from chansync.platforms.amazon.login import Login
from chansync.platforms.amazon.places import base_address
from chansync.platforms.amazon.rates import Operation, Rates
from chansync.platforms.json_values import objects, text
from chansync.platforms.system import SystemSettings

PARTICIPATIONS = Operation("getMarketplaceParticipations", 0.016, 15)
SEARCH_ORDERS = Operation("searchOrders", 0.0056, 20)
GET_ORDER = Operation("getOrder", 0.5, 30)
CONFIRM_SHIPMENT = Operation("confirmShipment", 2.0, 10, "POST", repeatable=False)

# Where Amazon keeps documents, by its own examples.
_DOCUMENT_HOSTS = (".amazonaws.com", ".amazonaws.com.cn", ".cloudfront.net", ".amazon.com")

#: How long a request may wait for its turn within a run, in seconds.
PATIENCE = 20.0
#: How often a request is sent where Amazon says that there were too many.
_TRIES = 4
# Below that rate a repeat costs more than the next run.
_SLOW = 0.1

_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE | re.ASCII)

#: Codes of failures that are about one document, and not about Amazon.
UNREADABLE = frozenset({"damaged", "download", "too_large", "odd"})


class SpApi:
    """The API as one system sees it.

    Args:
        sandbox: Amazon's sandbox instead of the real thing.
        now: the clock, UTC milliseconds; only tests pass their own.

    Raises:
        SiteRefused: a key of the system is missing.
    """

    def __init__(
        self,
        system: SystemSettings,
        *,
        sandbox: bool = False,
        now: Callable[[], int] = now_ms,
        **http_options: Any,
    ) -> None:
        self.system = system.code
        self.realm = "sandbox " if sandbox else ""
        self.login = Login(system.code, system.values, now, **http_options)
        self.base = base_address(self.login.region, sandbox)
        self.http = SiteHttp("Amazon", secrets=self.login.secrets, repeats_429=False, **http_options)
        self.now = now
        if system.state is None:
            raise SiteUnavailable("Nothing keeps what the seller's channels share.", code="no_state")
        self.state = system.state
        self.rates = Rates(self.state, self.realm, now)
        self._seller_id = text(system.values.get("seller_id"))

    def seller_id(self, what: str) -> str:
        """The seller's id, under which ``what`` is sent.

        Raises:
            SiteRefused: the system has none.
        """
        if not self._seller_id:
            raise SiteRefused(
                f"The system {self.system} has no seller_id, and {what} are sent under it: chansync system set "
                f"{self.system} seller_id=…",
                code="no_seller_id",
            )
        return self._seller_id

    async def aclose(self) -> None:
        """Close connections; harmless when called twice."""
        await self.login.aclose()
        await self.http.aclose()

    async def ask(
        self,
        operation: Operation,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        allow: Collection[int] = (),
        as_bytes: bool = False,
    ) -> Answer:
        """Send a request in its turn, with a token; statuses in ``allow`` are returned, all others from 400 on raised.

        Raises:
            SiteError: what went wrong, in a sentence.
        """
        url = httpx.URL(self.base + path, params=params) if params else httpx.URL(self.base + path)
        renewed = False
        for _ in range(_TRIES):
            await self.rates.take(operation, PATIENCE)
            token = await self.login.token()
            try:
                answer = await self._exchange(operation, url, token, body, as_bytes)
            except SiteUnavailable as error:
                if error.code != "http_429":
                    raise
                await self.rates.refused(operation, error.retry_after)
                continue
            await self.rates.learn(operation, answer.headers.get("x-amzn-ratelimit-limit", ""))
            if answer.status in (401, 403) and not renewed and answer.is_json and "token" in str(answer.data).lower():
                # It has ended or been taken back.
                renewed = True
                self.login.forget(token)
                continue
            if answer.status >= 400 and answer.status not in allow:
                raise self._refusal(operation, answer)
            return answer
        raise SiteUnavailable(
            f"Amazon says that it gets too many requests ({operation.name}): another program may use the same "
            "application; it will be tried again.",
            code="http_429",
            retry_after=1 / self.rates.rate(operation),
        )

    async def _exchange(self, operation: Operation, url: httpx.URL, token: str, body: Any, as_bytes: bool) -> Answer:
        before = self.http.traffic.retries
        attempts = ATTEMPTS if operation.rate >= _SLOW else 2
        try:
            return await self.http.request(
                operation.method, url, body=body, sign=lambda _, target: (target, {"x-amz-access-token": token}),
                repeatable=operation.repeatable, attempts=attempts, as_bytes=as_bytes,
            )  # fmt: skip
        finally:
            # What was repeated on the way cost Amazon's bucket too.
            for _ in range(min(self.http.traffic.retries - before, ATTEMPTS)):
                await self.rates.spend(operation)

    def _refusal(self, operation: Operation, answer: Answer) -> SiteError:
        first = next(iter(objects(answer.fields.get("errors"))), {})
        words = [self.http.sentences.quote(text(first.get(part))) for part in ("message", "details")]
        told = " ".join(word for word in words if word)
        said = f" (“{told}”)" if told else ""
        if answer.status in (401, 403):
            return SiteRefused(
                f"Amazon denies {operation.name} to the system {self.system}{said}: the application lacks a role, the "
                "seller must authorise it anew after roles were added, or the region is not the seller's.",
                code="unauthorized",
            )
        if not answer.is_json:
            return self.http.sentences.refusal(answer)
        code = {400: "bad_request", 404: "not_found", 413: "too_much"}.get(answer.status, "refused")
        return SiteRefused(f"Amazon refuses {operation.name} with {answer.status}{said}.", code=code)

    async def upload(self, url: str, content: Content) -> None:
        """Put a document where Amazon said; no token goes there."""
        answer = await self.http.request("PUT", self._document(url), content=content, repeatable=True, as_bytes=True)
        if answer.status >= 400:
            raise SiteUnavailable(f"Amazon did not take a document ({answer.status}): it is sent again.", code="upload")

    async def document(self, told: Answer) -> tuple[bytes, str]:
        """A document, from the answer that tells where it is and whether it is packed; and its encoding, empty where
        Amazon names none.

        Raises:
            SiteError: Amazon failed; with a code in ``UNREADABLE`` it is this document that cannot be had.
        """
        answer = await self.http.request("GET", self._document(text(told.fields.get("url"))), as_bytes=True)
        if answer.status >= 400:
            raise SiteUnavailable(f"Amazon did not give a document ({answer.status}): try again.", code="download")
        charset = _CHARSET.search(answer.headers.get("content-type", ""))
        packed = text(told.fields.get("compressionAlgorithm")) == "GZIP"
        return _unpacked(answer.data) if packed else answer.data, charset[1] if charset else ""

    def _document(self, address: str) -> httpx.URL:
        """Where a document is kept, if that is a place of Amazon's: nothing else in the network is asked for it.

        Raises:
            SiteUnavailable: it is somewhere else.
        """
        own, url = httpx.URL(self.base), httpx.URL()
        with suppress(httpx.InvalidURL):
            url = httpx.URL(address)
        amazons = url.scheme == "https" and url.port in (None, 443) and f".{url.host}".endswith(_DOCUMENT_HOSTS)
        if not amazons and (url.scheme, url.host, url.port) != (own.scheme, own.host, own.port):
            raise SiteUnavailable("Amazon named a document in a place that is not its own: try again.", code="odd")
        return url


def _unpacked(data: bytes) -> bytes:
    """A gzip document's contents, no more of it than any document may have."""
    try:
        with gzip.open(io.BytesIO(data)) as packed:
            contents = packed.read(LARGEST_DOCUMENT + 1)
    except (OSError, EOFError, zlib.error):
        raise SiteUnavailable("Amazon sent a document that is damaged: try again.", code="damaged") from None
    if len(contents) > LARGEST_DOCUMENT:
        raise SiteRefused(f"Amazon sent a document of more than {LARGEST_DOCUMENT >> 20} MB.", code="too_large")
    return contents


def rows_of(answer: Answer, name: str, what: str = "", code: str = "not_a_list") -> list[Any]:
    """The list of that name in an answer.

    Raises:
        SiteUnavailable: there is none.
    """
    rows = answer.fields.get(name)
    if not isinstance(rows, list):
        what = what or f"a list of {name}"
        raise SiteUnavailable(f"Amazon sent something else than {what}: try again.", code=code)
    return rows


def part(value: str) -> str:
    """A part of a path."""
    return quote(value, safe="")
