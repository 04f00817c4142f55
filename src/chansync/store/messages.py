"""The message log: problems that stay open until they are solved, warnings and notable events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.model import stored_json
from chansync.model.message import CODES, Severity
from chansync.model.times import now_ms
from chansync.redaction import scrub, scrub_json
from chansync.store import message_search
from chansync.store.message_search import Filter
from chansync.store.transaction import transaction

#: What closed a problem whose order now has another one: nobody is told of that as of a solution.
ANOTHER_REASON = "another reason"


@dataclass(slots=True)
class Message:
    """A row of the log; times in UTC milliseconds.

    Attributes:
        count: how often the same problem came while it was open.
        data: the data that caused it.
        solved_by: who or what closed it; None while it is open or never was.
    """

    id: int
    channel_id: int | None
    channel_code: str
    order_id: int | None
    order_number: str
    severity: str
    code: str
    sentence: str
    data: dict[str, Any]
    count: int
    first_at: int
    last_at: int
    open: bool
    solved_at: int | None
    solved_by: str | None

    @property
    def remedy(self) -> str:
        """What to do about it."""
        known = CODES.get(self.code)
        return known.remedy if known else ""


def log(
    db: apsw.Connection,
    code: str,
    sentence: str,
    *,
    channel_id: int | None = None,
    order_id: int | None = None,
    order_number: str = "",
    run_id: int | None = None,
    data: Mapping[str, Any] | None = None,
    beside: bool = False,
) -> None:
    """Write a message. A problem that is open already is counted instead of written again.

    Another open problem of the same order is closed: an order has one reason at a time; with ``beside`` it stays,
    because what is pushed to the site says nothing about what came from there.
    """
    now = now_ms()
    severity = CODES[code].severity
    text = scrub_json(data or {})
    sentence = scrub(sentence)
    is_problem = severity is Severity.PROBLEM
    if is_problem and order_id is not None and not beside:
        db.execute(
            """UPDATE message SET open = 0, solved_at = ?, solved_by = ? WHERE order_id = ? AND open = 1
               AND code <> ?""",
            (now, ANOTHER_REASON, order_id, code),
        )
    db.execute(
        """INSERT INTO message (channel_id, order_id, order_number, run_id, severity, code, sentence, data, first_at,
           last_at, open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (coalesce(channel_id, 0), coalesce(order_id, 0), code) WHERE open = 1
           DO UPDATE SET count = count + 1, last_at = excluded.last_at, sentence = excluded.sentence,
           data = excluded.data, run_id = excluded.run_id""",
        (channel_id, order_id, order_number, run_id, severity, code, sentence, text, now, now, int(is_problem)),
    )


def solve_order(db: apsw.Connection, order_id: int, by: str) -> None:
    """Close the order's open problems."""
    db.execute(
        "UPDATE message SET open = 0, solved_at = ?, solved_by = ? WHERE order_id = ? AND open = 1",
        (now_ms(), by, order_id),
    )


def solve_channel(db: apsw.Connection, channel_id: int, by: str, *, stream: str | None = None) -> None:
    """Close the open problems of the channel itself (not those of its orders).

    Args:
        stream: only those whose data name this stream: an order pull that works says nothing about a push.
    """
    with transaction(db):
        db.execute(
            """UPDATE message SET open = 0, solved_at = ?1, solved_by = ?2 WHERE channel_id = ?3 AND order_id IS NULL
               AND open = 1 AND (?4 IS NULL OR data ->> '$.stream' = ?4)""",
            (now_ms(), by, channel_id, stream),
        )


def solve_code(db: apsw.Connection, channel_id: int | None, order_id: int | None, code: str, by: str) -> None:
    """Close the open problem of that code of an order, or (None) of the channel itself, or (None) of none."""
    db.execute(
        """UPDATE message SET open = 0, solved_at = ?, solved_by = ? WHERE channel_id IS ? AND order_id IS ?
           AND code = ? AND open = 1""",
        (now_ms(), by, channel_id, order_id, code),
    )


def solve(db: apsw.Connection, message_id: int, by: str) -> bool:
    """Mark one message as solved by a person; False when it was not open."""
    with transaction(db):
        db.execute(
            "UPDATE message SET open = 0, solved_at = ?, solved_by = ? WHERE id = ? AND open = 1",
            (now_ms(), by, message_id),
        )
        return db.changes() == 1


_COLUMNS = """
    m.id, m.channel_id, coalesce(c.code, ''), m.order_id, m.order_number, m.severity, m.code, m.sentence, m.data,
        m.count, m.first_at, m.last_at, m.open, m.solved_at, m.solved_by
"""
_MESSAGE = f"SELECT {_COLUMNS} FROM message m LEFT JOIN channel c ON c.id = m.channel_id"


def _message(row: tuple[Any, ...]) -> Message:
    values = list(row)
    values[8] = stored_json.object_or_empty(values[8])
    values[12] = bool(values[12])
    return Message(*values)


def messages(
    db: apsw.Connection, chosen: Filter, *, limit: int = 100, before_id: int | None = None, oldest_first: bool = False
) -> list[Message]:
    """The messages of a filter, newest first (or oldest first), from ``before_id`` on downwards."""
    rows = message_search.select(db, _COLUMNS, chosen, limit=limit, before_id=before_id, oldest_first=oldest_first)
    return [_message(row) for row in rows]


def message(db: apsw.Connection, message_id: int) -> Message | None:
    """The message of that id, or None."""
    row = db.execute(f"{_MESSAGE} WHERE m.id = ?", (message_id,)).fetchone()
    return _message(row) if row else None


def of_order(db: apsw.Connection, order_id: int) -> list[Message]:
    """Everything that was said of an order, oldest first."""
    return [_message(row) for row in db.execute(f"{_MESSAGE} WHERE m.order_id = ? ORDER BY m.id", (order_id,))]
