"""The embedded ledger: the ERP that lives in chansync's own database."""

from __future__ import annotations

from decimal import Decimal

import apsw

from chansync.erp.ledger import closing, documents, goods, recording, refunds
from chansync.erp.ledger.facts import facts
from chansync.erp.protocol import PointOfSale, RefundLine, SaleState, Shipment
from chansync.model.sale import RecordedSale, SaleDraft, SaleLine


class Ledger:
    """The embedded ledger as chansync's ERP (``chansync.erp.protocol.Erp`` says what each method does)."""

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
        return recording.record_sale(db, draft)

    def rewrite(self, db: apsw.Connection, sale_id: int, draft: SaleDraft) -> None:
        recording.rewrite(db, facts(db, sale_id), draft)

    def nameless(self, db: apsw.Connection, sale_id: int) -> frozenset[str]:
        return recording.nameless(db, sale_id)

    def complete(self, db: apsw.Connection, sale_id: int, draft: SaleDraft) -> None:
        recording.complete(db, sale_id, draft)

    def tax_transaction(self, db: apsw.Connection, sale_id: int) -> str:
        return str(db.execute("SELECT tax_transaction FROM erp_sale WHERE id = ?", (sale_id,)).get)

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        rate = db.execute("SELECT rate FROM erp_tax_transaction WHERE code = ?", (tax_transaction,)).get
        return Decimal(rate or 0)

    def sale_id(self, db: apsw.Connection, number: str) -> int | None:
        found: int | None = db.execute("SELECT id FROM erp_sale WHERE number = ?", (number,)).get
        return found

    def sale_lines(self, db: apsw.Connection, sale_id: int) -> list[SaleLine]:
        return recording.sale_lines(db, sale_id)

    def refunded_lines(self, db: apsw.Connection, sale_id: int) -> list[RefundLine]:
        return refunds.refunded_lines(db, sale_id)

    def sale_number(self, db: apsw.Connection, sale_id: int) -> str:
        return str(db.execute("SELECT number FROM erp_sale WHERE id = ?", (sale_id,)).get)

    def sale_total(self, db: apsw.Connection, sale_id: int) -> tuple[str, int]:
        rows = db.execute("SELECT currency, total FROM erp_sale WHERE id = ?", (sale_id,))
        return next((str(currency), int(total)) for currency, total in rows)

    def state(self, db: apsw.Connection, sale_id: int) -> SaleState:
        return facts(db, sale_id).state

    def block(self, db: apsw.Connection, sale_id: int) -> None:
        goods.block(db, facts(db, sale_id))

    def release(self, db: apsw.Connection, sale_id: int) -> None:
        goods.release(db, facts(db, sale_id))

    def request_missing(self, db: apsw.Connection, sale_id: int, warehouses: list[str]) -> list[tuple[str, int]]:
        return goods.request_missing(db, facts(db, sale_id), warehouses)

    def issue_document(self, db: apsw.Connection, sale_id: int, document_type: str | None = None) -> str:
        return documents.issue_document(db, facts(db, sale_id), document_type)

    def pay(self, db: apsw.Connection, sale_id: int, amount: int | None = None, *, issue_first: bool = False) -> int:
        return documents.pay(db, facts(db, sale_id), amount, issue_first=issue_first)

    def write_out(self, db: apsw.Connection, sale_id: int, carrier: str = "", tracking: str = "") -> None:
        closing.write_out(db, facts(db, sale_id), carrier, tracking)

    def ship(self, db: apsw.Connection, sale_id: int, carrier: str, tracking: str) -> None:
        closing.ship(db, facts(db, sale_id), carrier, tracking)

    def shipment(self, db: apsw.Connection, sale_id: int) -> Shipment | None:
        return closing.shipment(db, facts(db, sale_id))

    def cancel(self, db: apsw.Connection, sale_id: int) -> None:
        closing.cancel(db, facts(db, sale_id))

    def reverse(self, db: apsw.Connection, sale_id: int) -> None:
        closing.reverse(db, facts(db, sale_id))

    def refund(
        self, db: apsw.Connection, sale_id: int, key: str, total: int, lines: list[RefundLine], restock: bool
    ) -> bool:
        return refunds.refund(db, facts(db, sale_id), key, total, lines, restock)

    def available(self, db: apsw.Connection, warehouses: list[str]) -> dict[str, int]:
        return goods.available(db, warehouses)

    def changed_items(self, db: apsw.Connection, warehouses: list[str], after_movement: int) -> tuple[set[str], int]:
        return goods.changed_items(db, warehouses, after_movement)
