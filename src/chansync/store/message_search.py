"""Reading the message log by a filter, in its order, without looking at much that the filter leaves out.

A log of a million messages answers within a tenth of a second: each condition that has an index is counted up to a
bound, and a rare one leads the search. A text is found through an index of its pieces (``message_text`` of
``chansync.db.first_schema``); what is newer than that index is looked through.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import apsw

from chansync.model.order import bare_number
from chansync.model.paging import holds, storable

#: A condition that fulfils at most so many messages is rare: reading them all takes some twenty milliseconds.
_RARE = 20_000

#: How many messages the index of pieces is asked for at first.
_PORTION = 500

#: How long its pieces are, in characters.
_PIECE = 3

_HIGHEST_ID = 2**63 - 1


@dataclass(slots=True)
class Filter:
    """Which messages to show; every field narrows.

    Attributes:
        since, until: only those that came last at or after the one, and before the other; UTC milliseconds.
        text: what the sentence or the order's number holds, whatever the case of its ASCII letters.
        after_id: only messages with a higher id.
        of_orders: only those of an order.
        ids: only these; empty: all.
    """

    channel_id: int | None = None
    severity: str | None = None
    code: str | None = None
    open_only: bool = False
    since: int | None = None
    text: str = ""
    after_id: int | None = None
    of_orders: bool = False
    order_id: int | None = None
    until: int | None = None
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class _Condition:
    """One condition of a filter.

    Attributes:
        index: the index that finds its messages; empty: there is none.
        in_order: whether the index brings them in the order of the log, so that a page is read and no more.
    """

    sql: str
    parameters: tuple[Any, ...] = ()
    index: str = ""
    in_order: bool = False


def select(
    db: apsw.Connection,
    columns: str,
    chosen: Filter,
    *,
    limit: int,
    before_id: int | None = None,
    oldest_first: bool = False,
) -> list[tuple[Any, ...]]:
    """The ``columns`` of the filter's messages (``m``) and of their channels (``c``), newest or oldest first.

    Args:
        before_id: only messages with a lower id.
    """
    text = bare_number(chosen.text) if chosen.text.startswith("#") else chosen.text
    chosen = replace(chosen, text=storable(text))
    conditions = _conditions(chosen)
    span = _Condition("m.id > ? AND m.id < ?", (chosen.after_id or 0, before_id or _HIGHEST_ID))

    def read(how: str, order: str = "m.id", *, only: Sequence[_Condition] = (), most: int = limit) -> list[Any]:
        every = [*only, *conditions, span]
        where = " AND ".join(condition.sql for condition in every)
        parameters = [value for condition in every for value in condition.parameters]
        sql = f"""SELECT {columns} FROM message m {how} LEFT JOIN channel c ON c.id = m.channel_id
            WHERE {where} ORDER BY {order} {"ASC" if oldest_first else "DESC"} LIMIT ?"""
        return list(db.execute(sql, (*parameters, most)))

    def by_index(lead: _Condition) -> list[Any]:
        # An index that is not in order is read whole; the plus sign says so.
        return read(f"INDEXED BY {lead.index}", "m.id" if lead.in_order else "+m.id")

    def among(portions: Iterable[list[int]]) -> list[Any]:
        """Read the messages of these ids, as many portions as it takes."""
        found: list[Any] = []
        for ids in portions:
            these = _Condition("m.id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
            found += read("NOT INDEXED", only=[these], most=limit - len(found))
            if len(found) >= limit:
                break
        return found

    if chosen.ids:
        return among([list(chosen.ids)])
    counts = {condition: _count(db, condition) for condition in conditions if condition.index}
    rarest = min(counts, key=lambda condition: counts[condition], default=None)
    if rarest is not None and counts[rarest] <= _RARE:
        return by_index(rarest)
    is_new = chosen.after_id is not None and _count(db, span) <= _RARE
    in_order = [condition for condition in counts if condition.in_order]
    if chosen.text and not is_new:
        portions = _portions(db, chosen.text, span.parameters, in_order, oldest_first)
        if portions is not None:
            return among(portions)
    return by_index(in_order[0]) if in_order and not is_new else read("NOT INDEXED")


def _conditions(chosen: Filter) -> list[_Condition]:
    found = [
        _Condition(f"m.{column} {sign} ?", (value,), index, in_order)
        for column, sign, value, index, in_order in (
            ("code", "=", chosen.code, "message_by_code", True),
            ("order_id", "=", chosen.order_id, "message_of_order", False),
            ("channel_id", "=", chosen.channel_id, "message_by_channel", True),
            ("severity", "=", chosen.severity, "message_by_severity", True),
            ("last_at", ">=", chosen.since, "message_by_time", False),
            ("last_at", "<", chosen.until, "message_by_time", False),
        )
        if value is not None
    ]
    if chosen.open_only:
        found.append(_Condition("m.open = 1", (), "message_open"))
    if chosen.of_orders:
        found.append(_Condition("m.order_id IS NOT NULL AND m.channel_id IS NOT NULL"))
    if chosen.text:
        found.append(_holds(chosen.text))
    return found


def _holds(text: str) -> _Condition:
    condition, parameters = holds(("m.sentence", "m.order_number"), text)
    return _Condition(condition, tuple(parameters))


def _count(db: apsw.Connection, condition: _Condition) -> int:
    """How many messages fulfil the condition; one more than ``_RARE`` stands for any number above it."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM message m WHERE {condition.sql} LIMIT {_RARE + 1})"
    return int(db.execute(sql, condition.parameters).get)


