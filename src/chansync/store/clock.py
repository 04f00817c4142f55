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

_TRIES = ('"order"', "outbox", "site_item", "notice_route")

#: When something was, where the next run writes it anew. Records of what has happened are left as they are: the clock
#: that is wrong may be the one of now.
_PAST = (
    ("stream", "last_started_at"),
    ("stream", "last_finished_at"),
    ("site_item", "looked_at"),
    ("notice_route", "last_sent_at"),
    ("notice_route", "created_at"),
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
        for table in _TRIES:
            if by > _LEAST:
                db.execute(
                    f"UPDATE {table} SET next_try_at = max(?1, next_try_at - ?2) WHERE next_try_at > ?1", (now, by)
                )
            db.execute(f"UPDATE {table} SET next_try_at = ? WHERE next_try_at > ?", (now, far))
        for table, column in _PAST:
            db.execute(f"UPDATE {table} SET {column} = ?1 WHERE {column} > ?1 + ?2", (now, _LEAST))
        for table, lease in (("stream", leases.STREAM_MS), ("job", jobs.LEASE_MS), ("system_state", leases.STREAM_MS)):
            # Whoever lives renews it.
            db.execute(f"UPDATE {table} SET lease_until = ?1 WHERE lease_until > ?1", (now + lease,))
        return db.total_changes() - before
