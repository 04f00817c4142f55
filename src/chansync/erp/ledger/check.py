"""Proving the ledger: that its movements agree with each other and with what they belong to.

Nothing here is trusted from elsewhere: sums are made again from the lowest entries, and the stock is replayed from
the sales and their refunds, by other code than the code that wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import apsw

from chansync.erp.ledger.check_goods import goods_faults
from chansync.model.money import format_money

# A sale's state opens a journal only if the event is there that begins it.
_EVENTS = {
    "erp_request": "requested",
    "erp_document": "document issued",
    "erp_payment": "paid",
    "erp_refund": "refunded",
}

# What may happen to a sale that is written out in several packages.
_IN_PARTS = re.compile("partly written out(, partly written out)*(, written out)?(, reversed)?")


def check(db: apsw.Connection) -> list[str]:
    """Every fault of the ledger, as a sentence; empty when all is well. Reads one state of it, and writes nothing."""
    # A savepoint outside a transaction begins one that only reads: nobody waits for a long check.
    db.execute("SAVEPOINT erp_check")
    try:
        return [fault for part in _PARTS for fault in _proven(db, *part)]
    finally:
        db.execute("RELEASE erp_check")


def _proven(db: apsw.Connection, what: str, part: Callable[[apsw.Connection], Iterator[str]]) -> Iterator[str]:
    """The faults of a part; that it cannot be added up is one, which keeps nobody from the others."""
    try:
        yield from part(db)
    except (ArithmeticError, TypeError, ValueError, apsw.SQLError) as error:
        if isinstance(error, apsw.SQLError) and "integer overflow" not in str(error):
            raise
        yield (
            f"The {what} cannot be added up: an amount or a quantity among them is no number, or too large for one. "
            "Another program has written there."
        )


def _orphans(db: apsw.Connection) -> Iterator[str]:
    """Entries of something that does not exist."""
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'erp_*'")]
    for table in tables:
        for _, rowid, parent, _ in list(db.execute(f"PRAGMA foreign_key_check({table})")):
            entry = "An entry" if rowid is None else f"Entry {rowid}"
            yield f"{entry} of {table} belongs to something of {parent} that does not exist."


def _sales(db: apsw.Connection) -> Iterator[str]:
    for number, currency, total, lines in db.execute(
        """SELECT s.number, s.currency, s.total, coalesce(sum(l.net + l.tax), 0) AS lines
           FROM erp_sale s LEFT JOIN erp_sale_line l ON l.sale_id = s.id GROUP BY s.id HAVING lines <> s.total"""
    ):
        yield (
            f"Sale {number}: its total is {format_money(total, currency)}, its lines add up to "
            f"{format_money(lines, currency)}."
        )
    for number, events in db.execute(
        """SELECT s.number, group_concat(e.kind, ', ' ORDER BY e.id) AS kinds
           FROM erp_event e JOIN erp_sale s ON s.id = e.sale_id
           WHERE e.kind IN ('partly written out', 'written out', 'cancelled', 'reversed') GROUP BY s.id
           HAVING kinds NOT IN ('written out', 'cancelled', 'written out, reversed')"""
    ):
        if not _IN_PARTS.fullmatch(events):
            yield f"Sale {number}: it was {events}, and these cannot follow each other."
    for journal, event in _EVENTS.items():
        for (number,) in db.execute(
            f"""SELECT DISTINCT s.number FROM {journal} j JOIN erp_sale s ON s.id = j.sale_id WHERE NOT EXISTS (
                SELECT 1 FROM erp_event e WHERE e.sale_id = s.id AND e.kind = ?)""",
            (event,),
        ):
            yield f"Sale {number}: it has entries of {journal}, and no event says {event!r}."


#: What each sale's journals say, with one row a sale; the sums come from the entries themselves.
_MONEY = """
    SELECT s.number, s.currency, s.total - coalesce(r.total, 0) AS owed,
        EXISTS (SELECT 1 FROM erp_event e WHERE e.sale_id = s.id AND e.kind IN ('cancelled', 'reversed')) AS closed,
        j.total AS total, j.entries AS entries
    FROM {journal} j JOIN erp_sale s ON s.id = j.sale_id
    LEFT JOIN (SELECT sale_id, sum(total) AS total FROM erp_refund GROUP BY sale_id) r ON r.sale_id = s.id
