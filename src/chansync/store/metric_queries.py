"""Figures for monitoring, each from a query that stays cheap with a thousand channels and a million messages.

Counts of what happened come from totals that are kept when a run ends, and from the few runs under way: they are the
same after a restart, and do not fall when old runs are cleared away.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import apsw

from chansync.db import settings


@dataclass(slots=True)
class StreamTotals:
    """What the ended runs of a stream brought, in all; ``state`` is theirs."""

    channel: str
    stream: str
    state: str
    runs: int
    created: int
    requests: int
    bytes: int
    milliseconds: int


def totals(db: apsw.Connection) -> list[StreamTotals]:
    """The totals of each stream, by the state in which its runs ended; those under way count as ``running``."""
    rows = db.execute(
        """SELECT c.code, t.stream, t.state, t.runs, t.created, t.requests, t.bytes, t.milliseconds
           FROM run_total t JOIN channel c ON c.id = t.channel_id
           UNION ALL
           SELECT c.code, r.stream, 'running', count(*), sum(r.created), sum(r.requests), sum(r.bytes), 0
           FROM run r JOIN channel c ON c.id = r.channel_id WHERE r.state = 'running' GROUP BY r.channel_id, r.stream"""
    )
    return [StreamTotals(*row) for row in rows]


@dataclass(slots=True)
class StreamState:
    """Where a stream of a used channel is; times in UTC milliseconds, None: never.

    Attributes:
        failures: runs that failed in a row.
        next_run_at: None also while it runs.
    """

    channel: str
    stream: str
    last_ok_at: int | None
    failures: int
    next_run_at: int | None


def stream_states(db: apsw.Connection) -> list[StreamState]:
    """Every stream that ran, of the channels in use."""
    rows = db.execute(
        """SELECT c.code, s.stream, s.last_ok_at, s.failures, CASE WHEN s.owner IS NULL THEN s.next_run_at END
           FROM stream s JOIN channel c ON c.id = s.channel_id WHERE c.used = 1"""
    )
    return [StreamState(*row) for row in rows]


def channels_used(db: apsw.Connection) -> tuple[int, int]:
    """How many channels are in use, and how many are not."""
    used, unused = db.execute("SELECT coalesce(sum(used), 0), coalesce(sum(1 - used), 0) FROM channel").get
    return used, unused


def open_problems(db: apsw.Connection) -> list[tuple[str, str, int]]:
    """Channel (empty: none), code and how many such problems are open, where there are any."""
    # Written as the index on open messages has it, so that no message is read.
    rows = db.execute(
        """SELECT coalesce(c.code, ''), p.code, p.problems FROM (SELECT coalesce(channel_id, 0) AS channel_id, code,
           count(*) AS problems FROM message WHERE open = 1 GROUP BY coalesce(channel_id, 0), code) p
           LEFT JOIN channel c ON c.id = p.channel_id"""
    )
    return list(rows)


def outbox_due(db: apsw.Connection) -> list[tuple[str, int]]:
    """Channel and how many statuses wait to be sent to its site, where any do."""
    rows = db.execute(
        """SELECT c.code, b.rows FROM (SELECT channel_id, count(*) AS rows FROM outbox
           WHERE state IN ('due', 'sent') GROUP BY channel_id) b JOIN channel c ON c.id = b.channel_id"""
    )
    return list(rows)


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


def jobs_open(db: apsw.Connection) -> int:
    """How many jobs wait or run."""
    count: int = db.execute("SELECT count(*) FROM job WHERE state IN ('queued', 'running')").get
    return count


def ways_failing(db: apsw.Connection) -> int:
    """By how many ways notices do not arrive now."""
    count: int = db.execute("SELECT count(*) FROM notice_route WHERE failures > 0").get
    return count


def backed_up_at(db: apsw.Connection) -> int | None:
    """When the database was backed up last, in UTC milliseconds; None: never."""
    return settings.moment(db, settings.BACKED_UP_AT)


def instance(db: apsw.Connection) -> str:
    """The id that was made with the database; its copies have the same."""
    return settings.get(db, settings.INSTANCE_ID) or ""


@dataclass(slots=True)
class FileSizes:
    """Bytes of the database, of its free pages, and of what is not yet taken over from its log (WAL)."""

    database: int
    free: int
    log: int


def file_sizes(db: apsw.Connection) -> FileSizes:
    """How large the database is."""
    page = db.pragma("page_size")
    try:
        # Not opened: closing a file of the database would drop the locks that SQLite holds on it.
        log = os.stat(f"{db.filename}-wal").st_size
    except OSError:
        log = 0
    return FileSizes(page * db.pragma("page_count"), page * db.pragma("freelist_count"), log)
