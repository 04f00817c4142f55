"""One write transaction, or a savepoint inside of one."""

from __future__ import annotations

import contextlib
import time
from types import TracebackType

import apsw

from chansync.db.version import SchemaChanged, check_schema

#: Time limit of a transaction, in seconds: another program may have added a trigger that never ends.
LONGEST = 600.0


class Undo(Exception):
    """Rolls a transaction back whose caller suppresses it: ``with suppress(Undo), transaction(db): …``."""


class transaction:
    """``with transaction(db): …``: ``BEGIN IMMEDIATE``, or a savepoint inside another one; rolled back by an exception.

    The connection's own context manager, which type checkers take for one that suppresses exceptions. The outermost one
    also checks that no newer chansync has upgraded the schema since the file was opened.

    Raises:
        SchemaChanged: the schema was upgraded; nothing was written.
        apsw.InterruptError: it took longer than ``LONGEST``.
    """

    __slots__ = ("_db",)

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        outermost = not self._db.in_transaction
        self._db.__enter__()
        if outermost:
            end = time.monotonic() + LONGEST
            self._db.set_progress_handler(lambda: time.monotonic() > end, 100_000, id=transaction)
            try:
                check_schema(self._db)
            except SchemaChanged as changed:
                self.__exit__(SchemaChanged, changed, None)
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not self._db.in_transaction:
            # SQLite has rolled it back already, for example because it was interrupted or the disk is full.
            with contextlib.suppress(apsw.SQLError):
                self._db.__exit__(kind, error, trace)
        else:
            self._db.__exit__(kind, error, trace)
        if not self._db.in_transaction:
            self._db.set_progress_handler(None, id=transaction)
