"""The orders that the channels' sites have, as far as they were seen, and what became of each."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

import apsw

from chansync.model import kept
from chansync.model.order import LARGEST_RAW, Order, Refund, RefundLine, UnreadableOrder, bare_number, raw_text
from chansync.model.times import now_ms
from chansync.store.sale_links import SaleLink


@dataclass(slots=True)
class OrderRow:
    """What is known of an order.

    Attributes:
        state: ``skipped`` (outside the selection), ``problem`` or ``imported``.
        reason: why it is skipped, or the code of its problem.
        attempts: how often its import failed in a row.
        next_try_at: when the import, or what is left to do with its sale, is tried again; UTC milliseconds.
        attributes: what whoever packs it has to know, label → text.
        sale: what it became; None while it is no sale.
        todo: what is left to do with the sale since its creation, as ``chansync.orders.decide`` names it.
        own_status: the status that we have given the order on the site last.
    """

    id: int
    channel_id: int
    external_id: str
    number: str
    status: str
    placed_at: int
    placed_on: str
    modified_at: int
    currency: str
    total: str
    state: str
    reason: str
    digest: str
    attempts: int
    next_try_at: int | None
    first_seen_at: int
    changed_at: int
    todo: list[str]
    own_status: str | None
    attributes: dict[str, str]
    sale: SaleLink | None


#: A version of an order's row: it is another one whenever anybody has written what matters.
Version = tuple[str, str, int]


def version_of(row: OrderRow | None) -> Version | None:
    """The row's version; None where there is no row."""
    return (row.digest, row.status, row.changed_at) if row else None


def versions(db: apsw.Connection, channel_id: int, external_ids: list[str]) -> dict[str, Version | None]:
    """The versions of these orders now."""
    return {own: version_of(by_external_id(db, channel_id, own)) for own in external_ids}


_ROW = """
    SELECT o.id, o.channel_id, o.external_id, o.number, o.status, o.placed_at, o.placed_on, o.modified_at, o.currency,
        o.total, o.state, o.reason, o.digest, o.attempts, o.next_try_at, o.first_seen_at, o.changed_at, o.todo,
        o.own_status, o.attributes, l.erp, l.sale_key, l.ref, l.number
    FROM "order" o LEFT JOIN sale_link l ON l.order_id = o.id
"""


def _order(row: tuple[Any, ...]) -> OrderRow:
    *values, todo, own_status, attributes, erp, key, ref, number = row
    sale = SaleLink(erp, key, ref, number) if erp is not None else None
    left = kept.as_list(todo, "what is left to do with an order")
    told = {label: str(text) for label, text in kept.learned(attributes).items()}
    return OrderRow(*(*values, left, own_status, told, sale))


def by_external_id(db: apsw.Connection, channel_id: int, external_id: str) -> OrderRow | None:
    """The order by the platform's id."""
    row = db.execute(f"{_ROW} WHERE o.channel_id = ? AND o.external_id = ?", (channel_id, external_id)).fetchone()
    return _order(row) if row else None


def find(db: apsw.Connection, channel_id: int, typed: str) -> OrderRow | None:
    """The order that a person means: by its number, with or without the sign before it, or by the platform's id.

    A number goes before an id, and the number as it was typed before its other writings; the latest order is meant
    where a site gave one number twice.
    """
    bare = bare_number(typed)
    for number in dict.fromkeys((typed.strip(), bare, f"#{bare}")):
        row = db.execute(
            f"{_ROW} WHERE o.channel_id = ? AND o.number = ? ORDER BY o.id DESC LIMIT 1", (channel_id, number)
        ).fetchone()
        if row:
            return _order(row)
    return by_external_id(db, channel_id, bare)


def by_id(db: apsw.Connection, order_id: int) -> OrderRow | None:
    """The order by our own id."""
    row = db.execute(f"{_ROW} WHERE o.id = ?", (order_id,)).fetchone()
    return _order(row) if row else None


