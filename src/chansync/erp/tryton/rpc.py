"""JSON-RPC to a trytond: log in, call a method, read records."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx

from chansync.erp.remote import ErpRefused, ErpRights
from chansync.erp.tryton import failures
from chansync.http.client import Content, SiteHttp
from chansync.model.address import parse_address
from chansync.model.errors import SiteError, UsageError
from chansync.secrets.redaction import remember

#: How long an answer may take, in seconds: a batch of sales takes 4 to 10 of them on a small server.
READ_TIMEOUT = 120.0

#: What of the user's preferences goes along with every call.
_PREFERENCES = ("company", "employee", "locale", "companies", "groups", "company_filter")

#: The longest that a server may ask to wait within a call, in seconds: others wait for its end too.
_LONGEST_WAIT = 10.0

#: Calls that change nothing, by how their methods end: they are repeated where an answer is lost.
READS = (
    ".search_read", ".read", ".search", ".fields_get", ".get_preferences", ".get_access", ".get_id", ".version",
)  # fmt: skip

#: How often a call is repeated because the server warns of something that is expected.
_MOST_WARNINGS = 50

_DAY = ("year", "month", "day")
_TIME = ("hour", "minute", "second", "microsecond")

Domain = list[Any]
Row = dict[str, Any]


class TrytonRpc:
    """A session with one database.

    Args:
        url: of the server, without the database.
        http_options: passed on to ``SiteHttp``; tests shorten its waits.

    Attributes:
        site: how people know the server.
        context: what goes along with every call: company, language, groups.

    Raises:
        ErpRefused: the address is none.
    """

    def __init__(self, url: str, database: str, user: str, password: str, **http_options: Any) -> None:
        try:
            address = parse_address(url)
        except UsageError as error:
            raise ErpRefused(f"The address of Tryton {error}.") from None
        self.site = f"Tryton at {address.site}"
        self.database, self.user = database, user
        self.context: dict[str, Any] = {}
        self._password = password
        self._of_server = httpx.URL(f"{address}/rpc/")
        self._of_database = httpx.URL(f"{address}/{quote(database, safe='')}/rpc/")
        options = {"timeout": httpx.Timeout(READ_TIMEOUT, connect=10.0, pool=None)} | http_options
        # Tryton counts logins: one that is too soon is not repeated here.
        self._http = SiteHttp(
            self.site, secrets=(password,), advice="see the log of its server", repeats_429=False, **options
        )
        self._session = ""
        self._refused: ErpRights | None = None
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()
        remember((password,))

    async def aclose(self) -> None:
        """Close the connections; harmless when called twice."""
        await self._http.aclose()

    @property
    def calls(self) -> int:
        """How many requests were sent."""
        return self._http.traffic.requests

    async def log_in(self) -> None:
        """Begin a session, and take over the user's preferences.

        Raises:
            ErpRights: name or password are wrong. It is not tried again: Tryton counts wrong passwords and then keeps
                even the right one waiting.
        """
        if self._refused is not None:
            raise self._refused
        self._session = ""
        try:
            told = await self._post("common.db.login", [self.user, {"password": self._password}, "en"])
        except failures.NotLoggedIn:
            self._refused = ErpRights(f"Tryton does not let the user {self.user} in: name or password are wrong.")
            raise self._refused from None
        user_id, token = told[0], told[1]
        remember((token,), instead_of=f"{self.site} {self.database} {self.user}")
        self._session = "Session " + base64.b64encode(f"{self.user}:{user_id}:{token}".encode()).decode()
        preferences = await self._post("model.res.user.get_preferences", [True, {}])
        self.context = {name: preferences[name] for name in _PREFERENCES if name in preferences} | {"language": "en"}

    async def server_version(self) -> str:
        """The version of the server: ``8.2``."""
        return str(await self._post("common.server.version", [], of_server=True))

    async def call(self, method: str, *params: Any, **context: Any) -> Any:
        """Call a method: ``model.sale.sale.quote`` with the ids of sales, for example.

        Logs in where it is not done yet, and once more where the session is over. Warnings that are expected are
        skipped.

        Args:
            context: beside the session's.

        Raises:
            ErpError: of the classes that ``failures`` tells.
        """
        if not self._session:
            await self._renew("")
        is_renewed = False
        for _ in range(_MOST_WARNINGS):
            session = self._session
            try:
                return await self._post(method, [*params, {**self.context, **context}])
            except failures.NotLoggedIn:
                if is_renewed:
                    raise ErpRefused("Tryton ends each session at once: see the server's [session] settings.") from None
                is_renewed = True
                await self._renew(session)
            except failures.Warned as warned:
                if not warned.name.endswith(failures.OWN_TAXES):
                    raise
                await self.skip_warning(warned.name)
        raise ErpRefused(f"Tryton goes on warning in {method}.")

    async def skip_warning(self, name: str) -> None:
        """Let the warning of that name pass once."""
        await self._post("model.res.user.warning.skip", [name, False, self.context])

    async def search_read(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
        **context: Any,
    ) -> list[Row]:
        """The records that the domain matches, by id where ``order`` says nothing else."""
        rows: list[Row] = await self.call(
            f"model.{model}.search_read", domain, 0, limit, order, list(fields), **context
        )
        return rows

    async def read(self, model: str, ids: Sequence[int], fields: Sequence[str], **context: Any) -> list[Row]:
        """The records of those ids, in their order."""
        if not ids:
            return []
        rows: list[Row] = await self.call(f"model.{model}.read", list(ids), list(fields), **context)
        by_id = {row["id"]: row for row in rows}
        return [by_id[own] for own in ids if own in by_id]

    async def create(self, model: str, values: Sequence[Mapping[str, Any]], **context: Any) -> list[int]:
        """Create records in one transaction; their ids."""
        ids: list[int] = await self.call(f"model.{model}.create", list(values), **context)
        return ids

    async def write(self, model: str, ids: Sequence[int], values: Mapping[str, Any], **context: Any) -> None:
        """Change records."""
        await self.call(f"model.{model}.write", list(ids), dict(values), **context)

    async def press(self, model: str, button: str, ids: Iterable[int]) -> None:
        """Have Tryton do something with records, as a button of them does; nothing where there are none."""
        if own := list(ids):
            await self.call(f"model.{model}.{button}", own)

    async def last_change(self, model: str) -> datetime:
        """When a record of the model was changed last, by the server's clock, which is not ours."""
        rows = await self.search_read(
            model, [["last_modified_at", "!=", None]], ["last_modified_at"], limit=1,
            order=[["last_modified_at", "DESC"]],
        )  # fmt: skip
        found: datetime = rows[0]["last_modified_at"] if rows else datetime(2000, 1, 1)  # noqa: DTZ001 - as Tryton has it
        return found

    async def _renew(self, session: str) -> None:
        """Log in, unless another task did since ``session`` was the session."""
        async with self._turn:
            if self._session == session:
                await self.log_in()

    async def _post(self, method: str, params: list[Any], *, of_server: bool = False) -> Any:
        content = Content(dumps({"id": next(self._ids), "method": method, "params": params}), "application/json")
        url = self._of_server if of_server else self._of_database
        try:
            answer = await self._http.request(
                "POST", url, content=content, sign=self._sign, repeatable=method.endswith(READS),
                longest_wait=_LONGEST_WAIT, as_bytes=True,
            )  # fmt: skip
        except SiteError as error:
            raise failures.of_site(error) from None
        if answer.status != 200:
            raise failures.of_status(answer.status, self.site, self.database, method)
        told: Any = None
        with suppress(ValueError):
            told = loads(answer.data)
        if not isinstance(told, dict):
            raise ErpRefused(f"{self.site} is no Tryton server: it sends no JSON object. Check the address.")
        if "error" in told:
            raise failures.of_answer(method, told["error"])
        return told.get("result")

    def _sign(self, method: str, url: httpx.URL) -> tuple[httpx.URL, dict[str, str]]:
        return url, {"Authorization": self._session} if self._session else {}


def dumps(value: Any) -> bytes:
    """A value as Tryton writes it: decimals, days, times and durations are objects with ``__class__``."""
    return json.dumps(value, default=_object_of, separators=(",", ":")).encode()


def loads(data: bytes) -> Any:
    """The value that Tryton wrote.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(data, object_hook=_value_of)


def _object_of(value: Any) -> dict[str, Any]:
    # A datetime is a date too, so it is asked for first.
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        return {"__class__": "datetime"} | {name: getattr(value, name) for name in (*_DAY, *_TIME)}
    if isinstance(value, date):
        return {"__class__": "date"} | {name: getattr(value, name) for name in _DAY}
    raise TypeError(f"Tryton is sent no {type(value).__name__}")


def _value_of(found: dict[str, Any]) -> Any:
    match found.pop("__class__", ""):
        case "Decimal":
            return Decimal(found["decimal"])
        case "date":
            return date(**found)
        case "datetime":
            # Without a time zone, as Tryton has it: it is UTC.
            return datetime(**found)  # noqa: DTZ001
        case "timedelta":
            return timedelta(**found)
        case _:
            return found
