"""Which streams have something to do: seen by a look into the database, without a run."""

from __future__ import annotations

import apsw

from chansync.erp import registry
from chansync.erp.outside import connected, sales
from chansync.model.channel import ChannelIncomplete
from chansync.model.times import now_ms
from chansync.orders.status_to_send import EDIT_WAITS, SHIPMENT_WAITS
from chansync.orders.stream_switches import SENDING
from chansync.store import channels, outbox, shipment_pushes, streams
from chansync.sync.push_stock import is_anything_to_send
from chansync.sync.pushing import SETTLED_MS


def pass_over(db: apsw.Connection, channel_id: int, stream: str) -> bool:
    """Note that a stream which sends has nothing to send; False when only a run can tell.

    With a thousand channels most looks of the schedule end here: they cost no lease, no record, no connection.
    """
    if stream not in SENDING:
        return False
    if stream == "statuses":
        now = now_ms()
        anything = bool(
            outbox.due(db, channel_id, now, waits=EDIT_WAITS, limit=1)
            or shipment_pushes.due(db, channel_id, now, now - SETTLED_MS, waits=SHIPMENT_WAITS, limit=1)
        )
    else:
        channel = channels.channel_by_id(db, channel_id)
        try:
            anything = channel is None or is_anything_to_send(db, channel)
        except ChannelIncomplete:
            anything = True
    return not anything and streams.pass_over(db, channel_id, stream)


def erp_streams_due(db: apsw.Connection) -> list[str]:
    """The codes of the ERPs whose stream is due, or that were asked for something since its last run.

    After a run that failed only the time counts: what waits is no reason to ask an ERP that does not answer.
    """
    codes = connected.codes(db)
    now = now_ms()
    found = []
    for code, kind in codes:
        if kind not in registry.kinds() or not registry.erp(db, code).is_outside:
            continue
        erp = connected.get(db, code)
        is_due = erp.next_run_at is None or erp.next_run_at <= now
        if (is_due or (not erp.failures and sales.has_work(db, code, now))) and not streams.is_erp_running(db, code):
            found.append(code)
    return found
