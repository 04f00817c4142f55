"""JSON-RPC to a trytond: log in, call a method, read records."""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from chansync.erp.remote import ErpRefused, ErpRights
from chansync.erp.tryton import failures, wire
from chansync.secrets.redaction import remember

# At INFO httpx prints whole URLs and at DEBUG httpcore prints headers: both hold keys.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)

#: How long an answer may take, in seconds: a batch of sales takes 4 to 10 of them on a small server.
READ_TIMEOUT = 120.0

#: What of the user's preferences goes along with every call.
_PREFERENCES = ("company", "employee", "locale", "companies", "groups", "company_filter")

#: How often a call is repeated because the server warns of something that is expected.
_MOST_WARNINGS = 50

Domain = list[Any]
Row = dict[str, Any]


class TrytonRpc:
    """A session with one database.

    Args:
        url: of the server, without the database.

    Attributes:
        context: what goes along with every call: company, language, groups.
        calls: how many requests were sent.
    """

    def __init__(self, url: str, database: str, user: str, password: str, *, timeout: float = READ_TIMEOUT) -> None:
        self.url = url.rstrip("/")
        self.database, self.user = database, user
        self.context: dict[str, Any] = {}
        self.calls = 0
        self._password = password
        self._timeout = httpx.Timeout(timeout, connect=10.0, pool=None)
        self._client: httpx.AsyncClient | None = None
        self._session = ""
        self._refused: ErpRights | None = None
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()
        remember((password,))

    async def aclose(self) -> None:
        """Close the connections; harmless when called twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

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
        remember((token,), instead_of=f"tryton {self.url} {self.database} {self.user}")
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
                if not warned.is_expected:
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
        offset: int = 0,
        order: Sequence[Sequence[str]] | None = (("id", "ASC"),),
        **context: Any,
    ) -> list[Row]:
        """The records that the domain matches, by id where ``order`` says nothing else."""
        rows: list[Row] = await self.call(
            f"model.{model}.search_read", domain, offset, limit, order, list(fields), **context
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

    async def _renew(self, session: str) -> None:
        """Log in, unless another task did since ``session`` was the session."""
        async with self._turn:
            if self._session == session:
                await self.log_in()

    async def _post(self, method: str, params: list[Any], *, of_server: bool = False) -> Any:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=self._timeout, limits=httpx.Limits(max_connections=8))
        body = wire.dumps({"id": next(self._ids), "method": method, "params": params})
        headers = {"Content-Type": "application/json"}
        if self._session:
            headers["Authorization"] = self._session
        self.calls += 1
        try:
            place = f"{self.url}/rpc/" if of_server else f"{self.url}/{self.database}/rpc/"
            answer = await self._client.post(place, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise failures.of_transport(error, self.url) from None
        if answer.status_code != 200:
            raise failures.of_status(answer, self.url, self.database, method)
        try:
            told = wire.loads(answer.content)
        except ValueError:
            raise ErpRefused(f"What answers at {self.url} is no Tryton server: it sends no JSON.") from None
        if "error" in told:
            raise failures.of_answer(method, told["error"])
        return told.get("result")
