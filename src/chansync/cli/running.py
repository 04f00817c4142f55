"""``chansync status``, ``daemon`` and ``demo``."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import click

from chansync.cli.lazy import examples
from chansync.cli.session import Session, pass_session
from chansync.model.errors import UsageError


@click.command(epilog=examples("chansync status", "chansync status --failing", "chansync status --json"))
@click.option("--failing", is_flag=True, help="Only channels that fail or have open problems.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def status(session: Session, failing: bool, as_json: bool) -> int:
    """The daemon, the channels and open problems at a glance."""
    from chansync.cli.status import show

    return show(session.db, str(session.path), as_json=as_json, failing=failing)


@click.command(
    epilog=examples(
        "chansync daemon",
        "chansync daemon --json-logs --metrics 127.0.0.1:9464",
        "chansync daemon --metrics-file /var/lib/prometheus/node-exporter/chansync.prom",
    )
)
@click.option("--db", "given", metavar="PATH", help="The database, where it is not named before the command.")
@click.option("--json-logs", is_flag=True, envvar="CHANSYNC_JSON_LOGS", help="Log lines as JSON.")
@click.option(
    "--metrics", metavar="HOST:PORT", envvar="CHANSYNC_METRICS", help="Serve Prometheus metrics there; loopback only."
)
@click.option(
    "--metrics-file", metavar="FILE", envvar="CHANSYNC_METRICS_FILE", type=click.Path(path_type=Path, dir_okay=False),
    help="Write them there, for the node exporter's textfile collector.",
)  # fmt: skip
@click.option(
    "--take-over", is_flag=True, help="Start though another machine's daemon worked on this database within a day."
)
@pass_session
def daemon(
    session: Session,
    given: str | None,
    json_logs: bool,
    metrics: str | None,
    metrics_file: Path | None,
    take_over: bool,
) -> int:
    """Run the schedule of every used channel in the foreground, until SIGTERM or ctrl+c.

    Exit code 65, 66, 77 or 78: the database needs a person, and another start would not help.
    """
    from chansync.cli import failures
    from chansync.cli.ownership import become_owner
    from chansync.locations import database_path
    from chansync_daemon.logs import LOG, set_up
    from chansync_daemon.main import run
    from chansync_daemon.metrics_wanted import wanted

    path = database_path(given) if given else session.path
    become_owner(path)
    try:
        return run(path, json_logs=json_logs, metrics=wanted(metrics, metrics_file), take_over=take_over)
    except Exception as error:
        # The last line, too, is a line of the log: with its priority, and as JSON where that is wanted.
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = failures.explain(error, sys.argv[1:])
        set_up(as_json=json_logs)
        LOG.critical("%s", said.getvalue().strip())
        return failures.code_for_manager(error) or code


@click.command(
    epilog=examples("chansync demo", "chansync demo --amazon", "chansync demo --headless --orders 200 --seconds 20")
)
@click.option("--headless", is_flag=True, help="No screens: sync, then compare every order with its sale.")
@click.option(
    "--orders", type=click.IntRange(1, 1_000_000), default=300, show_default=True, help="Orders in the store."
)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same store.")
@click.option("--keep", metavar="FOLDER", help="Keep the database, in a new folder.")
@click.option("--seconds", type=click.IntRange(0), default=30, show_default=True, help="How long, without screens.")
@click.option("--amazon", is_flag=True, help="Beside the store, a seller in three of Amazon's marketplaces.")
def demo(headless: bool, orders: int, seed: int, keep: str | None, seconds: int, amazon: bool) -> int:
    """Try it all: a store with shoppers on this machine, an ERP, a channel, and a daemon that syncs them.

    On a terminal it ends when the screens are left. Nothing of it touches your own database.
    """
    from chansync.demo.command import run
    from chansync_tui.start import run as screens

    if not headless and not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError("There is no terminal for the screens: give --headless.")
    watch = None if headless else screens
    return run(watch, orders=orders, seed=seed, keep=keep, seconds=seconds, amazon=amazon)
