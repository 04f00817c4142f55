"""Asking an outside ERP for items that orders name and its mirror does not know, before the orders are imported."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from chansync.db.connection import Store
from chansync.erp.remote import ErpError, Remote
from chansync.model.errors import UsageError
from chansync.model.order import Order, UnreadableOrder
from chansync.orders.items import item_of
from chansync.orders.settings import ImportSettings
from chansync.secrets.key_file import KeyUnreadable
from chansync.setup import erps

#: Items that are asked for at once.
TOGETHER = 100


class ItemFinder:
    """Asks for each item once a pull; the connection is opened by the first."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._remote: Remote | None = None
        self._asked: set[tuple[str, str]] = set()
        self._failed = False

    async def find(self, importing: ImportSettings, found: Sequence[Order | UnreadableOrder]) -> None:
        """Bring items of those orders into the mirror where the ERP has them.

        An ERP that cannot be asked now is no reason to wait: what is not known is a problem of the order, which is
        tried again.
        """
        if self._failed:
            return
        wanted = await self._store.run(_unknown, importing, found)
        new = [key for key in wanted if key not in self._asked]
        if not new:
            return
        self._asked.update(new)
        try:
            if self._remote is None:
                self._remote = await erps.connect(self._store, importing.erp.code)
            for first in range(0, len(new), TOGETHER):
                rows = await self._remote.find_items(new[first : first + TOGETHER])
                await self._store.run(erps.keep_items, importing.erp.code, rows)
        except (ErpError, UsageError, KeyUnreadable):
            self._failed = True

    async def aclose(self) -> None:
        """Close the connection."""
        if self._remote is not None:
            await self._remote.aclose()


def _unknown(
    db: apsw.Connection, importing: ImportSettings, found: Sequence[Order | UnreadableOrder]
) -> list[tuple[str, str]]:
    """SKU and GTIN of what those orders name and nothing here knows."""
    keys: dict[tuple[str, str], None] = {}
    for order in found:
        for line in order.lines if isinstance(order, Order) else ():
            if (line.sku or line.gtin) and item_of(db, importing, line) is None:
                keys[line.sku, line.gtin] = None
    return list(keys)