def raw(db: apsw.Connection, order_id: int) -> dict[str, Any] | None:
    """The platform's own data of the order, where it was kept (numbers with a point as ``Decimal``)."""
    text = db.execute('SELECT raw FROM "order" WHERE id = ?', (order_id,)).get
    return kept.learned(text, exact=True) or None


#: What stands in the place of an order's data that are not kept.
TOO_LARGE = (
    f"The site's data of this order are larger than {LARGEST_RAW // 1024} KB and are not kept: look at it on the site. "
    "Whatever needs them here fetches them again."
)


def is_too_large(order: OrderRow) -> bool:
    """Whether the platform's data of an order without any are missing because they are too large."""
    return order.state != "skipped" and bool(order.digest)


def write(
    db: apsw.Connection,
    channel_id: int,
    order: Order,
    *,
    state: str,
    reason: str = "",
    keep_raw: bool = True,
    next_try_at: int | None = None,
    failed: bool = False,
    todo: list[str] | None = None,
) -> int:
    """Insert or update the order's row with what came of it; its id. Call it inside the order's transaction."""
    now = now_ms()
    order_id: int = db.execute(
        """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
           total, state, reason, digest, raw, attempts, next_try_at, first_seen_at, changed_at, todo, sent_by_site,
           customer, attributes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (channel_id, external_id) DO UPDATE SET number = excluded.number, status = excluded.status,
           placed_at = excluded.placed_at, placed_on = excluded.placed_on, modified_at = excluded.modified_at,
           currency = excluded.currency, total = excluded.total, state = excluded.state, reason = excluded.reason,
           digest = excluded.digest, raw = excluded.raw,
           attempts = CASE WHEN ? THEN attempts + 1 ELSE 0 END, next_try_at = excluded.next_try_at,
           changed_at = excluded.changed_at, todo = excluded.todo, sent_by_site = excluded.sent_by_site,
           customer = excluded.customer, attributes = excluded.attributes RETURNING id""",
        (
            channel_id, order.external_id, order.number, order.status, order.placed_at, order.placed_on.isoformat(),
            order.modified_at, order.currency, str(order.total), state, reason, order.digest,
            raw_text(order) if keep_raw else None, int(failed), next_try_at, now, now,
            json.dumps(todo or []), int(order.sent_by_site), order.billing.name or order.delivery.name,
            json.dumps(order.attributes, ensure_ascii=False), failed,
        ),
    ).get  # fmt: skip
    if state != "skipped":
        for refund in order.refunds:
            write_refund(db, order_id, refund)
    return order_id


def mark_gone(db: apsw.Connection, order_id: int, status: str) -> None:
    """Note that the site has the order no more (``gone``) or only in its trash (``trash``); a problem is skipped."""
    db.execute(
        """UPDATE "order" SET status = ?, digest = '', next_try_at = NULL, changed_at = ?,
           reason = CASE WHEN state = 'problem' THEN 'status' ELSE reason END,
           state = CASE WHEN state = 'problem' THEN 'skipped' ELSE state END WHERE id = ?""",
        (status, now_ms(), order_id),
    )


def write_unreadable(db: apsw.Connection, channel_id: int, order: UnreadableOrder, next_try_at: int | None) -> int:
    """Insert or update the row of an order that cannot be read; a known one keeps what was read of it before."""
    now = now_ms()
    order_id: int = db.execute(
        """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
           total, state, reason, digest, raw, attempts, next_try_at, first_seen_at, changed_at)
           VALUES (?, ?, ?, '', 0, '', ?, '', '', 'problem', 'order_unreadable', '', ?, 1, ?, ?, ?)
           ON CONFLICT (channel_id, external_id) DO UPDATE SET modified_at = excluded.modified_at,
           state = CASE WHEN state = 'imported' THEN state ELSE 'problem' END,
           reason = CASE WHEN state = 'imported' THEN reason ELSE 'order_unreadable' END,
           digest = '', raw = excluded.raw, attempts = attempts + 1,
           next_try_at = excluded.next_try_at,
           changed_at = excluded.changed_at RETURNING id""",
        (channel_id, order.external_id, order.number, order.modified_at, raw_text(order), next_try_at, now, now),
    ).get
    return order_id


