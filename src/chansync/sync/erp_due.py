"""Which streams of connected ERPs are to run now."""

from __future__ import annotations

import apsw

from chansync.erp import registry
from chansync.erp.outside import connected, sales
from chansync.model.times import now_ms
from chansync.store import erp_streams


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
        if (is_due or (not erp.failures and sales.has_work(db, code, now))) and not erp_streams.is_running(db, code):
            found.append(code)
    return found
