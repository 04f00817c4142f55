"""``chansync daemon``: the schedule in the foreground."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path

import click

from chansync.cli.support.lazy import command
from chansync.cli.support.session import Session, become_owner


@command(
    "chansync daemon",
    "chansync daemon --json-logs --metrics 127.0.0.1:9464",
    "chansync daemon --webhooks 9465",
    "chansync daemon --metrics-file /var/lib/prometheus/node-exporter/chansync.prom",
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
    "--webhooks", metavar="ADDRESS", envvar="CHANSYNC_WEBHOOKS",
    help="Take deliveries of webhooks there: a port of 127.0.0.1, or HOST:PORT. Off where it is not given.",
)  # fmt: skip
@click.option(
    "--take-over", is_flag=True, help="Start though another machine's daemon worked on this database within a day."
)
def daemon(
    session: Session,
    given: str | None,
    json_logs: bool,
    metrics: str | None,
    metrics_file: Path | None,
    webhooks: str | None,
    take_over: bool,
) -> int:
    """Run the schedule of every used channel in the foreground, until SIGTERM or ctrl+c.

    Exit code 65, 66, 77 or 78: the database needs a person, and another start would not help.
    """
    from chansync.cli.support import failures
    from chansync.db.locations import database_path
    from chansync_daemon import listening
    from chansync_daemon.logs import LOG, set_up
    from chansync_daemon.main import run

    path = database_path(given) if given else session.path
    become_owner(path)
    try:
        return run(
            path,
            json_logs=json_logs,
            metrics=listening.parse_listen(metrics) if metrics else None,
            metrics_file=metrics_file,
            webhooks=listening.parse(webhooks, "webhooks", "9465 or 127.0.0.1:9465") if webhooks else None,
            take_over=take_over,
        )
    except Exception as error:
        # The last line, too, is a line of the log: with its priority, and as JSON where that is wanted.
        with contextlib.redirect_stderr(io.StringIO()) as said:
            code = failures.explain(error, sys.argv[1:])
        set_up(as_json=json_logs)
        LOG.critical("%s", said.getvalue().strip())
        return failures.code_for_manager(error) or code