def write_refund(db: apsw.Connection, order_id: int, refund: Refund) -> None:
    """Keep a refund; lines that were looked up once stay when a later summary comes without them."""
    lines = (
        None
        if refund.lines is None
        else json.dumps([asdict(line) for line in refund.lines], default=str, separators=(",", ":"))
    )
    db.execute(
        """INSERT INTO order_refund (order_id, external_id, total, reason, lines) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET total = excluded.total, reason = excluded.reason,
           lines = coalesce(excluded.lines, lines)""",
        (order_id, refund.external_id, str(refund.total), refund.reason, lines),
    )


def postpone(db: apsw.Connection, order_ids: list[int], until: int) -> None:
    """Try these again no sooner than then; UTC milliseconds."""
    db.executemany('UPDATE "order" SET next_try_at = ? WHERE id = ?', [(until, order_id) for order_id in order_ids])


def leave(db: apsw.Connection, order_id: int) -> None:
    """End a person's wish that the order is tried again, where it is a sale with nothing left to do."""
    db.execute(
        """UPDATE "order" SET next_try_at = NULL WHERE id = ? AND next_try_at = 0 AND state = 'imported'
           AND reason = '' AND todo = '[]'""",
        (order_id,),
    )


def lacking_refund_lines(
    db: apsw.Connection, channel_id: int, *, limit: int = 100, after_id: int = 0
) -> list[OrderRow]:
    """Orders that are sales and have refunds whose lines were not looked up yet, oldest first."""
    # The plus sign keeps SQLite from walking every order of the channel: the few such refunds have an index.
    rows = db.execute(
        f"""{_ROW} WHERE +o.channel_id = ? AND o.state = 'imported' AND o.id > ?
            AND o.id IN (SELECT order_id FROM order_refund WHERE lines IS NULL) ORDER BY o.id LIMIT ?""",
        (channel_id, after_id, limit),
    )
    return [_order(row) for row in rows]


def refund_lines(db: apsw.Connection, order_id: int, refund_id: str) -> list[RefundLine] | None:
    """The lines of a refund as they were looked up earlier, or None."""
    text = db.execute(
        "SELECT lines FROM order_refund WHERE order_id = ? AND external_id = ?", (order_id, refund_id)
    ).get
    return [_refund_line(line) for line in kept.as_list(text, "the lines of a refund")] if text else None


def _refund_line(line: dict[str, Any]) -> RefundLine:
    amounts = (Decimal(str(line[name])) for name in ("quantity", "total", "tax"))
    return RefundLine(str(line["kind"]), str(line["line"]), *amounts)


def due(db: apsw.Connection, channel_id: int, now: int, *, limit: int = 100, after_id: int = 0) -> list[OrderRow]:
    """Orders whose import, or what is left to do with their sale, is due again, oldest first."""
    rows = db.execute(
        f"""{_ROW} WHERE o.channel_id = ? AND o.next_try_at <= ? AND o.id > ? ORDER BY o.id LIMIT ?""",
        (channel_id, now, after_id, limit),
    )
    return [_order(row) for row in rows]


def newly_selected(
    db: apsw.Connection, channel_id: int, statuses: list[str], start: str, *, limit: int = 100, after_id: int = 0
) -> list[OrderRow]:
    """Skipped orders that the selection now takes in, because the channel's settings changed."""
    marks = ", ".join("?" * len(statuses)) or "NULL"
    rows = db.execute(
        f"""{_ROW} WHERE o.channel_id = ? AND o.state = 'skipped' AND o.reason <> 'no_prices' AND o.status IN ({marks})
            AND o.placed_on >= ? AND o.id > ?
            ORDER BY o.id LIMIT ?""",
        (channel_id, *statuses, start, after_id, limit),
    )
    return [_order(row) for row in rows]
