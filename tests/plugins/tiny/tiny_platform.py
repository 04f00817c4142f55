"""The smallest platform that somebody else could install: its site is a JSON file, found by an entry point.

The file: ``{"key": "…", "places": {"north": "The north"}, "orders": [{"id", "place", "status", "day", "total", "sku",
"changed"}]}``. It sells in places, as one account; it can be told that an order was sent.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from chansync.http.traffic import Traffic
from chansync.model.errors import SiteRefused
from chansync.model.order import Address, Order, OrderLine, Refund, TaxNumbers, UnreadableOrder
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Choice, Day, Secret, Text
from chansync.platforms.protocol import (
    Capability,
    ConnectorSettings,
    Headline,
    Lookups,
    LookupValue,
    OrderPage,
    PushResult,
    QuantityChange,
    SiteIdentity,
    SiteItem,
    StatusChange,
    SystemIdentity,
    TrackingChange,
)
from chansync.platforms.system import SystemSettings


class File:
    """The site."""

    def __init__(self, system: SystemSettings) -> None:
        self._path = Path(str(system.values.get("file") or ""))
        self._key = system.values.get("key")

    def read(self) -> dict[str, Any]:
        if not self._path.is_file():
            raise SiteRefused("There is no such file: set the system's file.", code="no_file")
        data: dict[str, Any] = json.loads(self._path.read_text())
        if data["key"] != self._key:
            raise SiteRefused("The file does not take the key: enter it anew.", code="wrong_key")
        return data

    def write(self, data: dict[str, Any]) -> None:
        self._path.write_text(json.dumps(data))


class TinyConnector:
    """One place of the file."""

    status_batch = quantity_batch = 100

    def __init__(self, settings: ConnectorSettings) -> None:
        self._file = File(settings.system)
        self._place = settings.values.get("store_domain")
        self.facts: dict[str, Any] = {}
        self.traffic = Traffic()

    def _orders(self) -> list[dict[str, Any]]:
        self.traffic.requests += 1
        return [row for row in self._file.read()["orders"] if row["place"] == self._place]

    async def check(self) -> SiteIdentity:
        title = self._file.read()["places"].get(self._place)
        if title is None:
            raise SiteRefused(f"There is no place {self._place}.", code="no_place")
        return SiteIdentity(title, "1", str(self._place), "a file", True, "EUR", 0.0)

    async def lookups(self) -> Lookups:
        return Lookups(
            order_statuses=[LookupValue(code, code.title()) for code in ("new", "sent", "void")],
            payment_methods=[LookupValue("tiny", "Paid there")],
            usual={"order_statuses": ["new", "sent"], "refused_statuses": ["void"]},
        )

    async def orders(self, cursor: dict[str, Any] | None, start: date | None) -> AsyncGenerator[OrderPage, None]:
        after = cursor["changed"] if cursor else -1
        rows = sorted((row for row in self._orders() if row["changed"] > after), key=lambda row: row["changed"])
        last = rows[-1]["changed"] if rows else after
        yield OrderPage([self.read(row) for row in rows], {"changed": last}, len(rows), last=True)

    async def order(self, external_id: str) -> Order | UnreadableOrder | None:
        return next((self.read(row) for row in self._orders() if row["id"] == external_id), None)

    async def find(self, number: str) -> Order | UnreadableOrder | None:
        return await self.order(number)

    async def several(self, external_ids: list[str]) -> list[Order | UnreadableOrder]:
        return [self.read(row) for row in self._orders() if row["id"] in external_ids]

    async def headlines(self, since: date) -> AsyncGenerator[list[Headline], None]:
        yield [Headline(row["id"], row["id"], row["status"]) for row in self._orders() if row["day"] >= str(since)]

    def read(self, raw: dict[str, Any]) -> Order | UnreadableOrder:
        day = date.fromisoformat(raw["day"])
        total = Decimal(raw["total"])
        buyer = Address(first_name="Ann", last_name="Buyer", line_1="Street 1", city="Town", country="DE")
        line = OrderLine("1", raw["sku"], raw["sku"], "", raw["sku"], Decimal(1), total, total, Decimal(0))
        return Order(
            external_id=raw["id"], number=raw["id"], status=raw["status"],
            placed_at=int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000, placed_on=day,
            modified_at=raw["changed"], currency="EUR", total=total, total_tax=Decimal(0), billing=buyer,
            delivery=buyer, tax_numbers=TaxNumbers(), payment_code="tiny", payment_title="Paid there",
            delivery_code="", delivery_title="", note="", lines=[line], shipping=[], fees=[], refunds=[],
            digest=f"{raw['status']} {raw['total']}", raw=raw,
        )  # fmt: skip

    async def refunds(self, orders: list[Order]) -> list[list[Refund]]:
        return [[] for _ in orders]

    async def statuses(self, external_ids: list[str]) -> dict[str, str]:
        return {row["id"]: row["status"] for row in self._orders() if row["id"] in external_ids}

    async def push_statuses(self, changes: list[StatusChange]) -> list[PushResult]:
        data = self._file.read()
        wanted = {change.external_id: change.status for change in changes}
        for row in data["orders"]:
            row["status"] = wanted.get(row["id"], row["status"])
        self._file.write(data)
        return [PushResult(change.external_id) for change in changes]

    async def push_tracking(self, changes: list[TrackingChange]) -> list[PushResult]:
        return [PushResult(change.external_id) for change in changes]

    async def items(self, skus: list[str]) -> list[SiteItem]:
        return []

    async def all_items(self) -> AsyncGenerator[list[SiteItem], None]:
        for page in list[list[SiteItem]]():
            yield page

    async def items_by_gtin(self, gtins: list[str]) -> list[SiteItem]:
        return []

    async def items_by_id(self, site_ids: list[str]) -> list[SiteItem]:
        return []

    async def push_quantities(self, changes: list[QuantityChange]) -> list[PushResult]:
        return []

    async def aclose(self) -> None:
        pass


class Tiny:
    """The platform."""

    kind = "tiny"
    label = "Tiny"
    capabilities = frozenset({Capability.SYSTEM_CREDENTIALS, Capability.PUSH_STATUSES, Capability.FREE_STATUSES})
    system_parameters = (
        Parameter("file", "File", "Where the site is.", 0, Text(), needed=True),
        Parameter("colour", "Colour", "Which colour it has.", 0, Choice(words=("red", "blue")), "red"),
        Parameter("key", "Key", "The file's key.", 0, Secret(), needed=True, ends_after=180, made_on="key_day"),
        Parameter("key_day", "Key day", "The day on which the key was made.", 0, Day()),
    )

    async def check_system(self, system: SystemSettings) -> SystemIdentity:
        data = File(system).read()
        places = [LookupValue(code, title) for code, title in data["places"].items()]
        return SystemIdentity("the file", "a key", places)

    def connect(self, settings: ConnectorSettings) -> TinyConnector:
        return TinyConnector(settings)


PLATFORM = Tiny()
