"""Looking at the ledger's sales: for commands and screens, not for imports."""

from __future__ import annotations

from typing import Any

import apsw

from chansync.erp.ledger import closing, customers, goods, journal, recording
from chansync.erp.ledger.facts import facts_of
from chansync.erp.papers import LeftLine, SaleDetails, SalePapers, SaleRow
from chansync.model import stored_json

#: What else there is of a sale, by its column.
_FIELDS = (
    "payment_method", "delivery_method", "sale_type", "tax_transaction", "document_type", "merchant", "note", "uic",
    "vat_number", "personal_number",
)  # fmt: skip


def papers(db: apsw.Connection, sale_key: str) -> SalePapers | None:
    """The sale of that key with its papers, or None."""
    row = db.execute(f"{journal.SALES} WHERE s.key = ?", (sale_key,)).fetchone()
    if row is None:
        return None
    own, sale_id = facts_of(db, sale_key), row[0]
    customer_id, billing, delivery, *fields = db.execute(
        f"SELECT customer_id, billing, delivery, {', '.join(_FIELDS)} FROM erp_sale WHERE id = ?", (sale_id,)
    ).get
    buyer = customers.customer(db, customer_id)
    del buyer["address"]
    details = SaleDetails(
        SaleRow(*row[1:]),
        own.state,
        journal.events(db, sale_id),
        {"pos": own.pos, "warehouse": own.warehouse} | dict(zip(_FIELDS, fields, strict=True)),
        buyer,
        stored_json.required_object(billing, "the address of a sale"),
        stored_json.required_object(delivery, "the address of a sale"),
    )
    details.add_lines(recording.sale_lines(db, sale_id))
    return SalePapers(
        details,
        journal.documents(db, sale=sale_id, limit=-1)[::-1],
        journal.payments(db, sale=sale_id, limit=-1)[::-1],
        journal.requests(db, sale=sale_id, limit=-1),
        [(item, own.warehouse, pieces) for item, pieces in goods.blocked_items(db, sale_id)],
        journal.shipments(db, sale_id),
        closing.packages(db, sale_id),
        [LeftLine(line.external_id, line.item, line.name, line.quantity) for line in goods.left(db, own)],
    )


def customer(db: apsw.Connection, customer_id: int) -> dict[str, Any]:
    """A customer with the address that was given last.

    Raises:
        UsageError: there is none of that id.
    """
    found = customers.customer(db, customer_id)
    return found | {"address": stored_json.required_object(found["address"], "the address of a customer")}
