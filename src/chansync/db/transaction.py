"""One write transaction."""

from __future__ import annotations

import contextlib
import time
from types import TracebackType

import apsw

from chansync.db.version import SchemaChanged, check_schema

#: How long a transaction may take, in seconds: a trigger that somebody has put into the database may have no end.
LONGEST = 600.0


class transaction:
    """``with transaction(db): …``: ``BEGIN IMMEDIATE`` outermost, a savepoint inside another; undone by any exception.

    The connection's own context manager, with a type that tells type checkers that it swallows nothing. An outermost
    one also makes sure, while nobody else can write, that the schema is still the one that this program knows: a
    newer chansync may have brought the file up to date since it was opened.

    Raises:
        SchemaChanged: it has; nothing was written.
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
            # SQLite has undone it all by itself, as where it was interrupted or the disk is full.
            with contextlib.suppress(apsw.SQLError):
                self._db.__exit__(kind, error, trace)
        else:
            self._db.__exit__(kind, error, trace)
        if not self._db.in_transaction:
            self._db.set_progress_handler(None, id=transaction)
