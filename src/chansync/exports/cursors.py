"""Exports that go on where they ended: every file brings what is new or has changed since the one before.

A cursor keeps the digest of each row that it brought, so neither clocks nor gaps in numbers matter. A file is written
under another name; the cursor's transaction then commits its rows; then it gets its name. Whatever is killed in
between, the next run goes on: a file that was committed gets its name, one that was not is written again. So each row
is in exactly one file until it changes.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import apsw

from chansync.db.lock_holders import is_alive
from chansync.db.transaction import transaction
from chansync.exports.rows import Row, Wanted
from chansync.exports.writers import write_rows
from chansync.model.errors import UsageError
from chansync.model.times import now_ms

_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*\Z")


@dataclass(frozen=True, slots=True)
class Batch:
    """What an export brought: its file and how many rows it has; no file where there was nothing new.

    Attributes:
        finished: a file of an earlier run that was killed before it got its name.
    """

    file: Path | None
    count: int
    finished: Path | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor: ``batch`` is the number of its last file, ``at`` when that was made, in UTC milliseconds."""

    name: str
    what: str
    batch: int
    part: str
    file: str
    delivered: bool
    at: int | None


def cursors(db: apsw.Connection) -> list[Cursor]:
    """Every cursor, by name."""
    found = db.execute("SELECT name, what, batch, part, file, delivered, at FROM export_cursor ORDER BY name")
    return [
        Cursor(name, what, batch, part, file, bool(delivered), at)
        for name, what, batch, part, file, delivered, at in found
    ]


def forget(db: apsw.Connection, name: str) -> None:
    """Forget a cursor: the next export of that name begins anew.

    Raises:
        UsageError: there is none of that name.
    """
    with transaction(db):
        db.execute("DELETE FROM export_cursor WHERE name = ?", (name,))
        if not db.changes():
            raise UsageError(f"There is no cursor {name!r:.60}. See: chansync export cursors")


def export(db: apsw.Connection, name: str, wanted: Wanted, folder: Path, form: str) -> Batch:
    """Write a file of what is new or has changed since the last one of that cursor.

    Raises:
        UsageError: the name is wrong, the cursor is of something else, another process exports with it now, or the file
            of an earlier run can neither be found nor be finished.
        OSError: the folder cannot be written.
    """
    if not _NAME.match(name) or len(name) > 60:
        raise UsageError("A cursor's name may hold lower-case letters, digits, dots, hyphens and underscores.")
    cursor = _opened(db, name, wanted.what)
    finished = _finish(db, cursor)
    number = cursor.batch + 1
    file = folder.absolute() / f"{name}-{number:06}.{form}"
    part = file.with_name(f".{file.name}.{os.getpid()}")
    _sweep(db, folder, name)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o640), "wb") as output:
            count = _write(db, name, wanted, output, form)
            output.flush()
            os.fsync(output.fileno())
        if not count:
            return Batch(None, 0, finished)
        _commit(db, cursor, number, part, file)
    finally:
        # What is committed is never deleted: the next run finishes it.
        with contextlib.suppress(apsw.Error):
            if _of(db, name).part != str(part):
                part.unlink(missing_ok=True)
    _deliver(db, name, part, file)
    return Batch(file, count, finished)


def _of(db: apsw.Connection, name: str) -> Cursor:
    return next(cursor for cursor in cursors(db) if cursor.name == name)


def _opened(db: apsw.Connection, name: str, what: str) -> Cursor:
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO export_cursor (name, what) VALUES (?, ?)", (name, what))
    cursor = _of(db, name)
    if cursor.what != what:
        raise UsageError(f"The cursor {name} is of {cursor.what}: take another name for {what}.")
    return cursor


def _finish(db: apsw.Connection, cursor: Cursor) -> Path | None:
    """Give the file of a run that was killed its name."""
    if cursor.delivered:
        return None
    part, file = Path(cursor.part), Path(cursor.file)
    was_there = part.exists()
    if not was_there and not file.parent.is_dir():
        raise UsageError(
            f"The last file of the cursor {cursor.name}, {file}, is not finished, and its folder is not there: is its "
            "disk mounted?"
        )
    _deliver(db, cursor.name, part, file)
    return file if was_there else None


def _deliver(db: apsw.Connection, name: str, part: Path, file: Path) -> None:
    # Where it is gone, it has its name already, or whoever takes the files has taken it.
    with contextlib.suppress(FileNotFoundError):
        part.rename(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    with transaction(db):
        db.execute("UPDATE export_cursor SET delivered = 1 WHERE name = ?", (name,))


def _write(db: apsw.Connection, name: str, wanted: Wanted, output: IO[bytes], form: str) -> int:
    """Write what is new; the digests are kept in a table of this connection."""
    db.execute("CREATE TEMP TABLE IF NOT EXISTS exported_now (key TEXT PRIMARY KEY, digest BLOB NOT NULL)")
    db.execute("DELETE FROM temp.exported_now")

    def is_new(row: Row) -> bool:
        digest = row.digest
        if db.execute("SELECT digest FROM export_row WHERE cursor = ? AND key = ?", (name, row.key)).get == digest:
            return False
        db.execute("INSERT INTO temp.exported_now (key, digest) VALUES (?, ?)", (row.key, digest))
        return True

    return write_rows(db, wanted, output, form, is_new)


def _commit(db: apsw.Connection, cursor: Cursor, number: int, part: Path, file: Path) -> None:
    with transaction(db):
        db.execute(
            """UPDATE export_cursor SET batch = ?, part = ?, file = ?, delivered = 0, at = ?
               WHERE name = ? AND batch = ?""",
            (number, str(part), str(file), now_ms(), cursor.name, cursor.batch),
        )
        if not db.changes():
            raise UsageError(f"Another process exports with the cursor {cursor.name} at the same time: run it again.")
        db.execute(
            """INSERT INTO export_row (cursor, key, digest) SELECT ?, key, digest FROM temp.exported_now WHERE true
               ON CONFLICT DO UPDATE SET digest = excluded.digest""",
            (cursor.name,),
        )


def _sweep(db: apsw.Connection, folder: Path, name: str) -> None:
    """Delete what killed runs have left unfinished in the folder."""
    for left in folder.glob(f".{name}-*"):
        pid = left.suffix[1:]
        if not pid.isdigit() or not re.match(rf"\.{re.escape(name)}-\d+\.[a-z]+\.\d+\Z", left.name):
            continue
        # In this order: who is dead commits no more, and what was committed is the next run's to finish. In a container
        # the process that was killed may have had our own number.
        if (int(pid) == os.getpid() or not is_alive(int(pid))) and left.name != Path(_of(db, name).part).name:
            left.unlink(missing_ok=True)
