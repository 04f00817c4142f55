"""Deciding again on orders whose ERP has answered: what was refused, and what has changed on the site meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.outside import sales
from chansync.model.channel import Channel
from chansync.model.errors import SiteError, UsageError
from chansync.model.order import Order, UnreadableOrder
from chansync.orders import settings as import_settings
from chansync.orders.import_order import OrderImport
from chansync.orders.settings import ImportSettings
from chansync.orders.write_guard import WriteGuard
from chansync.platforms.protocol import Connector
from chansync.secrets.key_file import KeyUnreadable
from chansync.setup.connect import connect
from chansync.store import channels, orders, sale_links
from chansync.store.orders import OrderRow

#: Orders that are decided on in one transaction.
TOGETHER = 20


#: How often a run decides on one order: what its ERP answers again and again waits for the next run.
MOST_TIMES = 5


@dataclass(slots=True)
class _Reader:
    """What reads the orders of a channel and imports them; None where it cannot be used now."""

    settings: ImportSettings
    connector: Connector


class DecidingAgain:
    """The part of a run that decides again, with a connector for each channel that it comes across.

    Attributes:
        left: the keys of sales whose orders could not be decided on, and are left to a later run.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._readers: dict[int, _Reader | None] = {}
        self.left: set[str] = set()
        self._times: Counter[str] = Counter()
        #: Order id → the key of its sale.
        self._keys: dict[int, str] = {}

    async def run(self, erp: str, stop: asyncio.Event, *, also: Sequence[str] = ()) -> None:
        """Decide on every order of which the ERP has answered all that it was asked for.

        An order whose channel is incomplete, or that has to be fetched from a site that does not answer, is left to a
        later run.

        Args:
            also: the keys of sales whose orders are decided on whether anything was answered or not.
        """
        unread = await self._store.run(sales.unread, erp)
        named = dict.fromkeys([*unread, *also])
        keys = [key for key in named if key not in self.left and self._times[key] < MOST_TIMES]
        self._times.update(keys)
        found = await self._store.run(_rows, keys)
        by_channel: dict[int, list[OrderRow]] = {}
        for key, row in found.items():
            self._keys[row.id] = key
            by_channel.setdefault(row.channel_id, []).append(row)
        for channel_id, rows in by_channel.items():
            reader = await self._reader(channel_id)
            for first in range(0, len(rows), TOGETHER):
                part = rows[first : first + TOGETHER]
                if reader is None or stop.is_set():
                    # Once a run: what cannot be decided on now is no reason to look again and again.
                    self._leave(part)
                    continue
                await self._decide(reader, part)

    async def _reader(self, channel_id: int) -> _Reader | None:
        if channel_id not in self._readers:
            self._readers[channel_id] = await self._open(channel_id)
        return self._readers[channel_id]

    async def _open(self, channel_id: int) -> _Reader | None:
        channel: Channel | None = await self._store.run(channels.channel_by_id, channel_id)
        if channel is None:
            return None
        try:
            settings = await self._store.run(import_settings.load, channel)
            return _Reader(settings, await connect(self._store, channel))
        except (UsageError, KeyUnreadable):
            return None

    async def _decide(self, reader: _Reader, rows: list[OrderRow]) -> None:
        versions = {row.external_id: orders.version_of(row) for row in rows}
        kept = await self._store.run(_read_kept, reader.connector, rows)
        found = {order.external_id for order in kept}
        lacking = [row for row in rows if row.external_id not in found]
        if lacking:
            given, gone = await self._fetch(reader.connector, lacking)
            kept += given
            await self._store.run(_note_read, [self._keys[row.id] for row in gone])
        await self._store.run(_import, reader.settings, kept, WriteGuard(None, versions))

    async def _fetch(
        self, connector: Connector, rows: list[OrderRow]
    ) -> tuple[list[Order | UnreadableOrder], list[OrderRow]]:
        """Orders from their site, and those that it has no more; those that cannot be fetched now are left."""
        given: list[Order | UnreadableOrder] = []
        gone: list[OrderRow] = []
        left = rows
        try:
            given += await connector.several([row.external_id for row in rows])
            known = {order.external_id for order in given}
            left = [row for row in rows if row.external_id not in known]
            while left:
                # What is left out of several may be there all the same: a site's pace can allow no more of them now.
                order = await connector.order(left[0].external_id)
                given += [order] if order is not None else []
                gone += [left[0]] if order is None else []
                left = left[1:]
        except SiteError:
            self._leave(left)
        return given, gone

    def _leave(self, rows: list[OrderRow]) -> None:
        self.left |= {self._keys[row.id] for row in rows}

    async def aclose(self) -> None:
        """Close the connectors."""
        for reader in self._readers.values():
            if reader is not None:
                await reader.connector.aclose()


async def decide_again(store: Store, keys: Sequence[str], stop: asyncio.Event) -> bool:
    """Decide on the orders of those sales, of which something else than their ERP has told; whether none was left."""
    deciding = DecidingAgain(store)
    try:
        await deciding.run("", stop, also=keys)
    finally:
        await deciding.aclose()
    return deciding.left.isdisjoint(keys)


def _rows(db: apsw.Connection, keys: list[str]) -> dict[str, OrderRow]:
    """The orders of those sales. Of a sale whose order is gone nothing is left to decide."""
    rows = {key: _row(db, key) for key in keys}
    if gone := [key for key, row in rows.items() if row is None]:
        _note_read(db, gone)
    return {key: row for key, row in rows.items() if row is not None}


def _row(db: apsw.Connection, key: str) -> OrderRow | None:
    """The order of a sale, also of one that its ERP has refused to record."""
    order_id = sale_links.order_of(db, key)
    if order_id is not None:
        return orders.by_id(db, order_id)
    _, code, external_id, *_ = [*key.split(":", 2), "", ""]
    if not channels.is_taken(db, code):
        return None
    row = orders.by_external_id(db, channels.channel(db, code).id, re.sub(r"~\d+\Z", "", external_id))
    return row if row is not None and row.sale is None else None


def _read_kept(db: apsw.Connection, connector: Connector, rows: list[OrderRow]) -> list[Order | UnreadableOrder]:
    # Of an order that the site has no more, or that cannot be read, what was kept says nothing.
    kept = ((row, orders.raw(db, row.id)) for row in rows if row.digest)
    return [connector.read(raw) for _, raw in kept if raw]


def _note_read(db: apsw.Connection, keys: list[str]) -> None:
    """Nothing is decided any more on orders that are gone."""
    with transaction(db):
        for key in keys:
            sales.note_read(db, key)


def _import(
    db: apsw.Connection, settings: ImportSettings, found: list[Order | UnreadableOrder], guard: WriteGuard
) -> None:
    OrderImport(db, settings, None, guard).import_again(found)
