"""Streams: one row for each channel and stream with its cursor, its lease and when it runs.

The stream ``erp`` of a connected ERP is in the ERP's own row.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.times import now_ms
from chansync.store.leases import STREAM_MS, Lease, is_held

#: The streams of a channel: what moves on a schedule of its own.
STREAMS = ("orders", "comparison", "returns", "settlements", "statuses", "quantities")


def lease(channel_id: int, name: str, owner: str) -> Lease:
    """A run's hold on a channel's stream."""
    return Lease("stream", "channel_id = ? AND stream = ?", (channel_id, name), owner)


def erp_lease(code: str, owner: str) -> Lease:
    """A run's hold on the stream ``erp`` of a connected ERP."""
    return Lease("connected_erp", "code = ?", (code,), owner)


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
    """The stream's cursor, and the start date that it was begun with.

    Raises:
        StoreError: another program has written nonsense there.
    """
    row = db.execute(
        "SELECT cursor, cursor_start FROM stream WHERE channel_id = ? AND stream = ?", (channel_id, name)
    ).fetchone()
    if row is None:
        return None, None
    return stored_json.required_object(row[0], "where a stream goes on") if row[0] else None, row[1]


def acquire(db: apsw.Connection, channel_id: int, name: str, owner: str) -> bool:
    """Take the stream for a run; False when a living run holds it."""
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO stream (channel_id, stream) VALUES (?, ?)", (channel_id, name))
        return lease(channel_id, name, owner).take(db, "last_started_at")


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


def release_erp(
    db: apsw.Connection, held: Lease, *, ok: bool, next_run_at: int | None, code: str = "", sentence: str = ""
) -> None:
    """Give the lease of an ERP's stream back after a run.

    Args:
        next_run_at: when the next one is due; None: as the schedule has it.
        code, sentence: how the run failed; empty also where it was stopped.
    """
    with transaction(db):
        db.execute(
            """UPDATE connected_erp SET owner = NULL, lease_until = NULL, last_finished_at = ?1, next_run_at = ?2,
               last_ok_at = CASE WHEN ?3 THEN ?1 ELSE last_ok_at END,
               failures = CASE WHEN ?3 THEN 0 WHEN ?4 <> '' THEN failures + 1 ELSE failures END,
               error_code = ?4, error = ?5
               WHERE code = ?6 AND owner = ?7""",
            (now_ms(), next_run_at, ok, code, sentence, *held.key, held.owner),
        )


def is_erp_running(db: apsw.Connection, code: str) -> bool:
    """Whether a living run holds the ERP's stream."""
    row = db.execute("SELECT owner, lease_until FROM connected_erp WHERE code = ?", (code,)).fetchone()
    return row is not None and is_held(db, row[0], row[1], STREAM_MS)


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
