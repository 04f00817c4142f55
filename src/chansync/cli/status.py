"""``chansync status``: the daemon, the channels and open problems at a glance."""

from __future__ import annotations

from typing import Any

import apsw
import click

from chansync import __version__
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import print_json, say, table, when
from chansync.cli.support.session import Session, pass_session
from chansync.model.times import ago_text, now_ms, utc_text
from chansync.service_place import how_to_restart, how_to_start
from chansync.store import daemons, overview
from chansync.store.daemons import DaemonState
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
    daemon = daemons.state(db)
    every = overview.channel_lines(db)
    wrong = [line for line in every if line.problems or line.failures]
    lines = wrong if failing else every
    problems: int = db.execute("SELECT count(*) FROM message WHERE open = 1").get
    if as_json:
        print_json(
            {
                "database": path,
                "daemon": _daemon_data(daemon),
                "open_problems": problems,
                "channels": [line_data(line) for line in lines],
            }
        )
        return
    say(_daemon_sentence(daemon, path))
    if not every:
        say("There are no channels yet. Add one: chansync channel add --help")
        return
    if lines:
        _table(lines)
    if failing:
        say(f"{len(wrong)} of {len(every)} channels fail or have open problems.")
    elif wrong and len(every) > MANY:
        say(f"{len(wrong)} of {len(every)} channels fail or have open problems: chansync status --failing")
    if problems:
        one = problems == 1
        say(f"{problems} problem{'' if one else 's'} {'is' if one else 'are'} open: chansync log --open")


def _daemon_sentence(daemon: DaemonState | None, path: str) -> str:
    if daemon is None:
        return f"The daemon has never run. Start it: {how_to_start(path)}"
    if daemon.is_silent:
        silence = f"The daemon gives no sign of life since {when(daemon.beat_at)}: process {daemon.pid} hangs or"
        return f"{silence} was stopped. Let it go on (kill -CONT {daemon.pid}), or restart it."
    if not daemon.running:
        seen = when(daemon.beat_at)
        return f"The daemon is not running; it was last seen {seen}. Start it: {how_to_start(path)}"
    since = when(daemon.started_at)
    told = f"The daemon {daemon.version} is running since {since} (process {daemon.pid} on {daemon.host})."
    if daemon.version != __version__:
        told += f" This program is {__version__}: restart it: {how_to_restart(path, daemon.pid)}"
    return told


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


def _daemon_data(daemon: DaemonState | None) -> dict[str, Any] | None:
    if daemon is None:
        return None
    return {
        "running": daemon.running,
        "host": daemon.host,
        "pid": daemon.pid,
        "version": daemon.version,
        "started_at": utc_text(daemon.started_at),
        "beat_at": utc_text(daemon.beat_at),
    }


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
