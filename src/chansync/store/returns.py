"""Returns: what buyers send back, by the order that it belongs to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw

from chansync.model.reports import SiteReturn
from chansync.model.times import now_ms

_COLUMNS = "key, order_number, item, sku, pieces, reason, received_at, sellable"
_UNKNOWN = """channel_id = ?1 AND accepted_by = '' AND NOT EXISTS (
    SELECT 1 FROM "order" o WHERE o.channel_id = r.channel_id AND o.external_id = r.order_number)"""


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
        f"SELECT {_COLUMNS} FROM order_return WHERE channel_id = ? AND order_number = ? ORDER BY key",
        (channel_id, order_number),
    )
    return [_return(row) for row in rows]


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


def unmatched(db: apsw.Connection, channel_id: int) -> list[SiteReturn]:
    """The returns of orders that are not known and that nobody has accepted."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM order_return r WHERE {_UNKNOWN} ORDER BY order_number, key", (channel_id,)
    )
    return [_return(row) for row in rows]


def accept_unmatched(db: apsw.Connection, channel_id: int, by: str) -> int:
    """Write down that somebody accepts the returns that belong to no known order; how many they are."""
    db.execute(f"UPDATE order_return AS r SET accepted_by = ?2 WHERE {_UNKNOWN}", (channel_id, by))
    return db.changes()


def _return(row: tuple[Any, ...]) -> SiteReturn:
    key, number, item, sku, pieces, reason, received_at, sellable = row
    return SiteReturn(key, number, item, sku, pieces, reason, received_at, bool(sellable))
