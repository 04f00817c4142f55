"""``Remote`` for Tryton: one connection, which learns the company when it is first used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from chansync.erp.remote import ChangesPage, ErpIdentity, ReferencePage, ReferenceRow, SaleAnswer, SaleSteps
from chansync.erp.tryton import changes, check, perform, reference
from chansync.erp.tryton.company import Company, Options, load_company
from chansync.erp.tryton.records import Tryton
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
        async for page in reference.pages(await self._tryton(), cursor):
            yield page

    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        await self._tryton()
        return await reference.find(self._rpc, keys)

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return await perform.apply(await self._tryton(), sales)

    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        tryton = await self._tryton()
        found = await tryton.load(keys)
        return {key: view_of(record, tryton.company) for key, record in found.items() if record.is_recorded}

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        async for page in changes.pages(await self._tryton(), cursor):
            yield page

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        return await reference.levels(await self._tryton(), warehouses, items)

    async def aclose(self) -> None:
        await self._rpc.aclose()

    async def _tryton(self) -> Tryton:
        """The company, read once for the connection and again with the reference data."""
        async with self._turn:
            if self._company is None:
                self._company = await load_company(self._rpc, self._options)
            return Tryton(self._rpc, self._company)
