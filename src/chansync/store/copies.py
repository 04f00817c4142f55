"""Backups that can be relied on, and the way back from one.

A backup is one moment of the database, taken while others work, looked through for damage, and only then put under
the name that was asked for. A restore writes a backup into the database in one transaction of SQLite's own, so a kill
at any moment leaves the old contents or the new ones, and no program is left with a file that nobody else sees.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import apsw

from chansync.model.errors import StoreError, UsageError
from chansync.model.times import from_ms, now_ms
from chansync.store import lockers, settings
from chansync.store.connection import backup, distrust, explained, make_private, sweep
from chansync.store.process_locks import DAEMON, MIGRATION, lock_path, locked
from chansync.store.sharing import hand_over
from chansync.store.version import APPLICATION_ID, SCHEMA_VERSION

#: How long a restore waits for a short command that has the database open, in milliseconds.
PATIENCE_MS = 3000


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


def save(source: Path, target: Path, *, force: bool = False) -> None:
    """Copy the database while others use it. The copy has the source's mode and group, and is sound.

    Args:
        force: replace a file that is there.

    Raises:
        UsageError: the target is there, is not for a copy, or cannot be written.
        Damaged: the database is not sound; nothing stands under the target's name then.
        StoreError: there is no room for the copy.
    """
    try:
        _refuse(source, target, force)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from None
    # A copy that is broken off, or not sound, never stands under the name that was asked for.
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        # What a copy to the same place that was killed has left.
        sweep(target.parent, f".{target.name}.")
        with explained(source):
            _fill(unfinished, source, target)
        _refuse_damage(unfinished, source)
        _give_group(unfinished, source)
        _put(unfinished, target, force)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from None
    finally:
        for leftover in ("", "-wal", "-shm", "-journal"):
            # A file system that is read-only refuses also what is not there.
            with contextlib.suppress(OSError):
                Path(f"{unfinished}{leftover}").unlink(missing_ok=True)


def _refuse(source: Path, target: Path, force: bool) -> None:
    """Refuse a target that a copy must not stand at: before it is made, which may take a while."""
    beside = (f"{source}-wal", f"{source}-shm", f"{source}-journal", lock_path(source))
    if target.absolute() in (*map(Path, beside), source.with_suffix(".key")):
        raise UsageError(f"{target} is a file that belongs to the database. Name another file.")
    if not os.path.lexists(target):
        return
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target} is the database itself.")
    if not force:
        raise UsageError(f"{target} is there already. Name another file, or give --force.")
    found = target.lstat()
    if stat.S_ISLNK(found.st_mode):
        return
    # Somebody who mistypes a name as root loses no device, no key and no document.
    if not stat.S_ISREG(found.st_mode) or (found.st_size and not _begins_as_database(target)):
        raise UsageError(f"{target} is no database, and a copy replaces nothing else. Name another file.")
    if os.path.exists(f"{target}-wal"):
        raise UsageError(f"{target} is a database that somebody has open. Name another file.")


def _begins_as_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _fill(copy: Path, source: Path, target: Path) -> None:
    try:
        backup(source, copy)
    except (apsw.FullError, apsw.IOError) as failure:
        # What cannot be read is the database's own disk. What cannot be written is the copy: nothing else is.
        if isinstance(failure, apsw.IOError) and failure.extendedresult != apsw.SQLITE_IOERR_WRITE:  # type: ignore[attr-defined]
            raise
        size = source.stat().st_size
        raise StoreError(
            f"There is no room for the copy in {target.parent}: it takes {size // 2**20 + 1} MB. Nothing was written."
        ) from None
    except OSError as error:
        # The copy's file could not be made, which is not the database's fault.
        raise UsageError(f"{target} cannot be written: {error.strerror or error}.") from None


def _refuse_damage(copy: Path, source: Path) -> None:
    try:
        look_through(copy)
    except Damaged:
        raise Damaged(
            f"{source} is damaged, and a copy of it is no backup: see how much with chansync db check, and restore an "
            "earlier one"
        ) from None


def _give_group(copy: Path, source: Path) -> None:
    # Only a member of the group, or root, can; and then the mode may have to be set again.
    with contextlib.suppress(PermissionError):
        found = source.stat()
        os.chown(copy, -1, found.st_gid)
        os.chmod(copy, found.st_mode & 0o777)


def _put(unfinished: Path, target: Path, force: bool) -> None:
    if force:
        unfinished.replace(target)
    else:
        try:
            # Unlike a rename, a link never replaces what somebody else has just put there.
            os.link(unfinished, target)
        except FileExistsError:
            raise UsageError(f"{target} is there already. Name another file, or give --force.") from None
        except OSError:
            # Some file systems know no links.
            unfinished.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def look_through(path: Path) -> Contents:
    """Look through a copy that nobody works with: what it holds.

    Raises:
        Damaged: it is not sound.
        StoreError: it is no chansync database, or a newer one.
    """
    with explained(path), _told_as_copy(path), _reading(path) as db:
        # Before anything of it is believed: is it ours at all?
        if db.pragma("application_id") != APPLICATION_ID:
            raise StoreError(f"{path} is no backup of a chansync database.")
        schema = db.pragma("user_version")
        if schema > SCHEMA_VERSION:
            raise StoreError(
                f"{path} was written by a newer chansync (schema {schema}, this program knows {SCHEMA_VERSION}). "
                "Upgrade this program."
            )
        found = [str(row[0]) for row in db.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise Damaged(f"{path} is damaged: {' '.join(' '.join(found).split())[:300]}")
        return _contents(db, schema)


@contextlib.contextmanager
def _told_as_copy(path: Path) -> Iterator[None]:
    """Damage of a copy needs another copy, and not what damage of the database needs."""
    try:
        yield
    except (apsw.NotADBError, apsw.CorruptError) as error:
        raise Damaged(f"{path} is damaged, or no database at all ({error}): take another backup") from None


def _contents(db: apsw.Connection, schema: int) -> Contents:
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
    if not path.exists():
        raise UsageError(f"There is no file {path}.")
    if not path.is_file():
        # A pipe would let us wait for ever.
        raise UsageError(f"{path} is no file.")
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
        with contextlib.closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as db:
            return _contents(db, db.pragma("user_version"))
    except apsw.Error:
        return None


def restore(copy: Path, path: Path) -> Path | None:
    """Put a backup in the database's place; where the old one is kept, or None where there was none.

    Raises:
        InUse: a daemon, the screens or another command has the database open.
        StoreError: the backup is not sound, no chansync database, or a newer one.
    """
    in_use = InUse(f"The daemon works on {path}: stop it first.")
    with explained(path), locked(path, DAEMON, in_use), locked(path, MIGRATION):
        prepared = path.with_name(f".{path.name}.restore.{os.getpid()}")
        for left in path.parent.glob(f".{path.name}.restore.*"):
            # What a restore that was killed left; there is no other one now.
            left.unlink(missing_ok=True)
        try:
            # On the database's own disk, and looked through there: what is then written is what was found sound.
            with explained(copy):
                _copy(copy, prepared)
            look_through(prepared)
            _forget_daemon(prepared)
            if not path.exists():
                prepared.chmod(0o660)
                hand_over(prepared)
                prepared.replace(path)
                return None
            return _replace(prepared, path)
        finally:
            for leftover in ("", "-wal", "-shm", "-journal"):
                Path(f"{prepared}{leftover}").unlink(missing_ok=True)


def _forget_daemon(copy: Path) -> None:
    """Its daemon is not this place's: nobody is to take it for one that hangs here."""
    with contextlib.closing(distrust(apsw.Connection(str(copy), flags=apsw.SQLITE_OPEN_READWRITE))) as db:
        db.config(apsw.SQLITE_DBCONFIG_ENABLE_TRIGGER, 0)
        db.execute("DELETE FROM daemon")


