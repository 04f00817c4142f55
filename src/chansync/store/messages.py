"""The message log: problems that stay open until they are solved, warnings and notable events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.message import CODES, Severity
from chansync.model.times import now_ms, utc_text
from chansync.secrets.redaction import scrub, scrub_json
from chansync.store import message_search
from chansync.store.message_search import Filter

#: What closed a problem whose order now has another one: nobody is told of that as of a solution.
ANOTHER_REASON = "another reason"

#: The open problems of an order, or (``order`` 0) of a channel itself, or (both 0) of no channel: written as in the
#: index ``message_open_once``, so that neither closed messages nor those of other orders are looked at.
OPEN_OF = "open = 1 AND coalesce(channel_id, 0) = {channel} AND coalesce(order_id, 0) = {order}"

#: A condition on ``row`` with a channel_id and an order_id: one of the ``codes`` (an SQL list) is open of that order.
OPEN_CODE_OF = (
    "EXISTS (SELECT 1 FROM message m INDEXED BY message_open_once WHERE m.open = 1 "
    "AND coalesce(m.channel_id, 0) = {row}.channel_id AND coalesce(m.order_id, 0) = {row}.order_id "
    "AND m.code IN ({codes}))"
)

#: The largest data of a message that are kept, as characters of JSON, and the longest value kept of larger ones.
LARGEST_DATA, LONGEST_VALUE = 64 * 1024, 1024


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

    def as_data(self) -> dict[str, Any]:
        """The message for JSON; times in UTC."""
        return {
            "id": self.id,
            "channel": self.channel_code or None,
            "order": self.order_number or None,
            "severity": self.severity,
            "code": self.code,
            "sentence": self.sentence,
            "remedy": self.remedy,
            "count": self.count,
            "first_at": utc_text(self.first_at),
            "last_at": utc_text(self.last_at),
            "open": self.open,
            "solved_at": utc_text(self.solved_at),
            "solved_by": self.solved_by,
            "data": self.data,
        }


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
) -> None:
    """Write a message. A problem that is open already is counted instead of written again."""
    now = now_ms()
    severity = CODES[code].severity
    text = scrub_json(_bounded(data or {}))
    sentence = scrub(sentence)
    is_problem = severity is Severity.PROBLEM
    db.execute(
        """INSERT INTO message (channel_id, order_id, order_number, run_id, severity, code, sentence, data, first_at,
           last_at, open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (coalesce(channel_id, 0), coalesce(order_id, 0), code) WHERE open = 1
           DO UPDATE SET count = count + 1, last_at = excluded.last_at, sentence = excluded.sentence,
           data = excluded.data, run_id = excluded.run_id""",
        (channel_id, order_id, order_number, run_id, severity, code, sentence, text, now, now, int(is_problem)),
    )


#: Sentence and data of a message.
Told = tuple[str, dict[str, Any]]


def open_or_solve(
    db: apsw.Connection,
    code: str,
    found: Told | None,
    by: str,
    channel_id: int,
    run_id: int | None = None,
    *,
    counts: bool = True,
) -> None:
    """Open the channel's problem of that code, or close it where nothing is found any more.

    Args:
        counts: count it again where it is open with the same sentence.
    """
    if found is None:
        solve_code(db, channel_id, None, code, by)
    elif counts or (open_problem(db, channel_id, None, code) or ("",))[0] != scrub(found[0]):
        log(db, code, found[0], channel_id=channel_id, run_id=run_id, data=found[1])


def log_habit(db: apsw.Connection, code: str, sentence: str, *, channel_id: int, run_id: int | None = None) -> None:
    """Write a warning about something that a site does again and again: the same one is counted, not written again."""
    same = "SELECT max(id) FROM message WHERE code = ? AND channel_id = ? AND sentence = ?"
    known = db.execute(same, (code, channel_id, scrub(sentence))).get
    if known is None:
        log(db, code, sentence, channel_id=channel_id, run_id=run_id)
    else:
        db.execute(
            "UPDATE message SET count = count + 1, last_at = ?, run_id = ? WHERE id = ?", (now_ms(), run_id, known)
        )


def _bounded(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The data, or what is short of them: what strangers sent may be of any length, and comes again and again."""
    if len(json.dumps(data, default=str)) <= LARGEST_DATA:
        return data
    short = {name: value for name, value in data.items() if len(json.dumps(value, default=str)) <= LONGEST_VALUE}
    return short | {"left_out": [name for name in data if name not in short]}


#: The stream that a message's data name.
_STREAM = stored_json.sql_text("data", "$.stream")

_SOLVE = "UPDATE message SET open = 0, solved_at = ?1, solved_by = ?2 WHERE"


def solve_order(db: apsw.Connection, order_id: int, by: str) -> None:
    """Close the order's open problems."""
    db.execute(f"{_SOLVE} order_id = ?3 AND open = 1", (now_ms(), by, order_id))


def open_codes(db: apsw.Connection, order_id: int) -> frozenset[str]:
    """The codes of the order's open problems."""
    return frozenset(
        row[0] for row in db.execute("SELECT code FROM message WHERE order_id = ? AND open = 1", (order_id,))
    )


#: Code of a message of a channel → the stream whose run solves it, where that is not the orders'.
_SOLVED_BY = {
    "sku_case_differs": "quantities", "tracking_not_told": "statuses", "settlement_unreadable": "settlements",
    "settlement_unmatched": "settlements", "settlement_wrong_sum": "settlements",
    "returns_unmatched": "returns",
}  # fmt: skip


def open_streams(db: apsw.Connection, channel_id: int, order_ids: list[int] | None) -> set[str]:
    """The streams by whose next run open problems of the channel may be solved.

    Args:
        order_ids: only problems of these orders; None: of all, and of the channel itself.
    """
    rows = db.execute(
        f"""SELECT order_id, code, {_STREAM} FROM message
           WHERE open = 1 AND channel_id = ? AND (code = 'push_failed' OR order_id IS NULL)""",
        (channel_id,),
    )
    found = set()
    for order_id, code, stream in rows:
        if order_ids is None or order_id in order_ids:
            pushed = "quantities" if order_id is None else "statuses"
            found.add(stream or _SOLVED_BY.get(code) or (pushed if code == "push_failed" else "orders"))
    return found


def solve_codes(db: apsw.Connection, order_id: int, codes: Iterable[str], by: str) -> None:
    """Close the order's open problems of those codes."""
    for code in codes:
        db.execute(f"{_SOLVE} order_id = ?3 AND code = ?4 AND open = 1", (now_ms(), by, order_id, code))


def solve_channel(db: apsw.Connection, channel_id: int, by: str, *, stream: str | None = None) -> None:
    """Close the open problems of the channel itself (not those of its orders).

    Args:
        stream: only those whose data name this stream: an order pull that works says nothing about a push.
    """
    with transaction(db):
        db.execute(
            f"{_SOLVE} {OPEN_OF.format(channel='?3', order=0)} AND (?4 IS NULL OR {_STREAM} = ?4)",
            (now_ms(), by, channel_id, stream),
        )


def solve_code(db: apsw.Connection, channel_id: int | None, order_id: int | None, code: str, by: str) -> None:
    """Close the open problem of that code of an order, or (None) of the channel itself, or (None) of none."""
    db.execute(
        f"{_SOLVE} {OPEN_OF.format(channel='?3', order='?4')} AND code = ?5",
        (now_ms(), by, channel_id or 0, order_id or 0, code),
    )


def open_problem(
    db: apsw.Connection, channel_id: int | None, order_id: int | None, code: str
) -> tuple[str, dict[str, Any]] | None:
    """Sentence and data of the open problem of that code; whose it is, as in ``solve_code``."""
    row = db.execute(
        f"SELECT sentence, data FROM message WHERE {OPEN_OF.format(channel='?1', order='?2')} AND code = ?3",
        (channel_id or 0, order_id or 0, code),
    ).fetchone()
    return (row[0], stored_json.object_or_empty(row[1])) if row else None


def is_open(db: apsw.Connection, code: str) -> bool:
    """Whether a problem of that code is open that is no channel's."""
    return open_problem(db, None, None, code) is not None


def solve(db: apsw.Connection, message_id: int, by: str) -> bool:
    """Mark one message as solved by a person; False when it was not open.

    What a person asked an ERP for and it refused, which the message is about, is not asked for again.
    """
    with transaction(db):
        db.execute(f"{_SOLVE} id = ?3 AND open = 1", (now_ms(), by, message_id))
        is_solved = db.changes() == 1
        if is_solved:
            db.execute(
                f"""UPDATE sale_step SET state = 'dropped', noted = 1 WHERE by_person AND state = 'problem'
                    AND sale_key IN (SELECT l.sale_key FROM message m JOIN sale_link l ON l.order_id = m.order_id
                        WHERE m.id = ? AND {stored_json.sql_text("m.data", "$.asked")} IS NOT NULL)""",
                (message_id,),
            )
        return is_solved


def reopen(db: apsw.Connection, message_id: int) -> bool:
    """Take back that a problem was marked as solved; False where it is open, or came again meanwhile."""
    with transaction(db):
        try:
            db.execute(
                """UPDATE message SET open = 1, solved_at = NULL, solved_by = NULL
                   WHERE id = ? AND open = 0 AND severity = 'problem'""",
                (message_id,),
            )
        except apsw.ConstraintError:
            return False
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


def newest_open(db: apsw.Connection, channel_id: int, limit: int) -> list[Message]:
    """The newest open problems of a channel and its orders."""
    where = "INDEXED BY message_open LEFT JOIN channel c ON c.id = m.channel_id WHERE m.open = 1 AND m.channel_id = ?"
    rows = db.execute(f"SELECT {_COLUMNS} FROM message m {where} ORDER BY m.id DESC LIMIT ?", (channel_id, limit))
    return [_message(row) for row in rows]


def message(db: apsw.Connection, message_id: int) -> Message | None:
    """The message of that id, or None."""
    row = db.execute(f"{_MESSAGE} WHERE m.id = ?", (message_id,)).fetchone()
    return _message(row) if row else None


def of_order(db: apsw.Connection, order_id: int) -> list[Message]:
    """Everything that was said of an order, oldest first."""
    return [_message(row) for row in db.execute(f"{_MESSAGE} WHERE m.order_id = ? ORDER BY m.id", (order_id,))]
