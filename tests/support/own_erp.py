"""The example ERP of the HTTP protocol behind a socket, in a thread."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from chansync.demo.serving import ServerThread
from chansync.erp.contract import Seen
from chansync.erp.http import HttpErp
from chansync.erp.http.example import sample
from chansync.erp.http.example.books import Books
from chansync.erp.http.example.server import make_app
from chansync.erp.remote import ErpSettings, Remote

TOKEN = "example-token-of-the-tests"


class OwnErp(ServerThread):
    """The example ERP with its sample company; a context manager.

    Args:
        file: its database.
        wrap: what is put around the application, to spoil it.
    """

    def __init__(self, file: Path, wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app) -> None:
        super().__init__("127.0.0.1", 0)
        self.file = file
        self.books = Books(file)
        sample.fill(self.books)
        self.serve(wrap(make_app(self.books, TOKEN)), asyncio.Event())

    def connect(self, token: str = TOKEN, **options: Any) -> Remote:
        """A connection that waits for nothing between its attempts."""
        kind = HttpErp(backoff=lambda attempt: 0.0, **options)
        return kind.connect(ErpSettings("own", {"address": self.url, "token": token}))

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What stands in the ERP's own file, as somebody else reads it; or a change to it, as a person there makes."""
        db = sqlite3.connect(self.file, timeout=20)
        try:
            with db:
                return db.execute(statement, parameters).fetchall()
        finally:
            db.close()

    async def look(self, key: str) -> Seen | None:
        """For the contract suite."""
        rows = self.sql(
            """SELECT total, (SELECT coalesce(sum(amount), 0) FROM payment WHERE sale_id = s.id)
               FROM sale s WHERE key = ?""",
            key,
        )
        return Seen(*rows[0], len(rows)) if rows else None

    async def have(self, item: str, warehouse: str, pieces: int) -> None:
        """For the contract suite."""
        self.sql("INSERT INTO movement (warehouse, item, pieces) VALUES (?, ?, ?)", warehouse, item, pieces)

    def stop(self) -> None:
        super().stop()
        self.books.db.close()
