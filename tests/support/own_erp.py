"""The example ERP of the HTTP protocol behind a socket, in a thread, and what can go wrong on the way to it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from chansync.demo.faults import Faults, Spoilt, spoil
from chansync.demo.serving import ServerThread, hang, send_whole
from chansync.erp.contract import Seen
from chansync.erp.http import HttpErp
from chansync.erp.http.client import HttpRemote
from chansync.erp.http.example.server import make_app, open_books
from chansync.erp.remote import ErpSettings
from support.judge import Judge
from support.patience import PATIENCE

TOKEN = "example-token-of-the-tests"
#: How long a connection waits for an answer that is not to come, in seconds.
HASTE = 0.5


async def _no_wait(seconds: float) -> None:
    """Instead of sleeping."""


#: SQL: whether a sale is open and nothing of it has left.
UNSENT = "document ->> '$.closed' = '' AND json_array_length(document, '$.sent') = 0"


def summed(rows: str, name: str) -> str:
    """SQL: what an amount of all payments, documents or refunds of a sale comes to."""
    return f"(SELECT coalesce(sum(value ->> '$.{name}'), 0) FROM json_each(document, '$.{rows}'))"


class OwnErp(ServerThread):
    """The example ERP with its sample company; a context manager. What it says and hears is held to the description.

    Args:
        file: its database.
        tls: certificate and key.

    Attributes:
        faults: what is spoilt of its answers (``chansync.demo.faults``), with three more options: ``body`` is what is
            answered, ``doubled`` how often a request arrives, and ``late`` after how many seconds, when its sender has
            given up.
        requests: method and path of each request; ``headers``: its headers.
    """

    def __init__(self, file: Path, tls: tuple[Path, Path] | None = None) -> None:
        super().__init__("127.0.0.1", 0, tls)
        self.file = file
        self.books = open_books(file)
        self.faults = Faults()
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self._late: list[asyncio.Future[None]] = []
        self.judge = Judge(make_app(self.books, TOKEN))
        self._stopping = asyncio.Event()

        # A function: of a method, uvicorn does not see what it is.
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await self._spoilt(scope, receive, send)

        self.serve(app, self._stopping)

    def connect(self, token: str = TOKEN, *, sign: bool = False, hasty: bool = False, **options: Any) -> HttpRemote:
        """A connection that does not wait between its attempts; a hasty one soon gives up on an answer."""
        timeout = httpx.Timeout(HASTE if hasty else PATIENCE, connect=PATIENCE, pool=None)
        kind = HttpErp(backoff=lambda attempt: 0.0, sleep=_no_wait, **({"timeout": timeout} | options))
        remote = kind.connect(ErpSettings("own", {"address": self.url, "token": token, "sign_requests": sign}))
        assert isinstance(remote, HttpRemote)
        return remote

    async def _spoilt(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append((scope["method"], scope["path"]))
        self.headers.append({name.decode(): value.decode() for name, value in scope["headers"]})
        fault = self.faults.take(scope["method"], scope["path"])
        if fault is None:
            await self.judge(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        answer: list[Message] = []

        async def again() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            answer.append(message)

        if fault.kind == "slow" and fault.options.get("late"):
            # The request waits somewhere on the way, and arrives when its sender has given up long since.
            self._late.append(asyncio.ensure_future(self._arrive_late(scope, again, keep, fault.options["late"])))
            await hang(Request(scope, receive), self._stopping)
            await send_whole(send, 200, {}, b"", declared=1)
            return
        if fault.applies:
            for _ in range(int(fault.options.get("doubled", 1))):
                answer.clear()
                await self.judge(scope, again, keep)
        if fault.kind == "hang":
            await hang(Request(scope, receive), self._stopping)
            await send_whole(send, 200, {}, b"", declared=1)
            return
        status = answer[0]["status"] if answer else 200
        whole = b"".join(message.get("body", b"") for message in answer[1:])
        headers = {"content-type": "application/json"}
        if "body" in fault.options:
            found = Spoilt(fault.options.get("status", 200), headers, fault.options["body"])
        else:
            found = spoil(fault, status, headers, whole, self.url)
        await send_whole(send, found.status, found.headers, found.body, found.declared)

    def arrived(self) -> None:
        """Wait until the requests are done that were late."""
        if self._late and self._loop is not None:
            asyncio.run_coroutine_threadsafe(_all(self._late), self._loop).result()

    async def _arrive_late(self, scope: Scope, receive: Receive, send: Send, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.judge(scope, receive, send)

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
            f"SELECT document ->> '$.draft.total', {summed('payments', 'amount')} FROM sale WHERE key = ?", key
        )
        return Seen(*rows[0], len(rows)) if rows else None

    async def have(self, item: str, warehouse: str, pieces: int) -> None:
        """For the contract suite."""
        self.sql("UPDATE stock SET pieces = pieces + ? WHERE warehouse = ? AND item = ?", pieces, warehouse, item)

    def stop(self) -> None:
        super().stop()
        self.books.close()


async def _all(waited_for: list[asyncio.Future[None]]) -> None:
    await asyncio.gather(*waited_for)
