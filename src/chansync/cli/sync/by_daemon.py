"""``chansync sync`` for somebody who may not open the keys: the daemon, which may, does it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chansync.cli.support.session import Session, user_name
from chansync.job_runner import request_args, runs_of
from chansync.store import channels, jobs
from chansync.store.runs import RunCounts
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest

if TYPE_CHECKING:
    from chansync.cli.sync.progress import Progress

#: How often the jobs are looked at, in seconds.
_EVERY = 0.2


def sync_by_daemon(session: Session, requests: Mapping[str, SyncRequest], progress: Progress) -> list[RunResult]:
    """Ask the daemon, show how far it is, and wait for all results. Who stops waiting does not stop the daemon."""
    db = session.db
    waiting = {
        jobs.ask(db, "sync", channels.channel(db, code).id, request_args(request), user_name()): code
        for code, request in requests.items()
    }
    results: list[RunResult] = []
    while waiting:
        for job_id, code in list(waiting.items()):
            job = jobs.job(db, job_id)
            if job is not None and job.state in ("queued", "running"):
                if job.progress:
                    progress.of(code)(RunCounts(**job.progress))
                continue
            del waiting[job_id]
            progress.done(code)
            results += _results(code, job)
        time.sleep(_EVERY)
    return results


def _results(code: str, job: jobs.Job | None) -> list[RunResult]:
    told = (job.result if job else None) or {}
    if "runs" in told:
        return runs_of(told)
    sentence = str(told.get("sentence") or f"{code}: the daemon did not say what came of it.")
    return [RunResult(code, "orders", "failed", RunCounts(), sentence, str(told.get("code") or "site_bug"))]
