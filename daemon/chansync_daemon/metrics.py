"""Metrics for Prometheus: on a port of this machine, or in a file for the node exporter's textfile collector.

All values are read from the database at each scrape, over a separate connection. So a scrape and the syncs do not wait
for each other, and a restart changes no value.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
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
from chansync.model.errors import StoreError
from chansync.store import daemons, metric_queries, webhooks
from chansync.store.metric_queries import Rows
from chansync_daemon.listening import listening, shown
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
def serving(path: Path, address: tuple[str, int] | None, file: Path | None) -> Iterator[None]:
    """Serve metrics at the address and write them into the file while the context lasts, in threads.

    Raises:
        UsageError: this machine has no such address.
        ChansyncError: another program uses the port.
    """
    with contextlib.ExitStack() as stack:
        if address:
            server = _listen(registry(path), address)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
        if file:
            if _is_within(file, path):
                LOG.error(
                    "No metrics are written to %s: members of the group could put that file in another's place. Name "
                    "one in a folder of its own.", file,
                )  # fmt: skip
            else:
                made = registry(path, with_process=False)
                wrong = _try_to_write(made, file, "")
                over = threading.Event()
                stack.callback(over.set)
                arguments = (made, file, over, wrong)
                threading.Thread(target=_keep_writing, args=arguments, daemon=True, name="metrics").start()
        yield


def _is_within(file: Path, database: Path) -> bool:
    """Whether the file would be in one of the two folders of a shared database."""
    if not is_shared(database.parent):
        return False
    return file.parent.resolve() in (database.parent.resolve(), private_folder(database).resolve())


def _listen(made: CollectorRegistry, address: tuple[str, int]) -> WSGIServer:
    host, port = address
    with listening(f"Metrics cannot be served on {shown(host, port)}", "metrics_busy"):
        server, _ = start_http_server(port, host, made)
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


_GAUGE, _COUNTER, _SUMMARY = GaugeMetricFamily, CounterMetricFamily, SummaryMetricFamily
_CHANNEL, _STREAM, _ERP = ("channel",), ("channel", "stream"), ("erp",)

#: Each metric without ``chansync_``: its kind, what it tells, and its labels. Times are in seconds since 1970.
_METRICS: dict[str, tuple[Callable[..., Any], str, tuple[str, ...]]] = {
    "build_info": (_GAUGE, "The program's version and its database schema.", ("version", "schema")),
    "database_info": (_GAUGE, "The id of the database, which its copies share.", ("database",)),
    "daemon_state": (_GAUGE, "How the daemon is: 1 for its state.", ("state",)),
    "daemon_start_time_seconds": (_GAUGE, "When the daemon started; 0: none runs.", ()),
    "daemon_last_beat_timestamp_seconds": (_GAUGE, "When the daemon last gave a sign of life; 0: never.", ()),
    "channels": (_GAUGE, "Channels, in use and not.", ("used",)),
    "runs": (_COUNTER, "Runs that ended, by how.", (*_STREAM, "state")),
    "orders_imported": (_COUNTER, "Orders that became sales.", _CHANNEL),
    "requests": (_COUNTER, "Requests to the channel's site.", _CHANNEL),
    "received_bytes": (_COUNTER, "Received from the channel's site.", _CHANNEL),
    "run_duration_seconds": (_SUMMARY, "How long runs took.", ("stream",)),
    "runs_running": (_GAUGE, "Runs under way.", ()),
    "stream_last_success_timestamp_seconds": (
        _GAUGE, "When the stream of a channel in use last went through; 0: never.", _STREAM,
    ),
    "stream_next_run_timestamp_seconds": (
        _GAUGE, "When a stream runs next, where it is scheduled and does not run at the moment.", _STREAM,
    ),
    "stream_failures": (_GAUGE, "Runs that failed in a row, where any did.", _STREAM),
    "open_problems": (_GAUGE, "Open problems, where there are any.", ("channel", "code")),
    "outbox_due": (_GAUGE, "Statuses that wait to be sent, where any do.", _CHANNEL),
    "jobs_open": (_GAUGE, "Jobs that wait or run.", ()),
    "notice_ways_failing": (_GAUGE, "Ways by which notices do not arrive.", ()),
    "erp_steps": (_GAUGE, "Steps that a connected ERP has not done, where there are any.", ("erp", "state")),
    "erp_oldest_step_timestamp_seconds": (
        _GAUGE, "Since when the longest of the steps waits for its ERP, where any does.", _ERP,
    ),
    "erp_last_success_timestamp_seconds": (_GAUGE, "When an ERP's stream last went through; 0: never.", _ERP),
    "erp_failures": (_GAUGE, "Runs of an ERP's stream that failed in a row, where any did.", _ERP),
    "webhook_deliveries": (
        _COUNTER, "Deliveries of webhooks since the daemon started, by what became of them.", ("channel", "outcome"),
    ),
    "database_bytes": (_GAUGE, "Size of the database.", ()),
    "database_free_bytes": (_GAUGE, "Of that, free pages.", ()),
    "last_backup_timestamp_seconds": (_GAUGE, "When the database was backed up last; 0: never.", ()),
    "database_log_bytes": (_GAUGE, "Size of the database's log (WAL).", ()),
}  # fmt: skip

#: A metric and its rows: the values of its labels, and then its own.
_Figures = Iterator[tuple[str, Rows]]


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
        for name, rows in found:
            kind, about, labels = _METRICS[name]
            family = kind(f"chansync_{name}", about, labels=labels)
            for row in rows:
                family.add_metric(row[: len(labels)], *row[len(labels) :])
            yield family

    def _read(self) -> _Figures:
        with contextlib.closing(open_file(self._path)) as db:
            db.pragma("query_only", True)
            db.execute("BEGIN")
            for of in (_of_the_program, _of_runs, _of_streams, _of_erps, _of_webhooks, _of_the_file):
                yield from of(db)


def _of_the_program(db: apsw.Connection) -> _Figures:
    found, daemon = diagnose(db, ask_systemd=False), daemons.state(db)
    used, unused = metric_queries.channels_used(db)
    yield "build_info", [(__version__, str(SCHEMA_VERSION), 1)]
    yield "database_info", [(settings.get(db, settings.INSTANCE_ID) or "", 1)]
    yield "daemon_state", [(kind, kind == found.kind) for kind in KINDS]
    yield "daemon_start_time_seconds", [(daemon.started_at / 1000 if daemon and daemon.running else 0,)]
    yield "daemon_last_beat_timestamp_seconds", [(daemon.beat_at / 1000 if daemon else 0,)]
    yield "channels", [("true", used), ("false", unused)]


def _of_runs(db: apsw.Connection) -> _Figures:
    rows = metric_queries.totals(db)
    ended = [row for row in rows if row[2] != "running"]
    yield "runs", [row[:4] for row in ended]
    for name, column in (("orders_imported", 4), ("requests", 5), ("received_bytes", 6)):
        yield name, list(_sums(rows, 0, column).items())
    took = _sums(ended, 1, 7)
    yield "run_duration_seconds", [(of, count, took[of] / 1000) for of, count in _sums(ended, 1, 3).items()]
    yield "runs_running", [(sum(row[3] for row in rows if row[2] == "running"),)]


def _sums(rows: Rows, by: int, column: int) -> Counter[str]:
    """The sums of a column for each value of the column ``by``."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row[by]] += row[column]
    return sums


