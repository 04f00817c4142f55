"""Metrics for Prometheus: on a port of this machine, or in a file for the node exporter's textfile collector.

All values are read from the database at each scrape, over a separate connection. So a scrape and the syncs do not wait
for each other, and a restart changes no value.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import apsw
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from chansync import __version__
from chansync.db import settings
from chansync.db.folders import is_shared
from chansync.db.locations import private_folder
from chansync.db.opening import open_file
from chansync.db.version import SCHEMA_VERSION
from chansync.doctor.daemon import KINDS, diagnose
from chansync.model.errors import ChansyncError, StoreError, UsageError
from chansync.store import daemons, metric_queries, webhooks
from chansync_daemon.listening import Wanted, shown
from chansync_daemon.logs import LOG

#: How often the file is written, in seconds.
WRITE_EVERY = 15.0


def registry(path: Path, *, with_process: bool = True) -> CollectorRegistry:
    """The metrics of the database at ``path`` and of this process.

    Args:
        with_process: False for a file: the node exporter that reads it has metrics of the same names for its own
            process, and refuses duplicates.
    """
    made = CollectorRegistry()
    made.register(DatabaseCollector(path))
    if with_process:
        for collector in (PLATFORM_COLLECTOR, GC_COLLECTOR, ProcessCollector(registry=None)):
            made.register(collector)
    return made


def text(path: Path) -> str:
    """The current metrics, as text for a scrape."""
    return generate_latest(registry(path)).decode()


@contextlib.contextmanager
def serving(path: Path, wanted: Wanted) -> Iterator[None]:
    """Serve and write metrics while the context lasts, in threads.

    Raises:
        UsageError: this machine has no such address.
        MetricsBusy: another program uses the port.
    """
    with contextlib.ExitStack() as stack:
        if wanted.listen:
            server = _listen(registry(path), wanted.listen)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        if wanted.file:
            if _is_within(wanted.file, path):
                LOG.error(
                    "No metrics are written to %s: members of the group could put that file in another's place. Name "
                    "one in a folder of its own.", wanted.file,
                )  # fmt: skip
            else:
                made = registry(path, with_process=False)
                wrong = _try_to_write(made, wanted.file, "")
                over = threading.Event()
                stack.callback(over.set)
                arguments = (made, wanted.file, over, wrong)
                threading.Thread(target=_keep_writing, args=arguments, daemon=True, name="metrics").start()
        yield


def _is_within(file: Path, database: Path) -> bool:
    """Whether the file would be in one of the two folders of a shared database."""
    if not is_shared(database.parent):
        return False
    return file.parent.resolve() in (database.parent.resolve(), private_folder(database).resolve())


def _listen(made: CollectorRegistry, address: tuple[str, int]) -> WSGIServer:
    host, port = address
    try:
        server, _ = start_http_server(port, host, made)
    except OSError as error:
        # A busy port may become free; an address that this machine does not have will not appear.
        kind = MetricsBusy if error.errno == errno.EADDRINUSE else UsageError
        raise kind(f"Metrics cannot be served on {host}:{port}: {error.strerror or error}.") from None
    server.handle_error = _note_unfinished  # type: ignore[method-assign, assignment]
    LOG.info("metrics are on http://%s/metrics", shown(host, server.server_port))
    return server


def _note_unfinished(request: object, client: object) -> None:
    """Log a scrape that was not answered; socketserver would print a traceback where a client ends its connection."""
    error = sys.exception()
    if isinstance(error, OSError):
        LOG.debug("a scrape ended before its answer: %s", error.strerror or error)
    else:
        LOG.error("a scrape failed", exc_info=error)


def _keep_writing(made: CollectorRegistry, file: Path, over: threading.Event, wrong: str) -> None:
    while not over.wait(WRITE_EVERY):
        wrong = _try_to_write(made, file, wrong)


def _try_to_write(made: CollectorRegistry, file: Path, before: str) -> str:
    """Write the file, and return what is wrong with it. That is logged once, until it is something else than
    ``before``; the syncs continue, and the next write may succeed."""
    wrong = ""
    try:
        _write(made, file)
    except OSError as error:
        wrong = str(error.strerror or error)
    if wrong and wrong != before:
        LOG.warning("The metrics cannot be written to %s: %s.", file, wrong)
    elif before and not wrong:
        LOG.info("The metrics are written to %s again.", file)
    return wrong


def _write(made: CollectorRegistry, file: Path) -> None:
    """Write the file atomically, readable for all users whatever the umask."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        # The folder belongs to another program's user, who must not be able to redirect the file by a link.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(unfinished, flags, 0o644), "wb") as made_file:
            os.fchmod(made_file.fileno(), 0o644)
            made_file.write(generate_latest(made))
        unfinished.replace(file)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


