"""The sales of outside ERPs as we know them: each one's last view, the steps that were asked for, what it still needs.

A step goes waiting → sent → applied, or a problem. It is marked as sent before it is sent, so after a kill everybody
knows that it may have arrived. The same step of a sale, by its key, is one row: asked for again, the row waits again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import apsw

from chansync.model import steps
from chansync.model.sale import LineKind, SaleDraft, SaleLine, SaleView
from chansync.model.steps import Step, StepResult
from chansync.model.times import now_ms
from chansync.model.wire import from_json, step_from_json, step_to_json, to_json

#: The states of a step of which nobody knows yet what becomes of it.
OPEN = ("waiting", "sent")


@dataclass(slots=True)
class StepRow:
    """A step that was asked for; times in UTC milliseconds.

    Attributes:
        state: ``waiting``, ``sent``, ``applied``, ``problem`` or ``dropped``.
        tries: how often it was sent.
        sentence: what the ERP said of it last.
        by_person: a person asked for it, and not only the order.
    """

    id: int
    erp: str
    sale_key: str
    word: str
    key: str
    state: str
    asked_at: int
    sent_at: int | None
    answered_at: int | None
    tries: int
    next_try_at: int | None
    sentence: str
    step: Step
    result: StepResult | None
    noted: bool
    by_person: bool

    @property
    def is_unread(self) -> bool:
        """Whether it was answered since the sale's order was decided on last."""
        return not self.noted and self.state in ("applied", "problem")


_STEP = """
    SELECT id, erp, sale_key, word, key, state, asked_at, sent_at, answered_at, tries, next_try_at, sentence, step,
        result, noted, by_person FROM sale_step
"""


def _steps(db: apsw.Connection, where: str, *parameters: str | int) -> list[StepRow]:
    return [
        StepRow(
            *(*plain, step_from_json(step), from_json(told, StepResult) if told else None, bool(noted), bool(by_person))
        )
        for *plain, step, told, noted, by_person in db.execute(f"{_STEP} WHERE {where}", parameters)
    ]


def _mark(db: apsw.Connection, rows: Iterable[StepRow], columns: str, *values: str | int | None) -> None:
    """Write those columns of the steps that are on their way still."""
    db.executemany(
        f"UPDATE sale_step SET {columns} WHERE id = ? AND state = 'sent'", [(*values, row.id) for row in rows]
    )


# Views


def view(db: apsw.Connection, sale_key: str) -> SaleView | None:
    """The sale as its ERP showed it last, or None."""
    text: str | None = db.execute("SELECT view FROM mirror_sale WHERE sale_key = ?", (sale_key,)).get
    return from_json(text, SaleView) if text else None


def erp_of(db: apsw.Connection, sale_key: str) -> str | None:
    """The ERP that was asked for the sale of that key; None: none was."""
    found: str | None = db.execute("SELECT erp FROM mirror_sale WHERE sale_key = ?", (sale_key,)).get
    return found


def store_view(db: apsw.Connection, erp: str, found: SaleView) -> None:
    """Keep a view that the ERP has shown. Call it inside a transaction."""
    db.execute(
        """INSERT INTO mirror_sale (sale_key, erp, number, view, viewed_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET number = excluded.number, view = excluded.view, viewed_at = excluded.viewed_at""",
        (found.key, erp, found.number, to_json(found), now_ms()),
    )
    _store_need(db, erp, found.key, found.warehouse, _still_needed(found))


def _still_needed(sale: SaleView) -> dict[str, int]:
    """Pieces of goods that an open sale still needs and that are not reserved for it, by item code."""
    if sale.state.closed or sale.state.written_out:
        return {}
    pieces = _pieces(sale.lines, gone(sale))
    for item, blocked in sale.blocked:
        if item in pieces:
            pieces[item] -= blocked
    return {item: count for item, count in pieces.items() if count > 0}


def gone(sale: SaleView) -> dict[str, Decimal]:
    """Pieces that were refunded or left in a package, by the platform's id of their line."""
    found: dict[str, Decimal] = {}
    for line in (line for refund in sale.refunds for line in refund.lines):
        found[line.external_id] = found.get(line.external_id, Decimal(0)) + line.quantity
    for external_id, count in (line for package in sale.packages for line in package.lines):
        found[external_id] = found.get(external_id, Decimal(0)) + count
    return found


def _pieces(lines: Iterable[SaleLine], given: Mapping[str, Decimal]) -> dict[str, int]:
    found: dict[str, Decimal] = {}
    for line in lines:
        if line.kind is LineKind.ITEM and line.item_code:
            left = line.quantity - given.get(line.external_id, Decimal(0))
            found[line.item_code] = found.get(line.item_code, Decimal(0)) + left
    return {item: math.ceil(quantity) for item, quantity in found.items()}


