"""The ledger's sales and journals as rows, the newest first: whole for commands, by pages for ``lists``.

Each select begins with the id by which its rows are ordered, then has the values of its kind of row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from chansync.erp.papers import DocumentRow, Event, PaymentRow, RequestRow, SaleRow
from chansync.model import stored_json
from chansync.model.sale import Shipment

T = TypeVar("T")

SALES = """
    SELECT s.id, s.number, s.sale_date, s.channel_code, s.order_number, c.name, s.currency, s.total, s.mark,
        s.created_at
    FROM erp_sale s CROSS JOIN erp_customer c ON c.id = s.customer_id
"""
DOCUMENTS = """
    SELECT d.id, p.code || '/' || t.code || '/' || d.number, s.number, d.currency, d.total,
        coalesce(p.code || '/' || t.code || '/' || c.number, ''), d.at
    FROM erp_document d CROSS JOIN erp_pos p ON p.id = d.pos_id CROSS JOIN erp_document_type t
    ON t.id = d.document_type_id CROSS JOIN erp_sale s ON s.id = d.sale_id
    LEFT JOIN erp_document c ON c.id = d.reverses_id
"""
PAYMENTS = """
    SELECT p.id, s.number, a.code, p.kind, p.currency, p.amount, p.at, p.method, p.transaction_id, p.paid_on
    FROM erp_payment p CROSS JOIN erp_account a ON a.id = p.account_id CROSS JOIN erp_sale s ON s.id = p.sale_id
"""
# What is requested of an item is the sum of its entries: those of a sale are one row, at the place of the last one.
REQUESTS = """
    SELECT r.id, s.number, i.code, i.name, (
        SELECT sum(q.quantity) FROM erp_request q WHERE q.sale_id = r.sale_id AND q.item_id = r.item_id) AS pieces, r.at
    FROM erp_request r CROSS JOIN erp_sale s ON s.id = r.sale_id CROSS JOIN erp_item i ON i.id = r.item_id
"""
OPEN_REQUESTS = """
    NOT EXISTS (SELECT 1 FROM erp_request q WHERE q.sale_id = r.sale_id AND q.item_id = r.item_id AND q.id > r.id)
    AND pieces > 0"""


#: What each journal is read by: its select, the alias of its entries, what makes a row, and of which entries.
JOURNALS: dict[str, tuple[str, str, Callable[..., Any], tuple[str, ...]]] = {
    "documents": (DOCUMENTS, "d", DocumentRow, ()),
    "payments": (PAYMENTS, "p", PaymentRow, ()),
    "requests": (REQUESTS, "r", RequestRow, (OPEN_REQUESTS,)),
}


def sales(
    db: apsw.Connection, *, channel: str | None = None, customer: int | None = None, limit: int = 50
) -> list[SaleRow]:
    """The last sales recorded, of all channels and customers or of one of these."""
    column, value = ("channel_code", channel) if customer is None else ("customer_id", customer)
    return _rows(db, SALES, "s", SaleRow, (), limit, column, value)


def last(db: apsw.Connection, name: str, *, sale: int | None = None, limit: int = 50) -> list[Any]:
    """The last rows of the journal of that name, of all sales or of the one of that id."""
    return _rows(db, *JOURNALS[name], limit, "sale_id", sale)


def _rows(
    db: apsw.Connection, select: str, alias: str, make: Callable[..., T], conditions: tuple[str, ...], limit: int,
    column: str, value: str | int | None,
) -> list[T]:  # fmt: skip
    """The last rows of a select; those with that value in a column, where there is one."""
    if value is not None:
        conditions = (f"{alias}.{column} = ?", *conditions)
    parameters = [limit] if value is None else [value, limit]
    sql = f"{select}{' WHERE ' if conditions else ''}{' AND '.join(conditions)} ORDER BY {alias}.id DESC LIMIT ?"
    return [make(*row) for _, *row in db.execute(sql, parameters)]


def shipments(db: apsw.Connection, sale_id: int) -> list[Shipment]:
    """What was noted of how the sale's goods travel as a whole, the first first."""
    rows = db.execute(
        "SELECT carrier, tracking, at FROM erp_shipment WHERE sale_id = ? AND package_id IS NULL ORDER BY id",
        (sale_id,),
    )
    return [Shipment(*row) for row in rows]


def events(db: apsw.Connection, sale_id: int) -> list[Event]:
    """What was done with the sale, the first first."""
    rows = db.execute("SELECT at, kind, data FROM erp_event WHERE sale_id = ? ORDER BY id", (sale_id,))
    return [Event(at, kind, stored_json.required_object(data, "what was done with a sale")) for at, kind, data in rows]
