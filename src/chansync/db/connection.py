"""Opening the database: settings, upgrade with backup, refusal of foreign and newer files, errors in sentences.

The rules of access: one connection a process writes; every write is one short function whose outermost
``with db:`` is a ``BEGIN IMMEDIATE`` transaction; nothing awaits inside one. Asyncio code opens the store with
``open_async`` and hands whole functions to ``Store.run``, which runs them in the connection's own thread.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import apsw

from chansync.db import error_sentences, lock_holders, private_files
from chansync.db.error_sentences import passing_kind
from chansync.db.folders import group_of, is_shared, owner_of
from chansync.db.opening import distrust, open_file, place_of, refuse_planted
from chansync.db.permanent_errors import (
    DatabaseDamaged,
    DatabaseForbidden,
    DatabaseForeign,
    DatabaseMoved,
    DatabaseNewer,
    DatabaseOlder,
    is_forbidden,
)
from chansync.db.process_locks import MIGRATION, locked
from chansync.db.upgrade_copies import newer_sentence
from chansync.db.version import APPLICATION_ID, FIRST_SCHEMA, SCHEMA_VERSION
from chansync.locations import database_path, private_folder
from chansync.model.errors import StoreError
from chansync.service_place import is_service

if TYPE_CHECKING:
    import asyncio

P = ParamSpec("P")
T = TypeVar("T")

#: How long a write waits for another process's write, in milliseconds.
BUSY_TIMEOUT_MS = 15_000

#: How many prepared statements a connection keeps. What was not used for as many executions is prepared anew, which
#: costs several times its execution; the rare statements of an import come once in some hundred.
STATEMENTS = 1000

#: How long the log (WAL) may stay once it is taken over into the database, in bytes.
LOG_BYTES = 64 * 1024 * 1024

#: How long it waits where the write before it has waited in vain, in milliseconds.
IMPATIENT_MS = 500


#: How many long functions are in the queue of the database's thread at once: one that runs, and its successor.
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
        """Make sure that the files at the path are still those that are open. Costs a few microseconds.

        SQLite goes on with files that were deleted or replaced meanwhile: what it writes there is lost, and where
        others have opened the new ones, two programs change one database without knowing of each other.

        Raises:
            DatabaseMoved: they are others, or gone.
        """
        if self._place is None:
            # SQLite makes and removes the two files beside the database only while nobody has it open.
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
        """As ``run``, for what takes some hundredths of a second: with many at it, most of them wait here and not in
        the thread's queue, where everybody's next short look would have to wait behind them all."""
        if self._long is None:
            import asyncio

            self._long = asyncio.Semaphore(LONG_IN_QUEUE)
        async with self._long:
            return await self.run(function, *args, **kwargs)

    def _in_thread(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Once somebody holds the database for too long, what waits behind does not wait as long again, one by one."""
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
        """Close a store that was opened by ``open_async``."""
        await self.db.aclose()  # type: ignore[attr-defined]


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def passes(error: Exception) -> bool:
    """Whether the database may work again by itself: somebody holds it, or the disk is full or does not answer.

    What does not pass is damage, another file in its place, another schema: going on would do harm.
    """
    return passing_kind(error.__cause__ if isinstance(error, StoreError) else error) is not None


def is_about_data(error: apsw.Error) -> bool:
    """Whether the database refuses what was to be written, and not to be written at all."""
    return isinstance(error, (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, apsw.RangeError))


def open_store(path: Path, *, create: bool = True, upgrades: bool = False) -> Store:
    """Open for synchronous use; creates or upgrades the file first where that is needed.

    Args:
        upgrades: also where a service works on it, whose daemon does so otherwise.

    Raises:
        StoreError: it is no chansync database, is newer than this program, or cannot be opened.
    """
    prepare(path, create=create, upgrades=upgrades)
    with explained(path):
        name, flags = place_of(path)
        return Store(_configure(apsw.Connection(name, flags, statementcachesize=STATEMENTS)), path)


async def open_async(path: Path, *, create: bool = True, upgrades: bool = False) -> Store:
    """Open for asyncio use; as ``open_store`` otherwise."""
    import apsw.aio

    prepare(path, create=create, upgrades=upgrades)
    with explained(path):
        apsw.async_controller.set(apsw.aio.AsyncIO)  # type: ignore[arg-type]
        name, flags = place_of(path)
        db = await apsw.Connection.as_async(name, flags, statementcachesize=STATEMENTS)
        try:
            await db.async_run(_configure, db)
        except BaseException:
            # Its thread would keep the process from ending.
            await db.aclose()
            raise
        return Store(db, path)  # type: ignore[arg-type]


