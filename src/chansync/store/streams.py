"""Streams: one row for each channel and stream with its cursor, its lease and when it runs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.db.process_locks import hold
from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.errors import ChansyncError
from chansync.model.times import now_ms
from chansync.store.leases import STREAM_MS, is_held

#: The streams of a channel: what moves on a schedule of its own.
STREAMS = ("orders", "comparison", "returns", "settlements", "statuses", "quantities")


class LeaseLost(ChansyncError):
    """A run found that another has its stream now: whatever it still wanted to write is not to be written."""

    code = "taken_over"

    def __init__(self) -> None:
        super().__init__("This run was taken over by another, because it gave no sign of life for too long.")


@dataclass(frozen=True, slots=True)
class Lease:
    """A run's hold on a stream.

    A process that was stopped for long (a suspended machine, SIGSTOP) knows nothing of what others did meanwhile: each
    of its transactions looks, while nobody else can write, whether the stream is still its own.
    """

    channel_id: int
    stream: str
    owner: str

    def is_held(self, db: apsw.Connection) -> bool:
        """Whether nobody has taken the stream over."""
        sql = "SELECT 1 FROM stream WHERE channel_id = ? AND stream = ? AND owner = ?"
        return bool(db.execute(sql, (self.channel_id, self.stream, self.owner)).get)

    def check(self, db: apsw.Connection) -> None:
        """Call it first in a transaction.

        Raises:
            LeaseLost: another run has the stream.
        """
        if not self.is_held(db):
            raise LeaseLost

    def renew(self, db: apsw.Connection) -> None:
        """Hold it for longer.

        Raises:
            LeaseLost: another run has the stream.
        """
        hold(db.filename)
        with transaction(db):
            db.execute(
                "UPDATE stream SET lease_until = ? WHERE channel_id = ? AND stream = ? AND owner = ?",
                (now_ms() + STREAM_MS, self.channel_id, self.stream, self.owner),
            )
            if db.changes() != 1:
                raise LeaseLost


@dataclass(slots=True)
class Stream:
    """State of a channel's stream; times in UTC milliseconds.

    Attributes:
        cursor: what the connector gave with the last page taken in; None before the first.
        failures: runs that failed in a row.
    """

    cursor: dict[str, Any] | None
    last_started_at: int | None
    last_finished_at: int | None
    last_ok_at: int | None
    next_run_at: int | None
    failures: int
    running: bool


def stream(db: apsw.Connection, channel_id: int, name: str) -> Stream:
    """The stream's state; a fresh one when it never ran."""
    row = db.execute(
        """SELECT cursor, last_started_at, last_finished_at, last_ok_at, next_run_at, failures,
           owner, lease_until FROM stream WHERE channel_id = ? AND stream = ?""",
        (channel_id, name),
    ).fetchone()
    if row is None:
        return Stream(None, None, None, None, None, 0, False)
    cursor, *rest, owner, lease_until = row
    return Stream(*(stored_json.object_or_empty(cursor) or None, *rest, is_held(db, owner, lease_until, STREAM_MS)))


def cursor(db: apsw.Connection, channel_id: int, name: str) -> tuple[dict[str, Any] | None, str | None]:
    """The stream's cursor, and the start date that it was begun with."""
    row: Any = db.execute(
        "SELECT cursor, cursor_start FROM stream WHERE channel_id = ? AND stream = ?", (channel_id, name)
    ).fetchone()
    if row is None:
        return None, None
    return json.loads(row[0]) if row[0] else None, row[1]


def acquire(db: apsw.Connection, channel_id: int, name: str, owner: str) -> bool:
    """Take the stream for a run; False when a living run holds it."""
    hold(db.filename)
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO stream (channel_id, stream) VALUES (?, ?)", (channel_id, name))
        holders = db.execute(
            "SELECT owner, lease_until FROM stream WHERE channel_id = ? AND stream = ?", (channel_id, name)
        )
        if any(is_held(db, held_by, until, STREAM_MS) for held_by, until in holders):
            return False
        now = now_ms()
        db.execute(
            "UPDATE stream SET owner = ?, lease_until = ?, last_started_at = ? WHERE channel_id = ? AND stream = ?",
            (owner, now + STREAM_MS, now, channel_id, name),
        )
        return True


def store_cursor(db: apsw.Connection, channel_id: int, name: str, cursor: dict[str, Any], start: str | None) -> None:
    """Move the cursor. Call it in the transaction that follows everything before it."""
    db.execute(
        "UPDATE stream SET cursor = ?, cursor_start = ? WHERE channel_id = ? AND stream = ?",
        (json.dumps(cursor), start, channel_id, name),
    )


def release(db: apsw.Connection, channel_id: int, name: str, owner: str, *, ok: bool, next_run_at: int | None) -> None:
    """Give the lease back after a run.

    Args:
        next_run_at: not before then, because the site asked for it; None: as the schedule has it.
    """
    with transaction(db):
        now = now_ms()
        db.execute(
            """UPDATE stream SET owner = NULL, lease_until = NULL, last_finished_at = ?,
               next_run_at = coalesce(?, next_run_at),
               last_ok_at = CASE WHEN ? THEN ? ELSE last_ok_at END,
               failures = CASE WHEN ? THEN 0 ELSE failures + 1 END
               WHERE channel_id = ? AND stream = ? AND owner = ?""",
            (now, next_run_at, ok, now, ok, channel_id, name, owner),
        )


def give_back(db: apsw.Connection, channel_id: int, name: str, owner: str) -> None:
    """Give the lease back after work that was none of the stream's own runs: how these went last stays as it is."""
    with transaction(db):
        db.execute(
            "UPDATE stream SET owner = NULL, lease_until = NULL WHERE channel_id = ? AND stream = ? AND owner = ?",
            (channel_id, name, owner),
        )


def pass_over(db: apsw.Connection, channel_id: int, name: str) -> bool:
    """Note that the stream was looked at and had nothing to do; False when only a run can tell: it never went
    through, failed the last time, or runs now."""
    with transaction(db):
        now = now_ms()
        db.execute(
            """UPDATE stream SET last_started_at = ?1, last_finished_at = ?1, last_ok_at = ?1 WHERE channel_id = ?2
               AND stream = ?3 AND owner IS NULL AND failures = 0 AND last_ok_at IS NOT NULL""",
            (now, channel_id, name),
        )
        return db.changes() == 1


def set_next_run(db: apsw.Connection, channel_id: int, name: str, next_run_at: int | None) -> None:
    """When the schedule will start it next; for the screens and for a restart of the daemon."""
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO stream (channel_id, stream) VALUES (?, ?)", (channel_id, name))
        db.execute(
            "UPDATE stream SET next_run_at = ? WHERE channel_id = ? AND stream = ? AND next_run_at IS NOT ?",
            (next_run_at, channel_id, name, next_run_at),
        )
