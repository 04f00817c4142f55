"""Settlements: what marketplaces have paid out, and which of it belongs to no known order."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

import apsw

from chansync.model.errors import DataError
from chansync.model.money import from_minor, to_minor
from chansync.model.order import Refund
from chansync.model.paging import Query, Span, holds
from chansync.model.reports import SettledKind, Settlement
from chansync.model.times import now_ms

#: The order ``o`` of a line ``l`` of a settlement ``s``; what is sold in another currency is never set against it.
_ORDER_OF = """
    FROM channel c JOIN "order" o ON o.channel_id = c.id AND o.external_id = l.order_number
    WHERE c.system_id = s.system_id AND l.order_number <> ''
    AND (o.currency IN ('', s.currency) OR l.kind NOT IN ('sale', 'tax', 'refund'))
"""

#: A condition on a line ``l`` of a settlement ``s``: no channel of the system knows its order.
_UNKNOWN = f"l.order_number <> '' AND NOT EXISTS (SELECT 1 {_ORDER_OF})"

_LISTED = "FROM settlement s JOIN integration_system y ON y.id = s.system_id"


#: The columns of a line beside its place.
_LINE = """kind, transaction_type, amount_type, description, amount, order_number, item, sku, adjustment, place,
    posted_at"""


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


@dataclass(frozen=True, slots=True)
class UnreadReport:
    """A report that cannot be read, and why; times in UTC milliseconds.

    Attributes:
        left_out_by: who leaves it out for good; empty: it is tried again whenever settlements are read.
    """

    system: str
    report: str
    sentence: str
    seen_at: int
    left_out_by: str
    left_out_at: int | None


def reports(db: apsw.Connection, system_id: int) -> frozenset[str]:
    """The ids of the reports that need not be read again: what they tell is known and adds up, or is left out."""
    wrong = {number for number, *_ in wrong_sums(db, system_id)}
    rows = db.execute("SELECT report, external_id FROM settlement WHERE system_id = ?", (system_id,))
    known = {report for report, number in rows if number not in wrong}
    others = db.execute(
        "SELECT report FROM settlement_report WHERE system_id = ? AND (left_out_by <> '' OR sentence = '')",
        (system_id,),
    )
    return frozenset(known.union(row[0] for row in others))


def write(db: apsw.Connection, system_id: int, settlement: Settlement) -> bool:
    """Keep a settlement, and say whether it is new; one whose lines did not add up is replaced. Call it inside a
    transaction.

    Raises:
        DataError: an amount is finer than the currency, or another report has told the settlement otherwise. Nothing
            is written.
    """
    currency, number = settlement.currency, settlement.external_id
    total = to_minor(settlement.total, currency, "the total")
    units = [to_minor(line.amount, currency, "the amount of a line") for line in settlement.lines]
    lines = [
        (
            str(line.kind), line.transaction, line.amount_type, line.description, amount, line.order_number, line.item,
            line.sku, line.adjustment, line.place, line.posted_at,
        )
        for line, amount in zip(settlement.lines, units, strict=True)
    ]  # fmt: skip
    known = db.execute(
        "SELECT id, report, currency, total FROM settlement WHERE system_id = ? AND external_id = ?",
        (system_id, number),
    ).fetchone()
    if known is not None:
        is_right = number not in {wrong for wrong, *_ in wrong_sums(db, system_id)}
        is_cut_off = is_right and sum(units) != total
        before = db.execute(f"SELECT {_LINE} FROM settlement_line WHERE settlement_id = ?", (known[0],))
        is_same = known[2:] == (currency, total) and sorted(before, key=str) == sorted(lines, key=str)
        if is_same or is_cut_off:
            if known[1] != settlement.report:
                note_report(db, system_id, settlement.report, "")
            return False
        if is_right:
            raise DataError(f"the settlement {number} was told otherwise by the report {known[1]}")
    db.execute("DELETE FROM settlement_report WHERE system_id = ? AND report = ?", (system_id, settlement.report))
    settlement_id: int = db.execute(
        """INSERT INTO settlement (system_id, external_id, report, currency, total, starts_at, ends_at, deposited_at,
           read_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET report = excluded.report, currency = excluded.currency, total = excluded.total,
           starts_at = excluded.starts_at, ends_at = excluded.ends_at, deposited_at = excluded.deposited_at,
           read_at = excluded.read_at, decided = 0 RETURNING id""",
        (
            system_id, number, settlement.report, currency, total, settlement.starts_at, settlement.ends_at,
            settlement.deposited_at, now_ms(),
        ),
    ).get  # fmt: skip
    db.execute("DELETE FROM settlement_line WHERE settlement_id = ?", (settlement_id,))
    db.executemany(
        f"""INSERT INTO settlement_line (settlement_id, position, {_LINE})
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        ((settlement_id, position, *line) for position, line in enumerate(lines, 1)),
    )
    return True


def note_report(db: apsw.Connection, system_id: int, report: str, sentence: str) -> None:
    """Keep that a report gives no settlement: why it cannot be read, or (empty) that it repeats one that is known."""
    db.execute(
        """INSERT INTO settlement_report (system_id, report, sentence, seen_at) VALUES (?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET sentence = excluded.sentence""",
        (system_id, report, sentence, now_ms()),
    )


def unread(db: apsw.Connection, system_id: int | None = None) -> list[UnreadReport]:
    """The reports that cannot be read, also those that are left out; of one system, or of all."""
    rows = db.execute(
        """SELECT y.code, r.report, r.sentence, r.seen_at, r.left_out_by, r.left_out_at
           FROM settlement_report r JOIN integration_system y ON y.id = r.system_id
           WHERE r.sentence <> '' AND (?1 IS NULL OR r.system_id = ?1) ORDER BY r.seen_at, r.report""",
        (system_id,),
    )
    return [UnreadReport(*row) for row in rows]


def leave_out(db: apsw.Connection, report: str, by: str) -> list[int]:
    """Leave a report that cannot be read out for good, or (``by`` empty) no longer; the systems that it is of."""
    at = now_ms() if by else None
    rows = db.execute(
        """UPDATE settlement_report SET left_out_by = ?1, left_out_at = ?2
           WHERE report = ?3 AND sentence <> '' AND (left_out_by = '') = (?1 <> '') RETURNING system_id""",
        (by, at, report),
    )
    return [row[0] for row in rows]


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
        f"""SELECT l.position, l.kind, l.transaction_type, l.amount_type, l.description, l.amount, l.order_number,
           l.sku, l.place, l.posted_at, o.id IS NOT NULL, l.accepted_by, coalesce(k.number, '')
           FROM settlement_line l JOIN settlement s ON s.id = l.settlement_id
           LEFT JOIN "order" o ON o.id = (SELECT o.id {_ORDER_OF})
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