def _portions(
    db: apsw.Connection, text: str, span: tuple[Any, ...], besides: list[_Condition], oldest_first: bool
) -> Iterator[list[int]] | None:
    """Ids of the messages that may hold the text, in the order of the search; None: they are too many to look up all.

    Args:
        span: the lowest and the highest id, both excluded.
        besides: conditions in whose order the log can be read instead; they are looked up before a message is.
    """
    if len(text) >= _PIECE:
        pieces = {text[start : start + _PIECE] for start in range(len(text) - _PIECE + 1)}
        query = " AND ".join('"' + piece.replace('"', '""') + '"' for piece in sorted(pieces))
        sql = f"SELECT count(*) FROM (SELECT 1 FROM message_text WHERE message_text MATCH ? LIMIT {5 * _RARE})"
        if besides and db.execute(sql, (query,)).get >= 5 * _RARE:
            return None
        indexed = _with_all_pieces(db, query, span, besides, oldest_first)
    else:
        beginning = _beginning(db, text)
        if beginning is None:
            return None
        indexed = iter([beginning])
    holds = _holds(text)
    sql = f"SELECT m.id FROM message m WHERE m.id > (SELECT id FROM message_text_upto) AND {holds.sql}"
    newest = [row[0] for row in db.execute(sql, holds.parameters)]
    return chain(indexed, [newest]) if oldest_first else chain([newest], indexed)


def _with_all_pieces(
    db: apsw.Connection, query: str, span: tuple[Any, ...], besides: list[_Condition], oldest_first: bool
) -> Iterator[list[int]]:
    low, high = span
    # Looked up in an index that holds nothing else: cheaper than reading the message.
    also = "".join(
        f" AND EXISTS (SELECT 1 FROM message m INDEXED BY {each.index} WHERE m.id = t.rowid AND {each.sql})"
        for each in besides
    )
    values = [value for each in besides for value in each.parameters]
    sql = f"""SELECT t.rowid FROM message_text t WHERE t.message_text MATCH ? AND t.rowid > ? AND t.rowid < ?
        {also} ORDER BY t.rowid {"ASC" if oldest_first else "DESC"} LIMIT ?"""
    portion = _PORTION
    while True:
        found = [row[0] for row in db.execute(sql, (query, low, high, *values, portion))]
        yield found
        if len(found) < portion:
            return
        low, high = (found[-1], high) if oldest_first else (low, found[-1])
        portion = min(4 * portion, _RARE)


def _beginning(db: apsw.Connection, text: str) -> list[int] | None:
    """Messages with a piece that begins with the text of one or two characters; None: there are many."""
    # As the index folds letters: one for one.
    folded = "".join(fold if len(fold := letter.casefold()) == 1 else letter.lower() for letter in text)
    after = folded[:-1] + chr(min(ord(folded[-1]) + 1, 0x10FFFF))
    sql = f"SELECT doc FROM message_pieces WHERE term >= ? AND term < ? LIMIT {_RARE + 1}"
    found = [row[0] for row in db.execute(sql, (folded, after))]
    return None if len(found) > _RARE else found
