"""The copy of the database on which a dry run does everything for real, except sending."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw

from chansync.db.connection import Store, open_async
from chansync.db.opening import backup

_PREFIX = "chansync-plan-"


@asynccontextmanager
async def planning_copy(store: Store) -> AsyncIterator[Store]:
    """A store on a copy of the database, thrown away at the end.

    Planning on a copy is the only way to show what will happen: a sale takes a number, a customer and stock from the
    next one, and a plan that undid each order before the next would show the same number and piece twice. The copy
    is made online (SQLite's backup), so nobody waits for a plan.

    Raises:
        StoreError: there is no room for the copy.
    """
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as folder:
        target = Path(folder) / "plan.db"
        await asyncio.to_thread(backup, store.path, target)
        copy = await open_async(target, create=False)
        await copy.run(_make_nameless, target)
    # The private key lies beside the database itself.
    copy.path = store.path
    try:
        yield copy
    finally:
        await copy.aclose()


def _make_nameless(db: apsw.Connection, path: Path) -> None:
    """Take the copy's name away: it goes when its connection does, also with a process that is killed."""
    db.pragma("locking_mode", "exclusive")
    db.pragma("journal_mode", "memory")
    path.unlink()


def _sweep() -> None:
    """Remove what a dry run that was killed while it copied has left: it holds customers' data."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)
