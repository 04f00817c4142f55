"""Backups that can be relied on, and the way back from one.

A backup is one moment of the database, taken while others work, looked through for damage, and only then put under
the name that was asked for. A restore writes a backup into the database in one transaction of SQLite's own, so a kill
at any moment leaves the old contents or the new ones, and no program is left with a file that nobody else sees.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import apsw

from chansync.db import lock_holders, private_files, settings
from chansync.db.opening import backup, distrust, limit, open_file
from chansync.db.process_locks import DAEMON, MIGRATION, locked
from chansync.db.sqlite_errors import explained
from chansync.db.upgrade import put_in_place
from chansync.db.version import APPLICATION_ID, SCHEMA_VERSION
from chansync.locations import private_folder
from chansync.model.errors import StoreError, UsageError
from chansync.model.times import now_ms

#: How long a restore waits for a short command that has the database open, in milliseconds.
PATIENCE_MS = 3000

#: How long looking through a copy may take, in seconds: it may be made so that it never ends.
LOOK_SECONDS = 3600.0


class Damaged(StoreError):
    """A copy of a database is not sound."""

    code = "damaged"


class InUse(StoreError):
    """Somebody has the database open."""

    code = "in_use"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds; times in UTC milliseconds.

    Attributes:
        last_run_at: when the last run ended; None: none did.
        instance: the id that was made with the database and that every copy of it keeps; empty in a file from before
            there was one.
        daemon_host: the machine of the daemon that last worked on it; empty: none did, or it said that it stopped.
        daemon_beat_at: its last sign of life.
    """

    schema: int
    channels: int
    orders: int
    sales: int
    last_run_at: int | None
    instance: str
    daemon_host: str
    daemon_beat_at: int


@contextlib.contextmanager
def saved(source: Path, folder: Path) -> Iterator[Path]:
    """A sound copy of the database, taken while others use it; it is gone at the end.

    Args:
        folder: where the copy is made by somebody to whom the private folder is closed.

    Raises:
        Damaged: the database is not sound.
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
            # Whoever restores it has a backup: this one.
            settings.put(db, settings.BACKED_UP_AT, str(now_ms()))
            # In one file, and with no log beside it that would be left behind.
            db.pragma("journal_mode", "delete")
        yield copy


def _fill(copy: Path, source: Path) -> None:
    try:
        backup(source, copy)
    except (apsw.FullError, apsw.IOError) as failure:
        # What cannot be read is the database's own disk. What cannot be written is the copy: nothing else is.
        if isinstance(failure, apsw.IOError) and failure.extendedresult != apsw.SQLITE_IOERR_WRITE:  # type: ignore[attr-defined]
            raise
        raise no_room(source, copy.parent) from None


def no_room(source: Path, folder: Path) -> StoreError:
    """What is raised where a copy finds no room in a folder."""
    size = source.stat().st_size // 2**20 + 1
    return StoreError(f"There is no room for the copy in {folder}: it takes {size} MB. Nothing was written.")


def look_through(path: Path, told_as: Path | None = None) -> Contents:
    """Look through a copy that nobody works with: what it holds.

    Args:
        told_as: by which name people know it.

    Raises:
        Damaged: it is not sound.
        StoreError: it is no chansync database, or a newer one.
    """
    name = told_as or path
    with explained(name), _told_as_copy(name), _reading(path) as db:
        limit(db, LOOK_SECONDS)
        # Before anything of it is believed: is it ours at all?
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
        return _contents(db, schema)


@contextlib.contextmanager
def _told_as_copy(path: Path) -> Iterator[None]:
    """Damage of a copy needs another copy, and not what damage of the database needs."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise Damaged(f"{path} is damaged, or no database at all ({error}): take another backup") from None
    except (apsw.SQLError, apsw.InterruptError) as error:
        raise Damaged(f"{path} is not as chansync makes it ({error}): take another backup") from None


def _contents(db: apsw.Connection, schema: int) -> Contents:
    limit(db)
    return Contents(
        schema,
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
    """Open to read, also on a disk that may not be written: a copy with no log beside it does not change."""
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    else:
        uri = f"file:{quote(str(path.absolute()))}?immutable=1"
        db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
    with contextlib.closing(distrust(db)):
        yield db


def contents_now(path: Path) -> Contents | None:
    """What the database at ``path`` holds; None where it cannot be read any more."""
    try:
        with contextlib.closing(open_file(path)) as db:
            return _contents(db, db.pragma("user_version"))
    except apsw.Error:
        return None


@contextlib.contextmanager
def taken_in(name: Path, source: BinaryIO, log: BinaryIO | None, path: Path) -> Iterator[tuple[Path, Contents]]:
    """A copy of a backup in the private folder of the database at ``path``, looked through there, and what it holds.

    Args:
        log: the write-ahead log that lies beside the backup.

    Raises:
        Damaged: it is not sound.
        StoreError: it is no chansync database, or a newer one.
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
    """Put what was taken in in the database's place; where the old one is kept, or None where there was none.

    Raises:
        InUse: a daemon, the screens or another command has the database open.
    """
    in_use = InUse(f"The daemon works on {path}: stop it first.")
    with explained(path), private_files.opened(path), locked(path, DAEMON, in_use), locked(path, MIGRATION):
        _forget_daemon(copy)
        kept = private_folder(path) / f"{path.stem}.replaced-{private_files.stamp()}.db"
        if not path.exists():
            put_in_place(copy, path)
            return None
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


def _forget_daemon(copy: Path) -> None:
    """Its daemon is not this place's: nobody is to take it for one that hangs here."""
    with contextlib.closing(distrust(apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE))) as db:
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        db.execute("DELETE FROM daemon")


def _overwrite(target: apsw.Connection, source: apsw.Connection) -> None:
    """All at once: one transaction."""
    with target.backup("main", source, "main") as work:
        work.step(-1)


def _put_aside(path: Path, kept: Path) -> None:
    """Keep what is no database any more, so that nobody works with it, as it is."""
    for end in ("-wal", ""):
        with contextlib.suppress(FileNotFoundError):
            source = os.open(f"{path}{end}", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            made = os.open(f"{kept}{end}", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(source, "rb") as file, os.fdopen(made, "wb") as target:
                shutil.copyfileobj(file, target)
    for end in ("-wal", "-shm", ""):
        Path(f"{path}{end}").unlink(missing_ok=True)


def _alone(path: Path) -> apsw.Connection:
    """The database, opened so that nobody else has it open.

    Raises:
        InUse: somebody has.
    """
    db = open_file(path)
    try:
        db.set_busy_timeout(PATIENCE_MS)
        # Without shared memory: then the lock is on the file itself, which everybody holds who has it open.
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
