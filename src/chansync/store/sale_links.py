"""Which sale of which ERP an order became, and which ones it had before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.model.stored_json import sorted_text
from chansync.model.times import now_ms


@dataclass(frozen=True, slots=True)
class SaleLink:
    """The sale of an order.

    Attributes:
        erp: the code of the ERP that it lives in.
        key: the idempotency key that it was recorded with, ``chansync:<channel>:<order id>``.
        ref: the ERP's own reference of it; empty while an outside ERP has not recorded it.
        number: its number for people; what it is called for now while an outside ERP has not recorded it.
    """

    erp: str
    key: str
    ref: str
    number: str


def put(db: apsw.Connection, order_id: int, link: SaleLink, taken: Mapping[str, Any] | None = None) -> None:
    """Note that the order became that sale, and what the sale has taken over of it (``orders/differences.py``); None
    where that is not known yet. Call it inside the order's transaction."""
    db.execute(
        "INSERT INTO sale_link (order_id, erp, sale_key, ref, number, recorded_at, taken) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (order_id, link.erp, link.key, link.ref, link.number, now_ms(), "{}" if taken is None else sorted_text(taken)),
    )


def set_number(db: apsw.Connection, sale_key: str, ref: str, number: str) -> None:
    """Note what an outside ERP calls a sale that it has recorded. Call it inside a transaction."""
    db.execute(
        "UPDATE sale_link SET ref = ?1, number = ?2 WHERE sale_key = ?3 AND (ref, number) <> (?1, ?2)",
        (ref, number, sale_key),
    )


def remove(db: apsw.Connection, sale_key: str) -> int | None:
    """The ERP has no sale of that key after all: its order has none; the order's id. Call it inside a transaction."""
    order_id = order_of(db, sale_key)
    db.execute("DELETE FROM sale_link WHERE sale_key = ?", (sale_key,))
    return order_id


def set_taken(db: apsw.Connection, order_id: int, taken: Mapping[str, Any]) -> None:
    """Note what the sale has taken over of its order (``orders/differences.py``)."""
    db.execute("UPDATE sale_link SET taken = ?1 WHERE order_id = ?2 AND taken <> ?1", (sorted_text(taken), order_id))


def replace(db: apsw.Connection, order_id: int, by: str) -> None:
    """Let the order make a new sale: its present one becomes a former one. Call it inside the order's transaction."""
    db.execute(
        """INSERT INTO former_sale (order_id, erp, sale_key, ref, number, recorded_at, replaced_at, replaced_by)
           SELECT order_id, erp, sale_key, ref, number, recorded_at, ?, ? FROM sale_link WHERE order_id = ?""",
        (now_ms(), by, order_id),
    )
    db.execute("DELETE FROM sale_link WHERE order_id = ?", (order_id,))


def former(db: apsw.Connection, order_id: int) -> list[SaleLink]:
    """The sales that the order had before its present one, oldest first."""
    rows = db.execute(
        "SELECT erp, sale_key, ref, number FROM former_sale WHERE order_id = ? ORDER BY rowid", (order_id,)
    )
    return [SaleLink(*row) for row in rows]


def order_of(db: apsw.Connection, sale_key: str) -> int | None:
    """The id of the order whose sale has that key; None for a former sale, or where it was removed with its channel."""
    found: int | None = db.execute("SELECT order_id FROM sale_link WHERE sale_key = ?", (sale_key,)).get
    return found
