"""Sending tracking numbers to a channel's site.

The site is asked what it has before anything is sent, so that a number which arrived before a kill is not told twice;
what was just sent and not confirmed is left alone until the site cannot be at work on it any more.
"""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction
from chansync.model.times import now_ms
from chansync.orders.status_events import SHIPMENT_WAITS
from chansync.platforms.protocol import PushResult, TrackingChange
from chansync.store import messages, shipment_pushes
from chansync.store.shipment_pushes import DueShipment
from chansync.sync.pushing import BATCH, SETTLED_MS, Pushing, some_of


async def push_tracking(run: Pushing) -> None:
    """Send everything that is due."""
    now = None if run.asked else now_ms()
    last = 0
    while not run.stop.is_set() and run.plans is None:
        settled = now_ms() - SETTLED_MS
        rows = await run.store.run(
            shipment_pushes.due, run.channel_id, now, settled, waits=SHIPMENT_WAITS, limit=BATCH, after_id=last
        )
        if not rows:
            return
        last = rows[-1].id
        run.counts.fetched += len(rows)
        await run.store.run(_note_sending, run, rows)
        changes = [
            TrackingChange(
                row.external_id,
                row.carrier,
                row.tracking,
                row.replaces,
                row.package,
                row.lines,
                row.shipped_at,
                row.told,
                row.sale,
            )
            for row in rows
        ]
        results = await run.connector.push_tracking(changes)
        await run.store.run(_note_results, run, rows, results)
        run.tell()


def _note_sending(db: apsw.Connection, run: Pushing, rows: list[DueShipment]) -> None:
    with transaction(db):
        run.lease.renew(db)
        shipment_pushes.sent(db, rows)


def _note_results(db: apsw.Connection, run: Pushing, rows: list[DueShipment], results: list[PushResult]) -> None:
    with transaction(db):
        for row, result in zip(rows, results, strict=True):
            if not result.error:
                shipment_pushes.confirm(db, row)
                run.counts.updated += 1
            elif result.final:
                shipment_pushes.drop(db, row)
                run.counts.skipped += 1
            else:
                shipment_pushes.fail(db, row, result.error)
                run.counts.problems += 1
        found = _failing(db, run.channel_id)
        messages.open_or_solve(db, "tracking_not_told", found, "the site was told", run.channel_id, run.run_id)
        run.progress(db)


def _failing(db: apsw.Connection, channel_id: int) -> messages.Told | None:
    """All that is not told to the site."""
    failing = shipment_pushes.failing(db, channel_id)
    if not failing:
        return None
    numbers = some_of([number for number, _, _ in failing], ", ")
    data = {"orders": [{"order": order, "tracking": tracking, "error": error} for order, tracking, error in failing]}
    return f"The tracking numbers of {len(failing)} orders ({numbers}) are not told: {failing[-1][2]}.", data
