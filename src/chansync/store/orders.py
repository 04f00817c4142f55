"""The orders that the channels' sites have, as far as they were seen, and what became of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

import apsw

from chansync.model import stored_json
from chansync.model.backoff import next_try
from chansync.model.order import LARGEST_RAW, Order, Refund, RefundLine, UnreadableOrder, bare_number, raw_text
from chansync.model.paging import storable
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
        sale: what it became; None while it is no sale.
        todo: what is left to do with the sale since its creation, as ``chansync.orders.decide`` names it.
        own_status: the status that we have given the order on the site last.
        site_key: what the site gave the order when it was placed and never changes, or empty.
        refunds: what its summary said of its refunds, as ``refunds_text`` writes it.
        customer: who bought, for people.
        decision: what a person decided on the order as it was then (``orders/decisions.py``); empty: nothing.
        taken: what its sale has taken over of it (``orders/differences.py``).
        attributes: what whoever packs or books it has to know, label → text.
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
    sale: SaleLink | None
    site_key: str = ""
    refunds: str = ""
    customer: str = ""
    decision: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)


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
        o.own_status, l.erp, l.sale_key, l.ref, l.number, o.site_key, o.refunds, o.customer, o.decision, l.taken,
        o.attributes
    FROM "order" o LEFT JOIN sale_link l ON l.order_id = o.id
"""


def _order(row: tuple[Any, ...]) -> OrderRow:
    *values, todo, own_status, erp, key, ref, number, site_key, refunds, customer, decision, taken, attributes = row
    sale = SaleLink(erp, key, ref, number) if erp is not None else None
    todo = stored_json.required_list(todo, "what is left to do with an order")
    learned = stored_json.object_or_empty(decision), stored_json.object_or_empty(taken)
    told = {label: str(text) for label, text in stored_json.object_or_empty(attributes).items()}
    return OrderRow(*(*values, todo, own_status, sale, site_key, refunds, customer, *learned, told))


def by_external_id(db: apsw.Connection, channel_id: int, external_id: str) -> OrderRow | None:
    """The order by the platform's id."""
    row = db.execute(f"{_ROW} WHERE o.channel_id = ? AND o.external_id = ?", (channel_id, external_id)).fetchone()
    return _order(row) if row else None


def find(db: apsw.Connection, channel_id: int, typed: str) -> OrderRow | None:
    """The order that a person means: by its number, with or without the sign before it, or by the platform's id.

    A number goes before an id, and the number as it was typed before its other writings; the latest order is meant
    where a site gave one number twice.
    """
    typed = storable(typed)
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
    return stored_json.object_or_empty(text, exact=True) or None


#: How much is kept of the data of a channel's orders with problems, in bytes; what comes then is fetched again where it
#: is needed. A site can send such orders without end.
MOST_RAW = 100_000_000

#: What stands in the place of an order's data that are not kept.
TOO_LARGE = (
    f"The site's data of this order are not kept: they are larger than {LARGEST_RAW // 1024} KB, or those of the "
    f"channel's orders with problems take {MOST_RAW // 10**6} MB already. Look at it on the site. Whatever needs them "
    "here fetches them again."
)


def raw_kept(db: apsw.Connection, channel_id: int) -> int:
    """How much the kept data of the channel's orders with problems take, in bytes."""
    size: int = db.execute(
        """SELECT coalesce(sum(octet_length(raw)), 0) FROM "order" INDEXED BY order_problems
           WHERE channel_id = ? AND state = 'problem'""",
        (channel_id,),
    ).get
    return size


def is_too_large(order: OrderRow) -> bool:
    """Whether the platform's data of an order without any are missing because they are too large."""
    return order.state != "skipped" and bool(order.digest)


_INSERT = """
    INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
    total, state, reason, digest, raw, attempts, next_try_at, first_seen_at, changed_at, todo, sent_by_site,
    customer, site_key, refunds, site_total, attributes)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_INSERT_OR_UPDATE = f"""{_INSERT}
    ON CONFLICT (channel_id, external_id) DO UPDATE SET number = excluded.number, status = excluded.status,
    placed_at = excluded.placed_at, placed_on = excluded.placed_on, modified_at = excluded.modified_at,
    currency = excluded.currency, total = excluded.total, state = excluded.state, reason = excluded.reason,
    digest = excluded.digest, raw = excluded.raw,
    attempts = CASE ? WHEN 1 THEN attempts + 1 WHEN 0 THEN 0 ELSE attempts END,
    next_try_at = excluded.next_try_at,
    changed_at = excluded.changed_at, todo = excluded.todo, sent_by_site = excluded.sent_by_site,
    customer = excluded.customer, site_key = excluded.site_key, refunds = excluded.refunds,
    site_total = excluded.site_total, attributes = excluded.attributes,
    decision = CASE WHEN excluded.state = 'problem' THEN decision END RETURNING id