class MetricsBusy(ChansyncError):
    """Another program uses the port."""

    code = "metrics_busy"


class DatabaseCollector(Collector):
    """The metrics of one database."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering does not query the database."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All metrics, from one read transaction; if the database cannot be read, only ``chansync_up 0``."""
        try:
            found = list(self._read())
        except (apsw.Error, StoreError) as error:
            LOG.warning("the metrics cannot be read: %s", error)
            found = []
        yield GaugeMetricFamily("chansync_up", "Whether the database could be read.", value=bool(found))
        yield from found

    def _read(self) -> Iterator[Metric]:
        with contextlib.closing(open_file(self._path)) as db:
            db.pragma("query_only", True)
            db.execute("BEGIN")
            yield from _of_the_program(db)
            yield from _of_runs(db)
            yield from _of_streams(db)
            yield from _of_what_waits(db)
            yield from _of_erps(db)
            yield from _of_webhooks(db)
            yield from _of_the_file(db)


def _of_the_program(db: apsw.Connection) -> Iterator[Metric]:
    build = GaugeMetricFamily(
        "chansync_build_info", "The program's version and its database schema.", labels=("version", "schema")
    )
    build.add_metric((__version__, str(SCHEMA_VERSION)), 1)
    yield build
    database = GaugeMetricFamily(
        "chansync_database_info", "The id of the database, which its copies share.", labels=("database",)
    )
    database.add_metric((settings.get(db, settings.INSTANCE_ID) or "",), 1)
    yield database
    found, daemon = diagnose(db, ask_systemd=False), daemons.state(db)
    states = GaugeMetricFamily("chansync_daemon_state", "How the daemon is: 1 for its state.", labels=("state",))
    for kind in KINDS:
        states.add_metric((kind,), kind == found.kind)
    yield states
    yield GaugeMetricFamily(
        "chansync_daemon_start_time_seconds",
        "When the daemon started; 0: none runs.",
        value=daemon.started_at / 1000 if daemon and daemon.running else 0,
    )
    yield GaugeMetricFamily(
        "chansync_daemon_last_beat_timestamp_seconds",
        "When the daemon last gave a sign of life; 0: never.",
        value=daemon.beat_at / 1000 if daemon else 0,
    )
    used, unused = metric_queries.channels_used(db)
    channels = GaugeMetricFamily("chansync_channels", "Channels, in use and not.", labels=("used",))
    channels.add_metric(("true",), used)
    channels.add_metric(("false",), unused)
    yield channels


def _of_runs(db: apsw.Connection) -> Iterator[Metric]:
    runs = CounterMetricFamily("chansync_runs", "Runs that ended, by how.", labels=("channel", "stream", "state"))
    imported = CounterMetricFamily("chansync_orders_imported", "Orders that became sales.", labels=("channel",))
    requests = CounterMetricFamily("chansync_requests", "Requests to the channel's site.", labels=("channel",))
    received = CounterMetricFamily("chansync_received_bytes", "Received from the channel's site.", labels=("channel",))
    duration = SummaryMetricFamily("chansync_run_duration_seconds", "How long runs took.", labels=("stream",))
    running = 0
    sums: dict[str, list[int]] = {}
    durations: dict[str, list[int]] = {}
    for channel, stream, state, count, *brought, milliseconds in metric_queries.totals(db):
        sums[channel] = [before + more for before, more in zip(sums.get(channel, (0, 0, 0)), brought, strict=True)]
        if state == "running":
            running += count
            continue
        runs.add_metric((channel, stream, state), count)
        of_stream = durations.setdefault(stream, [0, 0])
        of_stream[0] += count
        of_stream[1] += milliseconds
    for channel, values in sums.items():
        for family, value in zip((imported, requests, received), values, strict=True):
            family.add_metric((channel,), value)
    for stream, (count, milliseconds) in durations.items():
        duration.add_metric((stream,), count, milliseconds / 1000)
    yield from (runs, imported, requests, received, duration)
    yield GaugeMetricFamily("chansync_runs_running", "Runs under way.", value=running)


