"""Figures for monitoring, each from a query that stays cheap with a thousand channels and a million messages.

Counts of what happened come from totals kept when a run ends, and from runs under way: a restart does not change them,
nor does clearing old runs away.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import apsw

#: Rows of a query, as its function names their values.
Rows = list[tuple[Any, ...]]


def totals(db: apsw.Connection) -> Rows:
    """What the ended runs of each stream brought, by the state in which they ended; those under way are ``running``.

    Returns:
        Channel, stream, state, runs, orders created, requests, bytes, and milliseconds.
    """
    return db.execute(
        """SELECT c.code, t.stream, t.state, t.runs, t.created, t.requests, t.bytes, t.milliseconds
           FROM run_total t JOIN channel c ON c.id = t.channel_id
           UNION ALL
           SELECT c.code, r.stream, 'running', count(*), sum(r.created), sum(r.requests), sum(r.bytes), 0
           FROM run r JOIN channel c ON c.id = r.channel_id WHERE r.state = 'running' GROUP BY r.channel_id, r.stream"""
    ).fetchall()


def stream_states(db: apsw.Connection) -> Rows:
    """Every stream that ran, of the channels in use; times in UTC milliseconds, None: never.

    Returns:
        Channel, stream, when it last went through, failures in a row, and when it runs next (None also while it runs).
    """
    return db.execute(
        """SELECT c.code, s.stream, s.last_ok_at, s.failures, CASE WHEN s.owner IS NULL THEN s.next_run_at END
           FROM stream s JOIN channel c ON c.id = s.channel_id WHERE c.used = 1"""
    ).fetchall()


def channels_used(db: apsw.Connection) -> tuple[int, int]:
    """How many channels are in use, and how many are not."""
    used, unused = db.execute("SELECT coalesce(sum(used), 0), coalesce(sum(1 - used), 0) FROM channel").get
    return used, unused


def open_problems(db: apsw.Connection) -> Rows:
    """Channel (empty: none), code and how many such problems are open, where there are any."""
    # Written as the index on open messages has it, so that no message is read.
    return db.execute(
        """SELECT coalesce(c.code, ''), p.code, p.problems FROM (SELECT coalesce(channel_id, 0) AS channel_id, code,
           count(*) AS problems FROM message WHERE open = 1 GROUP BY coalesce(channel_id, 0), code) p
           LEFT JOIN channel c ON c.id = p.channel_id"""
    ).fetchall()


def outbox_due(db: apsw.Connection) -> Rows:
    """Channel and how many statuses wait to be sent to its site, where any do."""
    return db.execute(
        """SELECT c.code, b.rows FROM (SELECT channel_id, count(*) AS rows FROM outbox
           WHERE state IN ('due', 'sent') GROUP BY channel_id) b JOIN channel c ON c.id = b.channel_id"""
    ).fetchall()


def jobs_open(db: apsw.Connection) -> int:
    """How many jobs wait or run."""
    return int(db.execute("SELECT count(*) FROM job WHERE state IN ('queued', 'running')").get)


def ways_failing(db: apsw.Connection) -> int:
    """By how many ways notices do not arrive now."""
    return int(db.execute("SELECT count(*) FROM notice_route WHERE failures > 0").get)


def file_sizes(db: apsw.Connection) -> tuple[int, int, int]:
    """Bytes of the database, of its free pages, and of what is not yet taken over from its log (WAL)."""
    page = db.pragma("page_size")
    try:
        # Not opened: closing a file of the database would drop the locks that SQLite holds on it.
        log = os.stat(f"{db.filename}-wal").st_size
    except OSError:
        log = 0
    return page * db.pragma("page_count"), page * db.pragma("freelist_count"), log


@dataclass(slots=True)
class ErpFigures:
    """A connected ERP; times in UTC milliseconds.

    Attributes:
        steps: state of steps (``waiting``, ``sent``, ``problem``) → how many there are, where there are any.
        since: since when the longest of those that are not answered was asked for; None: none waits.
        failures: runs of its stream that failed in a row.
        failed: whether it failed in what it was asked for last, by its stream or by a person.
    """

    erp: str
    steps: dict[str, int]
    since: int | None
    last_ok_at: int | None
    failures: int
    failed: bool


def erps(db: apsw.Connection) -> list[ErpFigures]:
    """Every connected ERP."""
    steps: dict[str, dict[str, int]] = {}
    since: dict[str, int] = {}
    for erp, state, count, first in db.execute(
        """SELECT erp, state, count(*), min(asked_at) FROM sale_step WHERE state IN ('waiting', 'sent')
           GROUP BY erp, state
           UNION ALL SELECT erp, 'problem', count(*), NULL FROM sale_step WHERE state = 'problem' GROUP BY erp"""
    ):
        steps.setdefault(erp, {})[state] = count
        if first is not None:
            since[erp] = min(first, since.get(erp, first))
    return [
        ErpFigures(code, steps.get(code, {}), since.get(code), ok, failures, bool(error_code))
        for code, ok, failures, error_code in db.execute(
            "SELECT code, last_ok_at, failures, error_code FROM connected_erp ORDER BY code"
        )
    ]
