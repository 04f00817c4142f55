"""Looking at the ledger's journals: documents, payments, open requests, and the events of a sale."""

from __future__ import annotations

import apsw

from chansync.erp.papers import DocumentRow, Event, PaymentRow, RequestRow
from chansync.model import stored_json
from chansync.model.errors import UsageError
from chansync.model.sale import Shipment


def documents(db: apsw.Connection, *, sale: str | None = None, limit: int = 50) -> list[DocumentRow]:
    """The last documents and credits, newest first.

    Raises:
        UsageError: there is no such sale.
    """
    where, parameters = _of_sale(db, sale, "d")
    rows = db.execute(
        f"""SELECT p.code || '/' || t.code || '/' || d.number, s.number, d.currency, d.total,
               coalesce(p.code || '/' || t.code || '/' || c.number, ''), d.at
            FROM erp_document d JOIN erp_pos p ON p.id = d.pos_id JOIN erp_document_type t ON t.id = d.document_type_id
            JOIN erp_sale s ON s.id = d.sale_id LEFT JOIN erp_document c ON c.id = d.reverses_id
            {where} ORDER BY d.id DESC LIMIT ?""",
        (*parameters, limit),
    )
    return [DocumentRow(*row) for row in rows]


def payments(db: apsw.Connection, *, sale: str | None = None, limit: int = 50) -> list[PaymentRow]:
    """The last payments and returns, newest first.

    Raises:
        UsageError: there is no such sale.
    """
    where, parameters = _of_sale(db, sale, "p")
    rows = db.execute(
        f"""SELECT s.number, a.code, p.kind, p.currency, p.amount, p.at, p.method, p.transaction_id, p.paid_on
            FROM erp_payment p
            JOIN erp_sale s ON s.id = p.sale_id JOIN erp_account a ON a.id = p.account_id
            {where} ORDER BY p.id DESC LIMIT ?""",
        (*parameters, limit),
    )
    return [PaymentRow(*row) for row in rows]


def requests(db: apsw.Connection, *, sale: str | None = None, limit: int = 50) -> list[RequestRow]:
    """What is requested now, the last first.

    Raises:
        UsageError: there is no such sale.
    """
    where, parameters = _of_sale(db, sale, "r")
    rows = db.execute(
        f"""SELECT s.number, i.code, i.name, sum(r.quantity), max(r.at) FROM erp_request r
            JOIN erp_sale s ON s.id = r.sale_id JOIN erp_item i ON i.id = r.item_id
            {where} GROUP BY r.sale_id, r.item_id HAVING sum(r.quantity) > 0 ORDER BY max(r.id) DESC LIMIT ?""",
        (*parameters, limit),
    )
    return [RequestRow(*row) for row in rows]


def blocked(db: apsw.Connection, sale: str) -> list[tuple[str, str, int]]:
    """What is reserved for the sale now: item, warehouse and pieces.

    Raises:
        UsageError: there is no such sale.
    """
    where, parameters = _of_sale(db, sale, "m")
    rows = db.execute(
        f"""SELECT i.code, w.code, sum(m.blocked) FROM erp_stock_movement m JOIN erp_item i ON i.id = m.item_id
            JOIN erp_warehouse w ON w.id = m.warehouse_id {where}
            GROUP BY m.item_id, m.warehouse_id HAVING sum(m.blocked) <> 0 ORDER BY i.code""",
        parameters,
    )
    return [(item, warehouse, pieces) for item, warehouse, pieces in rows]


def shipments(db: apsw.Connection, sale: str) -> list[Shipment]:
    """What was noted of how the sale's goods travel as a whole, the first first.

    Raises:
        UsageError: there is no such sale.
    """
    where, parameters = _of_sale(db, sale, "n")
    rows = db.execute(
        f"SELECT n.carrier, n.tracking, n.at FROM erp_shipment n {where} AND n.package_id IS NULL ORDER BY n.id",
        parameters,
    )
    return [Shipment(*row) for row in rows]


def events(db: apsw.Connection, sale_id: int) -> list[Event]:
    """What was done with the sale, the first first."""
    rows = db.execute("SELECT at, kind, data FROM erp_event WHERE sale_id = ? ORDER BY id", (sale_id,))
    return [Event(at, kind, stored_json.required_object(data, "what was done with a sale")) for at, kind, data in rows]


def _of_sale(db: apsw.Connection, number: str | None, alias: str) -> tuple[str, list[int]]:
    if number is None:
        return "", []
    sale_id: int | None = db.execute("SELECT id FROM erp_sale WHERE number = ?", (number,)).get
    if sale_id is None:
        raise UsageError(f"There is no sale {number!r:.60} in the ERP. See: chansync erp sales")
    return f"WHERE {alias}.sale_id = ?", [sale_id]
