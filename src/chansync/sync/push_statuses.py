"""Sending a channel's due statuses and tracking numbers to its site.

The site's present statuses are read before anything is sent: writing a status that an order has already would move its
time of change, and a refused order must not be brought back. It also tells what became of a push whose answer was
lost: a run that was killed between push and confirmation goes on as if it had not been.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.model.times import awake_seconds, now_ms
from chansync.orders.status_to_send import EDIT_WAITS, SHIPMENT_WAITS
from chansync.platforms.protocol import PushResult, StatusChange, TrackingChange
from chansync.store import messages, outbox, shipment_pushes
from chansync.store.leases import LeaseLost
from chansync.store.outbox import DueStatus
from chansync.store.shipment_pushes import DueShipment
from chansync.sync.pushing import BATCH, LOOK_AGAIN_MINUTES, PATIENCE, SETTLED_MS, Pushing, some_of
from chansync.sync.run_result import PushPlan

#: How long what the site had counts for what is sent next, in seconds.
FRESH = 30.0

#: How often a batch is sent where its answer is lost: each time only what the site then still lacks.
TRIES = 2

#: So many failures one after the other, with no success before, are the site's and not the orders'.
AT_ALL = 3


@dataclass(slots=True)
class _Sorted:
    """Due rows by what is to be done with them; ``dropped`` holds why."""

    there: list[DueStatus] = field(default_factory=list)
    dropped: list[tuple[DueStatus, str]] = field(default_factory=list)
    send: list[DueStatus] = field(default_factory=list)


async def push_statuses(run: Pushing) -> None:
    """Send everything that is due.

    Raises:
        SiteError: the site failed; what was confirmed before stays confirmed, the rest stays due.
    """
    now = None if run.asked else now_ms()
    last = 0
    while not run.stop.is_set():
        batch = min(run.connector.status_batch, BATCH)
        rows = await run.store.run(outbox.due, run.channel_id, now, waits=EDIT_WAITS, limit=batch, after_id=last)
        if not rows:
            return
        last = rows[-1].id
        run.counts.fetched += len(rows)
        if run.plans is None:
            await _send(run, rows)
        else:
            current = await run.connector.statuses([row.external_id for row in rows])
            run.plans += _plans(_sort(run, rows, current), current)
        run.tell()


async def _send(run: Pushing, rows: list[DueStatus]) -> None:
    """Send rows together; where that fails over and over, each by itself, so that one stops no other.

    Raises:
        SiteError: the site failed at all of them.
    """
    unsent = await _send_together(run, rows)
    if unsent is None:
        return
    rows, error = unsent
    if len(rows) == 1:
        raise error
    failed: list[DueStatus] = []
    results: list[PushResult] = []
    for place, row in enumerate(rows):
        if one := await _send_together(run, [row]):
            failed += one[0]
            results.append(PushResult(row.external_id, str(one[1]).rstrip(".")))
        if len(failed) == place + 1 >= min(AT_ALL, len(rows)):
            raise error
    await run.store.run(_note_results, run, failed, results)


async def _send_together(run: Pushing, rows: list[DueStatus]) -> tuple[list[DueStatus], SiteUnavailable] | None:
    """Send rows in one request; those that the site failed at, and how."""
    left = TRIES
    while True:
        current = await run.connector.statuses([row.external_id for row in rows])
        looked_at = awake_seconds()
        found = _sort(run, rows, current)
        await run.store.run(_note_unsent, run, found)
        rows = found.send
        if not rows:
            return None
        changes = await run.store.run(_changes, rows)
        if awake_seconds() - looked_at > FRESH:
            # The machine slept: the order may have been refused meanwhile.
            continue
        left -= 1
        try:
            results = await run.connector.push_statuses(changes)
        except (SiteRefused, LeaseLost):
            # The site has refused it, or it was not sent at all: the site is at work on nothing.
            await run.store.run(_note_refused, run, rows)
            raise
        except SiteUnavailable as error:
            if not left:
                return rows, error
            continue
        await run.store.run(_note_results, run, rows, results)
        return None


def _note_refused(db: apsw.Connection, run: Pushing, rows: list[DueStatus]) -> None:
    with transaction(db):
        # What another run has taken over is its own.
        if run.lease.is_held(db):
            outbox.unsent(db, rows)


def _changes(db: apsw.Connection, rows: list[DueStatus]) -> list[StatusChange]:
    """What is to be sent, with how the goods travel where they do."""
    changes = []
    for row in rows:
        sale = registry.erp(db, row.sale.erp).view(db, row.sale.key) if row.sale else None
        shipment = sale.shipment if sale else None
        change = StatusChange(
            row.external_id, row.status, row.known, reason=sale.cancel_reason if sale else "",
            sale=row.sale.number if row.sale else "",
        )  # fmt: skip
        if shipment is not None:
            change = replace(change, carrier=shipment.carrier, tracking=shipment.tracking, shipped_at=shipment.at)
        changes.append(change)
    return changes


def _sort(run: Pushing, rows: list[DueStatus], current: dict[str, str]) -> _Sorted:
    refused = run.channel["refused_statuses"]
    found = _Sorted()
    for row in rows:
        status = current.get(row.external_id)
        if status is None:
            found.dropped.append((row, "the site does not have the order any more"))
        elif status == row.status:
            found.there.append(row)
        elif status == "trash":
            found.dropped.append((row, "the order is in the site's trash"))
        elif status in refused:
            found.dropped.append((row, f"the order is {status} on the site, which is a refused status"))
        elif row.sent_at is None or not now_ms() - SETTLED_MS < row.sent_at <= run.began_at:
            # What was sent before this run by one that was killed is left alone: the site may still be at work on it.
            found.send.append(row)
    return found


def _note_unsent(db: apsw.Connection, run: Pushing, found: _Sorted) -> None:
    """Confirm what the site has already, drop what must not be sent, and note that the rest is on its way."""
    with transaction(db):
        for row in found.there:
            outbox.confirm(db, row.id)
            outbox.note_status(db, row, row.status, None, "")
            messages.solve_code(db, run.channel_id, row.order_id, "push_failed", "the site has the status")
        for row, reason in found.dropped:
            outbox.drop(db, row.id)
            messages.solve_code(db, run.channel_id, row.order_id, "push_failed", "it is not sent any more")
            # Where the sale is cancelled too, both sides agree, and there is nothing to tell.
            if row.event != "cancelled":
                sentence = f"Order {row.number}: {row.status} ({row.event}) is not sent, because {reason}."
                _log(db, run, "push_refused_status", row, sentence)
        outbox.sent(db, found.send)
        run.counts.unchanged += len(found.there)
        run.counts.skipped += len(found.dropped)
        run.progress(db)


def _note_results(db: apsw.Connection, run: Pushing, rows: list[DueStatus], results: list[PushResult]) -> None:
    with transaction(db):
        for row, result in zip(rows, results, strict=True):
            if result.waiting and row.attempts < PATIENCE:
                outbox.wait(db, row, LOOK_AGAIN_MINUTES)
                run.counts.unchanged += 1
                continue
            if result.error and result.final:
                outbox.drop(db, row.id)
                messages.solve_code(db, run.channel_id, row.order_id, "push_failed", "it is not sent any more")
                sentence = f"Order {row.number}: {row.status} ({row.event}) is not sent: {result.error}."
                _log(db, run, "push_refused_status", row, sentence)
                run.counts.skipped += 1
                continue
            if result.error or result.waiting:
                outbox.fail(db, row)
                error = result.error or "the site accepted it and still does not show it"
                sentence = f"Order {row.number}: the status {row.status} cannot be sent: {error}."
                _log(db, run, "push_failed", row, sentence)
                run.counts.problems += 1
                continue
            outbox.confirm(db, row.id)
            outbox.note_status(db, row, row.status, result.order, result.digest_before)
            messages.solve_code(db, run.channel_id, row.order_id, "push_failed", "the status was sent")
            run.counts.updated += 1
        run.progress(db)


def _log(db: apsw.Connection, run: Pushing, code: str, row: DueStatus, sentence: str) -> None:
    data = {"order": row.number, "status": row.status, "event": row.event, "known": row.known}
    messages.log(
        db, code, sentence, channel_id=run.channel_id, order_id=row.order_id, order_number=row.number,
        run_id=run.run_id, data=data,
    )  # fmt: skip


def _plans(found: _Sorted, current: dict[str, str]) -> list[PushPlan]:
    plans = [
        PushPlan(
            "status", row.number, row.external_id, current[row.external_id], row.status, f"the sale is {row.event}"
        )
        for row in found.send
    ]
    plans += [
        PushPlan("status", row.number, row.external_id, row.status, "", "the site has it already")
        for row in found.there
    ]
    return plans + [
        PushPlan("status", row.number, row.external_id, current.get(row.external_id, ""), "", reason)
        for row, reason in found.dropped
    ]


# Tracking numbers


async def push_tracking(run: Pushing) -> None:
    """Send every tracking number that is due.

    The site is asked what it has before anything is sent, so that a number which arrived before a kill is not told
    twice; what was just sent and not confirmed is left alone until the site cannot be at work on it any more.
    """
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
        await run.store.run(_note_tracking, run, rows)
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
        await run.store.run(_note_told, run, rows, results)
        run.tell()


def _note_tracking(db: apsw.Connection, run: Pushing, rows: list[DueShipment]) -> None:
    with transaction(db):
        run.lease.renew(db)
        shipment_pushes.sent(db, rows)


def _note_told(db: apsw.Connection, run: Pushing, rows: list[DueShipment], results: list[PushResult]) -> None:
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
        found = _untold(db, run.channel_id)
        messages.open_or_solve(db, "tracking_not_told", found, "the site was told", run.channel_id, run.run_id)
        run.progress(db)


def _untold(db: apsw.Connection, channel_id: int) -> messages.Told | None:
    """All that is not told to the site."""
    failing = shipment_pushes.failing(db, channel_id)
    if not failing:
        return None
    numbers = some_of([number for number, _, _ in failing], ", ")
    data = {"orders": [{"order": order, "tracking": tracking, "error": error} for order, tracking, error in failing]}
    return f"The tracking numbers of {len(failing)} orders ({numbers}) are not told: {failing[-1][2]}.", data
