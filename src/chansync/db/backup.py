"""Backup and restore.

A backup is a consistent copy, made while other programs use the database, and checked before it gets its final name.
A restore is one SQLite transaction: if it is killed, the old contents or the new ones are there, and programs that have
the file open see the new ones.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import apsw

from chansync.db import lock_holders, private_files, settings
from chansync.db.locations import private_folder
from chansync.db.opening import backup, distrust, limit, open_file
from chansync.db.process_locks import DAEMON, MIGRATION, locked
from chansync.db.sqlite_errors import explained
from chansync.db.upgrade import put_in_place
from chansync.db.version import APPLICATION_ID, SCHEMA_VERSION
from chansync.model.errors import StoreError, UsageError
from chansync.model.times import local_text, now_ms

#: How long a restore waits for a short command that has the database open, in milliseconds.
PATIENCE_MS = 3000

#: How long checking a copy may take, in seconds. A manipulated file could make the check endless.
LOOK_SECONDS = 3600.0


class Damaged(StoreError):
    """A copy of a database is damaged."""

    code = "damaged"


class InUse(StoreError):
    """Somebody has the database open."""

    code = "in_use"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds; times in UTC milliseconds.

    Attributes:
        last_run_at: when the last run ended; None: none did.
        instance: the id that every copy of the database keeps; empty in files that are older than this id.
        daemon_host: the machine of the daemon that last worked on it; empty: none did, or it stopped properly.
        daemon_beat_at: the last heartbeat of that daemon.
    """

    channels: int
    orders: int
    sales: int
    last_run_at: int | None
    instance: str
    daemon_host: str
    daemon_beat_at: int

    def sentence(self, path: Path) -> str:
        """What the database at ``path`` holds, for people."""
        last = (
            f"the last run ended {local_text(self.last_run_at, zone=True)}" if self.last_run_at else "nothing ran yet"
        )
        counts = [
            f"{count} {word}{'' if count == 1 else 's'}"
            for count, word in ((self.channels, "channel"), (self.orders, "order"), (self.sales, "sale"))
        ]
        return f"{path} has {counts[0]}, {counts[1]} and {counts[2]}; {last}."


@contextlib.contextmanager
def saved(source: Path, folder: Path) -> Iterator[Path]:
    """A checked copy of the database, made while others use it; it is deleted at the end of the context.

    Args:
        folder: where the copy is made if this user may not write in the private folder.

    Raises:
        Damaged: the database is damaged.
        StoreError: there is no room for the copy.
        OSError: it cannot be written.
    """
    place = private_folder(source) if os.access(private_folder(source), os.W_OK) else folder
    private_files.sweep(place, f"{source.stem}.backup")
    with private_files.work_file(place, f"{source.stem}.backup") as copy:
        with explained(source):
            _fill(copy, source)
        try:
            look_through(copy)
        except Damaged:
            raise Damaged(
                f"{source} is damaged, and a copy of it is no backup: see how much with chansync db check, and restore "
                "an earlier one"
            ) from None
        with contextlib.closing(apsw.Connection(str(copy))) as db:
            # A database that is restored from this copy has a backup: the copy.
            settings.put(db, settings.BACKED_UP_AT, str(now_ms()))
            # Without a WAL file, so that the copy is one file.
            db.pragma("journal_mode", "delete")
        yield copy


def _fill(copy: Path, source: Path) -> None:
    try:
        backup(source, copy)
    except (apsw.FullError, apsw.IOError) as failure:
        # A read error comes from the disk of the database. A write error comes from the copy: nothing else is written.
        if isinstance(failure, apsw.IOError) and failure.extendedresult != apsw.SQLITE_IOERR_WRITE:  # type: ignore[attr-defined]
            raise
        raise no_room(source, copy.parent) from None


def no_room(source: Path, folder: Path) -> StoreError:
    """The error for a folder with too little space for the copy."""
    size = source.stat().st_size // 2**20 + 1
    return StoreError(f"There is no room for the copy in {folder}: it takes {size} MB. Nothing was written.")


def look_through(path: Path, told_as: Path | None = None) -> Contents:
    """Check a copy that no other program uses; returns what it contains.

    Args:
        told_as: the file's name in error messages.

    Raises:
        Damaged: it is damaged.
        StoreError: it is no chansync database, or a newer one.
    """
    name = told_as or path
    with explained(name), _told_as_copy(name), _reading(path) as db:
        limit(db, LOOK_SECONDS)
        # First of all: is it a chansync database?
        if db.pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{name} is no backup of a chansync database.")
        schema = db.pragma("user_version")
        if schema > SCHEMA_VERSION:
            raise StoreError(
                f"{name} was written by a newer chansync (schema {schema}, this program knows {SCHEMA_VERSION}). "
                "Upgrade this program."
            )
        found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise Damaged(f"{name} is damaged: {' '.join(' '.join(found).split())[:300]}")
        return _contents(db)