def _copy(source: Path, target: Path) -> None:
    make_private(target)
    with _reading(source) as original, contextlib.closing(apsw.Connection(str(target))) as made:
        _overwrite(made, original)


def _overwrite(target: apsw.Connection, source: apsw.Connection) -> None:
    """All at once: one transaction."""
    with target.backup("main", source, "main") as work:
        work.step(-1)


def _replace(prepared: Path, path: Path) -> Path:
    kept = path.with_name(f"{path.stem}.replaced-{from_ms(now_ms()):%Y%m%d%H%M%S}.db")
    unfinished = Path(f"{prepared}.kept")
    make_private(unfinished)
    try:
        with (
            contextlib.closing(_alone(path)) as db,
            contextlib.closing(apsw.Connection(str(unfinished))) as old,
            contextlib.closing(apsw.Connection(str(prepared))) as new,
        ):
            _overwrite(old, db)
            os.chmod(unfinished, path.stat().st_mode & 0o777)
            unfinished.replace(kept)
            _overwrite(db, new)
    except (apsw.NotADBError, apsw.CorruptError):
        # It is no database any more, so nobody works with it: it steps aside as it is.
        kept.unlink(missing_ok=True)
        os.chmod(prepared, path.stat().st_mode & 0o777)
        _give_group(prepared, path)
        for part in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{part}").rename(f"{kept}{part}")
        prepared.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return kept


def _alone(path: Path) -> apsw.Connection:
    """The database, opened so that nobody else has it open.

    Raises:
        InUse: somebody has.
    """
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        db.set_busy_timeout(PATIENCE_MS)
        # Without shared memory: then the lock is on the file itself, which everybody holds who has it open.
        db.pragma("locking_mode", "EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        db.execute("COMMIT")
    except apsw.BusyError:
        db.close()
        raise InUse(
            f"Another program{lockers.who_has_open(path)} has {path} open: close the screens, stop what copies it, as "
            "Litestream, and try again."
        ) from None
    except apsw.Error:
        db.close()
        raise
    return db
