"""Kills the Python process that it is loaded into, at a point that ``CHANSYNC_KILL`` names.

Python imports a module of this name at its start; the harness puts this folder on ``PYTHONPATH``. The program itself
knows nothing of it. ``CHANSYNC_KILL`` is ``KIND:WHICH:COUNT``, the COUNT-th time that one of these is come to:

``begin``, ``write``        a statement of that sort is about to run (WHICH is empty)
``commit``, ``committed``   a transaction is about to be committed, or has just been
``send``, ``answered``      a request whose method is WHICH (or any) is about to be sent, or has been answered
``step``                    a statement of the making or upgrading of a database is about to run
``line``                    a line of the module WHICH is about to run
``call``                    the function WHICH (with its module) is about to run

The whole process group is killed with the process: the harness starts every victim in a group of its own. With
``CHANSYNC_KILL_SIGNAL`` it gets another signal: STOP lets it sleep there. ``CHANSYNC_COUNT`` names a file instead,
to which each process adds how often it came to which kind of point.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import threading
from collections import Counter

import points

_STATEMENTS = ("begin", "write", "commit", "committed")


def _die() -> None:
    if os.environ.get("CHANSYNC_KILL_SIGNAL") == "STOP":
        # This very thread: it would otherwise go on for as long as another takes to stop the process.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    else:
        os.killpg(0, signal.SIGKILL)


def _arm(text: str) -> None:
    kind, which, count = text.split(":")
    left, lock = int(count), threading.Lock()

    def seen(found: str, detail: str) -> None:
        nonlocal left
        if found != kind or which not in ("", detail):
            return
        with lock:
            left -= 1
            if left == 0:
                _die()

    if kind in _STATEMENTS:
        points.watch_statements(seen)
    elif kind in ("send", "answered"):
        points.watch_requests(seen)
    elif kind == "step":
        points.watch_migrations(seen)
    elif kind == "line":
        points.watch_lines(seen, which)
    elif kind == "call":
        points.watch_calls(seen, which)
    else:
        raise ValueError(f"There is no point to kill at named {kind!r}.")


def _count(path: str) -> None:
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    def seen(kind: str, which: str) -> None:
        with lock:
            counts[kind] += 1

    def tell() -> None:
        with open(path, "a") as file:
            file.write(json.dumps(counts) + "\n")

    points.watch_statements(seen)
    points.watch_requests(seen)
    points.watch_migrations(seen)
    atexit.register(tell)


# Never at the start of a child that only packs or compiles: where nothing is named, nothing is done.
if os.environ.get("CHANSYNC_KILL"):
    _arm(os.environ["CHANSYNC_KILL"])
elif os.environ.get("CHANSYNC_COUNT"):
    _count(os.environ["CHANSYNC_COUNT"])