def _configure(db: apsw.Connection) -> apsw.Connection:
    distrust(db)
    # What apsw.bestpractice recommends, in plain calls: importing that module takes longer than a short command.
    # Left out: its look at table statistics when a database is opened, which may write.
    db.pragma("journal_mode", "wal")
    db.pragma("foreign_keys", "ON")
    db.pragma("recursive_triggers", "ON")
    db.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
    db.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
    # A plan depends on the statement alone. Otherwise SQLite plans every statement anew, at each execution, in which a
    # parameter is compared with a column that a partial index is about; that was a fifth of the CPU of an import.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    db.transaction_mode = "IMMEDIATE"
    # WAL with NORMAL survives a killed process whole; a power cut may cost the last commits, never consistency,
    # and what it costs is pulled again because the cursor is lost with it.
    db.pragma("synchronous", "normal")
    # What a savepoint may have to undo is a few pages: writing them to a file costs a good part of importing an order.
    db.pragma("temp_store", "memory")
    # After a long transaction the log is cut back to that when it is begun anew; otherwise it keeps its largest size.
    db.pragma("journal_size_limit", LOG_BYTES)
    return db


def is_of_service(path: Path) -> bool:
    """Whether a service works on the database at ``path``: its folder is shared by a group, or a unit is installed."""
    return is_shared(path.parent) or is_service(str(path))


def older_sentence(path: Path, version: int) -> str:
    """What brings a database up to date that this program needs newer; without a full stop."""
    known = f"{path} has schema {version}, and this program needs {SCHEMA_VERSION}"
    by_hand = f"chansync --db {path} db upgrade" if path != database_path() else "chansync db upgrade"
    if os.geteuid() not in (0, owner_of(path.parent)):
        by_hand = f"sudo {by_hand}"
    if not is_of_service(path):
        return f"{known}: {by_hand}"
    restart = " (systemctl restart chansync)" if is_service(str(path)) else ""
    return f"{known}: restart the daemon, which upgrades it{restart}, or: {by_hand}"


def prepare(path: Path, *, create: bool, upgrades: bool = False) -> bool:
    """Make sure that the file at ``path`` is a database of this program's version; whether it was made or upgraded.

    Args:
        upgrades: bring an older one up to date also where a service works on it.

    Raises:
        DatabaseOlder: it is older, and a service works on it.
        StoreError: as ``open_store``.
    """
    lock_holders.remember(path)
    with explained(path):
        if is_shared(path.parent):
            refuse_planted(str(path))
        if not path.exists():
            if not create:
                raise StoreError(f"There is no database at {path}. Make one with: chansync db init")
            if not path.parent.exists():
                path.parent.mkdir(parents=True, mode=0o700)
        version = _version_of(path) if path.exists() else 0
        if 0 < version < SCHEMA_VERSION and not upgrades and is_of_service(path):
            raise DatabaseOlder(f"{older_sentence(path, version)}.")
        if version == SCHEMA_VERSION:
            return False
        with private_files.opened(path), locked(path, MIGRATION):
            _upgrade(path)
        return True


def _upgrade(path: Path) -> None:
    """Make the database, or bring it to this program's schema.

    Python's own SQLite, by which the migrations work, follows what others may have put beside a file of the group's.
    So a copy in the private folder is migrated, and comes back in one transaction. Nobody writes meanwhile.
    """
    folder = private_folder(path)
    private_files.sweep(folder, f"{path.stem}.")
    if not path.exists() or not path.stat().st_size:
        with private_files.work_file(folder, f"{path.stem}.upgrade") as made:
            _migrate(path, made)
            put_in_place(made, path)
        return
    is_back = False
    while not is_back:
        with contextlib.closing(open_file(path)) as db, private_files.work_file(folder, f"{path.stem}.upgrade") as made:
            db.set_busy_timeout(BUSY_TIMEOUT_MS)
            # With the other kind of journal nobody could read beside a writer.
            db.pragma("journal_mode", "wal")
            db.execute("BEGIN IMMEDIATE")
            version = _version(db, path)
            if version == SCHEMA_VERSION:
                # Another process was quicker.
                return
            backup(path, made)
            kept = _keep_before(path, made, version)
            try:
                _migrate(path, made)
            except StoreError:
                # A service that tries again and again would fill the disk with copies.
                if kept:
                    kept.unlink()
                raise
            unchanged = data_version(db)
            db.execute("ROLLBACK")
            is_back = _bring_back(made, path, db, unchanged)
            if kept and not is_back:
                kept.unlink()
    _tell_upgrade(path, version, kept)
    private_files.clear_copies(path)


def _tell_upgrade(path: Path, version: int, kept: Path | None) -> None:
    """To the daemon's log, or to stderr."""
    import logging

    copy = f" The copy from before is {kept}." if kept else ""
    text = f"The database {path} was upgraded from schema {version} to {SCHEMA_VERSION}.{copy}"
    logging.getLogger("chansync.database").warning("%s", text)


