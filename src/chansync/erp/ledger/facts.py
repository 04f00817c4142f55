"""What the ledger knows of a sale: its own facts, its state, and the events that made it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apsw

from chansync.erp.protocol import NotPossible
from chansync.model import stored_json
from chansync.model.sale import SaleState
from chansync.model.times import now_ms


@dataclass(frozen=True, slots=True)
class Facts:
    """A sale and where it stands, as every transition needs it.

    Attributes:
        pos, warehouse: their codes.
        negative_stock: whether its POS may take more than there is.
        document_id: its open document, or None.
    """

    id: int
    key: str
    number: str
    pos_id: int
    pos: str
    warehouse_id: int
    warehouse: str
    payment_method: str
    document_type: str
    negative_stock: bool
    document_id: int | None
    state: SaleState

    def refuse_closed(self, wish: str) -> None:
        """Refuse where the sale is cancelled or reversed.

        Raises:
            NotPossible: it is.
        """
        for closed, word in ((self.state.cancelled, "cancelled"), (self.state.reversed, "reversed")):
            if closed:
                raise NotPossible(f"The sale {self.number} is {word}: {wish}.")

    def refuse_issued(self, wish: str) -> None:
        """Refuse where the sale is closed, or its goods are issued.

        Raises:
            NotPossible: it is, or they are.
        """
        self.refuse_closed(wish)
        if self.state.written_out:
            raise NotPossible(f"The sale {self.number} is written out: {wish}.")


_SALE = """
    SELECT s.id, s.number, s.pos_id, p.code, s.warehouse_id, w.code, s.payment_method, s.document_type,
        p.negative_stock, s.currency, s.total,
        (SELECT group_concat(kind, ',') FROM erp_event WHERE sale_id = s.id)
    FROM erp_sale s JOIN erp_pos p ON p.id = s.pos_id JOIN erp_warehouse w ON w.id = s.warehouse_id WHERE s.key = ?
"""

# With its number for people: POS, type and number; codes hold no slash.
_OPEN_DOCUMENT = """
    SELECT d.id, p.code || '/' || t.code || '/' || d.number FROM erp_document d JOIN erp_pos p ON p.id = d.pos_id
    JOIN erp_document_type t ON t.id = d.document_type_id
    WHERE d.sale_id = ? AND d.reverses_id IS NULL ORDER BY d.id DESC LIMIT 1
"""

# What each journal says of a sale, by the event without which it says nothing: most sales are asked about when
# little has happened to them, and a journal that is not opened costs nothing.
_JOURNALS = {
    "blocked": "SELECT coalesce(sum(blocked), 0) FROM erp_stock_movement WHERE sale_id = ?",
    "requested": "SELECT coalesce(sum(quantity), 0) FROM erp_request WHERE sale_id = ?",
    "document issued": "SELECT coalesce(sum(total), 0) FROM erp_document WHERE sale_id = ?",
    "paid": "SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = ?",
    "refunded": "SELECT coalesce(sum(total), 0) FROM erp_refund WHERE sale_id = ?",
}


def facts_of(db: apsw.Connection, sale_key: str) -> Facts:
    """The sale of that key.

    Raises:
        NotPossible: there is none.
    """
    row = db.execute(_SALE, (sale_key,)).fetchone()
    if row is None:
        raise NotPossible(f"There is no sale of the key {sale_key:.100} in the ERP.")
    sale_id, *own, negative_stock, currency, total, kinds = row
    happened = frozenset((kinds or "").split(","))
    sums = {
        event: int(db.execute(journal, (sale_id,)).get) if event in happened else 0
        for event, journal in _JOURNALS.items()
    }
    closed = not happened.isdisjoint(("cancelled", "reversed"))
    document: int | None = None
    document_number = ""
    if not closed and "document issued" in happened:
        document, document_number = db.execute(_OPEN_DOCUMENT, (sale_id,)).get or (None, "")
    state = SaleState(
        currency=currency,
        total=total,
        blocked=sums["blocked"] > 0,
        requested=sums["requested"] > 0,
        documented=sums["document issued"],
        document_number=document_number,
        paid=sums["paid"],
        unpaid=(0 if closed else total - sums["refunded"]) - sums["paid"],
        refunded=sums["refunded"],
        written_out="written out" in happened and "reversed" not in happened,
        cancelled="cancelled" in happened,
        reversed="reversed" in happened,
        partly_written_out="partly written out" in happened and "written out" not in happened and not closed,
    )
    return Facts(*(sale_id, sale_key, *own, bool(negative_stock), document, state))


def note_event(db: apsw.Connection, sale_id: int, kind: str, **data: Any) -> None:
    """Write down that something was done with the sale; ``data`` is kept as JSON."""
    db.execute(
        "INSERT INTO erp_event (sale_id, kind, at, data) VALUES (?, ?, ?, ?)",
        (sale_id, kind, now_ms(), stored_json.text(data)),
    )


def last_event(db: apsw.Connection, sale_id: int, kinds: tuple[str, ...]) -> tuple[str, dict[str, Any]] | None:
    """The last event of those kinds and its data, or None."""
    marks = ", ".join("?" * len(kinds))
    row = db.execute(
        f"SELECT kind, data FROM erp_event WHERE sale_id = ? AND kind IN ({marks}) ORDER BY id DESC LIMIT 1",
        (sale_id, *kinds),
    ).fetchone()
    return (row[0], stored_json.required_object(row[1], "what was done with a sale")) if row else None
