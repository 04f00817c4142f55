"""Queueing a job for the daemon and waiting for its result."""

from __future__ import annotations

import shlex
import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from chansync.cli.support.output import mode, note
from chansync.cli.support.session import Session, user_name
from chansync.model.channel import FieldError
from chansync.store import jobs
from chansync.sync.daemon_jobs import is_for_daemon

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from chansync.db.connection import Store
    from chansync.setup.confirm import ConnectionReport
    from chansync.setup.erps import ErpReport
    from chansync.setup.systems import SystemReport

_Report = TypeVar("_Report", "ConnectionReport", "ErpReport", "SystemReport")

#: What is said of a job that takes longer.
AT_IT = "The daemon is at it. See: chansync log --follow"

#: How often the job is polled, in seconds, and how long an ERP is waited for, which may have much to do.
EVERY, FOR_ERP = 0.2, 600


def is_by_daemon(session: Session) -> bool:
    """Whether the daemon must do the work because this user may not read the private key; prints a note then."""
    # The command line without the option --db, as the message names the database.
    words = list(mode.arguments)
    if words[:1] == ["--db"]:
        del words[:2]
    line = shlex.join(word for word in words if not word.startswith("--db="))
    if not is_for_daemon(session.db, session.path, line):
        return False
    note("You may not read the private key, so the daemon does this.")
    return True


def ask_and_wait(
    db: apsw.Connection, kind: str, channel_id: int | None, args: dict[str, Any], *, seconds: float
) -> tuple[bool | None, dict[str, Any]]:
    """Queue a job for the daemon and wait for it.

    Returns:
        Whether it went well (None: it took longer than ``seconds``), and its result.
    """
    job_id = jobs.ask(db, kind, channel_id, args, user_name())
    until = time.monotonic() + seconds
    while True:
        job = jobs.job(db, job_id)
        if job is not None and job.state in ("done", "failed"):
            return job.state == "done", job.result or {}
        if job is None or time.monotonic() >= until:
            return None, {}
        time.sleep(EVERY)


def report_of(
    session: Session, report: type[_Report], connect: Callable[[Store], Awaitable[_Report]], kind: str,
    channel_id: int | None, args: dict[str, Any], *, seconds: float = 90,
) -> _Report:  # fmt: skip
    """What comes of connecting: here, or by a job of the daemon's where this user may not read the private key."""
    if not is_by_daemon(session):
        return session.run_async(connect)
    ok, result = ask_and_wait(session.db, kind, channel_id, args, seconds=seconds)
    if ok is None:
        return report(False, "The daemon has not answered yet. See: chansync log --follow", code="daemon")
    known = {each.name for each in fields(report)}
    told: dict[str, Any] = {"sentence": ""} | {name: result[name] for name in known & result.keys()}
    if "wrong" in told:
        told["wrong"] = [FieldError(name, sentence) for name, sentence in told["wrong"].items()]
    return report(ok, **told)
