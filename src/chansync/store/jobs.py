"""Jobs: what the TUI and the commands ask the daemon to do, and what came of it.

The daemon claims a job with a lease, and writes progress into it; where none runs, the asking process does. Whoever
comes after a dead one claims it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.db.process_locks import hold
from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.times import now_ms
from chansync.secrets.redaction import scrub_json
from chansync.store.leases import is_held

#: A claim that is not renewed for that long may be taken over, in milliseconds.
LEASE_MS = 60_000


@dataclass(slots=True)
class Job:
    """A piece of work. ``kind``: sync, lookups, test, confirm, system, look, retry, erp, notices or webhooks, with its
    ``args``.

    ``confirm`` with ``use`` switches the channel on when it connects; ``system`` tests the system of that ``code``.
    ``erp`` does with the ERP of that ``code`` what ``what`` says: test, lookups, run or retry.
    ``webhooks`` removes the channel's webhooks from its site.
    """

    id: int
    kind: str
    channel_id: int | None
    args: dict[str, Any]
    state: str
    progress: dict[str, Any]
    result: dict[str, Any] | None
    finished_at: int | None = None
    asked_by: str = ""


def ask(db: apsw.Connection, kind: str, channel_id: int | None, args: dict[str, Any], asked_by: str) -> int:
    """Queue a job; its id. The same job that waits already is not queued twice."""
    with transaction(db):
        text = scrub_json(args, sort_keys=True)
        waiting: int | None = db.execute(
            "SELECT id FROM job WHERE state = 'queued' AND kind = ? AND channel_id IS ? AND args = ?",
            (kind, channel_id, text),
        ).get
        if waiting is not None:
            return waiting
        db.execute(
            "INSERT INTO job (kind, channel_id, args, asked_by, state, created_at) VALUES (?, ?, ?, ?, 'queued', ?)",
            (kind, channel_id, text, asked_by, now_ms()),
        )
        return db.last_insert_rowid()


_JOB = "SELECT id, kind, channel_id, args, state, progress, result, finished_at, asked_by FROM job"


def _job(row: tuple[Any, ...]) -> Job:
    job_id, kind, channel_id, args, state, progress, result, finished_at, asked_by = row
    told = stored_json.object_or_empty(result) if result else None
    read = stored_json.object_or_empty
    return Job(job_id, kind, channel_id, read(args), state, read(progress), told, finished_at, asked_by)


def job(db: apsw.Connection, job_id: int) -> Job | None:
    """The job of that id, or None when it was cleared away."""
    row = db.execute(f"{_JOB} WHERE id = ?", (job_id,)).fetchone()
    return _job(row) if row else None


def claim(db: apsw.Connection, owner: str, job_id: int | None = None) -> Job | None:
    """Take the oldest job that waits (or just ``job_id``), or one whose holder is dead; None when there is none."""
    if not db.execute("SELECT 1 FROM job WHERE state IN ('queued', 'running') LIMIT 1").get:
        return None
    hold(db.filename)
    with transaction(db):
        rows = list(
            db.execute("SELECT id, state, owner, lease_until FROM job WHERE state IN ('queued', 'running') ORDER BY id")
        )
        for candidate, state, held_by, until in rows:
            if job_id is not None and candidate != job_id:
                continue
            if state == "running" and is_held(db, held_by, until, LEASE_MS):
                continue
            db.execute(
                """UPDATE job SET state = 'running', owner = ?, lease_until = ?, started_at = ?, progress = '{}'
                   WHERE id = ?""",
                (owner, now_ms() + LEASE_MS, now_ms(), candidate),
            )
            return job(db, candidate)
    return None


def renew(db: apsw.Connection, job_id: int, owner: str, progress: dict[str, Any] | None = None) -> None:
    """Hold the lease for longer, and write how far the job is, where that is known."""
    hold(db.filename)
    with transaction(db):
        db.execute(
            """UPDATE job SET lease_until = ?, progress = coalesce(?, progress)
               WHERE id = ? AND owner = ? AND state = 'running'""",
            (now_ms() + LEASE_MS, None if progress is None else json.dumps(progress), job_id, owner),
        )


def finish(db: apsw.Connection, job_id: int, owner: str, *, ok: bool, result: dict[str, Any]) -> None:
    """Close the job with its result: ``{"sentence": …}`` at least."""
    with transaction(db):
        db.execute(
            "UPDATE job SET state = ?, result = ?, finished_at = ?, lease_until = NULL WHERE id = ? AND owner = ?",
            ("done" if ok else "failed", scrub_json(result), now_ms(), job_id, owner),
        )


def last(db: apsw.Connection, kind: str, channel_id: int | None, args: dict[str, Any]) -> Job | None:
    """The latest job that asked for just that, among the last thousand; None when there is none."""
    row = db.execute(
        f"""{_JOB} WHERE id > (SELECT max(id) - 1000 FROM job) AND kind = ? AND channel_id IS ? AND args = ?
            ORDER BY id DESC LIMIT 1""",
        (kind, channel_id, scrub_json(args, sort_keys=True)),
    ).fetchone()
    return _job(row) if row else None