"""


def write(
    db: apsw.Connection,
    channel_id: int,
    order: Order,
    *,
    state: str,
    reason: str = "",
    keep_raw: bool = True,
    next_try_at: int | None = None,
    failed: bool | None = False,
    todo: list[str] | None = None,
    is_new: bool = False,
) -> int:
    """Insert or update the order's row with what came of it; its id. Call it inside the order's transaction.

    Args:
        is_new: it has no row yet, as was seen in this transaction.
        failed: whether this was one more failure; None: nothing is known yet, and what failed before counts on.
    """
    now = now_ms()
    values = (
        channel_id, order.external_id, order.number, order.status, order.placed_at, order.placed_on.isoformat(),
        order.modified_at, order.currency, str(order.total), state, reason, order.digest,
        raw_text(order) if keep_raw else None, int(bool(failed)), next_try_at, now, now,
        json.dumps(todo) if todo else "[]", int(order.sent_by_site), order.billing.name or order.delivery.name,
        order.site_key, refunds_text(order.refunds), "" if order.site_total is None else str(order.site_total),
        json.dumps(order.attributes, ensure_ascii=False) if order.attributes else "{}",
    )  # fmt: skip
    order_id: int
    if is_new:
        db.execute(_INSERT, values)
        order_id = db.last_insert_rowid()
    else:
        order_id = db.execute(_INSERT_OR_UPDATE, (*values, None if failed is None else int(failed))).get
    if state != "skipped":
        for refund in order.refunds:
            write_refund(db, order_id, refund)
        # A refund that the site no longer has, and that no sale has, is not looked for any more.
        if not is_new:
            db.execute(
                """DELETE FROM order_refund WHERE order_id = ? AND lines IS NULL
                   AND external_id NOT IN (SELECT value FROM json_each(?))""",
                (order_id, json.dumps([refund.external_id for refund in order.refunds])),
            )
    return order_id


def refunds_text(refunds: Iterable[Refund]) -> str:
    """The refunds of an order's summary as one text, the same for the same refunds."""
    return " ".join(sorted(f"{each.external_id}:{each.total.normalize():f}" for each in refunds))


def set_decision(db: apsw.Connection, row: OrderRow, action: str, by: str) -> None:
    """Keep what a person decided on the order as it is known now, and have it carried out by the next try.

    It holds for the order as it is now: a later change of it asks the person again.
    """
    decision = json.dumps({"action": action, "digest": row.digest, "by": by})
    db.execute('UPDATE "order" SET decision = ?, next_try_at = 0 WHERE id = ?', (decision, row.id))


def keep_decision(db: apsw.Connection, order_id: int, decision: Mapping[str, Any]) -> None:
    """Keep what a person decided until it can be carried out."""
    db.execute('UPDATE "order" SET decision = ? WHERE id = ?', (json.dumps(decision), order_id))


def start_anew(db: apsw.Connection, order_id: int) -> None:
    """Let what the site has under the order's id be fetched and imported as an order that was never seen."""
    db.execute("DELETE FROM order_refund WHERE order_id = ?", (order_id,))
    db.execute(
        """UPDATE "order" SET state = 'problem', reason = 'order_is_another', digest = '', raw = NULL, todo = '[]',
           own_status = NULL, decision = NULL, next_try_at = 0, changed_at = ? WHERE id = ?""",
        (now_ms(), order_id),
    )


def put_off(db: apsw.Connection, row: OrderRow) -> None:
    """What a person decided could not be carried out yet: it is tried again later, each time after a longer wait."""
    db.execute(
        'UPDATE "order" SET next_try_at = ?, attempts = attempts + 1 WHERE id = ?', (next_try(row.attempts), row.id)
    )


def lacking_refund(db: apsw.Connection, order_id: int) -> tuple[str, str] | None:
    """The id and the amount of the first refund of the order's summary that was not found by itself yet."""
    row: tuple[str, str] | None = db.execute(
        "SELECT external_id, total FROM order_refund WHERE order_id = ? AND lines IS NULL", (order_id,)
    ).fetchone()
    return row


def told_refunds(db: apsw.Connection, order_id: int) -> frozenset[str]:
    """The ids of all refunds that the site ever told of the order and gave by themselves."""
    rows = db.execute("SELECT external_id FROM order_refund WHERE order_id = ? AND lines IS NOT NULL", (order_id,))
    return frozenset(row[0] for row in rows)


