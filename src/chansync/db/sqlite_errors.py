"""SQLite's errors: a message for each, its ``StoreError``, and whether it is temporary."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from chansync.db import lock_holders
from chansync.db.folders import group_of, is_shared
from chansync.db.permanent_errors import DatabaseDamaged, DatabaseForbidden, is_forbidden
from chansync.model.errors import StoreError

#: Temporary errors: the database is locked, or the disk is full or does not respond. The position of each is the byte
#: of the lock file by which the daemon tells what it waits for: append only.
PASSING: tuple[type[apsw.Error], ...] = (
    apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError,
    apsw.PermissionsError, apsw.NoMemError, apsw.InterruptError,
)  # fmt: skip

#: The message for a value that SQLite cannot parse.
NONSENSE = (
    "The database holds nonsense in one of its values: another program has written there. Restore a backup from before "
    "that (chansync db restore)"
)

_SENTENCES: dict[type[apsw.Error], str] = {
    apsw.NotADBError: (
        "This is not an SQLite database, or its beginning is destroyed: name another file with --db, or restore a "
        "backup (chansync db restore)"
    ),
    apsw.CorruptError: "The database is damaged: see how much with chansync db check, and restore a backup",
    apsw.FullError: "The disk is full; make room and try again",
    apsw.ReadOnlyError: "The database may not be written; check its owner, group and mode",
    apsw.PermissionsError: "The database may not be opened; check its owner, group and mode",
    apsw.CantOpenError: "The database cannot be opened; check that its folder exists and may be written",
    apsw.BusyError: "The database is locked by another process for too long{who}; try again",
    apsw.IOError: "The disk failed; check it and try again",
    apsw.InterruptError: (
        "The database took too long: something in it may have no end. See what another program has put there with "
        "chansync doctor, and remove it: chansync db repair"
    ),
    apsw.TooBigError: (
        "The database holds a value that is too large, or was to be given one: another program has written there. "
        "Restore a backup from before that (chansync db restore)"
    ),
}


def sentence_of(error: apsw.Error) -> str:
    """What is wrong and what to do, without a full stop."""
    if isinstance(error, apsw.SQLError) and "malformed JSON" in str(error):
        return NONSENSE
    if is_changed(error):
        return "Another program has changed the database's tables: stop the daemon, and restore a backup"
    return sentence_of_kind(type(error)) or f"The database failed: {error}"


def is_changed(error: Exception) -> bool:
    """Whether a table was replaced by a view."""
    return isinstance(error, apsw.SQLError) and str(error).startswith("access to view")


def is_own_fault(error: apsw.Error) -> bool:
    """Whether it is SQLite's general error: a wrong statement, which is a bug of this program."""
    known = isinstance(error, (*_SENTENCES, *PASSING))
    return not known and not is_changed(error) and sentence_of(error) is not NONSENSE


def sentence_of_kind(kind: type[apsw.Error]) -> str:
    """The message for a kind of error; empty if there is none."""
    for known, sentence in _SENTENCES.items():
        if issubclass(kind, known):
            return sentence.format(who=lock_holders.who_writes()) if known is apsw.BusyError else sentence
    return ""


def passing_kind(error: BaseException | None) -> type[apsw.Error] | None:
    """Which of ``PASSING`` it is, None if none; an ``OSError`` counts as an I/O error."""
    if isinstance(error, OSError):
        return apsw.IOError
    return next((kind for kind in PASSING if isinstance(error, kind)), None)


def passes(error: Exception) -> bool:
    """Whether the error is temporary. After others (damage, another file or schema) continuing would do harm."""
    return passing_kind(error.__cause__ if isinstance(error, StoreError) else error) is not None


def is_about_data(error: apsw.Error) -> bool:
    """Whether the error is about the data that were to be written, and not about the database."""
    return isinstance(error, (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, apsw.RangeError))


class DatabaseFailed(StoreError):
    """SQLite's general error: a wrong statement, which is a bug of this program."""


@contextlib.contextmanager
def explained(path: Path | None = None) -> Iterator[None]:
    """Turn errors of SQLite and the file system into a ``StoreError`` with a message for the user."""
    try:
        yield
    except (apsw.Error, OSError) as error:
        raise store_error(error, path) from error


def store_error(error: apsw.Error | OSError, path: Path | None = None) -> StoreError:
    """The error with a message for the user."""
    where = f" ({path})" if path else ""
    if isinstance(error, apsw.Error):
        return _kind(error, path)(f"{sentence_of(error)}{where}")
    if isinstance(error, PermissionError):
        return DatabaseForbidden(f"The database may not be opened by this user: {_way_in(path)}{where}")
    return StoreError(f"The database cannot be opened: {error.strerror or error}{where}")


def _kind(error: apsw.Error, path: Path | None) -> type[StoreError]:
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)) or is_changed(error):
        return DatabaseDamaged
    if is_own_fault(error):
        return DatabaseFailed
    refused = isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError))
    return DatabaseForbidden if refused and path and is_forbidden(path) else StoreError


def _way_in(path: Path | None) -> str:
    """How the user can get access to the database."""
    with contextlib.suppress(OSError):
        if path and is_shared(path.parent):
            group = group_of(path.parent)
            return f"it is for the group {group} (usermod -aG {group} NAME, then log in anew)"
    return "check its owner, group and mode"