"""


def _documents(db: apsw.Connection) -> Iterator[str]:
    for pos, kind, first, last, count in db.execute(
        """SELECT p.code, t.code, min(d.number), max(d.number), count(*) FROM erp_document d
           JOIN erp_pos p ON p.id = d.pos_id JOIN erp_document_type t ON t.id = d.document_type_id
           GROUP BY d.pos_id, d.document_type_id HAVING min(d.number) <> 1 OR max(d.number) <> count(*)"""
    ):
        yield f"Documents {pos}/{kind}: they are numbered from {first} to {last}, but there are {count}."
    journal = """(SELECT sale_id, sum(total) AS total, sum(reverses_id IS NULL) AS entries
        FROM erp_document GROUP BY sale_id)"""
    for number, currency, owed, closed, total, entries in db.execute(_MONEY.format(journal=journal)):
        expected = 0 if closed else owed
        if entries != 1:
            yield f"Sale {number}: it has {entries} financial documents that are no credits."
        if total != expected:
            yield (
                f"Sale {number}: its documents less their credits are {format_money(total, currency)}, not "
                f"{format_money(expected, currency)}."
            )
    for number, other in db.execute(
        """SELECT s.number, o.number FROM erp_document c JOIN erp_document d ON d.id = c.reverses_id
           JOIN erp_sale s ON s.id = c.sale_id JOIN erp_sale o ON o.id = d.sale_id
           WHERE d.sale_id <> c.sale_id OR d.reverses_id IS NOT NULL OR d.pos_id <> c.pos_id
               OR d.document_type_id <> c.document_type_id OR d.currency <> c.currency OR c.id < d.id"""
    ):
        yield f"Sale {number}: one of its credits belongs to a document of the sale {other} that it does not fit."


def _payments(db: apsw.Connection) -> Iterator[str]:
    journal = "(SELECT sale_id, sum(amount) AS total, count(*) AS entries FROM erp_payment GROUP BY sale_id)"
    for number, currency, owed, closed, total, _ in db.execute(_MONEY.format(journal=journal)):
        if closed and total:
            yield f"Sale {number}: it is closed, and {format_money(total, currency)} paid on it were not returned."
        elif total > max(owed, 0) or total < min(owed, 0):
            yield (
                f"Sale {number}: {format_money(total, currency)} are paid, and {format_money(owed, currency)} are owed."
            )
    for number, account, currency, balance in db.execute(
        """SELECT s.number, a.code, s.currency, sum(p.amount) FROM erp_payment p JOIN erp_sale s ON s.id = p.sale_id
           JOIN erp_account a ON a.id = p.account_id WHERE s.total >= 0 GROUP BY s.id, a.id HAVING sum(p.amount) < 0"""
    ):
        yield f"Sale {number}: {account} returned {format_money(-balance, currency)} more than it took in."
    for (number,) in db.execute(
        """SELECT DISTINCT s.number FROM erp_payment p JOIN erp_sale s ON s.id = p.sale_id
           WHERE NOT EXISTS (SELECT 1 FROM erp_document d WHERE d.sale_id = s.id)"""
    ):
        yield f"Sale {number}: it has a payment and no financial document."
    for number, currency, other in db.execute(
        """SELECT DISTINCT s.number, s.currency, j.currency FROM erp_sale s JOIN
           (SELECT sale_id, currency FROM erp_payment UNION ALL SELECT sale_id, currency FROM erp_document) j
           ON j.sale_id = s.id WHERE j.currency <> s.currency"""
    ):
        yield f"Sale {number}: it is in {currency}, and a document or payment of it in {other}."


def _refunds(db: apsw.Connection) -> Iterator[str]:
    for number, currency, total, refunded in db.execute(
        """SELECT s.number, s.currency, s.total, sum(r.total) AS refunded FROM erp_refund r
           JOIN erp_sale s ON s.id = r.sale_id GROUP BY s.id HAVING refunded > s.total AND refunded > 0"""
    ):
        yield (
            f"Sale {number}: {format_money(refunded, currency)} are refunded, and its total is "
            f"{format_money(total, currency)}."
        )


_PARTS = (
    ("entries", _orphans), ("sales", _sales), ("documents", _documents), ("payments", _payments),
    ("refunds", _refunds), ("goods", goods_faults),
)  # fmt: skip
