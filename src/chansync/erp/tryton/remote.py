"""``Remote`` for Tryton: one connection, which learns the company when it is first used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from chansync.erp.remote import ChangesPage, ErpIdentity, ReferencePage, ReferenceRow, SaleAnswer, SaleSteps
from chansync.erp.tryton import changes, check, items, reference, stock
from chansync.erp.tryton.company import Company, load_company
from chansync.erp.tryton.parameters import Options
from chansync.erp.tryton.perform import Performer
from chansync.erp.tryton.rpc import READ_TIMEOUT, TrytonRpc
from chansync.erp.tryton.views import view_of
from chansync.model.sale import SaleView

#: Sales that are recorded in one transaction: more make it little faster, and keep others waiting longer.
BATCH = 20


class TrytonRemote:
    """``chansync.erp.remote.Remote`` says what each method does."""

    #: The server goes on for a while with what we no longer wait for.
    settles_after = READ_TIMEOUT
    batch = BATCH

    def __init__(self, rpc: TrytonRpc, options: Options) -> None:
        self._rpc, self._options = rpc, options
        self._company: Company | None = None
        self._turn = asyncio.Lock()

    async def check(self) -> ErpIdentity:
        return await check.check(self._rpc, self._options)

    async def reference(self, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
        # What the connection knows may be what has changed.
        self._company = None
        async for page in reference.pages(self._rpc, await self.company(), cursor):
            yield page

    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        return await items.find(self._rpc, await self.company(), keys)

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return await Performer(self._rpc, await self.company()).apply(sales)

    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        company = await self.company()
        found = await Performer(self._rpc, company).records.load(list(keys))
        return {key: view_of(record, company) for key, record in found.items() if record.is_recorded}

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        async for page in changes.pages(self._rpc, await self.company(), cursor):
            yield page

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        return await stock.levels(self._rpc, await self.company(), warehouses, items)

    async def aclose(self) -> None:
        await self._rpc.aclose()

    async def company(self) -> Company:
        """The company, read once for the connection and again with the reference data."""
        async with self._turn:
            if self._company is None:
                self._company = await load_company(self._rpc, self._options)
            return self._company
