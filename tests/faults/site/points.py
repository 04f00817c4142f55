"""The points in the life of a process at which ``sitecustomize`` counts or kills."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

#: Called at every point with its kind and which one of the kind it is.
Seen = Callable[[str, str], None]

_WRITES = ("INSERT", "UPDATE", "DELETE")


def watch_statements(seen: Seen) -> None:
    """``begin``, ``write``, ``commit`` and ``committed`` of every apsw connection."""
    import apsw

    def traced(event: dict[str, Any]) -> None:
        sql = str(event["sql"]).lstrip().upper()
        if sql.startswith("BEGIN"):
            seen("begin", "")
        elif sql.startswith(_WRITES):
            seen("write", "")

    def before() -> bool:
        seen("commit", "")
        return False

    def after(db: Any, name: str, pages: int) -> int:
        seen("committed", "")
        # A hook of one's own takes the place of the one that makes checkpoints.
        if pages > 1000:
            db.wal_checkpoint(name)
        return int(apsw.SQLITE_OK)

    def hook(db: Any) -> None:
        db.trace_v2(apsw.SQLITE_TRACE_STMT, traced)
        db.set_commit_hook(before)
        db.set_wal_hook(after)

    apsw.connection_hooks.append(hook)


def watch_migrations(seen: Seen) -> None:
    """``step``: each statement in the process that makes or upgrades a database, by Python's own SQLite."""
    if "chansync.db.migrations" not in sys.orig_argv:
        return
    import sqlite3

    connect = sqlite3.connect

    def connected(*arguments: Any, **options: Any) -> sqlite3.Connection:
        made = connect(*arguments, **options)
        made.set_trace_callback(lambda sql: seen("step", ""))
        return made

    sqlite3.connect = connected  # type: ignore[assignment]


def watch_requests(seen: Seen) -> None:
    """``send`` and ``answered``, by the request's method."""
    import httpx

    handle = httpx.AsyncHTTPTransport.handle_async_request

    async def handled(self: Any, request: httpx.Request) -> httpx.Response:
        seen("send", request.method)
        response = await handle(self, request)
        seen("answered", request.method)
        return response

    httpx.AsyncHTTPTransport.handle_async_request = handled  # type: ignore[method-assign]


def watch_lines(seen: Seen, module: str) -> None:
    """``line``: each line of that module."""
    # ``python -m`` runs a module under another name; its file tells.
    end = "/" + module.replace(".", "/") + ".py"

    def line(frame: Any, event: str, argument: Any) -> Any:
        if event == "line":
            seen("line", module)
        return line

    def call(frame: Any, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.endswith(end) else None

    threading.settrace(call)
    sys.settrace(call)


def watch_calls(seen: Seen, function: str) -> None:
    """``call``: the beginning of that function, which is named with its module."""
    module, _, name = function.rpartition(".")
    end = "/" + module.replace(".", "/") + ".py"

    def call(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_name == name and frame.f_code.co_filename.endswith(end):
            seen("call", function)

    threading.settrace(call)
    sys.settrace(call)
