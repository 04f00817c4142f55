"""Deciding again on orders whose ERP has answered: what was refused, and what has changed on the site meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.outside import sales
from chansync.model.channel import Channel, ChannelIncomplete
from chansync.model.errors import SiteError, StoreError, UsageError
from chansync.model.order import Order, UnreadableOrder
from chansync.orders import settings
from chansync.orders.import_order import OrderImport
from chansync.orders.settings import ImportSettings
from chansync.orders.write_guard import WriteGuard
from chansync.platforms.protocol import Connector
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

    importing: ImportSettings
    connector: Connector


class DecidingAgain:
    """The part of a run that decides again, with a connector for each channel that it comes across."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._readers: dict[int, _Reader | None] = {}
        self._done: set[str] = set()
        self._times: Counter[str] = Counter()

    async def run(self, erp: str, stop: asyncio.Event) -> None:
        """Decide on every order of which the ERP has answered all that it was asked for.

        An order whose channel is incomplete, or that has to be fetched from a site that does not answer, is left to a
        later run.
        """
        keys = [key for key in await self._store.run(sales.unread, erp) if key not in self._done]
        self._times.update(keys)
        self._done |= {key for key in keys if self._times[key] >= MOST_TIMES}
        found = await self._store.run(_rows, keys)
        by_channel: dict[int, list[OrderRow]] = {}
        for row in found:
            by_channel.setdefault(row.channel_id, []).append(row)
        for channel_id, rows in by_channel.items():
            reader = await self._reader(channel_id)
            for first in range(0, len(rows), TOGETHER):
                part = rows[first : first + TOGETHER]
                if reader is None or stop.is_set():
                    # Once a run: what cannot be decided on now is no reason to look again and again.
                    self._done |= {row.sale.key for row in part if row.sale}
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
            importing = await self._store.run(settings.load, channel)
            return _Reader(importing, await connect(self._store, channel))
        except (ChannelIncomplete, UsageError):
            return None
        except StoreError as error:
            if error.code != "secret_unreadable":
                raise
            return None

    async def _decide(self, reader: _Reader, rows: list[OrderRow]) -> None:
        versions = {row.external_id: orders.version_of(row) for row in rows}
        kept = await self._store.run(_read_kept, reader.connector, rows)
        found = {order.external_id for order in kept}
        lacking = [row for row in rows if row.external_id not in found]
        if lacking:
            try:
                given = await reader.connector.several([row.external_id for row in lacking])
            except SiteError:
                self._done |= {row.sale.key for row in lacking if row.sale}
            else:
                kept += given
                gone = {row.external_id for row in lacking} - {order.external_id for order in given}
                await self._store.run(_note_read, [row for row in lacking if row.external_id in gone])
        await self._store.run(_import, reader.importing, kept, WriteGuard(None, versions))

    async def aclose(self) -> None:
        """Close the connectors."""
        for reader in self._readers.values():
            if reader is not None:
                await reader.connector.aclose()


def _rows(db: apsw.Connection, keys: list[str]) -> list[OrderRow]:
    """The orders of those sales. Of a sale whose order is gone nothing is left to decide."""
    found = []
    for key in keys:
        order_id = sale_links.order_of(db, key)
        row = orders.by_id(db, order_id) if order_id is not None else None
        if row is not None:
            found.append(row)
        else:
            with transaction(db):
                sales.note_read(db, key)
    return found


def _read_kept(db: apsw.Connection, connector: Connector, rows: list[OrderRow]) -> list[Order | UnreadableOrder]:
    # Of an order that the site has no more, or that cannot be read, what was kept says nothing.
    kept = ((row, orders.raw(db, row.id)) for row in rows if row.digest)
    return [connector.read(raw) for _, raw in kept if raw]


def _note_read(db: apsw.Connection, rows: list[OrderRow]) -> None:
    """Nothing is decided any more on orders that their site does not have."""
    with transaction(db):
        for row in rows:
            if row.sale is not None:
                sales.note_read(db, row.sale.key)


def _import(
    db: apsw.Connection, importing: ImportSettings, found: list[Order | UnreadableOrder], guard: WriteGuard
) -> None:
    importer = OrderImport(db, importing, None, guard)
    with transaction(db):
        for order in found:
            importer.import_changed(order)
