"""Opening a database file that other users may write: no link is followed, and its schema is not trusted."""

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

#: The largest row and value that are read, in bytes. Those of chansync are much smaller.
LONGEST = 32 * 2**20

#: Time limit of a query on a database that is checked, in seconds.
LOOK_SECONDS = 60.0


def place_of(path: str | os.PathLike[str]) -> tuple[str, int]:
    """The name and flags with which SQLite opens the database at ``path``.

    In a shared folder links are refused, and a rollback journal is deleted: SQLite would write its contents into the
    database, and chansync, always in WAL mode, never creates one.

    Raises:
        DatabaseForbidden: the database, or one of SQLite's files beside it, is not a regular file.
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
    """Make sure that ``name`` in a shared folder is a regular file, or does not exist.

    Raises:
        DatabaseForbidden: it is a link, a pipe or similar.
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
    """Open an existing database without creating, upgrading or configuring it. It waits for other processes' locks.

    Raises:
        DatabaseForbidden: as ``place_of``.
    """
    name, flags = place_of(path)
    db = distrust(apsw.Connection(name, flags=flags))
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    return db


def distrust(db: apsw.Connection) -> apsw.Connection:
    """Do not trust the schema, which others may have changed: it cannot call functions with side effects, no view
    can replace a table, SQLite's internal tables cannot be written, and no row can use up the memory."""
    db.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)
    db.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_VIEW, 0)
    db.limit(apsw.SQLITE_LIMIT_LENGTH, LONGEST)
    return db


def limit(db: apsw.Connection, seconds: float = LOOK_SECONDS) -> None:
    """End whatever the connection does after so many seconds from now, with ``apsw.InterruptError``."""
    end = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > end, 10_000)


def backup(source: Path, target: Path) -> None:
    """Copy a database that others use (SQLite's online backup) into an empty file, which keeps its mode."""
    with (
        contextlib.closing(open_file(source)) as original,
        contextlib.closing(apsw.Connection(str(target))) as copy,
    ):
        # Within a read transaction: otherwise each write by another process restarts the backup.
        original.execute("BEGIN")
        list(original.execute("SELECT count(*) FROM sqlite_schema"))
        with copy.backup("main", original, "main") as work:
            while not work.done:
                work.step(1000)


def data_version(db: apsw.Connection) -> int:
    """A number that changes when another connection commits (``PRAGMA data_version``); cheap enough to poll."""
    version: int = db.pragma("data_version")
    return version
