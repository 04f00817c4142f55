"""How a sale's goods leave, and how a sale ends: written out, cancelled, reversed."""

from __future__ import annotations

import apsw

from chansync.erp.ledger import documents, goods
from chansync.erp.ledger.facts import Facts, note_event
from chansync.erp.protocol import NotPossible


def write_out(db: apsw.Connection, sale: Facts) -> None:
    """``Erp.write_out``."""
    sale.refuse_issued("it cannot be written out")
    pieces = goods.issue(db, sale)
    note_event(db, sale.id, "written out", pieces=pieces, negative_stock=sale.negative_stock)


def cancel(db: apsw.Connection, sale: Facts) -> None:
    """``Erp.cancel``."""
    sale.refuse_closed("it cannot be cancelled")
    if sale.state.written_out:
        raise NotPossible(f"The sale {sale.number} is written out: reverse it (chansync erp reverse {sale.number}).")
    goods.unblock(db, sale)
    goods.withdraw(db, sale)
    credit, returned = _undo_money(db, sale)
    note_event(db, sale.id, "cancelled", credit=credit, returned=returned)


def reverse(db: apsw.Connection, sale: Facts) -> None:
    """``Erp.reverse``."""
    sale.refuse_closed("it cannot be reversed")
    if not sale.state.written_out:
        raise NotPossible(f"The sale {sale.number} is not written out: cancel it (chansync erp cancel {sale.number}).")
    pieces = goods.bring_back(db, sale, "reversal", goods.still_out(db, sale))
    credit, returned = _undo_money(db, sale)
    note_event(db, sale.id, "reversed", pieces=pieces, credit=credit, returned=returned)


def _undo_money(db: apsw.Connection, sale: Facts) -> tuple[str, int]:
    return documents.credit_rest(db, sale), documents.give_back(db, sale, sale.state.paid)