def _store_need(db: apsw.Connection, erp: str, sale_key: str, warehouse: str, pieces: Mapping[str, int]) -> None:
    sql = "SELECT code FROM mirror_reference WHERE erp = ? AND kind = 'service'"
    services = {code for (code,) in db.execute(sql, (erp,))} if pieces else set()
    needed = [(item, warehouse, count) for item, count in pieces.items() if item not in services]
    before = db.execute("SELECT item, warehouse, quantity FROM mirror_need WHERE sale_key = ?", (sale_key,))
    if set(before) == set(needed):
        return
    db.execute("DELETE FROM mirror_need WHERE sale_key = ?", (sale_key,))
    db.executemany(
        "INSERT INTO mirror_need (sale_key, erp, item, warehouse, quantity) VALUES (?, ?, ?, ?, ?)",
        [(sale_key, erp, *row) for row in needed],
    )


def free_unrecorded(db: apsw.Connection, which: str, value: str) -> None:
    """End what those sales need that are neither recorded nor asked to be: from now on their orders say what they hold.

    Call it inside a transaction.

    Args:
        which: a condition on the sales' needs, with one parameter.
    """
    db.execute(
        f"""DELETE FROM mirror_need AS n WHERE {which}
            AND NOT EXISTS (SELECT 1 FROM mirror_sale WHERE sale_key = n.sale_key AND view IS NOT NULL)
            AND NOT EXISTS (SELECT 1 FROM sale_step WHERE sale_key = n.sale_key AND word = ?
                AND state IN ('waiting', 'sent'))""",
        (value, steps.Record.word),
    )


# Steps


def steps_of(db: apsw.Connection, sale_key: str) -> list[StepRow]:
    """Every step that was ever asked for of a sale, in the order in which they were asked for last."""
    return _steps(db, "sale_key = ? ORDER BY place", sale_key)


def number_of(db: apsw.Connection, sale_key: str) -> str:
    """What the sale is called; empty where its ERP has none."""
    return str(db.execute("SELECT number FROM mirror_sale WHERE sale_key = ?", (sale_key,)).get or "")


def unfinished(db: apsw.Connection, erp: str, limit: int) -> list[StepRow]:
    """The ERP's steps that are not answered, or refused with a reason, those that were asked for first first."""
    is_open = "state IN ('waiting', 'sent') OR (state = 'problem' AND sentence <> '')"
    return _steps(db, f"erp = ? AND ({is_open}) ORDER BY place LIMIT ?", erp, limit)


def refused_sales(db: apsw.Connection, erp: str) -> list[str]:
    """The keys of the sales of which the ERP has refused a step."""
    rows = db.execute("SELECT DISTINCT sale_key FROM sale_step WHERE erp = ? AND state = 'problem'", (erp,))
    return [row[0] for row in rows]


def by_key(db: apsw.Connection, key: str) -> StepRow | None:
    """The step of that key, or None."""
    return next(iter(_steps(db, "key = ?", key)), None)


def open_words(db: apsw.Connection, sale_key: str) -> dict[str, bool]:
    """The sale's steps of which nobody knows yet what becomes of them: word → whether it is sent."""
    rows = db.execute(
        """SELECT word, max(state = 'sent') FROM sale_step WHERE sale_key = ? AND state IN ('waiting', 'sent')
           GROUP BY word""",
        (sale_key,),
    )
    return {word: bool(sent) for word, sent in rows}


def ask(db: apsw.Connection, erp: str, sale_key: str, step: Step, *, by_person: bool = False) -> None:
    """Let the ERP be asked for a step, after those that were asked for before. Call it inside a transaction."""
    db.execute(
        """INSERT INTO sale_step (erp, sale_key, place, key, word, step, state, asked_at, by_person)
           VALUES (?, ?, (SELECT coalesce(max(place), 0) + 1 FROM sale_step), ?, ?, ?, 'waiting', ?, ?)
           ON CONFLICT (key) DO UPDATE SET place = excluded.place, step = excluded.step, state = 'waiting',
           asked_at = excluded.asked_at, erp = excluded.erp, sent_at = NULL, answered_at = NULL, tries = 0,
           next_try_at = NULL, result = NULL, noted = 0, by_person = excluded.by_person""",
        (erp, sale_key, step.key(sale_key), step.word, step_to_json(step), now_ms(), by_person),
    )
    if isinstance(step, steps.Record):
        # What is to be recorded needs its goods from now on, and is found by its number.
        db.execute(
            """INSERT INTO mirror_sale (sale_key, erp, number) VALUES (?, ?, ?)
               ON CONFLICT DO UPDATE SET erp = excluded.erp, number = excluded.number""",
            (sale_key, erp, provisional_number(step.draft)),
        )
        _store_need(db, erp, sale_key, step.draft.warehouse, _pieces(step.draft.lines, {}))


