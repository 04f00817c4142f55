"""What orders hold of the goods that are known and no sales (yet): pieces that the site has promised already."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import apsw


def put(db: apsw.Connection, order_id: int, warehouse: str, pieces: Mapping[str, int]) -> None:
    """What the order holds now, by item code; nothing where ``pieces`` is empty. Call it inside a transaction."""
    before = {
        item: (place, quantity)
        for item, place, quantity in db.execute(
            "SELECT item, warehouse, quantity FROM order_hold WHERE order_id = ?", (order_id,)
        )
    }
    now = {item: (warehouse, quantity) for item, quantity in pieces.items()}
    if now == before:
        return
    db.execute("DELETE FROM order_hold WHERE order_id = ?", (order_id,))
    db.executemany(
        "INSERT INTO order_hold (order_id, item, warehouse, quantity) VALUES (?, ?, ?, ?)",
        [(order_id, item, warehouse, quantity) for item, quantity in pieces.items()],
    )


def held(db: apsw.Connection, warehouses: Sequence[str]) -> dict[str, int]:
    """Item code → pieces that orders hold in those warehouses."""
    rows = db.execute(
        """SELECT item, sum(quantity) FROM held_stock
           WHERE warehouse IN (SELECT value FROM json_each(?)) AND quantity > 0 GROUP BY item""",
        (json.dumps(list(warehouses)),),
    )
    return dict(rows)


def mark(db: apsw.Connection) -> int:
    """A number that rises with every change of what is held."""
    found: int | None = db.execute("SELECT max(changed) FROM held_stock").get
    return found or 0
