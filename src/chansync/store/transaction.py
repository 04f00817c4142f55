"""One write transaction."""

from __future__ import annotations

from types import TracebackType

import apsw


class transaction:
    """``with transaction(db): …``: ``BEGIN IMMEDIATE`` outermost, a savepoint inside another; undone by any exception.

    The connection's own context manager, with a type that tells type checkers that it swallows nothing.
    """

    __slots__ = ("_db",)

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.__exit__(kind, error, trace)
