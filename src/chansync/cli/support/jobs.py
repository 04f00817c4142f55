"""Asking the daemon for work and waiting for what comes of it."""

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

#: How often the job is looked at, in seconds.
_EVERY = 0.2


def is_by_daemon(session: Session) -> bool:
    """Whether the daemon must do what opens the keys of channels, which is then said."""
    if not is_for_daemon(session.db, session.path, _line()):
        return False
    note("You may not open the keys: the daemon does it.")
    return True


def _line() -> str:
    """The line that was called, but for the database, which the sentence names."""
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
