"""Requests to one store: knows where its API is, how to prove who we are, and what its refusals mean."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from chansync.http.client import ATTEMPTS, SiteHttp
from chansync.http.failures import Answer
from chansync.model.address import Address, parse_address
from chansync.model.errors import SiteUnavailable, UsageError
from chansync.model.times import to_ms
from chansync.platforms.json_values import objects
from chansync.platforms.woocommerce.address import ROOTS, Place, may_hold
from chansync.platforms.woocommerce.auth import BASIC, IN_QUERY, OAUTH, Connection, Keys, ways
from chansync.platforms.woocommerce.discovery import find_store
from chansync.platforms.woocommerce.failures import KEY_REFUSED, refusal, vagueness

#: Asks for amounts as they are stored: a store writes them with the decimals that its prices are shown with, so that a
#: shop that shows none would tell rounded lines.
EXACT = {"dp": 6}

#: The most rows that a store gives at once: 101 is refused.
PAGE = 100

_VERSION = re.compile(r"wc/v\d+\Z")
# The cheapest request that needs the right to read orders.
_PROBE = {"per_page": "1", "_fields": "id"}


_METHODS = {"https": (BASIC, IN_QUERY, OAUTH), "http": (OAUTH,)}


class StoreClient:
    """Requests to one store.

    Args:
        facts: what is remembered of the store; filled in here.
    """

    def __init__(self, http: SiteHttp, address: Address, keys: Keys, version: str, facts: dict[str, Any]) -> None:
        self.http = http
        self.index: dict[str, Any] = {}
        self.notes: list[str] = []
        self.facts = facts
        self.version = version if _VERSION.match(version) else "wc/v3"
        self.address = address
        self._keys = keys
        self._connection: Connection | None = None
        self._remembered = False
        self._connecting = asyncio.Lock()

    async def connect(self, *, fresh: bool = False, instead_of: Connection | None = None) -> Connection:
        """Where the store is and how to sign in: as connected already, else by the facts, else as found.

        Args:
            fresh: find it anew.
            instead_of: this connection failed: find it anew, unless another task has just done so.

        Raises:
            SiteError: it is not found, or does not accept the key.
        """
        async with self._connecting:
            if fresh or self._connection is None or self._connection is instead_of:
                self._connection = None if fresh or instead_of else self._from_facts()
                self._remembered = self._connection is not None
            if self._connection is None:
                self._connection = await self._find()
            return self._connection

    def _from_facts(self) -> Connection | None:
        facts = self.facts
        base, root, method, home = (facts.get(name) for name in ("base", "root", "auth", "home"))
        texts = all(isinstance(value, str) for value in (base, root, method, home))
        if facts.get("entered") != str(self.address) or not texts or root not in ROOTS:
            return None
        if method not in _METHODS.get(str(base).partition("://")[0], ()) or not may_hold(self.address, str(base)):
            return None
        return Connection(Place(str(base), str(root)), str(method), str(home))

    async def _find(self) -> Connection:
        # By HTTPS once that has worked: nobody on the way can then bring the store back to plain HTTP.
        secured = replace(self.address, place=self.address.place.secured)
        is_known = self.facts.get("entered") == str(self.address)
        address = secured if is_known and self.facts.get("base") == str(secured) else self.address
        found = await find_store(self.http, address, is_known)
        connection = await self._sign_in(found.place, _site_url(found.index.get("home")))
        self.index, self.notes = found.index, found.notes
        self.facts.update(
            entered=str(self.address),
            base=found.place.base,
            root=found.place.root,
            auth=connection.method,
            home=connection.home,
        )
        spaces = found.index.get("namespaces")
        if isinstance(spaces, list):
            self.facts["namespaces"] = [space for space in spaces if isinstance(space, str) and space.startswith("wc/")]
        if isinstance(zone := found.index.get("timezone_string"), str):
            self.facts["zone"] = zone
        try:
            self.facts["time_zone"] = float(str(found.index.get("gmt_offset")))
        except ValueError:
            self.facts.setdefault("time_zone", 0.0)
        return connection

    async def _sign_in(self, place: Place, home: str) -> Connection:
        """The first way that the store accepts. A definite "no" to the secret or its rights ends the search."""
        refusals = []
        for connection in ways(place, home):
            answer = await self._send(connection, "GET", "orders", _PROBE)
            if answer.status < 400:
                return connection
            error = refusal(answer, self.http.sentences)
            if answer.status != 401 or isinstance(error, SiteUnavailable):
                raise error
            refusals.append(error)
            known_secret = answer.code == KEY_REFUSED and connection.method != OAUTH
            if error.code in ("missing_right", "clock") or (known_secret and error.code == "wrong_secret"):
                break
        raise min(refusals, key=vagueness)

    async def ask(
        self,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        *,
        repeatable: bool = True,
        attempts: int = ATTEMPTS,
        version: str = "",
        may_lack: bool = False,
        may_refuse: bool = False,
    ) -> Answer:
        """Send a request to a route below the API version.

        Where the store is known from an earlier run and suddenly refuses the key or the route, it is looked for
        once more: it may have moved to HTTPS, or its permalinks changed.

        Args:
            version: the namespace of a plugin, instead of WooCommerce's own.
            may_lack: not every store has the route: that it is not there says nothing.
            may_refuse: an answer of 400 to 499 is returned.

        Raises:
            SiteError: what went wrong, in a sentence.
        """
        connection = await self.connect()
        answer = await self._send(connection, method, route, params, body, repeatable, attempts, version)
        lacks = answer.status == 404 and (not answer.is_json or answer.code == "rest_no_route")
        lost = answer.status == 401 or (lacks and not may_lack)
        if (lost and self._remembered) or answer.moved_to:
            connection = await self.connect(instead_of=connection)
            answer = await self._send(connection, method, route, params, body, repeatable, attempts, version)
        if answer.status >= 400 and not may_refuse:
            raise refusal(answer, self.http.sentences)
        return answer

    async def ask_orders(
        self, params: Mapping[str, Any], *, attempts: int = ATTEMPTS, may_refuse: bool = False
    ) -> Answer:
        """Ask for a list of orders; raises as ``ask``, and:

        Raises:
            SiteUnavailable: what came is no list.
        """
        answer = await self.ask("GET", "orders", params, attempts=attempts, may_refuse=may_refuse)
        if answer.status < 400 and not isinstance(answer.data, list):
            sentences = self.http.sentences
            raise SiteUnavailable(
                f"{sentences.site} sent something else than a list of orders{sentences.said(answer)}: a plugin there "
                "changes what its REST API answers.",
                code="not_a_list",
            )
        return answer

    async def pages(
        self, route: str, params: Mapping[str, Any], most: int = 10**6, *, may_lack: bool = False
    ) -> AsyncGenerator[list[dict[str, Any]], None]:
        """The rows of a list, page by page, of ``most`` pages at the most; raises as ``ask``."""
        for page in range(1, most + 1):
            answer = await self.ask("GET", route, {**params, "per_page": PAGE, "page": page}, may_lack=may_lack)
            rows = answer.data if isinstance(answer.data, list) else []
            yield objects(rows)
            total = answer.headers.get("x-wp-totalpages", "")
            if len(rows) < PAGE or (total.isascii() and total.isdigit() and page >= int(total[:6])):
                return

    async def _send(
        self,
        connection: Connection,
        method: str,
        route: str,
        params: Mapping[str, Any] | None = None,
        body: Any = None,
        repeatable: bool = True,
        attempts: int = ATTEMPTS,
        version: str = "",
    ) -> Answer:
        texts = {name: str(value) for name, value in (params or {}).items()}
        url = connection.place.url(f"{version or self.version}/{route}", texts)
        answer = await self.http.request(
            method, url, body=body, sign=partial(connection.sign, self._keys), repeatable=repeatable, attempts=attempts
        )
        if answer.note and answer.note not in self.notes:
            self.notes.append(answer.note)
        return answer

    @property
    def hours_ahead(self) -> float:
        """Hours that the store is ahead of UTC, today."""
        offset = self.facts.get("time_zone")
        return float(offset) if isinstance(offset, (int, float)) and -24 < offset < 24 else 0.0

    @property
    def zone(self) -> tzinfo:
        """The store's time zone; with summer and winter where the store names it."""
        try:
            return ZoneInfo(str(self.facts.get("zone") or "none"))
        except (ValueError, OSError, KeyError):
            return timezone(timedelta(hours=self.hours_ahead))

    def beginning(self, start: date) -> int:
        """Just before the first moment of that day in the store's time, UTC milliseconds."""
        return max(0, to_ms(datetime(start.year, start.month, start.day, tzinfo=self.zone)) - 1000)

    def take_notes(self) -> list[str]:
        """The notes since the last call."""
        notes, self.notes = self.notes, []
        return notes


def _site_url(value: Any) -> str:
    """What a store names as its home, where that is the address of a site; empty otherwise."""
    try:
        parse_address(value if isinstance(value, str) and value.startswith(("http://", "https://")) else "")
    except UsageError:
        return ""
    return str(value)
