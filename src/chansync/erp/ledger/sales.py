"""Recording sales in the embedded ledger."""

from __future__ import annotations

from decimal import Decimal

import apsw

from chansync.erp.ledger.customers import address_text, find_or_create
from chansync.erp.protocol import NumberTaken, PointOfSale
from chansync.model.sale import LineKind, RecordedSale, SaleDraft, SaleLine
from chansync.model.times import now_ms


class Ledger:
    """The embedded ledger as the import's ERP (``chansync.erp.protocol.Erp``)."""

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        row = db.execute(
            "SELECT p.code, w.code, p.currencies FROM erp_pos p JOIN erp_warehouse w ON w.id = p.warehouse_id "
            "WHERE p.code = ?",
            (code,),
        ).fetchone()
        return PointOfSale(row[0], row[1], frozenset(row[2].split(","))) if row else None

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        if sku and db.execute("SELECT 1 FROM erp_item WHERE code = ?", (sku,)).get:
            return sku
        if not gtin:
            return None
        # A GTIN that two items carry says nothing about which one was ordered.
        rows = db.execute("SELECT code FROM erp_item WHERE gtin = ? LIMIT 2", (gtin,)).fetchall()
        return str(rows[0][0]) if len(rows) == 1 else None

    def record_sale(self, db: apsw.Connection, draft: SaleDraft) -> RecordedSale:
        known = db.execute("SELECT id, number, customer_id FROM erp_sale WHERE key = ?", (draft.key,)).fetchone()
        if known:
            return RecordedSale(*(*known, False))
        if sum(line.net + line.tax for line in draft.lines) != draft.total:
            raise AssertionError(f"the lines of {draft.key} do not add up to its total")
        customer_id, is_new, warnings = find_or_create(db, draft)
        number = draft.number or _next_number(db, draft.pos)
        if db.execute("SELECT 1 FROM erp_sale WHERE number = ?", (number,)).get:
            raise NumberTaken(f"There is a sale {number} already, of another order.")
        sale_id = _insert_sale(db, draft, number, customer_id)
        _insert_lines(db, sale_id, draft.lines)
        return RecordedSale(sale_id, number, customer_id, is_new, warnings)

    def sale_lines(self, db: apsw.Connection, sale_id: int) -> list[SaleLine]:
        rows = db.execute(
            """SELECT l.kind, coalesce(i.code, ''), l.name, l.quantity, l.net, l.tax, l.discount, l.external_id
               FROM erp_sale_line l LEFT JOIN erp_item i ON i.id = l.item_id WHERE l.sale_id = ? ORDER BY position""",
            (sale_id,),
        )
        return [SaleLine(LineKind(kind), code, name, Decimal(qty), *rest) for kind, code, name, qty, *rest in rows]

    def sale_number(self, db: apsw.Connection, sale_id: int) -> str:
        return str(db.execute("SELECT number FROM erp_sale WHERE id = ?", (sale_id,)).get)

    def sale_total(self, db: apsw.Connection, sale_id: int) -> tuple[str, int]:
        rows = db.execute("SELECT currency, total FROM erp_sale WHERE id = ?", (sale_id,))
        return next((str(currency), int(total)) for currency, total in rows)


def _next_number(db: apsw.Connection, pos: str) -> str:
    """The next free number of the POS's own series."""
    while True:
        number: int = db.execute(
            "UPDATE erp_pos SET next_sale_number = next_sale_number + 1 WHERE code = ? RETURNING next_sale_number - 1",
            (pos,),
        ).get
        text = f"{pos}-{number}"
        # A channel whose code is the POS's code may have used it for an order's number.
        if not db.execute("SELECT 1 FROM erp_sale WHERE number = ?", (text,)).get:
            return text


def _insert_sale(db: apsw.Connection, draft: SaleDraft, number: str, customer_id: int) -> int:
    db.execute(
        """INSERT INTO erp_sale (key, number, order_number, channel_code, pos_id, warehouse_id, customer_id, sale_date,
           currency, total, payment_method, delivery_method, sale_type, tax_transaction, document_type, merchant,
           billing, delivery, note, mark, created_at)
           VALUES (?, ?, ?, ?, (SELECT id FROM erp_pos WHERE code = ?), (SELECT id FROM erp_warehouse WHERE code = ?),
           ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            draft.key, number, draft.order_number, draft.channel_code, draft.pos, draft.warehouse, customer_id,
            draft.sale_date.isoformat(), draft.currency, draft.total, draft.payment_method, draft.delivery_method,
            draft.sale_type, draft.tax_transaction, draft.document_type, draft.merchant, address_text(draft.billing),
            address_text(draft.delivery), draft.note, draft.mark, now_ms(),
        ),
    )  # fmt: skip
    return db.last_insert_rowid()


def _insert_lines(db: apsw.Connection, sale_id: int, lines: list[SaleLine]) -> None:
    db.executemany(
        """INSERT INTO erp_sale_line (sale_id, position, kind, item_id, name, quantity, net, tax, discount, external_id)
           VALUES (?, ?, ?, (SELECT id FROM erp_item WHERE code = ?), ?, ?, ?, ?, ?, ?)""",
        [
            (
                sale_id, position, line.kind, line.item_code, line.name, str(line.quantity), line.net, line.tax,
                line.discount, line.external_id,
            )
            for position, line in enumerate(lines, 1)
        ],
    )  # fmt: skip
