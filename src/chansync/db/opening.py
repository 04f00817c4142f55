"""Opening the file of a database that others may write: nothing that lies there is followed or believed."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

import apsw

from chansync.db.folders import is_shared

#: How long a write waits for another process's write, in milliseconds.
BUSY_TIMEOUT_MS = 15_000

#: The longest row and value that are read, in bytes. Ours are shorter by far.
LONGEST = 32 * 2**20

#: How long one look at a database that is examined may take, in seconds.
LOOK_SECONDS = 60.0


def place_of(path: str | os.PathLike[str]) -> tuple[str, int]:
    """The name and flags by which SQLite opens the database at ``path``.

    In a group's folder the file is no link. A rollback journal that lies beside it is somebody's making, because the
    database is never without its write-ahead log, and goes: SQLite would write what it says into the database.

    Raises:
        DatabaseForbidden: something else than a file lies at the name of the database or of what belongs to it.
    """
    name, flags = os.fspath(path), apsw.SQLITE_OPEN_READWRITE
    if not is_shared(os.path.dirname(name) or "."):
        return name, flags
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        os.unlink(f"{name}-journal")
    for end in ("", "-wal", "-shm", "-journal"):
        refuse_planted(f"{name}{end}")
    folder, file = os.path.split(name)
    return os.path.join(os.path.realpath(folder), file), flags | apsw.SQLITE_OPEN_NOFOLLOW


def refuse_planted(name: str) -> None:
    """Make sure that a name in a group's folder is a file's, or nobody's.

    Raises:
        DatabaseForbidden: it is a link, a pipe or the like.
    """
    with contextlib.suppress(FileNotFoundError):
        found = os.lstat(name)
        if not stat.S_ISREG(found.st_mode):
            from chansync.db.permanent_errors import DatabaseForbidden

            kind = "a link" if stat.S_ISLNK(found.st_mode) else "no file"
            raise DatabaseForbidden(
                f"{name} is {kind}, in a folder that a whole group may write: it is not believed. See who made it (ls "
                "-l), remove it, and put the database itself there"
            )


def open_file(path: str | os.PathLike[str]) -> apsw.Connection:
    """Open the database's file as it is: neither made, upgraded nor set up.

    Raises:
        DatabaseForbidden: as ``place_of``.
    """
    name, flags = place_of(path)
    return distrust(apsw.Connection(name, flags=flags))


def distrust(db: apsw.Connection) -> apsw.Connection:
    """Believe nothing of what stands in the schema, where others may write: no function with effects is called from
    there, no view is read in a table's place, SQLite's own tables and the search's are changed by SQLite alone,
    and no row takes the memory."""
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    db.limit(apsw.SQLITE_LIMIT_LENGTH, LONGEST)
    return db


def limit(db: apsw.Connection, seconds: float = LOOK_SECONDS) -> None:
    """Let whatever the connection does from now on end within so many seconds, by ``apsw.InterruptError``."""
    end = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > end, 10_000)


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


def data_version(db: apsw.Connection) -> int:
    """A number that changes when another connection commits (``PRAGMA data_version``); cheap enough to poll."""
    version: int = db.pragma("data_version")
    return version
