"""What a command works with: the database's path, and the open store."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from chansync.locations import database_path
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from chansync.store.connection import Store

T = TypeVar("T")


class Session:
    """One call of the command. The store opens on first use and closes at the end."""

    def __init__(self, given: str | None) -> None:
        self.path: Path = database_path(given)
        self._store: Store | None = None

    @property
    def store(self) -> Store:
        """The database, for synchronous use; it is not created here."""
        if self._store is None:
            from chansync.store.connection import open_store

            self._store = open_store(self.path, create=False)
        return self._store

    @property
    def db(self) -> apsw.Connection:
        """The connection of the store."""
        return self.store.db

    def refuse_as_file(self, path: Path) -> None:
        """Refuse to read or write the database as a file: closing it would drop the locks that SQLite holds on it.

        Raises:
            UsageError: ``path`` is the database.
        """
        if path.exists() and self.path.exists() and path.samefile(self.path):
            raise UsageError(f"{path} is the database itself.")

    def close(self) -> None:
        """Close the store; the next use opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def run_async(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Run ``work(store)`` to its end with an asynchronous store; the synchronous one is closed before."""
        from chansync import dns
        from chansync.gc_tuning import tune_gc
        from chansync.store.connection import open_async

        self.close()
        tune_gc()

        async def whole() -> T:
            store = await open_async(self.path, create=False)
            try:
                return await work(store)
            finally:
                await store.aclose()

        return dns.run(whole())


pass_session = click.make_pass_decorator(Session)


def user_name() -> str:
    """Who runs the command, for the records."""
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def split_pairs(pairs: tuple[str, ...], form: str) -> dict[str, str]:
    """``name=text`` arguments by name.

    Raises:
        UsageError: one has no ``=``, or a name is there twice.
    """
    texts: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{pair!r:.60} is not of the form {form}.")
        if name.strip() in texts:
            raise UsageError(f"{name.strip()!r:.60} is given twice.")
        texts[name.strip()] = text
    return texts
