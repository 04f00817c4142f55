"""What the ledger shows of a sale: its view, and to people its papers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import apsw

from chansync.erp.ledger import closing, goods, recording
from chansync.erp.ledger.facts import facts_of
from chansync.model import stored_json
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import MethodAmount, RecordedRefund, RefundedLine, SaleView

if TYPE_CHECKING:
    from chansync.erp.papers import SalePapers

_SALE = """
    SELECT s.number, c.name, s.created_at, coalesce(a.type || ' ' || a.code, ''), s.tax_transaction, s.note,
        s.order_number, s.delivery_method, s.billing, s.delivery, s.payments, s.uic, s.vat_number, s.personal_number
    FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id
    LEFT JOIN erp_payment_method m ON m.pos_id = s.pos_id AND m.code = s.payment_method
    LEFT JOIN erp_account a ON a.id = m.account_id WHERE s.key = ?
"""
_TOLD = ("number", "customer", "recorded_at", "account", "tax_transaction", "note", "order_number", "delivery_method")


def view(db: apsw.Connection, sale_key: str) -> SaleView | None:
    """The sale of that key as it is now, or None."""
    row = db.execute(_SALE, (sale_key,)).fetchone()
    if row is None:
        return None
    billing, delivery, payments, *numbers = row[len(_TOLD) :]
    sale = facts_of(db, sale_key)
    # Most sales are looked at before anything of them leaves: they have no packages.
    is_out = sale.state.has_issued or sale.state.reversed
    return SaleView(
        key=sale_key,
        ref=str(sale.id),
        state=sale.state,
        pos=sale.pos,
        warehouse=sale.warehouse,
        payment_method=sale.payment_method,
        document_type=sale.document_type,
        lines=tuple(recording.sale_lines(db, sale.id)),
        refunds=tuple(_refunds(db, sale.id)),
        blocked=tuple(goods.blocked_items(db, sale.id)) if sale.state.blocked else (),
        nameless=recording.nameless(billing, delivery),
        shipment=closing.shipment(db, sale),
        cancel_reason=closing.cancel_reason(db, sale),
        payments=tuple(MethodAmount(*part) for part in json.loads(payments)),
        billing=_address(billing),
        delivery=_address(delivery),
        tax_numbers=TaxNumbers(*numbers),
        packages=tuple(closing.packages(db, sale.id)) if is_out else (),
        **dict(zip(_TOLD, row, strict=False)),
    )


#: What else there is of a sale, by its column.
_FIELDS = (
    "payment_method", "delivery_method", "sale_type", "tax_transaction", "document_type", "merchant", "note", "uic",
    "vat_number", "personal_number",
)  # fmt: skip


def papers(db: apsw.Connection, sale_key: str) -> SalePapers | None:
    """The sale of that key with all that there is of it, for people, or None."""
    # Imported here: an import needs none of it.
    from chansync.erp.ledger import customers, journal
    from chansync.erp.papers import LeftLine, SaleDetails, SalePapers, SaleRow

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
        journal.last(db, "documents", sale=sale_id, limit=-1)[::-1],
        journal.last(db, "payments", sale=sale_id, limit=-1)[::-1],
        journal.last(db, "requests", sale=sale_id, limit=-1),
        [(item, own.warehouse, pieces) for item, pieces in goods.blocked_items(db, sale_id)],
        journal.shipments(db, sale_id),
        closing.packages(db, sale_id),
        [LeftLine(line.external_id, line.item, line.name, line.quantity) for line in goods.left(db, own)],
    )


def _address(text: str) -> Address:
    return Address(**{name: str(value) for name, value in json.loads(text).items() if name in Address.__slots__})


def _refunds(db: apsw.Connection, sale_id: int) -> list[RecordedRefund]:
    found: dict[int, tuple[str, int, list[RefundedLine]]] = {}
    for refund_id, key, total, external_id, quantity, net, tax in db.execute(
        """SELECT r.id, r.key, r.total, l.external_id, l.quantity, l.net, l.tax FROM erp_refund r
           LEFT JOIN erp_refund_line l ON l.refund_id = r.id WHERE r.sale_id = ? ORDER BY r.id, l.position""",
        (sale_id,),
    ):
        lines = found.setdefault(refund_id, (key, total, []))[2]
        if external_id is not None:
            lines.append(RefundedLine(external_id, Decimal(quantity), net, tax))
    return [RecordedRefund(key, total, tuple(lines)) for key, total, lines in found.values()]
