"""``chansync status``: the daemon, the channels and open problems at a glance."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import apsw
import click

from chansync.cli.support.lazy import examples
from chansync.cli.support.output import print_json, say, table
from chansync.cli.support.session import Session, pass_session
from chansync.doctor.daemon import Diagnosis, diagnose
from chansync.model.times import ago_text, now_ms, utc_text
from chansync.store import daemons, overview
from chansync.store.daemons import DaemonState
from chansync.store.metric_queries import erps
from chansync.store.overview import ChannelLine

#: With more channels than that, those that fail are worth a list of their own.
MANY = 20


@click.command(epilog=examples("chansync status", "chansync status --failing", "chansync status --json"))
@click.option("--failing", is_flag=True, help="Only channels that fail or have open problems.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def status(session: Session, failing: bool, as_json: bool) -> None:
    """The daemon, the channels and open problems at a glance."""
    _show(session.db, str(session.path), as_json=as_json, failing=failing)


def _show(db: apsw.Connection, path: str, *, as_json: bool, failing: bool) -> None:
    daemon = diagnose(db)
    every = overview.channel_lines(db)
    wrong = [line for line in every if line.problems or line.failures]
    lines = wrong if failing else every
    problems: int = db.execute("SELECT count(*) FROM message WHERE open = 1").get
    if as_json:
        print_json(
            {
                "database": path,
                "daemon": _daemon_data(daemon, daemons.state(db)),
                "open_problems": problems,
                "channels": [line_data(line) for line in lines],
                "erps": [asdict(each) for each in erps(db)],
            }
        )
        return
    say(daemon.text)
    if not every:
        say("There are no channels yet. Add one: chansync channel add --help")
        return
    if lines:
        _table(lines)
    for sentence in erp_sentences(db):
        say(sentence)
    if failing:
        say(f"{len(wrong)} of {len(every)} channels fail or have open problems.")
    elif wrong and len(every) > MANY:
        say(f"{len(wrong)} of {len(every)} channels fail or have open problems: chansync status --failing")
    if problems:
        one = problems == 1
        say(f"{problems} problem{'' if one else 's'} {'is' if one else 'are'} open: chansync log --open")


def erp_sentences(db: apsw.Connection) -> list[str]:
    """What connected ERPs have not done, a line each."""
    said = []
    for each in erps(db):
        waiting, refused = each.steps.get("waiting", 0) + each.steps.get("sent", 0), each.steps.get("problem", 0)
        answered = f"last answer {ago_text(each.last_ok_at)} ago" if each.last_ok_at else "no answer yet"
        failing = f", {each.failures} runs failed" if each.failures else ", the last try failed" if each.failed else ""
        see = ". See: chansync erp connected" if failing else "."
        said.append(f"ERP {each.erp}: {answered}, {waiting} steps wait, {refused} are refused{failing}{see}")
    return said


def _table(lines: list[ChannelLine]) -> None:
    rows = [
        (
            line.code, line.system_type, "yes" if line.used else "no", _last(line), _next(line), line.orders_today,
            line.problems, _now(line),
        )
        for line in lines
    ]  # fmt: skip
    headers = ("channel", "type", "used", "last sync", "next", "today", "problems", "now")
    colours = ["red" if line.problems or line.failures else "" for line in lines]
    table(headers, rows, right=("today", "problems"), flexible="now", colours=colours)


def _last(line: ChannelLine) -> str:
    if line.failures:
        return f"failed {line.failures} time{'' if line.failures == 1 else 's'}"
    return f"{ago_text(line.last_ok_at)} ago" if line.last_ok_at else "never"


def _next(line: ChannelLine) -> str:
    if not line.used or not line.next_run_at:
        return ""
    # Overdue, as with a daemon that is stopped: not as soon as it is late.
    return "due" if line.next_run_at <= now_ms() else f"in {ago_text(line.next_run_at)}"


def _now(line: ChannelLine) -> str:
    if not line.running:
        return ""
    if line.progress is None:
        return "running"
    done, expected = line.progress
    return f"{done} of {expected}" if expected else f"{done} so far"


def _daemon_data(found: Diagnosis, daemon: DaemonState | None) -> dict[str, Any]:
    told: dict[str, Any] = {"state": found.kind, "sentence": found.text, "running": found.works}
    if daemon is not None:
        told |= {
            "host": daemon.host,
            "pid": daemon.pid,
            "version": daemon.version,
            "started_at": utc_text(daemon.started_at),
            "beat_at": utc_text(daemon.beat_at),
        }
    return told


def line_data(line: ChannelLine) -> dict[str, Any]:
    """A channel at a glance, for JSON."""
    return {
        "channel": line.code,
        "name": line.name,
        "used": line.used,
        "system": line.system,
        "system_type": line.system_type,
        "pos": line.pos,
        "last_ok_at": utc_text(line.last_ok_at),
        "last_finished_at": utc_text(line.last_finished_at),
        "next_run_at": utc_text(line.next_run_at),
        "failures": line.failures,
        "orders_today": line.orders_today,
        "open_problems": line.problems,
        "running": line.running,
        "progress": None if line.progress is None else {"fetched": line.progress[0], "expected": line.progress[1]},
    }
