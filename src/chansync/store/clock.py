"""Mending what is left after the machine's clock was put back: retry times that lie far in the future.

A problem order may otherwise wait for years after a machine was started with a wrong clock.
"""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction
from chansync.model.times import now_ms
from chansync.store import jobs, leases

#: No wait for another try is longer, in milliseconds.
LONGEST_WAIT = 25 * 3_600_000

#: By how much the clock must have been put back to be told from one that was set to the second, in milliseconds.
_LEAST = 2_000

_OPEN = "state IN ('due', 'sent')"
_ASKED = "state IN ('waiting', 'sent')"

#: Until when something waits: table, column and which of its rows do. That of a stream is the timetable's.
_WAITS = (
    ('"order"', "next_try_at", "TRUE"),
    ("outbox", "next_try_at", _OPEN),
    ("shipment_push", "next_try_at", _OPEN),
    ("site_item", "next_try_at", "TRUE"),
    ("notice_route", "next_try_at", "TRUE"),
    ("sale_step", "next_try_at", _ASKED),
    ("connected_erp", "next_run_at", "TRUE"),
)

#: When something was, where the next run goes by it and writes it anew. Records of what has happened are left as they
#: are: the clock that is wrong may be the one of now.
_PAST = (
    ("stream", "last_started_at", "TRUE"),
    ("stream", "last_finished_at", "TRUE"),
    ("site_item", "looked_at", "TRUE"),
    ("notice_route", "last_sent_at", "TRUE"),
    ("notice_route", "created_at", "TRUE"),
    ("channel_webhook", "checked_at", "TRUE"),
    ("connected_erp", "reference_at", "TRUE"),
    ("connected_erp", "stock_at", "TRUE"),
    ("outbox", "sent_at", _OPEN),
    ("shipment_push", "sent_at", _OPEN),
    ("sale_step", "sent_at", _ASKED),
)

#: What is leased, and for how long at a time.
_LEASED = (
    ("stream", leases.STREAM_MS),
    ("system_state", leases.STREAM_MS),
    ("connected_erp", leases.STREAM_MS),
    ("job", jobs.LEASE_MS),
)


def bring_back(db: apsw.Connection, by: int = 0) -> int:
    """Let what waits be due when it would have been by the clock that was put back since; how many rows.

    Args:
        by: how far the clock was put back, as far as this process knows, in milliseconds. What the future's clock wrote
            tells it too.
    """
    now = now_ms()
    with transaction(db):
        before = db.total_changes()
        latest: int = db.execute(
            "SELECT coalesce(max(max(last_started_at, coalesce(last_finished_at, 0))), 0) FROM stream"
        ).get
        by = max(by, latest - now)
        far = now + LONGEST_WAIT
        for table, column, rows in _WAITS:
            if by > _LEAST:
                sql = f"UPDATE {table} SET {column} = max(?1, {column} - ?2) WHERE {column} > ?1 AND {rows}"
                db.execute(sql, (now, by))
            db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} > ? AND {rows}", (now, far))
        for table, column, rows in _PAST:
            db.execute(f"UPDATE {table} SET {column} = ?1 WHERE {column} > ?1 + ?2 AND {rows}", (now, _LEAST))
        for table, lease in _LEASED:
            # Whoever lives renews it.
            db.execute(f"UPDATE {table} SET lease_until = ?1 WHERE lease_until > ?1", (now + lease,))
        return db.total_changes() - before
