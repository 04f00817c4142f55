"""Stock: a balance is the sum of its movements. Nothing overwrites a number; a correction is a movement too.

The sums stand in ``erp_stock``, where each movement adds itself by a trigger.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.model.errors import UsageError
from chansync.model.times import now_ms

#: The largest quantity taken in: far above any warehouse, far below what sums in SQLite hold.
LARGEST_QUANTITY = 10**12


@dataclass(slots=True)
class Movement:
    """A change of what is on hand (``quantity``) and of what is blocked, in pieces.

    ``at`` is in UTC milliseconds, ``sale`` the number of the sale that caused it.
    """

    id: int
    item: str
    warehouse: str
    quantity: int
    blocked: int
    kind: str
    sale: str
    note: str
    at: int


@dataclass(slots=True)
class Balance:
    """What is on hand of an item in a warehouse, and how much of it is blocked, in pieces."""

    item: str
    name: str
    warehouse: str
    on_hand: int
    blocked: int


def parse_quantity(text: str) -> int:
    """A quantity from typed text: whole pieces, below zero only where stock may be.

    Raises:
        UsageError: it is none.
    """
    cleaned = text.strip()
    digits = cleaned.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 15 or int(digits) > LARGEST_QUANTITY:
        raise UsageError(f"is a whole number of pieces, not {text!r:.40}")
    return -int(digits) if cleaned.startswith("-") else int(digits)


#: Brings what is on hand of an item in a warehouse (by their codes) to that many pieces, by moving the difference.
SET_STOCK = """
    INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, note, at)
    SELECT w.id, i.id, ?3 - coalesce(s.on_hand, 0), CASE WHEN EXISTS (
        SELECT 1 FROM erp_stock_movement WHERE item_id = i.id AND warehouse_id = w.id AND quantity <> 0)
        THEN 'correction' ELSE 'opening' END, ?4, ?5
    FROM erp_item i JOIN erp_warehouse w LEFT JOIN erp_stock s ON s.item_id = i.id AND s.warehouse_id = w.id
    WHERE i.code = ?1 AND w.code = ?2 AND ?3 <> coalesce(s.on_hand, 0)"""


def set_stock(db: apsw.Connection, item: str, warehouse: str, quantity: int, *, note: str = "") -> int:
    """Bring the balance to ``quantity`` by a movement of the difference; the difference.

    The first movement of an item in a warehouse is its opening, later ones are corrections.

    Raises:
        UsageError: there is no such item or warehouse, it is a service, or its stock may not go below zero.
    """
    with db:
        _item(db, item)
        _warehouse(db, warehouse)
        if quantity < 0 and warehouse in never_negative(db):
            raise UsageError(
                f"{warehouse} cannot have {quantity} of {item!r:.60}: no POS that takes from there allows negative "
                "stock. Allow it: chansync erp set pos … negative_stock=yes"
            )
        difference: int | None = db.execute(
            f"{SET_STOCK} RETURNING quantity", (item, warehouse, quantity, note, now_ms())
        ).get
    return difference or 0


def never_negative(db: apsw.Connection) -> set[str]:
    """The codes of the warehouses whose stock may not go below zero: those of POSs of which none allows it."""
    rows = db.execute(
        """SELECT w.code FROM erp_pos p JOIN erp_warehouse w ON w.id = p.warehouse_id
           GROUP BY w.id HAVING max(p.negative_stock) = 0"""
    )
    return {row[0] for row in rows}


def _item(db: apsw.Connection, code: str) -> int:
    row = db.execute("SELECT id, type FROM erp_item WHERE code = ?", (code,)).fetchone()
    if row is None:
        raise UsageError(f"There is no item {code!r:.60} in the ERP. See: chansync erp list item")
    if row[1] == "service":
        raise UsageError(f"{code!r:.60} is a service, and a service has no stock.")
    return int(row[0])


def _warehouse(db: apsw.Connection, code: str) -> int:
    found: int | None = db.execute("SELECT id FROM erp_warehouse WHERE code = ?", (code,)).get
    if found is None:
        raise UsageError(f"There is no warehouse {code!r:.60} in the ERP. See: chansync erp list warehouse")
    return found


def _where(db: apsw.Connection, item: str | None, warehouse: str | None) -> tuple[str, list[int]]:
    conditions: dict[str, int] = {}
    if item is not None:
        conditions["m.item_id = ?"] = _item(db, item)
    if warehouse is not None:
        conditions["m.warehouse_id = ?"] = _warehouse(db, warehouse)
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", list(conditions.values())


def balances(
    db: apsw.Connection, *, item: str | None = None, warehouse: str | None = None, limit: int = -1
) -> list[Balance]:
    """What is on hand, by item and warehouse; only where something ever moved.

    Raises:
        UsageError: there is no such item or warehouse.
    """
    where, parameters = _where(db, item, warehouse)
    found = db.execute(
        f"""SELECT i.code, i.name, w.code, m.on_hand, m.blocked
            FROM erp_stock m JOIN erp_item i ON i.id = m.item_id JOIN erp_warehouse w ON w.id = m.warehouse_id
            {where} ORDER BY i.code, w.code LIMIT ?""",
        (*parameters, limit),
    )
    return [Balance(*row) for row in found]


def movements(db: apsw.Connection, item: str, warehouse: str | None = None, *, limit: int = 50) -> list[Movement]:
    """The item's movements, newest first.

    Raises:
        UsageError: there is no such item or warehouse.
    """
    where, parameters = _where(db, item, warehouse)
    found = db.execute(
        f"""SELECT m.id, i.code, w.code, m.quantity, m.blocked, m.kind, coalesce(s.number, ''), m.note, m.at
            FROM erp_stock_movement m JOIN erp_item i ON i.id = m.item_id JOIN erp_warehouse w ON w.id = m.warehouse_id
            LEFT JOIN erp_sale s ON s.id = m.sale_id {where} ORDER BY m.id DESC LIMIT ?""",
        (*parameters, limit),
    )
    return [Movement(*row) for row in found]
