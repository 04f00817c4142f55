"""Which sale of which ERP an order became; never changed once it is written."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.model.times import now_ms


@dataclass(frozen=True, slots=True)
class SaleLink:
    """The sale of an order.

    Attributes:
        erp: the kind of ERP that it lives in.
        key: the idempotency key that it was recorded with, ``chansync:<channel>:<order id>``.
        ref: the ERP's own reference of it.
        number: its number for people.
    """

    erp: str
    key: str
    ref: str
    number: str


def put(db: apsw.Connection, order_id: int, link: SaleLink) -> None:
    """Note that the order became that sale. Call it inside the order's transaction."""
    db.execute(
        "INSERT INTO sale_link (order_id, erp, sale_key, ref, number, recorded_at) VALUES (?, ?, ?, ?, ?, ?)",
        (order_id, link.erp, link.key, link.ref, link.number, now_ms()),
    )


def order_of(db: apsw.Connection, sale_key: str) -> int | None:
    """The id of the order that became the sale of that key; None where it was removed with its channel."""
    found: int | None = db.execute("SELECT order_id FROM sale_link WHERE sale_key = ?", (sale_key,)).get
    return found
