"""What runs did, for the activity screen."""

from __future__ import annotations

from chansync.db.connection import Store
from chansync.model.times import now_ms
from chansync.store import day, runs
from chansync.store.runs import RunCounts

HOUR = 3_600_000


def test_orders_by_hour_are_counted_from_an_index_of_the_last_day(company: Store) -> None:
    db, now = company.db, now_ms()
    db.execute(
        """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
           INSERT INTO run (channel_id, stream, trigger, owner, state, started_at, created)
           SELECT 1, 'orders', 'schedule', 'x', 'done', ? - (i + 24) * ?, 1 FROM n""",
        (now, HOUR),
    )
    for hours, created in ((0, 3), (0, 4), (5, 2)):
        run_id = runs.start(db, 1, "orders", "schedule", "x")
        runs.finish(db, run_id, RunCounts(created=created), "done")
        db.execute("UPDATE run SET started_at = ? WHERE id = ?", (now - hours * HOUR - HOUR // 2, run_id))
    counted = day.orders_per_hour(db)
    assert (counted[-1], counted[-6], sum(counted)) == (7, 2, 9)
    steps: list[str] = []
    company.db.exec_trace = lambda cursor, sql, bindings: steps.append(sql) or True
    day.orders_per_hour(db)
    company.db.exec_trace = None
    plan = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {steps[0]}", (0, 0))]
    assert "SEARCH run USING COVERING INDEX run_by_time (started_at>?)" in plan


def test_why_orders_were_skipped_in_a_run(company: Store) -> None:
    db = company.db
    run_id = runs.start(db, 1, "orders", "schedule", "x")
    runs.finish(db, run_id, RunCounts(skipped=3), "done")
    [run] = runs.recent(db)
    for number, (status, reason, at) in enumerate(
        (
            ("pending", "status", run.started_at),
            ("pending", "status", run.started_at),
            ("cancelled", "refused", run.started_at),
            ("pending", "status", run.started_at - HOUR),
        )
    ):
        db.execute(
            """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at,
               currency, total, state, reason, digest, first_seen_at, changed_at)
               VALUES (1, ?1, ?1, ?2, 0, '2026-11-24', 0, 'EUR', '1', 'skipped', ?3, 'd', ?4, ?4)""",
            (str(number), status, reason, at),
        )
    assert runs.skipped_why(db, run) == [("status", "pending", 2), ("refused", "cancelled", 1)]
