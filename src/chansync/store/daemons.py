"""The daemon's row: that it lives, since when, and which process it is."""

from __future__ import annotations

import os
from dataclasses import dataclass

import apsw

from chansync import __version__
from chansync.model.times import now_ms
from chansync.store.leases import SKEW_MS
from chansync.store.owner import is_of_this_kernel, is_surely_dead, process_owner
from chansync.store.transaction import transaction

#: A daemon whose last beat is older than that counts as gone, in milliseconds.
SILENT_MS = 15_000


@dataclass(slots=True)
class DaemonState:
    """``running`` tells whether a daemon lives; times in UTC milliseconds.

    Attributes:
        is_silent: it does not count as running, and yet its process is there, or its machine is another one.
    """

    running: bool
    host: str
    pid: int
    version: str
    started_at: int
    beat_at: int
    is_silent: bool


def state(db: apsw.Connection) -> DaemonState | None:
    """The last daemon's state, or None when there never was one."""
    row = db.execute(
        "SELECT owner, stopped_at, host, pid, version, started_at, beat_at FROM daemon WHERE id = 1"
    ).fetchone()
    if row is None:
        return None
    owner, stopped_at, host, pid, version, started_at, beat_at = row
    # A beat from the far future is one of a clock that was put back since.
    lately = -SKEW_MS < now_ms() - beat_at < SILENT_MS
    there = stopped_at is None and not is_surely_dead(owner)
    return DaemonState(there and lately, host, pid, version, started_at, beat_at, is_silent=there and not lately)


def is_running(db: apsw.Connection) -> bool:
    """Whether a daemon works on this database now."""
    found = state(db)
    return found is not None and found.running


def claim(db: apsw.Connection, *, alone: bool = False) -> DaemonState | None:
    """Become the daemon of this database; None on success, else the state of the one that lives.

    Args:
        alone: this process holds the lock that one daemon of a kernel holds (``daemons_lock``), so that another daemon
            of this kernel, in whatever container, is dead, and what it held is free.
    """
    with transaction(db):
        other = state(db)
        owner: str = db.execute("SELECT owner FROM daemon WHERE id = 1").get or ""
        gone = is_surely_dead(owner) or (alone and is_of_this_kernel(owner))
        if other and other.running and not gone:
            return other
        if gone and owner != process_owner():
            _free(db, owner)
        now = now_ms()
        db.execute(
            """INSERT OR REPLACE INTO daemon (id, owner, host, pid, version, started_at, beat_at, stopped_at)
               VALUES (1, ?, ?, ?, ?, ?, ?, NULL)""",
            (process_owner(), os.uname().nodename, os.getpid(), __version__, now, now),
        )
        return None


def _free(db: apsw.Connection, owner: str) -> None:
    """Let go of what the tasks of a process hold that is gone."""
    for table in ("stream", "job", "system_state"):
        db.execute(f"UPDATE {table} SET lease_until = 0 WHERE substr(owner, 1, ?) = ?", (len(owner) + 1, f"{owner}:"))


def beat(db: apsw.Connection) -> bool:
    """Say that it lives; False when another daemon has taken over."""
    with transaction(db):
        db.execute("UPDATE daemon SET beat_at = ? WHERE id = 1 AND owner = ?", (now_ms(), process_owner()))
        return db.changes() == 1


def stop(db: apsw.Connection) -> None:
    """Say that it stopped."""
    with transaction(db):
        db.execute("UPDATE daemon SET stopped_at = ? WHERE id = 1 AND owner = ?", (now_ms(), process_owner()))
