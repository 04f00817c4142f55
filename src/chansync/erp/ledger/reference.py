"""The ledger's reference data, as imports, forms and mappings read it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import apsw

from chansync.erp.protocol import PointOfSale
from chansync.model.gtin import gtin_forms


class LedgerReference:
    """``chansync.erp.protocol.Reference`` says what each method does.

    ``setup`` is imported where it is needed: it knows every field of every kind, which an import has no use for.
    """

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
        forms = gtin_forms(gtin)
        if not forms:
            return None
        # A GTIN that two items carry says nothing about which one was ordered.
        marks = ", ".join("?" * len(forms))
        rows = db.execute(f"SELECT code FROM erp_item WHERE gtin IN ({marks}) LIMIT 2", forms).fetchall()
        return str(rows[0][0]) if len(rows) == 1 else None

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        rate = db.execute("SELECT rate FROM erp_tax_transaction WHERE code = ?", (tax_transaction,)).get
        return Decimal(rate or 0)

    def codes(self, db: apsw.Connection, kind: str, *, pos: str | None = None) -> list[str]:
        from chansync.erp.ledger import setup

        return setup.codes(db, kind, pos=pos)

    def exists(self, db: apsw.Connection, kind: str, code: str, *, pos: str | None = None) -> bool:
        from chansync.erp.ledger import setup

        return setup.exists(db, kind, code, pos=pos)

    def rows(self, db: apsw.Connection, kind: str, *, text: str = "", limit: int = -1) -> list[dict[str, Any]]:
        from chansync.erp.ledger import setup

        return setup.rows(db, kind, text=text, limit=limit)

    def get(self, db: apsw.Connection, kind: str, code: str) -> dict[str, Any]:
        from chansync.erp.ledger import setup

        return setup.get(db, kind, code)
