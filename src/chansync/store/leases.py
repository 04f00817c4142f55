"""Leases: what one run or job holds for a while, so that nobody else does the same, and when others may take it.

A lease is a row's owner and the time (UTC milliseconds) until which it is held. A holder whose process is dead holds
nothing (``chansync.db.process_locks`` tells it). One that lives and does not renew it, as a stopped process, loses it
by the machine's clock and, because that may be set meanwhile, by how long this process has seen it not renewed.
``chansync.store.streams`` and ``chansync.store.jobs`` take them.
"""

from __future__ import annotations

import time

import apsw

from chansync.db.process_locks import is_alive
from chansync.model.times import awake_seconds, now_ms

#: A stream's lease that is not renewed for that long may be taken over, in milliseconds.
STREAM_MS = 120_000

#: By how much the clock may move against one that nobody sets before it counts as set, in seconds.
CLOCK_JUMP = 2.0

# What was seen of leases: until when they were held, and when that was first seen.
_seen: dict[str, tuple[int, float]] = {}


def is_held(db: apsw.Connection, owner: str | None, until: int | None, length: int) -> bool:
    """Whether somebody holds a lease of this database.

    Args:
        length: for how long it is taken each time, in milliseconds.
    """
    if owner is None or until is None or until <= now_ms() or not is_alive(db.filename, owner):
        return False
    return not _is_still(owner, until, length)


def _is_still(owner: str, until: int, length: int) -> bool:
    """Whether the lease was not renewed for so long as this process sees it already."""
    now = awake_seconds()
    known = _seen.get(owner)
    if known is not None and known[0] == until:
        return now - known[1] > length / 1000
    if len(_seen) > 10_000:
        _seen.clear()
    _seen[owner] = (until, now)
    return False


def is_at_work(db: apsw.Connection, owner: str | None) -> bool:
    """Whether what an owner began is still under way, for those who only look: also when it was late to renew its
    lease."""
    return owner is not None and is_alive(db.filename, owner)


def clock_ahead() -> float:
    """How far the clock is ahead of one that nobody sets, in seconds; from an arbitrary beginning."""
    return time.time() - time.monotonic()
