"""What a clock that stood in the future has left in the database.

Times to wait until are kept in UTC. Where they were reckoned with a clock that was then put back, what waits would
wait for as long as that: a problem order for years, after a machine that started in the wrong one.
"""

from __future__ import annotations

import apsw

from chansync.model.times import now_ms
from chansync.store import jobs, streams
from chansync.store.transaction import transaction

#: No wait for another try is longer, in milliseconds.
LONGEST_WAIT = 25 * 3_600_000

_TRIES = ('"order"', "outbox", "site_item", "notice_route")


def bring_back(db: apsw.Connection) -> int:
    """Let what waits for a time that no wait reaches be due now, and leases end as if taken now; how many rows."""
    now = now_ms()
    far = now + LONGEST_WAIT
    with transaction(db):
        before = db.total_changes()
        for table in _TRIES:
            db.execute(f"UPDATE {table} SET next_try_at = ? WHERE next_try_at > ?", (now, far))
        db.execute("UPDATE site_item SET looked_at = 0 WHERE looked_at > ?", (far,))
        for table, lease in (("stream", streams.LEASE_MS), ("job", jobs.LEASE_MS)):
            db.execute(f"UPDATE {table} SET lease_until = ? WHERE lease_until > ?", (now + lease, far))
        return db.total_changes() - before