def note_wish(db: apsw.Connection, key: str) -> None:
    """Write that a person asked for the waiting step of that key. Call it inside a transaction."""
    db.execute("UPDATE sale_step SET by_person = 1 WHERE key = ? AND state = 'waiting'", (key,))


def drop_wishes(db: apsw.Connection, sale_key: str) -> bool:
    """``Embedded.wishes`` are void; whether there were any. Call it inside a transaction."""
    db.execute(
        "UPDATE sale_step SET state = 'dropped', noted = 1 WHERE sale_key = ? AND by_person AND state = 'problem'",
        (sale_key,),
    )
    return db.changes() > 0


def provisional_number(draft: SaleDraft) -> str:
    """What a sale is called until its ERP has given it a number."""
    return draft.number or f"{draft.channel_code}-{draft.order_number}"


def note_read(db: apsw.Connection, sale_key: str) -> None:
    """Write that the sale's order was decided on since the last answer. Call it inside a transaction."""
    db.execute(
        "UPDATE sale_step SET noted = 1 WHERE sale_key = ? AND noted = 0 AND state IN ('applied', 'problem')",
        (sale_key,),
    )


def drop_sent(db: apsw.Connection, rows: Iterable[StepRow]) -> None:
    """Steps that were sent and have not arrived are void, because the sale is to end. Call it inside a transaction."""
    _mark(db, rows, "state = 'dropped', answered_at = ?, noted = 1", now_ms())


def unread(db: apsw.Connection, erp: str) -> list[str]:
    """The keys of sales of which every step is answered and whose orders were not decided on since."""
    rows = db.execute(
        """SELECT DISTINCT sale_key FROM sale_step a WHERE erp = ? AND noted = 0 AND state IN ('applied', 'problem')
           AND NOT EXISTS (SELECT 1 FROM sale_step o WHERE o.sale_key = a.sale_key AND o.state IN ('waiting', 'sent'))
           ORDER BY sale_key""",
        (erp,),
    )
    return [row[0] for row in rows]


# Sending


@dataclass(slots=True)
class DueSale:
    """A sale with steps to be sent, in their order.

    Attributes:
        pos: the code of its POS.
        ref: the ERP's own reference of it; empty before it is recorded.
        is_alone: sending it with others failed before: it is sent by itself, so that it keeps no other back.
    """

    key: str
    rows: list[StepRow]
    pos: str
    ref: str
    is_alone: bool


def due(db: apsw.Connection, erp: str, now: int, *, limit: int) -> list[DueSale]:
    """The next sales with steps to be sent, those asked for first first.

    A sale of which a step is on its way, or waits for its next try, is left out whole.

    Args:
        now: UTC milliseconds.
    """
    found = []
    for sale_key in due_keys(db, erp, now, limit=limit):
        rows = _steps(db, "sale_key = ? AND state = 'waiting' ORDER BY place", sale_key)
        known = view(db, sale_key)
        sql = "SELECT step ->> '$.draft.pos' FROM sale_step WHERE key = ?"
        pos = (known and known.pos) or db.execute(sql, (f"{sale_key}#{steps.Record.word}",)).get or ""
        is_alone = any(row.tries for row in rows)
        found.append(DueSale(sale_key, rows, pos, known.ref if known else "", is_alone))
    return found


def due_keys(db: apsw.Connection, erp: str, now: int, *, limit: int) -> list[str]:
    """The keys of ``due``."""
    # Those asked for first are read until there are enough, however many wait behind them.
    keys: dict[str, None] = {}
    for (sale_key,) in db.execute(
        """SELECT sale_key FROM sale_step w WHERE erp = ?1 AND state IN ('waiting', 'sent') AND state = 'waiting'
               AND NOT EXISTS (SELECT 1 FROM sale_step o WHERE o.sale_key = w.sale_key
                   AND (o.state = 'sent' OR (o.state = 'waiting' AND o.next_try_at > ?2)))
           ORDER BY place""",
        (erp, now),
    ):
        keys[sale_key] = None
        if len(keys) >= limit:
            break
    return list(keys)


def note_sending(db: apsw.Connection, rows: Iterable[StepRow]) -> None:
    """Write that the steps are on their way from now on. Call it inside a transaction."""
    now = now_ms()
    db.executemany(
        """UPDATE sale_step SET state = 'sent', sent_at = ?, tries = tries + 1, next_try_at = NULL
           WHERE id = ? AND state = 'waiting'""",
        [(now, row.id) for row in rows],
    )