def put_in_place(made: Path, path: Path) -> None:
    """Put a database that was made in the private folder in its place, where nobody works with what is there."""
    private_files.sweep(path.parent, f"{path.name}.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file, made.open("rb") as source:
            shutil.copyfileobj(source, file)
            # -wal and -shm take the mode over, for the group too; the umask alone would leave 0640.
            os.fchmod(file.fileno(), 0o660)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _keep_before(path: Path, made: Path, version: int) -> Path | None:
    """Keep a copy of what is about to be upgraded; None where it holds nothing yet."""
    if not version:
        return None
    # With the schema that it holds: an upgrade that was killed half-way is gone on with, perhaps in the same second.
    copy = made.with_name(f"{path.stem}.before-{SCHEMA_VERSION}-{private_files.stamp()}-from-{version}.db")
    with private_files.work_file(made.parent, copy.name) as unfinished:
        shutil.copyfile(made, unfinished)
        unfinished.replace(copy)
    return copy


def _bring_back(made: Path, path: Path, db: apsw.Connection, unchanged: int) -> bool:
    """Write what was made into the database, unless somebody has written there since ``unchanged``; whether it was."""
    with contextlib.closing(open_file(path)) as target, contextlib.closing(apsw.Connection(str(made))) as source:
        target.set_busy_timeout(BUSY_TIMEOUT_MS)
        with target.backup("main", source, "main") as work:
            # No page yet: it takes the lock on what is written to.
            work.step(0)
            if data_version(db) != unchanged:
                return False
            work.step(-1)
    return True


def _version_of(path: Path) -> int:
    with contextlib.closing(open_file(path)) as db:
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        return _version(db, path)


#: Tables of every schema, at which a look without end could be planted.
_TABLES = ("channel", "job", "message", "order", "run", "setting", "stream")


def _version(db: apsw.Connection, path: Path) -> int:
    """The schema of a database that this program can use.

    Raises:
        DatabaseForeign: it is another program's.
        DatabaseNewer: a newer chansync wrote it.
    """
    application = db.pragma("application_id")
    tables = db.execute("SELECT count(*) FROM sqlite_schema").get
    if application != APPLICATION_ID and tables:
        raise DatabaseForeign(f"{path} is an SQLite database, but not one of chansync's. Name another with --db.")
    version: int = db.pragma("user_version")
    if version > SCHEMA_VERSION:
        raise DatabaseNewer(f"{newer_sentence(path, version)}.")
    if 0 < version < FIRST_SCHEMA:
        raise DatabaseForeign(
            f"{path} is of a development version (schema {version}) that cannot be upgraded. Name another with --db."
        )
    if version:
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if missing := [name for name in _TABLES if name not in there]:
            raise DatabaseDamaged(
                f"{path} has no table {missing[0]}, as another program has changed it: stop the daemon, and restore a "
                "backup"
            )
    return version


def _migrate(path: Path, copy: Path) -> None:
    """Run the migrations on a copy, in a process of their own (``chansync.db.migrations`` says why)."""
    # Imported here: it takes longer to load than a short command runs.
    import subprocess

    done = subprocess.run(
        # Nothing that lies in the folder that one happens to be in, or at the user's home, is imported.
        [sys.executable, "-P", "-s", "-m", "chansync.db.migrations", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"the migration ended with code {done.returncode}"]
        kind = DatabaseDamaged if "malformed" in last[0] else StoreError
        raise kind(f"{last[0]} ({path})")


def backup(source: Path, target: Path) -> None:
    """Copy a database while others use it (SQLite's online backup) into an empty file, which keeps its mode."""
    with (
        contextlib.closing(open_file(source)) as original,
        contextlib.closing(apsw.Connection(str(target))) as copy,
    ):
        original.set_busy_timeout(BUSY_TIMEOUT_MS)
        # One moment of it, held fast: otherwise each write of somebody else would let the copy begin anew.
        original.execute("BEGIN")
        list(original.execute("SELECT count(*) FROM sqlite_schema"))
        with copy.backup("main", original, "main") as work:
            while not work.done:
                work.step(1000)


@contextlib.contextmanager
def explained(path: Path | None = None) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a ``StoreError`` with a sentence."""
    where = f" ({path})" if path else ""
    try:
        yield
    except apsw.Error as error:
        raise _kind(error, path)(f"{error_sentences.sentence_of(error)}{where}") from error
    except PermissionError as error:
        raise DatabaseForbidden(f"The database may not be opened by this user: {_way_in(path)}{where}") from error
    except OSError as error:
        raise StoreError(f"The database cannot be opened: {error.strerror or error}{where}") from error


def _way_in(path: Path | None) -> str:
    """What lets a user at a database that the system keeps from him."""
    with contextlib.suppress(OSError):
        if path and is_shared(path.parent):
            group = group_of(path.parent)
            return f"it is for the group {group} (usermod -aG {group} NAME, then log in anew)"
    return "check its owner, group and mode"


class DatabaseFailed(StoreError):
    """SQLite's general error: a wrong statement, which is a fault of the program's own."""


def _kind(error: apsw.Error, path: Path | None) -> type[StoreError]:
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)) or error_sentences.is_changed(error):
        return DatabaseDamaged
    if error_sentences.is_own_fault(error):
        return DatabaseFailed
    refused = isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError))
    return DatabaseForbidden if refused and path and is_forbidden(path) else StoreError


def data_version(db: apsw.Connection) -> int:
    """A number that changes when another connection commits (``PRAGMA data_version``); cheap enough to poll."""
    version: int = db.pragma("data_version")
    return version


def leave_as_is(db: apsw.Connection) -> None:
    """Let closing this connection change no file: they are damaged, or somebody else's by now."""
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
