"""One write transaction."""

from __future__ import annotations

from types import TracebackType

import apsw

from chansync.db.version import SchemaChanged, check_schema


class transaction:
    """``with transaction(db): …``: ``BEGIN IMMEDIATE`` outermost, a savepoint inside another; undone by any exception.

    The connection's own context manager, with a type that tells type checkers that it swallows nothing. An outermost
    one also makes sure, while nobody else can write, that the schema is still the one that this program knows: a
    newer chansync may have brought the file up to date since it was opened.

    Raises:
        SchemaChanged: it has; nothing was written.
    """

    __slots__ = ("_db",)

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        outermost = not self._db.in_transaction
        self._db.__enter__()
        if outermost:
            try:
                check_schema(self._db)
            except SchemaChanged as changed:
                self._db.__exit__(SchemaChanged, changed, None)
                raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.__exit__(kind, error, trace)
