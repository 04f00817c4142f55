"""Settlements: what marketplaces have paid out, and which of it belongs to no known order."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

import apsw

from chansync.model.money import from_minor, to_minor
from chansync.model.order import Refund
from chansync.model.paging import Query, Span, holds
from chansync.model.settlement import SettledKind, Settlement
from chansync.model.times import now_ms

#: A condition on a line ``l`` of a settlement ``s``: no channel of the system knows its order.
_UNKNOWN = """
    l.order_number <> '' AND NOT EXISTS (
        SELECT 1 FROM channel c JOIN "order" o ON o.channel_id = c.id AND o.external_id = l.order_number
        WHERE c.system_id = s.system_id)
"""

_LISTED = "FROM settlement s JOIN integration_system y ON y.id = s.system_id"


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """A settlement with its sums, in minor units; times in UTC milliseconds.

    Attributes:
        number: the marketplace's; unique within its system.
        sales: what buyers paid, less the tax that the marketplace keeps.
        unmatched: lines of orders that are not known and that nobody has accepted.
        lines_total: what all lines add up to; anything else than ``total`` is a problem.
    """

    id: int
    system: str
    number: str
    currency: str
    total: int
    starts_at: int | None
    ends_at: int | None
    deposited_at: int | None
    sales: int
    refunds: int
    fees: int
    reserve: int
    other: int
    lines_total: int
    unmatched: int


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line of a settlement; ``sale`` is the number of its order's sale, empty where there is none."""

    position: int
    kind: str
    transaction: str
    amount_type: str
    description: str
    amount: int
    order_number: str
    sku: str
    place: str
    posted_at: int | None
    is_known: bool
    accepted_by: str
    sale: str


@dataclass(frozen=True, slots=True)
class Unmatched:
    """An order number of settlements that no channel of the system knows, with the sum of its lines."""

    order_number: str
    place: str
    settlement: str
    amount: int
    currency: str


def reports(db: apsw.Connection, system_id: int) -> frozenset[str]:
    """The ids of the reports whose settlements are known."""
    return frozenset(row[0] for row in db.execute("SELECT report FROM settlement WHERE system_id = ?", (system_id,)))


def write(db: apsw.Connection, system_id: int, settlement: Settlement) -> None:
    """Keep a settlement; one that is known stays as it is. Call it inside a transaction.

    Raises:
        DataError: an amount is finer than the currency. Nothing is written.
    """
    currency = settlement.currency
    amounts = [to_minor(line.amount, currency, "the amount of a line") for line in settlement.lines]
    found = db.execute(
        """INSERT INTO settlement (system_id, external_id, report, currency, total, starts_at, ends_at, deposited_at,
           read_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id""",
        (
            system_id, settlement.external_id, settlement.report, currency,
            to_minor(settlement.total, currency, "the total"), settlement.starts_at, settlement.ends_at,
            settlement.deposited_at, now_ms(),
        ),
    ).fetchone()  # fmt: skip
    if found is None:
        return
    db.executemany(
        """INSERT INTO settlement_line (settlement_id, position, kind, transaction_type, amount_type, description,
           amount, order_number, item, sku, adjustment, place, posted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
           ?)""",
        (
            (
                found[0], position, str(line.kind), line.transaction, line.amount_type, line.description, amount,
                line.order_number, line.item, line.sku, line.adjustment, line.place, line.posted_at,
            )
            for position, (line, amount) in enumerate(zip(settlement.lines, amounts, strict=True), 1)
        ),
    )  # fmt: skip


def settlements(db: apsw.Connection, *, number: str | None = None, limit: int = 50) -> list[SettlementRow]:
    """The settlements, the last period first; with ``number`` that one."""
    return _read(db, "?1 IS NULL OR s.external_id = ?1", number, limit)


def page(db: apsw.Connection, text: str, span: Span) -> list[SettlementRow]:
    """A part of the list of all settlements, the last period first.

    Args:
        text: narrows it to those whose number, or whose system's code, holds that.
    """
    query = Query(f"SELECT s.id {_LISTED}", ("coalesce(s.ends_at, 0)", "s.id"), True, [], [])
    if text:
        condition, parameters = holds(("s.external_id", "y.code"), text)
        query.narrow(condition, *parameters)
    ids = query.read(db, span, int)
    # Only those of the page are added up.
    return _read(db, "s.id IN (SELECT value FROM json_each(?1))", json.dumps(ids), len(ids))


def by_id(db: apsw.Connection, settlement_id: int) -> SettlementRow | None:
    """The settlement of that id; None: there is none."""
    return next(iter(_read(db, "s.id = ?1", settlement_id, 1)), None)


def _read(db: apsw.Connection, where: str, value: object, limit: int) -> list[SettlementRow]:
    rows = db.execute(
        f"""SELECT s.id, y.code, s.external_id, s.currency, s.total, s.starts_at, s.ends_at, s.deposited_at,
            coalesce(sum(l.amount) FILTER (WHERE l.kind IN ('sale', 'tax')), 0),
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'refund'), 0),
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'fee'), 0),
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'reserve'), 0),
            coalesce(sum(l.amount) FILTER (WHERE l.kind = 'other'), 0),
            coalesce(sum(l.amount), 0),
            count(*) FILTER (WHERE l.accepted_by = '' AND {_UNKNOWN})
            {_LISTED} LEFT JOIN settlement_line l ON l.settlement_id = s.id
            WHERE {where}
            GROUP BY s.id ORDER BY coalesce(s.ends_at, 0) DESC, s.id DESC LIMIT ?2""",
        (value, limit),
    )
    return [SettlementRow(*row) for row in rows]


