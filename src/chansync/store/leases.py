"""Leases: what one run or job holds for a while, so that nobody else does the same, and when others may take it.

A lease is a row's owner and the time (UTC milliseconds) until which it is held. A holder whose process is dead holds
nothing (``chansync.db.process_locks`` tells it). One that lives and does not renew it, as a stopped process, loses it
by the machine's clock and, because that may be set meanwhile, by how long this process has seen it not renewed.
``chansync.store.streams`` and ``chansync.store.jobs`` take them.
"""

from __future__ import annotations

import time

import apsw

from chansync.db.process_locks import hold, is_alive
from chansync.db.transaction import transaction
from chansync.model.errors import ChansyncError
from chansync.model.times import awake_seconds, now_ms

#: A run's lease that is not renewed for that long may be taken over, in milliseconds.
STREAM_MS = 120_000

#: By how much the clock may move against one that nobody sets before it counts as set, in seconds.
CLOCK_JUMP = 2.0


class LeaseLost(ChansyncError):
    """A run found that another has its lease now: whatever it still wanted to write is not to be written."""

    code = "taken_over"

    def __init__(self) -> None:
        super().__init__("This run was taken over by another, because it gave no sign of life for too long.")


class Lease:
    """A run's hold on a row, ``STREAM_MS`` long each time.

    A process that was stopped for long (a suspended machine, SIGSTOP) knows nothing of what others did meanwhile: each
    of its transactions looks, while nobody else can write, whether the row is still its own.

    Attributes:
        table, where, key: the row, as SQL, and what stands for the question marks of ``where``.
    """

    def __init__(self, table: str, where: str, key: tuple[object, ...], owner: str) -> None:
        self.table, self.where, self.key, self.owner = table, where, key, owner
        # Made once: it is asked in each transaction of a run.
        self._held = f"SELECT 1 FROM {table} WHERE {where} AND owner = ?", (*key, owner)

    def take(self, db: apsw.Connection, *starts: str) -> bool:
        """Take it; False when another living owner holds it, or there is no such row.

        Args:
            starts: columns that are set to the time of now.
        """
        hold(db.filename)
        with transaction(db):
            sql = f"SELECT owner, lease_until FROM {self.table} WHERE {self.where}"
            row = db.execute(sql, self.key).fetchone()
            if row is None or (row[0] != self.owner and is_held(db, row[0], row[1], STREAM_MS)):
                return False
            now = now_ms()
            also = "".join(f", {column} = ?" for column in starts)
            db.execute(
                f"UPDATE {self.table} SET owner = ?, lease_until = ?{also} WHERE {self.where}",
                (self.owner, now + STREAM_MS, *(now for _ in starts), *self.key),
            )
            return True

    def is_held(self, db: apsw.Connection) -> bool:
        """Whether nobody has taken it over."""
        return bool(db.execute(*self._held).get)

    def check(self, db: apsw.Connection) -> None:
        """Call it first in a transaction.

        Raises:
            LeaseLost: another run has it.
        """
        if not self.is_held(db):
            raise LeaseLost

    def renew(self, db: apsw.Connection) -> None:
        """Hold it for longer.

        Raises:
            LeaseLost: another run has it.
        """
        hold(db.filename)
        with transaction(db):
            db.execute(
                f"UPDATE {self.table} SET lease_until = ? WHERE {self.where} AND owner = ?",
                (now_ms() + STREAM_MS, *self.key, self.owner),
            )
            if db.changes() != 1:
                raise LeaseLost

    def give_back(self, db: apsw.Connection) -> None:
        """End it; nothing else of the row changes."""
        with transaction(db):
            db.execute(
                f"UPDATE {self.table} SET owner = NULL, lease_until = NULL WHERE {self.where} AND owner = ?",
                (*self.key, self.owner),
            )


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
