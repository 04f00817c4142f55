"""What SQLite raises: a sentence for each, its ``StoreError``, and whether it may pass by itself."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from chansync.db import lock_holders
from chansync.db.folders import group_of, is_shared
from chansync.db.permanent_errors import DatabaseDamaged, DatabaseForbidden, is_forbidden
from chansync.model.errors import StoreError

#: What may pass by itself: somebody holds the database, or the disk is full or does not answer. The place of each is
#: the byte by which the daemon says that it waits for it: append only.
PASSING: tuple[type[apsw.Error], ...] = (
    apsw.BusyError, apsw.LockedError, apsw.FullError, apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError,
    apsw.PermissionsError, apsw.NoMemError, apsw.InterruptError,
)  # fmt: skip

#: What is said where SQLite cannot make out a value that a query reads.
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
    """Whether a view stands in a table's place."""
    return isinstance(error, apsw.SQLError) and str(error).startswith("access to view")


def is_own_fault(error: apsw.Error) -> bool:
    """Whether it is SQLite's general error: a wrong statement, which is a fault of the program's own."""
    known = isinstance(error, (*_SENTENCES, *PASSING))
    return not known and not is_changed(error) and sentence_of(error) is not NONSENSE


def sentence_of_kind(kind: type[apsw.Error]) -> str:
    """The same for a kind of error; empty where there is no sentence for it."""
    for known, sentence in _SENTENCES.items():
        if issubclass(kind, known):
            return sentence.format(who=lock_holders.who_writes()) if known is apsw.BusyError else sentence
    return ""


def passing_kind(error: BaseException | None) -> type[apsw.Error] | None:
    """Which of ``PASSING`` it is; what the operating system refuses counts as a failing disk. None: none of them."""
    if isinstance(error, OSError):
        return apsw.IOError
    return next((kind for kind in PASSING if isinstance(error, kind)), None)


def passes(error: Exception) -> bool:
    """Whether the database may work again by itself: somebody holds it, or the disk is full or does not answer.

    What does not pass is damage, another file in its place, another schema: going on would do harm.
    """
    return passing_kind(error.__cause__ if isinstance(error, StoreError) else error) is not None


def is_about_data(error: apsw.Error) -> bool:
    """Whether the database refuses what was to be written, and not to be written at all."""
    return isinstance(error, (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError, apsw.RangeError))


class DatabaseFailed(StoreError):
    """SQLite's general error: a wrong statement, which is a fault of the program's own."""


@contextlib.contextmanager
def explained(path: Path | None = None) -> Iterator[None]:
    """Turn what SQLite and the file system raise into a ``StoreError`` with a sentence."""
    where = f" ({path})" if path else ""
    try:
        yield
    except apsw.Error as error:
        raise _kind(error, path)(f"{sentence_of(error)}{where}") from error
    except PermissionError as error:
        raise DatabaseForbidden(f"The database may not be opened by this user: {_way_in(path)}{where}") from error
    except OSError as error:
        raise StoreError(f"The database cannot be opened: {error.strerror or error}{where}") from error


def _kind(error: apsw.Error, path: Path | None) -> type[StoreError]:
    if isinstance(error, (apsw.CorruptError, apsw.NotADBError)) or is_changed(error):
        return DatabaseDamaged
    if is_own_fault(error):
        return DatabaseFailed
    refused = isinstance(error, (apsw.ReadOnlyError, apsw.CantOpenError, apsw.PermissionsError))
    return DatabaseForbidden if refused and path and is_forbidden(path) else StoreError


def _way_in(path: Path | None) -> str:
    """What lets a user at a database that the system keeps from him."""
    with contextlib.suppress(OSError):
        if path and is_shared(path.parent):
            group = group_of(path.parent)
            return f"it is for the group {group} (usermod -aG {group} NAME, then log in anew)"
    return "check its owner, group and mode"
