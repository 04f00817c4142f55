"""What SQLite raises: a sentence for each, and whether it may pass by itself."""

from __future__ import annotations

import apsw

from chansync.db import lock_holders

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
