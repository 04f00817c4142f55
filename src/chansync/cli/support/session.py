"""What a command works with: the database's path, the open store, and the rights to them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from chansync.db.folders import is_shared
from chansync.db.locations import database_path
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from chansync.db.connection import Store

T = TypeVar("T")


def become_owner(database: str | os.PathLike[str]) -> None:
    """If root runs the command, switch to the owner of the database's folder; files that it named are opened before.

    Raises:
        UsageError: the folder is root's and open to others, or its owner cannot run this program.
    """
    if os.geteuid() != 0:
        return
    from chansync.db import privileges

    try:
        named = sys.modules.get("chansync.cli.support.named_files")
        privileges.become_owner(os.path.abspath(database), *([named.secure] if named else []))
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}.") from None


class Session:
    """One call of the command. The store opens on first use and closes at the end."""

    def __init__(self, given: str | None) -> None:
        self._path = database_path(given)
        self._is_owner = False
        self._store: Store | None = None

    @property
    def named_path(self) -> Path:
        """The database's path. Do not open it: root has not given up its rights yet."""
        return self._path

    @property
    def path(self) -> Path:
        """The database's path. Root first switches to the folder's owner, so that no link there misuses its rights."""
        if not self._is_owner:
            become_owner(self._path)
            self._is_owner = True
            self._take_over_key()
        return self._path

    @property
    def store(self) -> Store:
        """The database, for synchronous use; it is not created here."""
        if self._store is None:
            from chansync.db.connection import open_store

            self._store = open_store(self.path, create=False)
        return self._store

    def _take_over_key(self) -> None:
        """Move a key that an earlier version kept in the shared folder, if the daemon has not done so yet."""
        if os.path.lexists(self._path.with_suffix(".key")) and is_shared(self._path.parent):
            from chansync.cli.support.output import note
            from chansync.secrets import key_file, sealing

            if sealing.take_over_key(self._path):
                note(key_file.MOVED)

    @property
    def db(self) -> apsw.Connection:
        """The connection of the store."""
        return self.store.db

    def refuse_as_file(self, path: Path) -> None:
        """Refuse to read or write the database as a file: closing it would release SQLite's locks on it.

        Raises:
            UsageError: ``path`` is the database.
        """
        with contextlib.suppress(OSError):
            if path.samefile(self._path):
                raise UsageError(f"{path} is the database itself.")

    def close(self) -> None:
        """Close the store; the next use opens it again."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def run_async(self, work: Callable[[Store], Awaitable[T]]) -> T:
        """Run ``work(store)`` to its end with an asynchronous store; the synchronous one is closed before."""
        from chansync import dns
        from chansync.db.connection import open_async
        from chansync.gc_tuning import tune_gc

        self.close()
        tune_gc()

        async def whole() -> T:
            async with contextlib.aclosing(await open_async(self.path, create=False)) as store:
                return await work(store)

        return dns.run(whole())


def user_name() -> str:
    """Who runs the command, for the records."""
    from chansync.db import privileges
    from chansync.db.folders import name_of

    return name_of(privileges.caller())
