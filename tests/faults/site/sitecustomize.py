"""Kills the Python process that it is loaded into, at a point that ``CHANSYNC_KILL`` names.

Python imports a module of this name at its start; the harness puts this folder on ``PYTHONPATH``. The program itself
knows nothing of it. ``CHANSYNC_KILL`` is ``KIND:WHICH:COUNT``, the COUNT-th time that one of these is come to:

``begin``, ``write``        a statement of that sort is about to run (WHICH is empty)
``commit``, ``committed``   a transaction is about to be committed, or has just been
``send``, ``answered``      a request whose method is WHICH (or any) is about to be sent, or has been answered
``line``                    a line of the module WHICH is about to run
``call``                    the function WHICH (with its module) is about to run

The whole process group is killed with the process: the harness starts every victim in a group of its own. With
``CHANSYNC_KILL_SIGNAL`` it gets another signal: STOP lets it sleep there.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

_WRITES = ("INSERT", "UPDATE", "DELETE")


def _die() -> None:
    os.killpg(0, signal.Signals[f"SIG{os.environ.get('CHANSYNC_KILL_SIGNAL', 'KILL')}"])


class _Countdown:
    def __init__(self, count: int) -> None:
        self._left = count
        self._lock = threading.Lock()

    def pass_by(self) -> None:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                _die()


def _at_statements(kind: str, countdown: _Countdown) -> None:
    import apsw

    first_words = ("BEGIN",) if kind == "begin" else _WRITES

    def traced(event: dict[str, Any]) -> None:
        if str(event["sql"]).lstrip().upper().startswith(first_words):
            countdown.pass_by()

    apsw.connection_hooks.append(lambda db: db.trace_v2(apsw.SQLITE_TRACE_STMT, traced))


def _at_commits(kind: str, countdown: _Countdown) -> None:
    import apsw

    def before() -> bool:
        countdown.pass_by()
        return False

    def after(db: Any, name: str, pages: int) -> int:
        countdown.pass_by()
        # A hook of one's own takes the place of the one that makes checkpoints.
        if pages > 1000:
            db.wal_checkpoint(name)
        return apsw.SQLITE_OK

    def hook(db: Any) -> None:
        if kind == "commit":
            db.set_commit_hook(before)
        else:
            db.set_wal_hook(after)

    apsw.connection_hooks.append(hook)


def _at_requests(kind: str, method: str, countdown: _Countdown) -> None:
    import httpx

    handle = httpx.AsyncHTTPTransport.handle_async_request

    async def handled(self: Any, request: httpx.Request) -> httpx.Response:
        if method not in ("", request.method):
            return await handle(self, request)
        if kind == "send":
            countdown.pass_by()
        response = await handle(self, request)
        if kind == "answered":
            countdown.pass_by()
        return response

    httpx.AsyncHTTPTransport.handle_async_request = handled  # type: ignore[method-assign]


def _at_lines(module: str, countdown: _Countdown) -> None:
    # ``python -m`` runs a module under another name; its file tells.
    end = "/" + module.replace(".", "/") + ".py"

    def line(frame: Any, event: str, argument: Any) -> Any:
        if event == "line":
            countdown.pass_by()
        return line

    def call(frame: Any, event: str, argument: Any) -> Any:
        return line if frame.f_code.co_filename.endswith(end) else None

    threading.settrace(call)
    sys.settrace(call)


def _at_calls(function: str, countdown: _Countdown) -> None:
    module, _, name = function.rpartition(".")
    end = "/" + module.replace(".", "/") + ".py"

    def call(frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_name == name and frame.f_code.co_filename.endswith(end):
            countdown.pass_by()

    threading.settrace(call)
    sys.settrace(call)


def _arm(text: str) -> None:
    kind, which, count = text.split(":")
    countdown = _Countdown(int(count))
    if kind in ("begin", "write"):
        _at_statements(kind, countdown)
    elif kind in ("commit", "committed"):
        _at_commits(kind, countdown)
    elif kind in ("send", "answered"):
        _at_requests(kind, which, countdown)
    elif kind == "line":
        _at_lines(which, countdown)
    elif kind == "call":
        _at_calls(which, countdown)
    else:
        raise ValueError(f"There is no point to kill at named {kind!r}.")


# Never at the start of a child that only packs or compiles: where nothing is named, nothing is done.
if os.environ.get("CHANSYNC_KILL"):
    _arm(os.environ["CHANSYNC_KILL"])
