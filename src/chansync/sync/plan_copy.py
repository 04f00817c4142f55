"""The copy of the database on which a dry run does everything for real, except sending."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chansync.store.connection import Store, backup, open_async


@asynccontextmanager
async def planning_copy(store: Store) -> AsyncIterator[Store]:
    """A store on a copy of the database, thrown away at the end.

    Planning on a copy is the only way to show what will happen: a sale takes a number, a customer and stock from the
    next one, and a plan that undid each order before the next would show the same number and piece twice. The copy
    is made online (SQLite's backup), so nobody waits for a plan.

    Raises:
        StoreError: there is no room for the copy.
    """
    with tempfile.TemporaryDirectory(prefix="chansync-plan-") as folder:
        target = Path(folder) / "plan.db"
        await asyncio.to_thread(backup, store.path, target)
        copy = await open_async(target, create=False)
        # The private key lies beside the database itself.
        copy.path = store.path
        try:
            yield copy
        finally:
            await copy.aclose()
