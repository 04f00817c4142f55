"""Looking at the ledger's sales: for commands and screens, not for imports."""

from __future__ import annotations

from typing import Any

import apsw

from chansync.erp.ledger import closing, goods, journal
from chansync.erp.ledger.facts import facts, facts_of
from chansync.erp.papers import LeftLine, SaleDetails, SalePapers, SaleRow
from chansync.model import stored_json
from chansync.model.errors import UsageError
from chansync.model.money import from_minor

_SALES = """
    SELECT s.number, s.sale_date, s.channel_code, s.order_number, c.name, s.currency, s.total, s.mark, s.created_at
    FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id
"""


def sales(db: apsw.Connection, *, channel: str | None = None, limit: int = 50) -> list[SaleRow]:
    """The last sales recorded, newest first."""
    where, parameters = ("WHERE s.channel_code = ?", [channel]) if channel else ("", [])
    return [SaleRow(*row) for row in db.execute(f"{_SALES} {where} ORDER BY s.id DESC LIMIT ?", (*parameters, limit))]


def sale(db: apsw.Connection, number: str) -> SaleDetails:
    """The sale of that number.

    Raises:
        UsageError: there is none.
    """
    row = db.execute(f"{_SALES} WHERE s.number = ?", (number,)).fetchone()
    if row is None:
        raise UsageError(f"There is no sale {number!r:.60} in the ERP. See: chansync erp sales")
    found = SaleRow(*row)
    sale_id, customer_id, billing, delivery, *rest = db.execute(
        """SELECT s.id, s.customer_id, s.billing, s.delivery, p.code, w.code, s.payment_method, s.delivery_method,
               s.sale_type, s.tax_transaction, s.document_type, s.merchant, s.note, s.uic, s.vat_number,
               s.personal_number
           FROM erp_sale s JOIN erp_pos p ON p.id = s.pos_id JOIN erp_warehouse w ON w.id = s.warehouse_id
           WHERE s.number = ?""",
        (number,),
    ).get
    names = (
        "pos warehouse payment_method delivery_method sale_type tax_transaction document_type merchant note uic "
        "vat_number personal_number"
    ).split()
    details = SaleDetails(
        found,
        facts(db, sale_id).state,
        journal.events(db, sale_id),
        dict(zip(names, rest, strict=True)),
        _customer(db, customer_id),
        stored_json.required_object(billing, "the address of a sale"),
        stored_json.required_object(delivery, "the address of a sale"),
    )
    _add_lines(db, sale_id, details)
    return details


def papers(db: apsw.Connection, sale_key: str) -> SalePapers | None:
    """The sale of that key with its papers, or None."""
    number = db.execute("SELECT number FROM erp_sale WHERE key = ?", (sale_key,)).get
    if number is None:
        return None
    own = facts_of(db, sale_key)
    return SalePapers(
        sale(db, number),
        journal.documents(db, sale=number, limit=-1)[::-1],
        journal.payments(db, sale=number, limit=-1)[::-1],
        journal.requests(db, sale=number, limit=-1),
        journal.blocked(db, number),
        journal.shipments(db, number),
        closing.packages(db, own.id),
        [LeftLine(line.external_id, line.item, line.name, line.quantity) for line in goods.left(db, own)],
    )


def sales_of(db: apsw.Connection, customer_id: int, *, limit: int = 100) -> list[SaleRow]:
    """The last sales to a customer, newest first."""
    rows = db.execute(f"{_SALES} WHERE s.customer_id = ? ORDER BY s.id DESC LIMIT ?", (customer_id, limit))
    return [SaleRow(*row) for row in rows]


def customer(db: apsw.Connection, customer_id: int) -> dict[str, Any]:
    """A customer with the address that was given last.

    Raises:
        UsageError: there is none of that id.
    """
    address = db.execute("SELECT address FROM erp_customer WHERE id = ?", (customer_id,)).get
    if address is None:
        raise UsageError(f"There is no customer {customer_id} in the ERP.")
    return _customer(db, customer_id) | {"address": stored_json.required_object(address, "the address of a customer")}


def _customer(db: apsw.Connection, customer_id: int) -> dict[str, Any]:
    names = ("id", "name", "customer_type", "uic", "vat_number", "personal_number", "phone", "email")
    rows = db.execute(f"SELECT {', '.join(names)} FROM erp_customer WHERE id = ?", (customer_id,))
    return next(dict(zip(names, row, strict=True)) for row in rows)


def _add_lines(db: apsw.Connection, sale_id: int, details: SaleDetails) -> None:
    currency, net_sum, tax_sum = details.sale.currency, 0, 0
    by_rate: dict[str, tuple[int, int]] = {}
    for kind, code, name, quantity, net, tax, discount, external_id, told in db.execute(
        """SELECT l.kind, coalesce(i.code, ''), l.name, l.quantity, l.net, l.tax, l.discount, l.external_id, l.rate
           FROM erp_sale_line l LEFT JOIN erp_item i ON i.id = l.item_id WHERE l.sale_id = ? ORDER BY l.position""",
        (sale_id,),
    ):
        net_sum += net
        tax_sum += tax
        amounts = {"net": net, "tax": tax, "discount": discount, "total": net + tax}
        shown = {word: str(from_minor(units, currency)) for word, units in amounts.items()}
        rate = told or ("" if tax else "0")
        before = by_rate.get(rate, (0, 0))
        by_rate[rate] = before[0] + net, before[1] + tax
        what = {
            "rate": rate,
            "kind": kind,
            "item": code,
            "name": name,
            "external_id": external_id,
            "quantity": quantity,
        }
        details.lines.append(what | shown)
    details.by_rate = [
        {"rate": rate, "net": str(from_minor(net, currency)), "tax": str(from_minor(tax, currency))}
        for rate, (net, tax) in by_rate.items()
    ]
    details.net, details.tax = str(from_minor(net_sum, currency)), str(from_minor(tax_sum, currency))