def note_undelivered(db: apsw.Connection, rows: Iterable[StepRow], sentence: str) -> None:
    """Write that steps that were to be sent did not arrive, and why: they wait as before, and it was no try of theirs.

    Call it inside a transaction.
    """
    _mark(db, rows, "state = 'waiting', sent_at = NULL, tries = tries - 1, sentence = ?", sentence)


def note_unsent(db: apsw.Connection, rows: Iterable[StepRow], next_try_at: int | None = None) -> None:
    """Write that nothing was done of steps that were sent, so that they wait again. Call it inside a transaction."""
    _mark(db, rows, "state = 'waiting', sent_at = NULL, next_try_at = ?", next_try_at)


def note_answer(db: apsw.Connection, row: StepRow, result: StepResult) -> None:
    """Write what became of a step. Call it in the transaction that keeps the view that came with it."""
    db.execute(
        """UPDATE sale_step SET state = ?, answered_at = ?, result = ?, sentence = ?, noted = 0, next_try_at = NULL
           WHERE id = ? AND state IN ('waiting', 'sent')""",
        ("problem" if result.refused else "applied", now_ms(), to_json(result), result.sentence, row.id),
    )


def note_trouble(db: apsw.Connection, rows: Iterable[StepRow], sentence: str) -> None:
    """Write why nobody knows what became of steps that were sent. Call it inside a transaction."""
    _mark(db, rows, "sentence = ?", sentence)


def on_their_way(db: apsw.Connection, erp: str, before: int) -> dict[str, list[StepRow]]:
    """Sale key → its steps that were sent before that time (UTC milliseconds) and are not answered."""
    found: dict[str, list[StepRow]] = {}
    for row in _steps(db, "erp = ? AND state = 'sent' AND sent_at <= ? ORDER BY place", erp, before):
        found.setdefault(row.sale_key, []).append(row)
    return found


def first_sent_at(db: apsw.Connection, erp: str) -> int | None:
    """Since when the longest of the steps is on its way; None: none is. UTC milliseconds."""
    found: int | None = db.execute("SELECT min(sent_at) FROM sale_step WHERE erp = ? AND state = 'sent'", (erp,)).get
    return found


def make_due(db: apsw.Connection, erp: str) -> None:
    """Let steps that wait for their next try be sent at once. Call it inside a transaction."""
    db.execute(
        "UPDATE sale_step SET next_try_at = NULL WHERE erp = ? AND state = 'waiting' AND next_try_at IS NOT NULL",
        (erp,),
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """What an ERP was asked for and has not answered, or has refused.

    Attributes:
        waiting, sent, problems: how many steps.
        since: since when the longest of the open ones was asked for; None where there is none. UTC milliseconds.
    """

    waiting: int
    sent: int
    problems: int
    since: int | None


def backlog(db: apsw.Connection, erp: str) -> Backlog:
    """What the ERP was asked for and has not done."""
    waiting, sent, since = db.execute(
        """SELECT coalesce(sum(state = 'waiting'), 0), coalesce(sum(state = 'sent'), 0), min(asked_at)
           FROM sale_step WHERE erp = ? AND state IN ('waiting', 'sent')""",
        (erp,),
    ).get
    problems: int = db.execute("SELECT count(*) FROM sale_step WHERE erp = ? AND state = 'problem'", (erp,)).get
    return Backlog(waiting, sent, problems, since)


def has_work(db: apsw.Connection, erp: str, now: int) -> bool:
    """Whether a step is due to be sent."""
    return bool(due_keys(db, erp, now, limit=1))


# Stock


def store_stock(
    db: apsw.Connection, erp: str, warehouse: str, levels: Mapping[str, int], items: Collection[str] | None
) -> None:
    """Keep what the ERP has told of a warehouse. Call it inside a transaction.

    Args:
        items: what it was asked for: what of it was not told is not there; None: everything was.
    """
    now: int = db.execute("SELECT coalesce(max(changed), 0) + 1 FROM mirror_stock").get
    db.executemany(
        """INSERT INTO mirror_stock (erp, warehouse, item, pieces, changed) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET pieces = excluded.pieces, changed = excluded.changed
           WHERE pieces <> excluded.pieces""",
        [(erp, warehouse, item, pieces, now) for item, pieces in levels.items()],
    )
    asked = None if items is None else to_json(list(items))
    db.execute(
        """UPDATE mirror_stock SET pieces = 0, changed = ?1 WHERE erp = ?2 AND warehouse = ?3 AND pieces <> 0
           AND item NOT IN (SELECT value FROM json_each(?4))
           AND (?5 IS NULL OR item IN (SELECT value FROM json_each(?5)))""",
        (now, erp, warehouse, to_json(list(levels)), asked),
    )
    if items is None:
        # Earlier versions kept what was dropped or refused before it was recorded.
        free_unrecorded(db, "erp = ?", erp)
