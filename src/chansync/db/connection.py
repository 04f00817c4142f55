"""The open database, with the settings that every connection needs.

The rules of access: one connection a process writes; every write is one short function whose outermost
``with db:`` is a ``BEGIN IMMEDIATE`` transaction; nothing awaits inside one. Asyncio code opens the store with
``open_async`` and hands whole functions to ``Store.run``, which runs them in the connection's own thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import apsw

from chansync.db.opening import BUSY_TIMEOUT_MS, distrust, place_of
from chansync.db.permanent_errors import DatabaseMoved
from chansync.db.sqlite_errors import explained
from chansync.db.upgrade import prepare

if TYPE_CHECKING:
    import asyncio

P = ParamSpec("P")
T = TypeVar("T")

#: Size of the statement cache. Preparing a statement costs several times its execution, and the rare statements of an
#: import are executed once in some hundred.
STATEMENTS = 1000

#: Size to which the WAL file is cut after a checkpoint, in bytes.
LOG_BYTES = 64 * 1024 * 1024

#: Busy timeout after one has expired, in milliseconds.
IMPATIENT_MS = 500

#: How many long functions are in the queue of the database's thread at once: the one that runs, and the next.
LONG_IN_QUEUE = 2


class Store:
    """The open database. Synchronous code uses ``db``; asyncio code uses ``run``."""

    def __init__(self, db: apsw.Connection, path: Path) -> None:
        self.db = db
        self.path = path
        self._impatient = False
        self._long: asyncio.Semaphore | None = None
        self._place: dict[str, tuple[int, int]] | None = None

    def check_place(self) -> None:
        """Make sure that the files at the path are still those that are open: what SQLite writes to deleted or replaced
        files is lost, and others do not see it. Costs a few microseconds.

        Raises:
            DatabaseMoved: they were deleted or replaced.
        """
        if self._place is None:
            # SQLite creates and deletes the -wal and -shm files only while no other connection is open.
            self._place = {end: found for end in ("", "-wal", "-shm") if (found := _identity(f"{self.path}{end}"))}
            return
        for end, found in self._place.items():
            if _identity(f"{self.path}{end}") != found:
                raise DatabaseMoved(
                    "The database was deleted, moved or replaced while it was open: stop every chansync that has it "
                    f"open, put it back or restore a backup, and start again ({self.path}{end})"
                )

    async def run(self, function: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``function(db, …)`` whole, in the connection's thread; its transactions never interleave."""
        result: T = await self.db.async_run(self._in_thread, function, *args, **kwargs)  # type: ignore[attr-defined]
        return result

    async def run_long(
        self, function: Callable[Concatenate[apsw.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As ``run``, for functions that take some hundredths of a second. All but ``LONG_IN_QUEUE`` of them wait
        outside the thread's queue, so that a short query does not wait for all of them."""
        if self._long is None:
            import asyncio

            self._long = asyncio.Semaphore(LONG_IN_QUEUE)
        async with self._long:
            return await self.run(function, *args, **kwargs)

    def _in_thread(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """After a busy timeout, queued calls fail after ``IMPATIENT_MS`` until a write succeeds: otherwise each of
        them would wait the whole timeout, one after the other."""
        written = self.db.total_changes()
        try:
            result = function(self.db, *args, **kwargs)
        except apsw.BusyError:
            self._impatient = True
            self.db.set_busy_timeout(IMPATIENT_MS)
            raise
        if self._impatient and self.db.total_changes() != written:
            self._impatient = False
            self.db.set_busy_timeout(BUSY_TIMEOUT_MS)
        return result

    def close(self) -> None:
        """Close a store that was opened by ``open_store``."""
        self.db.close()

    async def aclose(self) -> None:
        """Close a store that was opened by ``open_async``, also where this task is cancelled meanwhile: otherwise its
        thread keeps the process alive."""
        import asyncio

        try:
            await self.db.aclose()  # type: ignore[attr-defined]
        except asyncio.CancelledError:
            await self.db.aclose()  # type: ignore[attr-defined]
            raise


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def open_store(path: Path, *, create: bool = True, upgrades: bool = False) -> Store:
    """Open for synchronous use; creates or upgrades the file first if needed.

    Args:
        upgrades: upgrade the database of a service too, which otherwise only its daemon does.

    Raises:
        StoreError: it is no chansync database, is newer than this program, or cannot be opened.
    """
    prepare(path, create=create, upgrades=upgrades)
    with explained(path):
        name, flags = place_of(path)
        return Store(_configure(apsw.Connection(name, flags, statementcachesize=STATEMENTS)), path)


async def open_async(path: Path, *, create: bool = True, upgrades: bool = False) -> Store:
    """Open for asyncio use; as ``open_store`` otherwise."""
    import asyncio

    import apsw.aio

    prepare(path, create=create, upgrades=upgrades)
    with explained(path):
        apsw.async_controller.set(apsw.aio.AsyncIO)  # type: ignore[arg-type]
        name, flags = place_of(path)
        opening = asyncio.ensure_future(apsw.Connection.as_async(name, flags, statementcachesize=STATEMENTS))
        try:
            db = await asyncio.shield(opening)
        except asyncio.CancelledError:
            await (await opening).aclose()
            raise
        try:
            await db.async_run(_configure, db)
        except BaseException:
            # Otherwise its thread keeps the process alive.
            await db.aclose()
            raise
        return Store(db, path)  # type: ignore[arg-type]


def _configure(db: apsw.Connection) -> apsw.Connection:
    distrust(db)
    # First: the last connection that closes the database locks all of it for a moment.
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    # What apsw.bestpractice recommends, as plain calls: importing that module takes longer than a short command.
    # Without its PRAGMA optimize, which may write when a database is opened.
    db.pragma("journal_mode", "wal")
    db.pragma("foreign_keys", "ON")
    db.pragma("recursive_triggers", "ON")
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    # The query plan depends on the statement alone. Otherwise SQLite plans a statement again at each execution if it
    # compares a parameter with the column of a partial index; that was a fifth of an import's CPU time.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    db.transaction_mode = "IMMEDIATE"
    # WAL with NORMAL: a killed process loses nothing. A power failure may lose the last commits, never consistency;
    # lost orders are pulled again, because their cursor is lost with them.
    db.pragma("synchronous", "normal")
    # The undo data of a savepoint is a few pages; writing it to a file takes a large part of an order's import.
    db.pragma("temp_store", "memory")
    # Otherwise the WAL file keeps its largest size for ever.
    db.pragma("journal_size_limit", LOG_BYTES)
    return db


def leave_as_is(db: apsw.Connection) -> None:
    """Close this connection without a checkpoint: the files are damaged, or belong to another database by now."""
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
