"""Returns: what buyers send back, by the order that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from chansync.model.returns import SiteReturn
from chansync.model.times import now_ms


def write(db: apsw.Connection, channel_id: int, found: Iterable[SiteReturn]) -> set[str]:
    """Keep returns; the numbers of the orders of which something is new. Call it inside a transaction."""
    changed = set()
    for each in found:
        db.execute(
            """INSERT INTO order_return (channel_id, key, order_number, item, sku, pieces, reason, received_at,
               sellable, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET pieces = excluded.pieces, reason = excluded.reason,
               received_at = excluded.received_at, sellable = excluded.sellable, changed_at = excluded.changed_at
               WHERE (pieces, received_at, sellable)
                   IS NOT (excluded.pieces, excluded.received_at, excluded.sellable)""",
            (
                channel_id, each.key, each.order_number, each.item, each.sku, each.pieces, each.reason,
                each.received_at, each.sellable, now_ms(),
            ),
        )  # fmt: skip
        if db.changes():
            changed.add(each.order_number)
    return changed


def of_order(db: apsw.Connection, channel_id: int, order_number: str) -> list[SiteReturn]:
    """The returns of an order."""
    rows = db.execute(
        """SELECT key, order_number, item, sku, pieces, reason, received_at, sellable FROM order_return
           WHERE channel_id = ? AND order_number = ? ORDER BY key""",
        (channel_id, order_number),
    )
    return [
        SiteReturn(key, number, item, sku, pieces, reason, received_at, bool(sellable))
        for key, number, item, sku, pieces, reason, received_at, sellable in rows
    ]


def undecided(db: apsw.Connection, channel_id: int) -> list[str]:
    """The keys of the sales of orders whose returns have changed since they were decided on."""
    rows = db.execute(
        """SELECT DISTINCT k.sale_key FROM order_return r
           JOIN "order" o ON o.channel_id = r.channel_id AND o.external_id = r.order_number
           JOIN sale_link k ON k.order_id = o.id WHERE r.channel_id = ? AND r.decided_at IS NOT r.changed_at""",
        (channel_id,),
    )
    return [row[0] for row in rows]


def note_decided(db: apsw.Connection, channel_id: int, until: int) -> None:
    """Note that the orders of returns that changed up to then (UTC milliseconds) were decided on."""
    db.execute(
        "UPDATE order_return SET decided_at = changed_at WHERE channel_id = ? AND changed_at <= ?", (channel_id, until)
    )
