"""Tracking numbers that wait to be sent to the sites: at most one open row for each package of an order.

An order whose goods leave as a whole has one package, of the number 0.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import apsw

from chansync.model.times import next_try, now_ms
from chansync.store.messages import OPEN_CODE_OF


@dataclass(slots=True)
class DueShipment:
    """A tracking number to be sent.

    Attributes:
        package: its number within the sale, and ``lines`` what it holds: the site's id of each line and how many
            pieces; 0 and empty where all goods of the order leave together.
        shipped_at: when a package left, UTC milliseconds; None where that is not known.
        replaces: the tracking number that the site was told of the package before; empty: none.
        told: every tracking number that may have been sent for the order so far.
        sale: the number of the order's sale; empty where it has none any more.
        attempts: how often sending it failed.
    """

    id: int
    order_id: int
    external_id: str
    number: str
    carrier: str
    tracking: str
    replaces: str
    attempts: int
    package: int
    lines: tuple[tuple[str, int], ...]
    shipped_at: int | None
    sale: str
    told: frozenset[str]


def put(
    db: apsw.Connection,
    channel_id: int,
    order_id: int,
    carrier: str,
    tracking: str,
    *,
    package: int = 0,
    lines: Sequence[tuple[str, int]] = (),
    at: int | None = None,
) -> None:
    """Let the site be told how an order's package travels, unless it was told that last. Call it in the transaction of
    the event.

    Args:
        package, lines, at: as ``DueShipment`` has them.
    """
    last = db.execute(
        "SELECT carrier, tracking FROM shipment_push WHERE order_id = ? AND package = ? AND state <> 'superseded' "
        "ORDER BY id DESC LIMIT 1",
        (order_id, package),
    ).fetchone()
    if last == (carrier, tracking):
        return
    db.execute(
        "UPDATE shipment_push SET state = 'superseded' WHERE order_id = ? AND package = ? AND state IN ('due', 'sent')",
        (order_id, package),
    )
    db.execute(
        """INSERT INTO shipment_push (channel_id, order_id, carrier, tracking, state, created_at, package, lines,
           shipped_at) VALUES (?, ?, ?, ?, 'due', ?, ?, ?, ?)""",
        (channel_id, order_id, carrier, tracking, now_ms(), package, json.dumps(lines), at),
    )


def supersede(db: apsw.Connection, order_id: int) -> None:
    """What was to be sent for the order and is not confirmed is not sent any more."""
    db.execute(
        "UPDATE shipment_push SET state = 'superseded' WHERE order_id = ? AND state IN ('due', 'sent')", (order_id,)
    )


def due(
    db: apsw.Connection,
    channel_id: int,
    now: int | None,
    settled: int,
    *,
    waits: Collection[str],
    limit: int = 100,
    after_id: int = 0,
) -> list[DueShipment]:
    """Open rows of the channel, oldest first.

    Args:
        now: only those whose next try is due by then; None: all.
        settled: what was sent after that time may still be under way, and is left out; UTC milliseconds.
        waits: the problems of an order that keep it back.
    """
    kept_back = OPEN_CODE_OF.format(row="p", codes="SELECT value FROM json_each(?6)")
    rows = db.execute(
        f"""SELECT p.id, o.id, o.external_id, o.number, p.carrier, p.tracking, coalesce((
               SELECT tracking FROM shipment_push b WHERE b.order_id = p.order_id AND b.package = p.package
               AND b.id < p.id AND b.sent_at IS NOT NULL ORDER BY b.id DESC LIMIT 1), ''), p.attempts,
               p.package, p.lines, p.shipped_at, coalesce(l.number, ''), (
               SELECT json_group_array(tracking) FROM shipment_push b
               WHERE b.order_id = p.order_id AND b.sent_at IS NOT NULL)
           FROM shipment_push p JOIN "order" o ON o.id = p.order_id LEFT JOIN sale_link l ON l.order_id = o.id
           WHERE p.channel_id = ?1 AND p.state IN ('due', 'sent') AND p.id > ?4
           AND (?2 IS NULL OR coalesce(p.next_try_at, 0) <= ?2) AND NOT (p.state = 'sent' AND p.sent_at > ?3)
           AND NOT {kept_back} ORDER BY p.id LIMIT ?5""",
        (channel_id, now, settled, after_id, limit, json.dumps(sorted(waits))),
    )
    return [
        DueShipment(*(*own, tuple(map(tuple, json.loads(lines))), at, sale, frozenset(json.loads(told))))
        for *own, lines, at, sale, told in rows
    ]


def _set(db: apsw.Connection, row: DueShipment, assignments: str, *values: object) -> None:
    """Change a row that is open."""
    db.execute(f"UPDATE shipment_push SET {assignments} WHERE id = ? AND state IN ('due', 'sent')", (*values, row.id))


def sent(db: apsw.Connection, rows: list[DueShipment]) -> None:
    """Note that the rows are about to be sent; what became of that is unknown until it is confirmed."""
    for row in rows:
        _set(db, row, "state = 'sent', sent_at = ?", now_ms())


def confirm(db: apsw.Connection, row: DueShipment) -> None:
    """The site has it."""
    _set(db, row, "state = 'confirmed'")


def drop(db: apsw.Connection, row: DueShipment) -> None:
    """It is not to be sent."""
    _set(db, row, "state = 'dropped'")


def fail(db: apsw.Connection, row: DueShipment, error: str) -> None:
    """Sending failed: try again later, each time after a longer wait."""
    _set(db, row, "state = 'due', attempts = attempts + 1, next_try_at = ?, error = ?", next_try(row.attempts), error)


def failing(db: apsw.Connection, channel_id: int) -> list[tuple[str, str, str]]:
    """Order number, tracking number and error of everything whose last try failed, oldest first."""
    return list(
        db.execute(
            """SELECT o.number, p.tracking, p.error FROM shipment_push p JOIN "order" o ON o.id = p.order_id
               WHERE p.channel_id = ? AND p.state IN ('due', 'sent') AND p.error <> '' ORDER BY p.id""",
            (channel_id,),
        )
    )
