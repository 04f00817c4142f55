"""How a sale's goods leave, and how a sale ends: written out, cancelled, reversed."""

from __future__ import annotations

import apsw

from chansync.erp.ledger import documents, goods
from chansync.erp.ledger.facts import Facts, last_event, note_event
from chansync.erp.protocol import NotPossible
from chansync.model.sale import Shipment
from chansync.model.times import now_ms


def write_out(db: apsw.Connection, sale: Facts, carrier: str, tracking: str) -> None:
    """``steps.WriteOut``."""
    sale.refuse_issued("it cannot be written out")
    pieces = goods.issue(db, sale)
    note_event(db, sale.id, "written out", pieces=pieces, negative_stock=sale.negative_stock)
    if carrier or tracking:
        _note_shipment(db, sale, carrier, tracking)


def ship(db: apsw.Connection, sale: Facts, carrier: str, tracking: str) -> None:
    """``steps.Ship``."""
    sale.refuse_closed("nothing of it travels")
    if not sale.state.written_out:
        raise NotPossible(
            f"The sale {sale.number} is not written out yet: chansync erp write-out {sale.number} takes the carrier "
            "and the tracking number too."
        )
    _note_shipment(db, sale, carrier, tracking)


def _note_shipment(db: apsw.Connection, sale: Facts, carrier: str, tracking: str) -> None:
    db.execute(
        "INSERT INTO erp_shipment (sale_id, carrier, tracking, at) VALUES (?, ?, ?, ?)",
        (sale.id, carrier, tracking, now_ms()),
    )


def shipment(db: apsw.Connection, sale: Facts) -> Shipment | None:
    """How the sale's goods travel; None where it is not written out."""
    if not sale.state.written_out:
        return None
    for row in db.execute(
        "SELECT carrier, tracking, at FROM erp_shipment WHERE sale_id = ? ORDER BY id DESC LIMIT 1", (sale.id,)
    ):
        return Shipment(*row)
    at: int = db.execute("SELECT at FROM erp_event WHERE sale_id = ? AND kind = 'written out'", (sale.id,)).get
    return Shipment("", "", at)


def cancel(db: apsw.Connection, sale: Facts, reason: str) -> None:
    """``steps.Cancel``."""
    sale.refuse_closed("it cannot be cancelled")
    if sale.state.written_out:
        raise NotPossible(f"The sale {sale.number} is written out: reverse it (chansync erp reverse {sale.number}).")
    goods.unblock(db, sale)
    goods.withdraw(db, sale)
    credit, returned = _undo_money(db, sale)
    why = {"reason": reason} if reason else {}
    note_event(db, sale.id, "cancelled", credit=credit, returned=returned, **why)


def cancel_reason(db: apsw.Connection, sale: Facts) -> str:
    """Why the sale was cancelled; empty where it was not, or nobody said."""
    if not sale.state.cancelled:
        return ""
    event = last_event(db, sale.id, ("cancelled",))
    return str(event[1].get("reason") or "") if event else ""


def reverse(db: apsw.Connection, sale: Facts) -> None:
    """``steps.Reverse``."""
    sale.refuse_closed("it cannot be reversed")
    if not sale.state.written_out:
        raise NotPossible(f"The sale {sale.number} is not written out: cancel it (chansync erp cancel {sale.number}).")
    pieces = goods.bring_back(db, sale, "reversal", goods.still_out(db, sale))
    credit, returned = _undo_money(db, sale)
    note_event(db, sale.id, "reversed", pieces=pieces, credit=credit, returned=returned)


def _undo_money(db: apsw.Connection, sale: Facts) -> tuple[str, int]:
    credit = documents.credit_rest(db, sale)
    returned = documents.give_back(db, sale, sale.state.paid)
    return credit, sum(amount for _, _, amount in returned)
