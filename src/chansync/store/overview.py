"""What both ``chansync status`` and the TUI's home screen show of each channel, in one query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import apsw

from chansync.model.times import day_began, now_ms
from chansync.store.leases import is_at_work

if TYPE_CHECKING:
    # Types alone: ``chansync status`` starts without the message log's own imports.
    from chansync.model.paging import Key
    from chansync.store.message_search import Filter


@dataclass(slots=True)
class ChannelLine:
    """One channel at a glance; times in UTC milliseconds.

    Attributes:
        orders_today: sales created since midnight, local time.
        problems: open problems of the channel and its orders.
        running: streams that run now.
        progress: (fetched, expected) of the run under way; None when none is.
        failures: runs of the orders stream that failed in a row.
        failing: the streams whose last run failed.
        run_began_at: when the run under way began.
    """

    id: int
    code: str
    name: str
    used: bool
    system: str
    system_type: str
    pos: str
    last_ok_at: int | None
    last_finished_at: int | None
    next_run_at: int | None
    failures: int
    orders_today: int
    problems: int
    running: bool
    progress: tuple[int, int | None] | None
    failing: tuple[str, ...] = ()
    run_began_at: int | None = None


def _text(parameter: str) -> str:
    """SQL for a joined parameter's text; none where another program has written nonsense there."""
    return f"CASE WHEN json_valid({parameter}.value) THEN {parameter}.value ->> '$' END"


# The plus signs keep SQLite from walking every message and run of a channel: the few open ones have indexes.
_LINES = f"""
    SELECT c.id, c.code, coalesce({_text("p_name")}, ''), c.used, s.code,
        coalesce({_text("p_type")}, 'production'), coalesce({_text("p_pos")}, ''),
        st.last_ok_at, st.last_finished_at, st.next_run_at, coalesce(st.failures, 0),
        (SELECT count(*) FROM "order" o JOIN sale_link l ON l.order_id = o.id WHERE o.channel_id = c.id
            AND o.state = 'imported' AND o.changed_at >= ?1 AND l.recorded_at BETWEEN ?1 AND ?2),
        coalesce(p.problems, 0),
        (SELECT group_concat(f.stream) FROM stream f WHERE f.channel_id = c.id AND f.failures > 0),
        st.owner, r.fetched, r.expected, r.owner, r.started_at
    FROM channel c JOIN integration_system s ON s.id = c.system_id
    LEFT JOIN channel_parameter p_name ON p_name.channel_id = c.id AND p_name.name = 'name'
    LEFT JOIN channel_parameter p_type ON p_type.channel_id = c.id AND p_type.name = 'system_type'
    LEFT JOIN channel_parameter p_pos ON p_pos.channel_id = c.id AND p_pos.name = 'pos'
    LEFT JOIN stream st ON st.channel_id = c.id AND st.stream = 'orders'
    LEFT JOIN (SELECT channel_id, count(*) AS problems FROM message WHERE open = 1 GROUP BY +channel_id) p
        ON p.channel_id = c.id
    LEFT JOIN (SELECT channel_id, max(id) AS id FROM run WHERE state = 'running' GROUP BY +channel_id) last_run
        ON last_run.channel_id = c.id
    LEFT JOIN run r ON r.id = last_run.id
    ORDER BY c.code
"""


def open_count(db: apsw.Connection) -> int:
    """How many problems are open."""
    return int(db.execute("SELECT count(*) FROM message WHERE open = 1").get)


def channel_lines(db: apsw.Connection) -> list[ChannelLine]:
    """Every channel, by code."""
    now = now_ms()
    lines = []
    for row in db.execute(_LINES, (day_began(now), now)):
        *head, failing, owner, fetched, expected, run_owner, began = row
        running = is_at_work(db, owner)
        alive = running and run_owner == owner
        head[3] = bool(head[3])
        under_way = ((fetched, expected) if alive else None, tuple((failing or "").split(",")) if failing else ())
        lines.append(ChannelLine(*(*head, running, *under_way, began if alive else None)))
    return lines


def code_counts(db: apsw.Connection) -> dict[str, int]:
    """The codes that the log holds, each with how many of its problems are open, those with the most first."""
    # One step through the index for each code, however many messages there are.
    sql = """WITH RECURSIVE known(code) AS (
        SELECT min(code) FROM message UNION ALL
        SELECT (SELECT min(code) FROM message WHERE code > known.code) FROM known WHERE known.code IS NOT NULL)
        SELECT code FROM known WHERE code IS NOT NULL"""
    found = dict.fromkeys((code for (code,) in db.execute(sql)), 0)
    for code, count in db.execute("SELECT code, count(*) FROM message WHERE open = 1 GROUP BY +code"):
        found[code] = count
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))


@dataclass(slots=True)
class MessageLine:
    """A message at a glance, without its data."""

    id: int
    channel_code: str
    order_number: str
    severity: str
    code: str
    sentence: str
    count: int
    first_at: int
    last_at: int
    open: bool
    solved: bool

    @property
    def key(self) -> Key:
        """Its place in the log."""
        return (self.id,)


def message_lines(
    db: apsw.Connection, chosen: Filter, *, limit: int, before_id: int | None = None, oldest_first: bool = False
) -> list[MessageLine]:
    """As ``messages.messages``, for long lists: the data of each message stays unread."""
    from chansync.store import message_search

    columns = """m.id, coalesce(c.code, ''), m.order_number, m.severity, m.code, m.sentence, m.count, m.first_at,
        m.last_at, m.open, m.solved_at IS NOT NULL"""
    rows = message_search.select(db, columns, chosen, limit=limit, before_id=before_id, oldest_first=oldest_first)
    return [MessageLine(*(*head, bool(is_open), bool(solved))) for *head, is_open, solved in rows]


def orders_with_problems(db: apsw.Connection, chosen: Filter, *, limit: int) -> dict[int, list[int]]:
    """Channel → its orders whose problems are open and shown by the filter; at most ``limit`` orders."""
    from chansync.store import message_search

    chosen = replace(chosen, open_only=True, of_orders=True)
    rows = message_search.select(db, "m.channel_id, m.order_id", chosen, limit=limit)
    found: dict[int, list[int]] = {}
    for channel_id, order_id in rows:
        found.setdefault(channel_id, []).append(order_id)
    return found