def _of_streams(db: apsw.Connection) -> _Figures:
    rows = metric_queries.stream_states(db)
    yield "stream_last_success_timestamp_seconds", [(*row[:2], (row[2] or 0) / 1000) for row in rows]
    yield "stream_next_run_timestamp_seconds", [(*row[:2], row[4] / 1000) for row in rows if row[4] is not None]
    yield "stream_failures", [row[:2] + row[3:4] for row in rows if row[3]]
    yield "open_problems", metric_queries.open_problems(db)
    yield "outbox_due", metric_queries.outbox_due(db)
    yield "jobs_open", [(metric_queries.jobs_open(db),)]
    yield "notice_ways_failing", [(metric_queries.ways_failing(db),)]


def _of_erps(db: apsw.Connection) -> _Figures:
    found = metric_queries.erps(db)
    yield "erp_steps", [(each.erp, state, count) for each in found for state, count in each.steps.items()]
    yield (
        "erp_oldest_step_timestamp_seconds",
        [(each.erp, each.since / 1000) for each in found if each.since is not None],
    )
    yield "erp_last_success_timestamp_seconds", [(each.erp, (each.last_ok_at or 0) / 1000) for each in found]
    yield "erp_failures", [(each.erp, each.failures) for each in found if each.failures]


def _of_webhooks(db: apsw.Connection) -> _Figures:
    serving = webhooks.taking(db)
    if serving is not None:
        counts, outcomes = serving.counts.items(), ("accepted", "repeated", "refused")
        yield "webhook_deliveries", [(channel, what, getattr(of, what)) for channel, of in counts for what in outcomes]


def _of_the_file(db: apsw.Connection) -> _Figures:
    size, free, log = metric_queries.file_sizes(db)
    yield "database_bytes", [(size,)]
    yield "database_free_bytes", [(free,)]
    yield "last_backup_timestamp_seconds", [((settings.moment(db, settings.BACKED_UP_AT) or 0) / 1000,)]
    yield "database_log_bytes", [(log,)]