def lines(db: apsw.Connection, settlement_id: int, limit: int = -1) -> list[LineRow]:
    """The lines of a settlement, as the marketplace lists them: all, or so many."""
    rows = db.execute(
        """SELECT l.position, l.kind, l.transaction_type, l.amount_type, l.description, l.amount, l.order_number,
           l.sku, l.place, l.posted_at, o.id IS NOT NULL, l.accepted_by, coalesce(k.number, '')
           FROM settlement_line l JOIN settlement s ON s.id = l.settlement_id
           LEFT JOIN "order" o ON o.id = (
               SELECT o.id FROM channel c JOIN "order" o ON o.channel_id = c.id AND o.external_id = l.order_number
               WHERE c.system_id = s.system_id AND l.order_number <> '')
           LEFT JOIN sale_link k ON k.order_id = o.id
           WHERE l.settlement_id = ? ORDER BY l.position LIMIT ?""",
        (settlement_id, limit),
    )
    return [LineRow(*row) for row in rows]


def wrong_sums(db: apsw.Connection, system_id: int) -> list[tuple[str, str, int, int]]:
    """Settlements whose lines do not add up to their total, but for those that somebody has accepted: number, currency,
    total, and what the lines add up to."""
    return list(
        db.execute(
            """SELECT s.external_id, s.currency, s.total, coalesce(sum(l.amount), 0) FROM settlement s
               LEFT JOIN settlement_line l ON l.settlement_id = s.id WHERE s.system_id = ? AND s.accepted_by = ''
               GROUP BY s.id HAVING s.total <> coalesce(sum(l.amount), 0) ORDER BY s.id""",
            (system_id,),
        )
    )


def unmatched(db: apsw.Connection, system_id: int) -> list[Unmatched]:
    """The orders of settlements that are not known and that nobody has accepted."""
    rows = db.execute(
        f"""SELECT l.order_number, max(l.place), min(s.external_id), sum(l.amount), s.currency
            FROM settlement s JOIN settlement_line l ON l.settlement_id = s.id
            WHERE s.system_id = ? AND l.accepted_by = '' AND {_UNKNOWN}
            GROUP BY l.order_number, s.currency ORDER BY l.order_number""",
        (system_id,),
    )
    return [Unmatched(*row) for row in rows]


def accept_wrong_sums(db: apsw.Connection, system_id: int, by: str) -> int:
    """Write down that somebody accepts the settlements whose lines do not add up; how many they are."""
    wrong = [number for number, *_ in wrong_sums(db, system_id)]
    db.executemany(
        "UPDATE settlement SET accepted_by = ? WHERE system_id = ? AND external_id = ?",
        ((by, system_id, number) for number in wrong),
    )
    return len(wrong)


def accept_unmatched(db: apsw.Connection, system_id: int, by: str) -> int:
    """Write down that somebody accepts the lines that belong to no known order; how many lines there are."""
    db.execute(
        f"""UPDATE settlement_line AS l SET accepted_by = ? FROM settlement s
            WHERE s.id = l.settlement_id AND s.system_id = ? AND l.accepted_by = '' AND {_UNKNOWN}""",
        (by, system_id),
    )
    return db.changes()


def undecided(db: apsw.Connection, system_id: int) -> list[int]:
    """Settlements whose orders were not decided on since they were read."""
    return [row[0] for row in db.execute("SELECT id FROM settlement WHERE system_id = ? AND NOT decided", (system_id,))]


def note_decided(db: apsw.Connection, settlement_ids: Collection[int]) -> None:
    """Note that the orders of these settlements were decided on."""
    db.executemany("UPDATE settlement SET decided = 1 WHERE id = ?", ((each,) for each in settlement_ids))


def sale_keys(db: apsw.Connection, settlement_id: int) -> list[str]:
    """The keys of the sales that a settlement names."""
    rows = db.execute(
        """SELECT DISTINCT k.sale_key FROM settlement s JOIN settlement_line l ON l.settlement_id = s.id
           JOIN channel c ON c.system_id = s.system_id
           JOIN "order" o ON o.channel_id = c.id AND o.external_id = l.order_number
           JOIN sale_link k ON k.order_id = o.id
           WHERE s.id = ? AND l.order_number <> ''""",
        (settlement_id,),
    )
    return [row[0] for row in rows]


def of_order(
    db: apsw.Connection, system_id: int, order_number: str, currency: str
) -> tuple[Decimal | None, list[Refund]]:
    """What was paid out for an order before fees and refunds, in major units, and the refunds that were made of it.

    Returns:
        None for the amount where no settlement in ``currency`` has the order yet.
    """
    paid: int | None = None
    back: dict[str, tuple[int, str]] = {}
    rows = db.execute(
        """SELECT l.kind, l.amount, l.adjustment, l.transaction_type, s.external_id
           FROM settlement_line l JOIN settlement s ON s.id = l.settlement_id
           WHERE l.order_number = ? AND l.order_number <> '' AND s.system_id = ? AND s.currency = ?
           AND l.kind IN ('sale', 'tax', 'refund') ORDER BY s.id, l.position""",
        (order_number, system_id, currency),
    )
    for kind, amount, adjustment, transaction, settlement in rows:
        if kind != SettledKind.REFUND:
            paid = (paid or 0) + amount
            continue
        key = f"settlement {settlement} {adjustment or transaction}"
        before, reason = back.get(key, (0, transaction))
        back[key] = before - amount, reason
    refunds = []
    for key, (units, reason) in back.items():
        if units > 0:
            total = from_minor(units, currency)
            refunds.append(Refund(key, total, reason, [], total))
        elif units:
            # A refund that the marketplace has taken back: the seller is paid again.
            paid = (paid or 0) - units
    return None if paid is None else from_minor(paid, currency), refunds
