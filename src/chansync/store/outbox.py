"""Statuses that wait to be sent to the sites: at most one open row for each order, written with the event itself."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

import apsw

from chansync.model.backoff import next_try
from chansync.model.order import Order, raw_text
from chansync.model.times import now_ms
from chansync.store.messages import OPEN_CODE_OF
from chansync.store.sale_links import SaleLink

#: Where another order stands under the id on the site, it must not be told what became of the first one's sale. What
#: an edit that waits for a person keeps back is not the end of the sale.
_KEPT_BACK = (
    OPEN_CODE_OF.format(row="b", codes="'order_is_another'")
    + " OR b.event <> 'cancelled' AND "
    + OPEN_CODE_OF.format(row="b", codes="SELECT value FROM json_each(?5)")
)


@dataclass(slots=True)
class DueStatus:
    """A status to be sent.

    Attributes:
        event: what happened to the sale: ``partly written out``, ``written out``, ``written out and paid`` or
            ``cancelled``.
        known: the order's status as it was last seen on the site.
        own_status: the status that we have given the order last.
        attempts: how often sending it failed, or the site accepted it and did not show it.
        sent_at: since when it is on its way and neither confirmed nor refused; None: it is not. UTC milliseconds.
    """

    id: int
    order_id: int
    sale: SaleLink | None
    external_id: str
    number: str
    event: str
    status: str
    known: str
    own_status: str | None
    attempts: int
    sent_at: int | None = None


def last_event(db: apsw.Connection, order_id: int) -> str:
    """The event that the latest row of the order's present sale is about; empty when it has none."""
    found: str | None = db.execute(
        """SELECT event FROM outbox WHERE order_id = ?1
           AND created_at >= coalesce((SELECT recorded_at FROM sale_link WHERE order_id = ?1), 0)
           ORDER BY id DESC LIMIT 1""",
        (order_id,),
    ).get
    return found or ""


def put(db: apsw.Connection, channel_id: int, order_id: int, event: str, status: str) -> None:
    """Let a status be sent. Call it in the transaction of the event, after ``supersede``."""
    db.execute(
        "INSERT INTO outbox (channel_id, order_id, event, status, state, created_at) VALUES (?, ?, ?, ?, 'due', ?)",
        (channel_id, order_id, event, status, now_ms()),
    )


def supersede(db: apsw.Connection, order_id: int) -> None:
    """What was to be sent for the order and is not confirmed is not sent any more."""
    db.execute("UPDATE outbox SET state = 'superseded' WHERE order_id = ? AND state IN ('due', 'sent')", (order_id,))


def due(
    db: apsw.Connection,
    channel_id: int,
    now: int | None,
    *,
    waits: Collection[str],
    limit: int = 100,
    after_id: int = 0,
) -> list[DueStatus]:
    """Open rows of the channel, oldest first; with ``now``, only those whose next try is due by then.

    Args:
        waits: the problems of an order that keep everything back but the end of its sale.
    """
    rows = db.execute(
        f"""SELECT l.erp, l.sale_key, l.ref, l.number, b.id, o.id, o.external_id, o.number, b.event, b.status, o.status,
               o.own_status, b.attempts, CASE b.state WHEN 'sent' THEN b.sent_at END
           FROM outbox b JOIN "order" o ON o.id = b.order_id LEFT JOIN sale_link l ON l.order_id = o.id
           WHERE b.channel_id = ?1 AND b.state IN ('due', 'sent') AND b.id > ?3
           AND (?2 IS NULL OR coalesce(b.next_try_at, 0) <= ?2) AND NOT ({_KEPT_BACK}) ORDER BY b.id LIMIT ?4""",
        (channel_id, now, after_id, limit, json.dumps(sorted(waits))),
    )
    return [
        DueStatus(row_id, order_id, SaleLink(erp, key, ref, sale_number) if erp is not None else None, *rest)
        for erp, key, ref, sale_number, row_id, order_id, *rest in rows
    ]


def make_due(db: apsw.Connection, order_id: int) -> None:
    """Let what waits to be sent for the order be tried at once, because what it lacked was entered."""
    db.execute("UPDATE outbox SET next_try_at = NULL WHERE state IN ('due', 'sent') AND order_id = ?", (order_id,))


def sent(db: apsw.Connection, rows: list[DueStatus]) -> None:
    """Note that the rows are about to be sent; what became of that is unknown until it is confirmed.

    The orders are marked before the site has the status: a pull that runs beside us must know it for our own.
    """
    for row in rows:
        db.execute(
            "UPDATE outbox SET state = 'sent', sent_at = ? WHERE id = ? AND state IN ('due', 'sent')",
            (now_ms(), row.id),
        )
        db.execute('UPDATE "order" SET own_status = ? WHERE id = ?', (row.status, row.order_id))


def unsent(db: apsw.Connection, rows: list[DueStatus]) -> None:
    """The site has refused all of it: nothing is on its way."""
    db.executemany("UPDATE outbox SET state = 'due' WHERE id = ? AND state = 'sent'", [(row.id,) for row in rows])


def confirm(db: apsw.Connection, row_id: int) -> None:
    """The site has the status. A row that a later event superseded meanwhile stays so."""
    db.execute(
        "UPDATE outbox SET state = 'confirmed', confirmed_at = ? WHERE id = ? AND state IN ('due', 'sent')",
        (now_ms(), row_id),
    )


def drop(db: apsw.Connection, row_id: int) -> None:
    """The status is not to be sent."""
    db.execute("UPDATE outbox SET state = 'dropped' WHERE id = ? AND state IN ('due', 'sent')", (row_id,))


def fail(db: apsw.Connection, row: DueStatus) -> None:
    """Sending failed: try again later, each time after a longer wait."""
    db.execute(
        """UPDATE outbox SET state = 'due', attempts = attempts + 1, next_try_at = ?
           WHERE id = ? AND state IN ('due', 'sent')""",
        (next_try(row.attempts), row.id),
    )
    db.execute('UPDATE "order" SET own_status = ? WHERE id = ?', (row.own_status, row.order_id))


def wait(db: apsw.Connection, row: DueStatus, minutes: int) -> None:
    """The site has answered that it has the status and will set it later: look again after that time."""
    db.execute(
        """UPDATE outbox SET attempts = attempts + 1, next_try_at = ?, sent_at = NULL
           WHERE id = ? AND state IN ('due', 'sent')""",
        (now_ms() + minutes * 60_000, row.id),
    )


def note_status(db: apsw.Connection, row: DueStatus, status: str, order: Order | None, digest_before: str) -> None:
    """Write that the order has this status on the site, so that our own push changes nothing at the next pull.

    Where nothing but the status is new in the order as the site has it now, the pull finds it unchanged; else the
    digest stays, and the pull takes that in.
    """
    # A pull beside us may have brought a later status meanwhile.
    db.execute('UPDATE "order" SET status = ? WHERE id = ? AND status = ?', (status, row.order_id, row.known))
    if order is not None and order.status == status:
        db.execute(
            'UPDATE "order" SET digest = ?, modified_at = ?, raw = ? WHERE id = ? AND digest = ?',
            (order.digest, order.modified_at, raw_text(order), row.order_id, digest_before),
        )
