"""The daemon's row: that it lives, since when, which process it is, and on which machine."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

import apsw

from chansync import __version__
from chansync.db import lock_holders
from chansync.db.permanent_errors import Lasting
from chansync.db.process_locks import WAITING, first_locked, hold, is_alive, lock, process_owner, unlock
from chansync.db.sqlite_errors import PASSING, sentence_of_kind
from chansync.db.transaction import transaction
from chansync.model.times import ago_text, now_ms

#: A daemon whose last beat is older than that does not get on, in milliseconds.
SILENT_MS = 15_000

#: How far a beat may lie in the future before it counts as one of a clock that was put back since, in milliseconds.
SKEW_MS = 3_600_000

#: For how long after its last beat a daemon of another machine may still be working, in milliseconds.
ELSEWHERE_MS = 86_400_000


class DaemonElsewhere(Lasting):
    """A daemon of another machine worked on this database, or on what it was copied from, a short while ago."""

    code = "daemon_elsewhere"


def host_name() -> str:
    """The name of this machine, for messages."""
    return os.uname().nodename


@functools.cache
def identity() -> str:
    """The machine id and the kernel's boot id, shortened: ``MACHINE/BOOT``. Either is empty if unknown: a container
    often has no machine id, and the service's sandbox hides the boot id. A host name may change."""
    boot = _first_line("/proc/sys/kernel/random/boot_id").replace("-", "")
    return f"{_first_line('/etc/machine-id')[:12]}/{boot[:12]}"


def is_here(name: str, known: str) -> bool:
    """Whether that host name and identity are this machine's."""
    machine, _, boot = known.partition("/")
    own_machine, _, own_boot = identity().partition("/")
    if machine and own_machine:
        return machine == own_machine
    return name == host_name() or (boot != "" and boot == own_boot)


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return "".join(letter for letter in file.readline() if letter.isalnum() or letter == "-")
    except OSError:
        return ""


@dataclass(slots=True)
class DaemonState:
    """What is known of the last daemon; times in UTC milliseconds.

    Attributes:
        alive: its process is there, on this machine.
        beats: it is alive, and its last beat is recent.
        waiting: why the database keeps it waiting, as a sentence without a full stop; empty: it does not say so.
        here: it runs, or ran, on this machine.
        stopped_at: when it stopped by itself; None: it did not say so.
    """

    alive: bool
    beats: bool
    waiting: str
    here: bool
    host: str
    pid: int
    version: str
    started_at: int
    beat_at: int
    stopped_at: int | None

    @property
    def running(self) -> bool:
        """Whether it does what it is asked to, at once or when what it waits for is over."""
        return self.alive and (self.beats or bool(self.waiting))


def state(db: apsw.Connection) -> DaemonState | None:
    """The last daemon's state, or None when there never was one.

    Raises:
        StoreError: the lock file cannot be used.
    """
    row = db.execute(
        "SELECT owner, machine, host, pid, version, started_at, beat_at, stopped_at FROM daemon WHERE id = 1"
    ).fetchone()
    if row is None:
        return None
    owner, known, host, pid, version, started_at, beat_at, stopped_at = row
    alive = stopped_at is None and is_alive(db.filename, owner)
    beats = alive and -SKEW_MS < now_ms() - beat_at < SILENT_MS
    waiting = _waiting(db.filename) if alive else ""
    here = alive or is_here(host, known)
    return DaemonState(alive, beats, waiting, here, host, pid, version, started_at, beat_at, stopped_at)


def is_running(db: apsw.Connection) -> bool:
    """Whether a daemon works on this database now."""
    found = state(db)
    return found is not None and found.running


def say_waiting(database: str, error: type[apsw.Error] | None) -> None:
    """Say what the daemon waits for, by a lock: on a full disk nothing can be written.

    Args:
        error: which of ``PASSING`` the database fails with; None: it works.
    """
    wanted = None if error is None else WAITING + PASSING.index(error)
    for byte in range(WAITING, WAITING + len(PASSING)):
        if byte != wanted:
            unlock(database, byte)
    if wanted is not None:
        lock(database, wanted)


def _waiting(database: str) -> str:
    byte = first_locked(database, WAITING, len(PASSING))
    if byte is None:
        return ""
    kind = PASSING[byte - WAITING]
    lock_holders.remember(database)
    return sentence_of_kind(kind) or f"The database failed ({kind.__name__})"


def claim(db: apsw.Connection, *, take_over: bool = False) -> DaemonState | None:
    """Become the daemon of this database; None on success, else the state of the one that works on it.

    Args:
        take_over: also where a daemon of another machine may still work on what this database was copied from.

    Raises:
        DaemonElsewhere: it may.
    """
    hold(db.filename)
    with transaction(db):
        other = state(db)
        if other and other.running:
            return other
        if other and not take_over:
            _refuse_second_machine(other)
        now = now_ms()
        db.execute(
            """INSERT OR REPLACE INTO daemon (id, owner, machine, host, pid, version, started_at, beat_at, stopped_at)
               VALUES (1, ?, ?, ?, ?, ?, ?, ?, NULL)""",
            (process_owner(), identity(), host_name(), os.getpid(), __version__, now, now),
        )
        return None


def _refuse_second_machine(other: DaemonState) -> None:
    if other.here or other.stopped_at is not None or now_ms() - other.beat_at > ELSEWHERE_MS:
        return
    raise DaemonElsewhere(
        f"The daemon of {other.host} worked on this database {ago_text(other.beat_at)} ago and did not say that it "
        "stopped: two daemons on two copies would both send to the sites. Make sure that it is off, then: "
        "chansync daemon --take-over, or for the service: chansync service take-over"
    )


def forget(db: apsw.Connection) -> None:
    """Know of no daemon any more, as on a database that comes from another machine. Not while one works on it."""
    with transaction(db):
        db.execute("DELETE FROM daemon")


def beat(db: apsw.Connection, webhooks: str = "") -> bool:
    """Say that it lives; False when another daemon has taken over.

    Args:
        webhooks: where it takes deliveries and how many came, as ``store.webhooks.Taking.text``; empty: it takes none.
    """
    with transaction(db):
        db.execute(
            "UPDATE daemon SET beat_at = ?, webhooks = ? WHERE id = 1 AND owner = ?",
            (now_ms(), webhooks, process_owner()),
        )
        return db.changes() == 1


def stop(db: apsw.Connection) -> None:
    """Say that it stopped."""
    with transaction(db):
        db.execute("UPDATE daemon SET stopped_at = ? WHERE id = 1 AND owner = ?", (now_ms(), process_owner()))