@contextlib.contextmanager
def _told_as_copy(path: Path) -> Iterator[None]:
    """Error messages for a damaged copy: take another one (for the database they would say: restore a backup)."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise Damaged(f"{path} is damaged, or no database at all ({error}): take another backup") from None
    except (apsw.SQLError, apsw.InterruptError) as error:
        raise Damaged(f"{path} is not as chansync makes it ({error}): take another backup") from None


def _contents(db: apsw.Connection) -> Contents:
    limit(db)
    return Contents(
        *db.execute(
            """SELECT (SELECT count(*) FROM channel), (SELECT count(*) FROM "order"),
               (SELECT count(*) FROM "order" WHERE state = 'imported'),
               (SELECT max(finished_at) FROM run), coalesce((SELECT value FROM setting WHERE name = ?), ''),
               coalesce((SELECT host FROM daemon WHERE stopped_at IS NULL), ''),
               coalesce((SELECT beat_at FROM daemon WHERE stopped_at IS NULL), 0)""",
            (settings.INSTANCE_ID,),
        ).get,
    )


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[apsw.Connection]:
    """Open for reading, also on a read-only disk: a copy without a WAL file is opened as immutable."""
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    else:
        uri = f"file:{quote(str(path.absolute()))}?immutable=1"
        db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    with contextlib.closing(distrust(db)):
        yield db


def contents_now(path: Path) -> Contents | None:
    """What the database at ``path`` contains; None if it cannot be read."""
    try:
        with contextlib.closing(open_file(path)) as db:
            return _contents(db)
    except apsw.Error:
        return None


@contextlib.contextmanager
def place_for(path: Path) -> Iterator[Path]:
    """A folder for copies that nobody else can read, on the disk of the database at ``path`` where this user may write
    there; gone at the end."""
    base = private_folder(path) if os.access(private_folder(path), os.W_OK) else Path(tempfile.gettempdir())
    for left in base.glob(".drill-*"):
        if left.name[7:].isdigit() and not lock_holders.is_alive(int(left.name[7:])):
            shutil.rmtree(left, ignore_errors=True)
    folder = base / f".drill-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def taken_in(name: Path, source: BinaryIO, log: BinaryIO | None, path: Path) -> Iterator[tuple[Path, Contents]]:
    """A checked copy of a backup in the private folder of the database at ``path``, and what it contains.

    Args:
        log: the write-ahead log beside the backup.

    Raises:
        Damaged, StoreError: as ``look_through``.
        UsageError: somebody is writing to it.
    """
    with private_files.opened(path), explained(path):
        folder = private_folder(path)
        private_files.sweep(folder, f"{path.stem}.restore")
        with private_files.work_file(folder, f"{path.stem}.restore") as copy:
            files = [file for file in (source, log) if file]
            before = [os.fstat(file.fileno()) for file in files]
            for file, end in zip(files, ("", "-wal"), strict=False):
                with open(f"{copy}{end}", "wb") as made:
                    shutil.copyfileobj(file, made)
            after = [os.fstat(file.fileno()) for file in files]
            if [(each.st_mtime_ns, each.st_size) for each in before] != [
                (each.st_mtime_ns, each.st_size) for each in after
            ]:
                raise UsageError(f"{name} is being written to: copy it by chansync db backup, and restore the copy.")
            yield copy, look_through(copy, name)


def restore(copy: Path, path: Path) -> Path | None:
    """Replace the database's contents by ``copy``; returns the file that keeps the old ones, None if there were none.

    Raises:
        InUse: a daemon, the screens or another command has the database open.
    """
    in_use = InUse(f"The daemon works on {path}: stop it first.")
    with explained(path), private_files.opened(path), locked(path, DAEMON, in_use), locked(path, MIGRATION):
        with contextlib.closing(distrust(apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE))) as db:
            # The source's daemon would look like one that hangs here.
            db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
            db.execute("DELETE FROM daemon")
        kept = private_folder(path) / f"{path.stem}.replaced-{private_files.stamp()}.db"
        if not path.exists():
            put_in_place(copy, path)
            return None
        private_files.sweep(kept.parent, f"{path.stem}.replaced-")
        with private_files.work_file(kept.parent, kept.name) as unfinished:
            try:
                with (
                    contextlib.closing(_alone(path)) as db,
                    contextlib.closing(apsw.Connection(str(unfinished))) as old,
                    contextlib.closing(apsw.Connection(str(copy))) as new,
                ):
                    _overwrite(old, db)
                    unfinished.replace(kept)
                    _overwrite(db, new)
            except (apsw.NotADBError, apsw.CorruptError):
                kept.unlink(missing_ok=True)
                _put_aside(path, kept)
                put_in_place(copy, path)
        private_files.clear_copies(path)
        return kept


def _overwrite(target: apsw.Connection, source: apsw.Connection) -> None:
    """In one transaction."""
    with target.backup("main", source, "main") as work:
        work.step(-1)


def _put_aside(path: Path, kept: Path) -> None:
    """Move the files of a database that SQLite cannot read any more to ``kept``, unchanged."""
    for end in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            source = os.open(f"{path}{end}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            made = os.open(f"{kept}{end}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(source, "rb") as file, os.fdopen(made, "wb") as target:
                shutil.copyfileobj(file, target)
    for end in ("-wal", "-shm", ""):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _alone(path: Path) -> apsw.Connection:
    """The database, opened exclusively.

    Raises:
        InUse: another program has it open.
    """
    db = open_file(path)
    try:
        db.set_busy_timeout(PATIENCE_MS)
        # In this mode SQLite locks the file itself, on which every program that has it open holds a shared lock.
        db.pragma("locking_mode", "EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        db.execute("COMMIT")
    except apsw.BusyError:
        db.close()
        raise InUse(
            f"The database {path} is in use by another program{lock_holders.who_has_open(path)}: close the screens, "
            "stop what copies it, such as Litestream, and run the command again."
        ) from None
    except apsw.Error:
        db.close()
        raise
    return db