def mark_gone(db: apsw.Connection, order_id: int, status: str) -> None:
    """Note that the site has the order no more (``gone``) or only in its trash (``trash``); a problem is skipped."""
    db.execute(
        """UPDATE "order" SET status = ?, digest = '', next_try_at = NULL, changed_at = ?,
           reason = CASE WHEN state = 'problem' THEN 'status' ELSE reason END,
           state = CASE WHEN state = 'problem' THEN 'skipped' ELSE state END WHERE id = ?""",
        (status, now_ms(), order_id),
    )


def write_unreadable(
    db: apsw.Connection, channel_id: int, order: UnreadableOrder, next_try_at: int | None, *, keep_raw: bool = True
) -> int:
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
        (
            channel_id, order.external_id, order.number, order.modified_at,
            raw_text(order) if keep_raw else None, next_try_at, now, now,
        ),
    ).get  # fmt: skip
    return order_id


def write_refund(db: apsw.Connection, order_id: int, refund: Refund) -> None:
    """Keep a refund; lines that were looked up once stay when a later summary comes without them."""
    lines = (
        None
        if refund.lines is None
        else json.dumps([asdict(line) for line in refund.lines], default=str, separators=(",", ":"))
    )
    db.execute(
        """INSERT INTO order_refund (order_id, external_id, total, reason, lines, amount) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET total = excluded.total, reason = excluded.reason,
           lines = coalesce(excluded.lines, lines), amount = coalesce(excluded.amount, amount)""",
        (
            order_id,
            refund.external_id,
            str(refund.total),
            refund.reason,
            lines,
            None if refund.amount is None else str(refund.amount),
        ),
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


def looked_up(db: apsw.Connection, order_id: int, refund: Refund) -> Refund:
    """The refund with its lines and its own amount, as far as they were looked up earlier."""
    row = db.execute(
        "SELECT lines, amount FROM order_refund WHERE order_id = ? AND external_id = ? AND lines IS NOT NULL",
        (order_id, refund.external_id),
    ).fetchone()
    if row is None:
        return refund
    lines = [_refund_line(line) for line in stored_json.required_list(row[0], "the lines of a refund")]
    return replace(refund, lines=lines, amount=None if row[1] is None else Decimal(row[1]))


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


def drop_todo(db: apsw.Connection, order_id: int, word: str) -> None:
    """That is not left to do with the order's sale any more."""
    db.execute(
        """UPDATE "order" SET todo = (SELECT json_group_array(value) FROM json_each(todo) WHERE value <> ?)
           WHERE id = ?""",
        (word, order_id),
    )


def short_of_goods(db: apsw.Connection, channel_id: int) -> list[tuple[int, SaleLink, list[str]]]:
    """Orders whose sales are blocked in part, oldest first: order id, sale, and the items that were missing."""
    rows = db.execute(
        """SELECT o.id, l.erp, l.sale_key, l.ref, l.number, m.data ->> '$.missing' FROM message m
           JOIN "order" o ON o.id = m.order_id JOIN sale_link l ON l.order_id = o.id
           WHERE m.open = 1 AND m.channel_id = ? AND +m.code = 'blocked_in_part' ORDER BY o.id""",
        (channel_id,),
    )
    return [
        (order_id, SaleLink(erp, key, ref, number), sorted(stored_json.object_or_empty(missing)))
        for order_id, erp, key, ref, number, missing in rows
    ]


def make_due(db: apsw.Connection, order_ids: list[int]) -> None:
    """Let the orders be tried again at once. Call it inside a transaction."""
    db.executemany('UPDATE "order" SET next_try_at = 0 WHERE id = ?', [(order_id,) for order_id in order_ids])


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


def accept_difference(db: apsw.Connection, order_id: int, amount: int, currency: str, by: str) -> None:
    """Write down that somebody accepts that difference (minor units) between the order's total and its lines; one
    accepted before is replaced."""
    db.execute(
        """INSERT OR REPLACE INTO accepted_difference (order_id, amount, currency, accepted_by, at)
           VALUES (?, ?, ?, ?, ?)""",
        (order_id, amount, currency, by, now_ms()),
    )


def accepted_difference(db: apsw.Connection, order_id: int) -> tuple[int, str, str] | None:
    """Amount in minor units, currency, and who accepted it; None where nobody did."""
    return db.execute(
        "SELECT amount, currency, accepted_by FROM accepted_difference WHERE order_id = ?", (order_id,)
    ).fetchone()
