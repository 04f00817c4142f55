"""The goods of a sale: blocked, requested, written out, brought back.

Movements are only ever added, so what is on hand can be explained.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal

from .state import is_gone, refuse_closed
from .tables import Db, Json, Refused, Sale, insert, now, update


def block(db: Db, sale: Sale) -> Json:
    """Reserve what the sale needs and the warehouse has: nothing any more where its goods have left or it is closed."""
    if is_gone(sale):
        return {}
    if not sale["wants_block"]:
        update(db, sale, wants_block=1)
    own = pieces(db, "block", sale)
    missing: dict[str, int] = {}
    for item, count in needed(db, sale).items():
        lacking = count - own.get(item, 0)
        if not may_go_negative(db, sale):
            there = min(lacking, max(0, free(db, item, sale["warehouse"])))
            missing |= {item: lacking - there} if lacking > there else {}
            lacking = there
        if lacking > 0:
            own[item] = own.get(item, 0) + lacking
            db.execute("DELETE FROM block WHERE sale_id = ? AND item = ?", (sale["id"], item))
            insert(db, "block", sale_id=sale["id"], warehouse=sale["warehouse"], item=item, pieces=own[item])
    return {"changed": bool(own), "missing": sorted(missing.items())}


def release(db: Db, sale: Sale) -> Json:
    """Give up what is blocked."""
    if sale["wants_block"]:
        update(db, sale, wants_block=0)
    return {"changed": clear(db, "block", sale)}


def shrink_block(db: Db, sale: Sale) -> None:
    """Block no more than the sale still needs."""
    wanted = needed(db, sale)
    if any(count > wanted.get(item, 0) for item, count in pieces(db, "block", sale).items()):
        clear(db, "block", sale)
        block(db, sale)


def request(db: Db, sale: Sale, warehouses: list[str]) -> Json:
    """Request what the sale needs and the warehouses do not have: nothing any more where ``is_gone``."""
    if is_gone(sale):
        return {}
    own = pieces(db, "block", sale)
    missing: dict[str, int] = {}
    for item, count in needed(db, sale).items():
        there = own.get(item, 0) + sum(max(0, free(db, item, place)) for place in dict.fromkeys(warehouses))
        if count > there:
            missing[item] = count - there
    if missing != pieces(db, "request", sale):
        clear(db, "request", sale)
        for item, count in missing.items():
            insert(db, "request", sale_id=sale["id"], item=item, pieces=count)
    return {"changed": bool(missing), "missing": sorted(missing.items())}


def write_out(db: Db, sale: Sale, carrier: str, tracking: str) -> Json:
    """Take the goods out of stock."""
    refuse_closed(sale)
    if sale["written_out_at"]:
        return {}
    wanted, own = needed(db, sale), pieces(db, "block", sale)
    refuse_missing(db, sale, {item: count - own.get(item, 0) for item, count in wanted.items()})
    clear(db, "block", sale)
    clear(db, "request", sale)
    for item, count in wanted.items():
        move(db, sale, item, -count)
    update(db, sale, written_out_at=now(), carrier=carrier, tracking=tracking)
    return {"changed": True}


def ship(db: Db, sale: Sale, carrier: str, tracking: str) -> Json:
    """Say how the goods travel."""
    if sale["closed"] or not sale["written_out_at"]:
        raise Refused(f"The sale {sale['number']} is not written out: nothing of it travels.")
    if (sale["carrier"], sale["tracking"]) == (carrier, tracking):
        return {}
    update(db, sale, carrier=carrier, tracking=tracking)
    return {"changed": True}


def needed(db: Db, sale: Sale) -> dict[str, int]:
    """Pieces of goods that the sale takes from stock: what is sold, less what was refunded unsent."""
    sums: dict[str, Decimal] = {}
    for sign, item, quantity in db.execute(
        """SELECT 1, l.item, l.quantity FROM line l JOIN reference r ON r.kind = 'item' AND r.code = l.item
           WHERE l.sale_id = ?1
           UNION ALL SELECT -1, l.item, l.quantity FROM refund_line l JOIN refund f ON f.id = l.refund_id
           WHERE f.sale_id = ?1 AND l.goods = 'unsent'""",
        (sale["id"],),
    ):
        sums[item] = sums.get(item, Decimal(0)) + sign * Decimal(quantity)
    return {item: math.ceil(count) for item, count in sums.items() if count > 0}


def still_out(db: Db, sale: Sale) -> dict[str, int]:
    """Pieces that went out and can come back: not those that a refund said to stay with the buyer."""
    out: dict[str, int] = dict(
        db.execute("SELECT item, -sum(pieces) FROM movement WHERE sale_id = ? GROUP BY item", (sale["id"],))
    )
    for item, quantity in db.execute(
        """SELECT l.item, l.quantity FROM refund_line l JOIN refund f ON f.id = l.refund_id
           WHERE f.sale_id = ? AND l.goods = 'kept'""",
        (sale["id"],),
    ):
        out[item] = out.get(item, 0) - int(Decimal(quantity))
    return {item: count for item, count in out.items() if count > 0}


def refuse_missing(db: Db, sale: Sale, wanted: dict[str, int]) -> None:
    """Refuse to take pieces from the sale's warehouse that are not free there, unless its POS may go below zero."""
    if may_go_negative(db, sale):
        return
    lacking = {item: count - max(0, free(db, item, sale["warehouse"])) for item, count in wanted.items()}
    missing = {item: count for item, count in lacking.items() if count > 0}
    if missing:
        named = ", ".join(f"{count} of {item}" for item, count in missing.items())
        raise Refused(f"The warehouse {sale['warehouse']} lacks {named}: bring it in.", "missing_stock", missing)


def free(db: Db, item: str, warehouse: str) -> int:
    """Pieces on hand that are not blocked."""
    found: int = db.execute(
        """SELECT coalesce((SELECT sum(pieces) FROM movement WHERE item = ?1 AND warehouse = ?2), 0)
                - coalesce((SELECT sum(pieces) FROM block WHERE item = ?1 AND warehouse = ?2), 0)""",
        (item, warehouse),
    ).fetchone()[0]
    return found


def may_go_negative(db: Db, sale: Sale) -> bool:
    """Whether the sale's POS may take more than there is."""
    row = db.execute("SELECT data FROM reference WHERE kind = 'pos' AND code = ?", (sale["pos"],)).fetchone()
    return bool(row and json.loads(row["data"]).get("negative_stock"))


def pieces(db: Db, table: str, sale: Sale) -> dict[str, int]:
    """What is in ``block`` or ``request`` for the sale."""
    return dict(db.execute(f"SELECT item, pieces FROM {table} WHERE sale_id = ? ORDER BY item", (sale["id"],)))


def clear(db: Db, table: str, sale: Sale) -> bool:
    """End all blocks or requests of the sale; whether there were any."""
    return db.execute(f"DELETE FROM {table} WHERE sale_id = ?", (sale["id"],)).rowcount > 0


def move(db: Db, sale: Sale, item: str, count: int) -> None:
    """Write down that pieces came in, or went out (below zero)."""
    insert(db, "movement", warehouse=sale["warehouse"], item=item, pieces=count, sale_id=sale["id"])
