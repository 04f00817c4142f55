"""Queueing a job for the daemon and waiting for its result."""

from __future__ import annotations

import shlex
import time
from typing import Any

import apsw

from chansync.cli.support.output import called, note
from chansync.cli.support.session import Session, user_name
from chansync.store import jobs
from chansync.store.jobs import Job
from chansync.sync.daemon_jobs import is_for_daemon

#: How often the job is polled, in seconds.
_EVERY = 0.2


def is_by_daemon(session: Session) -> bool:
    """Whether the daemon must do the work because this user may not read the keys; prints a note then."""
    if not is_for_daemon(session.db, session.path, _line()):
        return False
    note("You may not open the keys: the daemon does it.")
    return True


def _line() -> str:
    """The command line without the option ``--db``, as the message names the database."""
    words = list(called())
    if words[:1] == ["--db"]:
        del words[:2]
    return shlex.join(word for word in words if not word.startswith("--db="))


def ask_and_wait(
    db: apsw.Connection, kind: str, channel_id: int | None, args: dict[str, Any], *, seconds: float
) -> Job | None:
    """Queue a job for the daemon; the finished job, or None when it took longer than ``seconds``."""
    job_id = jobs.ask(db, kind, channel_id, args, user_name())
    until = time.monotonic() + seconds
    while True:
        job = jobs.job(db, job_id)
        if job is None or job.state in ("done", "failed"):
            return job
        if time.monotonic() >= until:
            return None
        time.sleep(_EVERY)