def _of_streams(db: apsw.Connection) -> Iterator[Metric]:
    success = GaugeMetricFamily(
        "chansync_stream_last_success_timestamp_seconds",
        "When the stream of a channel in use last went through; 0: never.",
        labels=("channel", "stream"),
    )
    planned = GaugeMetricFamily(
        "chansync_stream_next_run_timestamp_seconds",
        "When a stream runs next, where it is scheduled and does not run at the moment.",
        labels=("channel", "stream"),
    )
    failures = GaugeMetricFamily(
        "chansync_stream_failures", "Runs that failed in a row, where any did.", labels=("channel", "stream")
    )
    for channel, stream, last_ok_at, failed, next_run_at in metric_queries.stream_states(db):
        success.add_metric((channel, stream), (last_ok_at or 0) / 1000)
        if next_run_at is not None:
            planned.add_metric((channel, stream), next_run_at / 1000)
        if failed:
            failures.add_metric((channel, stream), failed)
    yield from (success, planned, failures)


def _of_what_waits(db: apsw.Connection) -> Iterator[Metric]:
    problems = GaugeMetricFamily(
        "chansync_open_problems", "Open problems, where there are any.", labels=("channel", "code")
    )
    for channel, code, count in metric_queries.open_problems(db):
        problems.add_metric((channel, code), count)
    outbox = GaugeMetricFamily(
        "chansync_outbox_due", "Statuses that wait to be sent, where any do.", labels=("channel",)
    )
    for channel, count in metric_queries.outbox_due(db):
        outbox.add_metric((channel,), count)
    yield from (problems, outbox)
    yield GaugeMetricFamily("chansync_jobs_open", "Jobs that wait or run.", value=metric_queries.jobs_open(db))
    yield GaugeMetricFamily(
        "chansync_notice_ways_failing", "Ways by which notices do not arrive.", value=metric_queries.ways_failing(db)
    )


def _of_erps(db: apsw.Connection) -> Iterator[Metric]:
    steps = GaugeMetricFamily(
        "chansync_erp_steps", "Steps that a connected ERP has not done, where there are any.", labels=("erp", "state")
    )
    since = GaugeMetricFamily(
        "chansync_erp_oldest_step_timestamp_seconds",
        "Since when the longest of the steps waits for its ERP, where any does.",
        labels=("erp",),
    )
    success = GaugeMetricFamily(
        "chansync_erp_last_success_timestamp_seconds", "When an ERP's stream last went through; 0: never.",
        labels=("erp",),
    )  # fmt: skip
    failures = GaugeMetricFamily(
        "chansync_erp_failures", "Runs of an ERP's stream that failed in a row, where any did.", labels=("erp",)
    )
    for each in metric_queries.erps(db):
        for state, count in each.steps.items():
            steps.add_metric((each.erp, state), count)
        if each.since is not None:
            since.add_metric((each.erp,), each.since / 1000)
        success.add_metric((each.erp,), (each.last_ok_at or 0) / 1000)
        if each.failures:
            failures.add_metric((each.erp,), each.failures)
    yield from (steps, since, success, failures)


def _of_webhooks(db: apsw.Connection) -> Iterator[Metric]:
    serving = webhooks.taking(db)
    if serving is None:
        return
    deliveries = CounterMetricFamily(
        "chansync_webhook_deliveries", "Deliveries of webhooks since the daemon started, by what became of them.",
        labels=("channel", "outcome"),
    )  # fmt: skip
    for channel, counts in serving.counts.items():
        for outcome in ("accepted", "repeated", "refused"):
            deliveries.add_metric((channel, outcome), getattr(counts, outcome))
    yield deliveries


def _of_the_file(db: apsw.Connection) -> Iterator[Metric]:
    size, free, log = metric_queries.file_sizes(db)
    yield GaugeMetricFamily("chansync_database_bytes", "Size of the database.", value=size)
    yield GaugeMetricFamily("chansync_database_free_bytes", "Of that, free pages.", value=free)
    yield GaugeMetricFamily(
        "chansync_last_backup_timestamp_seconds",
        "When the database was backed up last; 0: never.",
        value=(settings.moment(db, settings.BACKED_UP_AT) or 0) / 1000,
    )
    yield GaugeMetricFamily("chansync_database_log_bytes", "Size of the database's log (WAL).", value=log)
