"""Runs: what each sync did. A running one is updated after every page, so that screens see it live."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.db.transaction import transaction
from chansync.model.paging import Query, Span, holds
from chansync.model.times import now_ms
from chansync.secrets.redaction import scrub
from chansync.store.leases import is_at_work


@dataclass(slots=True)
class RunCounts:
    """What a run did so far.

    Attributes:
        expected: how many orders it will look at, as far as the site says.
        fetched: orders that came from the site.
        created: orders that became sales.
        updated: followed orders whose change was noted.
        unchanged: orders that had come before, just so.
        skipped: orders outside the channel's selection.
        problems: orders that could not be imported.
        bytes: received from the site, after decompression.
    """

    expected: int | None = None
    fetched: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    problems: int = 0
    requests: int = 0
    bytes: int = 0


@dataclass(slots=True)
class Run:
    """A run; times in UTC milliseconds. ``state`` is running, done, failed, stopped or interrupted (killed)."""

    id: int
    channel_id: int
    channel_code: str
    stream: str
    trigger: str
    state: str
    started_at: int
    finished_at: int | None
    sentence: str
    counts: RunCounts


def start(db: apsw.Connection, channel_id: int, stream: str, trigger: str, owner: str) -> int:
    """Open the record of a run that has the stream's lease; its id. An earlier one that is open was broken off."""
    with transaction(db):
        db.execute(
            """UPDATE run SET state = 'stopped', finished_at = ?,
               sentence = 'It was broken off; the next run goes on from the last order.'
               WHERE state = 'running' AND channel_id = ? AND stream = ?""",
            (now_ms(), channel_id, stream),
        )
        db.execute(
            "INSERT INTO run (channel_id, stream, trigger, owner, state, started_at) VALUES (?, ?, ?, ?, 'running', ?)",
            (channel_id, stream, trigger, owner, now_ms()),
        )
        return db.last_insert_rowid()


def progress(db: apsw.Connection, run_id: int, counts: RunCounts) -> None:
    """Write how far the run is."""
    c = counts
    db.execute(
        """UPDATE run SET expected = ?, fetched = ?, created = ?, updated = ?, unchanged = ?, skipped = ?,
           problems = ?, requests = ?, bytes = ? WHERE id = ?""",
        (c.expected, c.fetched, c.created, c.updated, c.unchanged, c.skipped, c.problems, c.requests, c.bytes, run_id),
    )


def finish(db: apsw.Connection, run_id: int, counts: RunCounts, state: str, sentence: str = "") -> None:
    """Close the record: ``done``, ``failed`` or ``stopped``."""
    with transaction(db):
        progress(db, run_id, counts)
        db.execute(
            "UPDATE run SET state = ?, finished_at = ?, sentence = ? WHERE id = ?",
            (state, now_ms(), scrub(sentence), run_id),
        )


_RUN = """
    SELECT r.id, r.channel_id, c.code, r.stream, r.trigger, r.state, r.started_at, r.finished_at, r.sentence, r.owner,
        r.expected, r.fetched, r.created, r.updated, r.unchanged, r.skipped, r.problems, r.requests, r.bytes
    FROM run r JOIN channel c ON c.id = r.channel_id
"""


def _run(db: apsw.Connection, row: tuple[object, ...]) -> Run:
    *head, owner = row[:10]
    run = Run(*(*head, RunCounts(*row[10:])))  # type: ignore[arg-type]
    if run.state == "running" and not is_at_work(db, owner):  # type: ignore[arg-type]
        run.state = "interrupted"
    return run


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to show; every field narrows.

    Attributes:
        news: only those that found something new or changed, had problems, or did not end well.
        text: looked for in the channel's code and in what the run says, whatever the case of ASCII letters.
    """

    channel_id: int | None = None
    stream: str = ""
    state: str = ""
    news: bool = False
    text: str = ""

    def query(self) -> Query:
        """The list in SQL, the newest first."""
        query = Query(_RUN, ("r.id",), True, [], [])
        for column, value in (("channel_id", self.channel_id), ("stream", self.stream), ("state", self.state)):
            if value:
                query.narrow(f"r.{column} = ?", value)
        if self.news:
            query.narrow("(r.created + r.updated + r.problems > 0 OR r.state NOT IN ('done', 'running'))")
        if self.text:
            condition, parameters = holds(("c.code", "r.sentence"), self.text)
            query.narrow(condition, *parameters)
        if self not in (RunFilter(), RunFilter(channel_id=self.channel_id)):
            query.narrow(f"r.id > (SELECT max(id) - {_LOOKED_AMONG} FROM run)")
        return query


#: Among so many of the last runs a filter looks, so that one that lets little through takes no time either.
_LOOKED_AMONG = 20_000


def recent(db: apsw.Connection, *, limit: int = 50, chosen: RunFilter = RunFilter()) -> list[Run]:
    """The last runs, newest first."""
    return chosen.query().read(db, Span(limit), lambda *row: _run(db, row))


def running(db: apsw.Connection) -> list[Run]:
    """The runs under way now, oldest first; those of killed processes are left out."""
    rows = db.execute(f"{_RUN} WHERE r.state = 'running' ORDER BY r.id")
    return [run for row in rows if (run := _run(db, row)).state == "running"]


def last_failure(db: apsw.Connection, channel_id: int, stream: str) -> str:
    """What the last failed run of the stream said; empty when there is none."""
    found = db.execute(
        "SELECT sentence FROM run WHERE channel_id = ? AND stream = ? AND state = 'failed' ORDER BY id DESC LIMIT 1",
        (channel_id, stream),
    ).get
    return str(found or "")


def close_interrupted(db: apsw.Connection) -> int:
    """Mark the runs of killed processes as stopped; how many there were."""
    with transaction(db):
        rows = list(db.execute("SELECT id, owner FROM run WHERE state = 'running'"))
        dead = [(now_ms(), run_id) for run_id, owner in rows if not is_at_work(db, owner)]
        db.executemany(
            """UPDATE run SET state = 'stopped', finished_at = ?,
               sentence = 'Its process was killed; the next run goes on from the last order.' WHERE id = ?""",
            dead,
        )
        return len(dead)


#: How many orders of a run are looked at for the reasons of those that it skipped.
_MOST_LOOKED_AT = 20_000


def skipped_why(db: apsw.Connection, run: Run) -> list[tuple[str, str, int]]:
    """Why orders were skipped in the run's time: reason, the site's status and how many, the most first.

    What was taken in since is not among them any more.
    """
    rows = db.execute(
        """SELECT reason, status, count(*) FROM (
               SELECT reason, status FROM "order" INDEXED BY order_of_channel
               WHERE channel_id = ? AND changed_at BETWEEN ? AND ? AND state = 'skipped' LIMIT ?
           ) GROUP BY reason, status ORDER BY count(*) DESC, status""",
        (run.channel_id, run.started_at, run.finished_at or now_ms(), _MOST_LOOKED_AT),
    )
    return [(str(reason), str(status), int(count)) for reason, status, count in rows]
