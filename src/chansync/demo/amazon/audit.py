"""Compares the seller's truth, as the fake itself knows it, with the ERP; independent of connector and import."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import apsw

from chansync.demo.amazon.book import CANCELLED
from chansync.demo.amazon.company import CHANNELS
from chansync.demo.audit import Audit
from chansync.erp import registry
from chansync.model.money import to_minor

#: What has no sale while it is so, as a channel is set up at first.
_WAITING = ("PENDING", "PENDING_AVAILABILITY", CANCELLED)


def audit(db: apsw.Connection, truth: Mapping[str, Mapping[str, Any]]) -> Audit:
    """Look for the sale or the open problem of each order that there was when ``truth`` was told.

    Channels must have been pulled since then, and what was changed until then must have been told by searches.
    """
    found = Audit()
    by_place = {place.id: code for code, place in CHANNELS.items()}
    for order_id, told in truth.items():
        if told["marketplaceId"] in by_place:
            _judge(db, by_place[told["marketplaceId"]], order_id, told, found)
    return found


def _judge(db: apsw.Connection, code: str, order_id: str, told: Mapping[str, Any], found: Audit) -> None:
    found.orders += 1
    row = db.execute(
        """SELECT o.modified_at / 1000, o.status, l.erp, l.sale_key,
               (SELECT code FROM message WHERE order_id = o.id AND open = 1)
           FROM "order" o JOIN channel c ON c.id = o.channel_id LEFT JOIN sale_link l ON l.order_id = o.id
           WHERE c.code = ? AND o.external_id = ?""",
        (code, order_id),
    ).fetchone()
    modified, status, erp, key, problem = row or (0, "", None, None, None)
    if modified > told["updated"]:
        found.newer += 1
        return
    # A change of nothing that matters leaves the row as it was; the total is compared below.
    if status != told["status"]:
        found.wrong.append(f"order {order_id} is not known as it is at Amazon now")
        return
    found.selected += told["status"] not in _WAITING
    if problem:
        found.problems[problem] = found.problems.get(problem, 0) + 1
    sale = registry.erp(db, erp).view(db, key) if erp is not None and key is not None else None
    if sale is None:
        if told["status"] not in _WAITING and not problem:
            found.wrong.append(f"order {order_id} is neither a sale nor a problem")
        return
    if problem:
        return
    state = sale.state
    if told["status"] == CANCELLED:
        if not (state.cancelled or state.reversed):
            found.wrong.append(f"order {order_id} is cancelled, and its sale stands")
        return
    # What was cancelled after the sale had its document was given back.
    left = (state.total - state.refunded, state.currency)
    if left != (to_minor(Decimal(told["total"]), told["currency"], "total"), told["currency"]):
        found.wrong.append(f"order {order_id}: {told['total']} {told['currency']} at Amazon, {left[0]} in the ERP")
    else:
        found.sold += 1
