"""``chansync sync`` for somebody who may not open the keys: the daemon, which may, does it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chansync.cli.output import note
from chansync.cli.session import Session, user_name
from chansync.job_runner import request_args
from chansync.locations import key_path
from chansync.model.errors import UsageError
from chansync.secrets import key_file, sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.store import channels, daemons, jobs
from chansync.store.runs import RunCounts
from chansync.sync.runner import RunResult, SyncRequest

if TYPE_CHECKING:
    from chansync.cli.sync_progress import Progress

#: How often the jobs are looked at, in seconds.
_EVERY = 0.2


def is_needed(session: Session) -> bool:
    """Whether this user cannot open the keys, and a daemon is there that may.

    Raises:
        KeyUnreadable: he cannot, and there is none.
    """
    if sealing.public_key(session.db) is None:
        return False
    try:
        key_file.read(key_path(session.path))
    except KeyUnreadable:
        if daemons.is_running(session.db):
            return True
        raise
    return False


def sync_by_daemon(session: Session, requests: Mapping[str, SyncRequest], progress: Progress) -> list[RunResult]:
    """Ask the daemon, show how far it is, and wait for all results. Who stops waiting does not stop the daemon.

    Raises:
        UsageError: a dry run, which opens the keys in the process that shows it.
    """
    if any(request.dry_run for request in requests.values()):
        raise UsageError(
            "A dry run opens the keys in this process, and you may not: run it as the daemon's user "
            "(sudo -u chansync chansync sync … --dry-run)."
        )
    note("You may not open the keys: the daemon does it.")
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
        return [RunResult(**run | {"counts": RunCounts(**run["counts"]), "plans": []}) for run in told["runs"]]
    sentence = str(told.get("sentence") or f"{code}: the daemon did not say what came of it.")
    return [RunResult(code, "orders", "failed", RunCounts(), sentence, str(told.get("code") or "site_bug"))]
