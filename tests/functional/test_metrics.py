"""Metrics as Prometheus reads them: from a real daemon's port and file, right after a restart, and well named."""

from __future__ import annotations

import errno
import json
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.parser import text_string_to_metric_families

from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.process_locks import task_owner
from chansync.model.errors import UsageError
from chansync.store import daemons, messages, runs, streams
from chansync.store.runs import RunCounts
from chansync_daemon import metrics
from chansync_daemon.listening import parse_listen
from support import mailbox, shops, world
from support.patience import PATIENCE

RULES = Path(__file__).parents[2] / "docs" / "prometheus"

#: What Prometheus's own linter (promtool check metrics) complains about, as far as it concerns names and types.
_UNITS = ("_seconds", "_bytes", "_info", "_total")
_COUNTS = frozenset(
    f"chansync_{name}"
    for name in (
        "channels", "runs", "orders_imported", "requests", "open_problems", "outbox_due", "jobs_open", "runs_running",
        "notice_ways_failing", "stream_failures", "up", "daemon_state", "erp_steps", "erp_failures",
    )
)  # fmt: skip


def families(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(text: str, name: str, **labels: str) -> float:
    """Of the one sample of that name and labels."""
    [found] = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return float(found)


def run(store: Store, *, created: int, state: str = "done", stream: str = "orders") -> None:
    """A run that ended."""
    owner = task_owner()
    assert streams.acquire(store.db, 1, stream, owner)
    run_id = runs.start(store.db, 1, stream, "schedule", owner)
    runs.finish(store.db, run_id, RunCounts(created=created, requests=2, bytes=300), state)
    streams.release(store.db, 1, stream, owner, ok=state == "done", next_run_at=None)


def test_names_and_types_are_as_prometheus_wants_them(company: Store) -> None:
    run(company, created=3)
    text = metrics.text(company.path)
    own = {name: family for name, family in families(text).items() if name.startswith("chansync_")}
    assert len(own) >= 17
    for name, family in own.items():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert family.documentation, name
        assert family.documentation.endswith("."), name
        if family.type == "counter":
            assert {sample.name for sample in family.samples} == {f"{name}_total"}
        if family.type == "gauge":
            assert not name.endswith(("_total", "_count", "_sum")), name
        assert name.endswith(_UNITS) or name in _COUNTS, f"{name} has no unit and is no count"
        assert not any(unit in name for unit in ("milliseconds", "_ms", "kilobytes", "minutes")), name
    samples = [(sample.name, tuple(sorted(sample.labels.items()))) for f in own.values() for sample in f.samples]
    assert len(samples) == len(set(samples))


def test_counts_do_not_fall_when_runs_are_cleared_away(company: Store) -> None:
    run(company, created=3)
    run(company, created=4, state="failed")
    owner = task_owner()
    assert streams.acquire(company.db, 1, "orders", owner)
    runs.progress(company.db, runs.start(company.db, 1, "orders", "schedule", owner), RunCounts(created=5, requests=1))
    company.db.execute("DELETE FROM run WHERE state <> 'running'")
    text = metrics.text(company.path)
    assert value(text, "chansync_orders_imported_total", channel="shop") == 12
    assert value(text, "chansync_requests_total", channel="shop") == 5
    assert value(text, "chansync_received_bytes_total", channel="shop") == 600
    assert value(text, "chansync_runs_total", channel="shop", stream="orders", state="failed") == 1
    assert value(text, "chansync_run_duration_seconds_count", stream="orders") == 2
    assert value(text, "chansync_runs_running") == 1
    assert value(text, "chansync_stream_failures", channel="shop", stream="orders") == 1


def test_a_killed_run_counts_once_when_it_is_closed(company: Store) -> None:
    run_id = runs.start(company.db, 1, "orders", "schedule", "elsewhere:1:1:1")
    runs.progress(company.db, run_id, RunCounts(created=5))
    before = value(metrics.text(company.path), "chansync_orders_imported_total", channel="shop")
    company.db.execute("UPDATE run SET owner = ?", ("123456789abcdef0:1",))
    assert runs.close_interrupted(company.db) == 1
    after = value(metrics.text(company.path), "chansync_orders_imported_total", channel="shop")
    assert before == after == 5


def test_open_problems_are_counted_by_channel_and_code(company: Store) -> None:
    messages.log(company.db, "site_unavailable", "Down.", channel_id=1)
    messages.log(company.db, "notice_failed", "Nobody hears.", data={"routes": []})
    messages.log(company.db, "connected", "No problem.", channel_id=1)
    text = metrics.text(company.path)
    assert value(text, "chansync_open_problems", channel="shop", code="site_unavailable") == 1
    assert value(text, "chansync_open_problems", channel="", code="notice_failed") == 1
    messages.solve_channel(company.db, 1, "a test")
    assert "site_unavailable" not in metrics.text(company.path)


def live_a_day(company: Store) -> None:
    """A failed run, a problem, and a daemon that takes webhooks."""
    run(company, created=1, state="failed")
    messages.log(company.db, "site_unavailable", "Down.", channel_id=1)
    daemons.claim(company.db)
    daemons.beat(company.db, '{"address": "127.0.0.1:9465", "counts": {"shop": [1, 0, 0]}}')


def test_the_alert_rules_use_figures_that_there_are(company: Store) -> None:
    live_a_day(company)
    told = {sample.name for family in families(metrics.text(company.path)).values() for sample in family.samples}
    # What is told only while there is any.
    told |= {
        family.name + ("_total" if family.type == "counter" else "")
        for family in families(metrics.text(company.path)).values() if not family.samples
    }  # fmt: skip
    expressions = re.findall(r"^ +expr: (.*)$", (RULES / "chansync.rules.yml").read_text(), re.MULTILINE)
    assert len(expressions) == 15
    panels = json.loads((RULES.parent / "grafana" / "chansync.json").read_text())["panels"]
    assert len(panels) == len({panel["id"] for panel in panels}) == 19
    queries = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    for title, expression in [*((each, each) for each in expressions), *queries]:
        used = set(re.findall(r"chansync_\w+", expression))
        assert used, title
        assert used <= told, title


def test_the_dashboard_groups_by_labels_that_the_figures_have(company: Store) -> None:
    live_a_day(company)
    labels: dict[str, set[str]] = {
        "chansync_outbox_due": {"channel"}, "chansync_stream_next_run_timestamp_seconds": {"channel", "stream"},
        "chansync_erp_oldest_step_timestamp_seconds": {"erp"}, "chansync_erp_steps": {"erp", "state"},
        "chansync_erp_last_success_timestamp_seconds": {"erp"},
    }  # fmt: skip
    for family in families(metrics.text(company.path)).values():
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    for panel in json.loads((RULES.parent / "grafana" / "chansync.json").read_text())["panels"]:
        for target in panel["targets"]:
            used = re.findall(r"chansync_\w+", target["expr"])
            has = set.intersection(*(labels[name] for name in used)) | {"instance"}
            grouped = re.findall(r"by \(([^)]*)\)", target["expr"])
            wanted = {word.strip() for group in grouped for word in group.split(",")}
            wanted |= set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
            assert wanted <= has, panel["title"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here")
def test_promtool_finds_nothing_wrong_with_figures_and_rules(company: Store) -> None:
    run(company, created=1)
    for words, text in (
        (["check", "metrics"], metrics.text(company.path)),
        (["check", "rules", "chansync.rules.yml"], ""),
        (["test", "rules", "chansync.rules.test.yml"], ""),
    ):
        done = subprocess.run(["promtool", *words], input=text, cwd=RULES, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_label_says_whatever_the_channel_is_called(company: Store) -> None:
    run(company, created=1)
    odd = 'a"b\\c\nd{e="f"} ä\u2028,'
    company.db.execute("UPDATE channel SET code = ?", (odd,))
    assert value(metrics.text(company.path), "chansync_orders_imported_total", channel=odd) == 1


def test_when_what_was_last_and_what_is_next_is_told(company: Store) -> None:
    assert value(metrics.text(company.path), "chansync_daemon_last_beat_timestamp_seconds") == 0
    assert value(metrics.text(company.path), "chansync_last_backup_timestamp_seconds") == 0
    assert daemons.claim(company.db) is None
    company.db.execute("UPDATE daemon SET beat_at = 1234500, stopped_at = 1234500")
    settings.put(company.db, settings.BACKED_UP_AT, "5678500")
    streams.set_next_run(company.db, 1, "orders", 9_000_000)
    text = metrics.text(company.path)
    assert value(text, "chansync_daemon_last_beat_timestamp_seconds") == 1234.5
    assert value(text, "chansync_last_backup_timestamp_seconds") == 5678.5
    assert value(text, "chansync_stream_next_run_timestamp_seconds", channel="shop", stream="orders") == 9000
    assert streams.acquire(company.db, 1, "orders", task_owner())
    assert "chansync_stream_next_run_timestamp_seconds{" not in metrics.text(company.path)


def test_a_database_that_cannot_be_read_is_a_figure_too(company: Store, tmp_path: Path) -> None:
    assert value(metrics.text(company.path), "chansync_up") == 1
    spoiled = tmp_path / "spoiled.db"
    spoiled.write_text("no database " * 1000)
    text = metrics.text(spoiled)
    assert value(text, "chansync_up") == 0
    assert "chansync_channels" not in text


def test_no_figure_reads_a_whole_table(company: Store) -> None:
    """A scrape stays cheap: what could be long is only counted by an index of what is open."""
    plans: list[str] = []

    def plan(sql: str) -> None:
        plans.extend(f"{row[3]} <- {sql}" for row in company.db.execute(f"EXPLAIN QUERY PLAN {sql}"))

    for line in Path(metrics.metric_queries.__file__).read_text().split('"""')[1::2]:
        if line.strip().startswith("SELECT"):
            plan(line)
    long = [each for each in plans if re.match(r"SCAN (message|run|r|outbox|job|o|m)\b", each)]
    assert [each for each in long if "INDEX" not in each.split("<-")[0]] == []
    assert any("message_open_once" in each for each in plans)


@pytest.mark.parametrize(
    "text", ["0.0.0.0:9464", "192.0.2.7:9464", "host.example:9464", "127.0.0.1:x", "127.0.0.1:99999"]
)
def test_metrics_are_served_on_this_machine_only(text: str) -> None:
    with pytest.raises(UsageError, match=r"127\.0\.0\.1:9464"):
        parse_listen(text)


def test_the_forms_of_an_address() -> None:
    assert parse_listen("9464") == ("127.0.0.1", 9464)
    assert parse_listen("localhost:9464") == ("127.0.0.1", 9464)
    assert parse_listen("[::1]:9464") == ("::1", 9464)


def test_a_daemon_serves_and_writes_them_and_its_json_lines_have_one_schema(company: Store, tmp_path: Path) -> None:
    world.rows(company, "UPDATE channel_parameter SET value = '\"30s\"' WHERE name = 'orders_every'")
    file = tmp_path / "chansync.prom"
    words = ("daemon", "--json-logs", "--metrics", "127.0.0.1:0", "--metrics-file", str(file))
    daemon = shops.command(*words, database=company.path)
    assert daemon.stderr is not None
    lines = []
    try:
        while not any(line.get("stream") == "orders" for line in lines):
            lines.append(json.loads(daemon.stderr.readline()))
        [port] = re.findall(r"http://127\.0\.0\.1:(\d+)/metrics", "\n".join(line["message"] for line in lines))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            text = answer.read().decode()
        assert value(text, "chansync_runs_total", channel="shop", stream="orders", state="failed") == 1
        assert value(text, "chansync_open_problems", channel="shop", code="site_unavailable") == 1
        assert value(text, "process_open_fds") > 0
        assert value(file.read_text(), "chansync_channels", used="true") == 1
        # The node exporter has figures of its own process by these names, and hands on only one of each.
        assert {name.partition("_")[0] for name in families(file.read_text())} == {"chansync"}
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
        code, _, err = _refused(company.path, int(port))
        assert (code, "A daemon works on" in err) == (3, True)
    finally:
        code, _, rest = shops.stopped(daemon)
    assert code == 0
    lines += [json.loads(line) for line in rest.splitlines()]
    known = {"time", "level", "message", "channel", "stream", "run", "state", "code", "traceback"}
    assert {name for line in lines for name in line} <= known
    [failed] = [line for line in lines if line.get("stream") == "orders"]
    assert (failed["level"], failed["channel"], failed["state"], failed["code"], failed["run"]) == (
        "warning", "shop", "failed", "connection_refused", 1,
    )  # fmt: skip


def _refused(path: Path, port: int) -> tuple[int, str, str]:
    return shops.finished(shops.command("daemon", "--metrics", str(port), database=path))


def test_a_taken_port_is_a_sentence(company: Store) -> None:
    with mailbox.silent_server() as port:
        code, _, err = _refused(company.path, port)
    # Not the code of a wrong setting, with which the service would never be started again: ports are let go of.
    assert code == 1
    assert f"Metrics cannot be served on 127.0.0.1:{port}: Address already in use." in err
    assert "Traceback" not in err


def test_a_client_that_goes_before_its_answer_leaves_no_traceback(
    company: Store, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG", logger="chansync.daemon")
    with metrics.serving(company.path, ("127.0.0.1", 0), None):
        [port] = re.findall(r"127\.0\.0\.1:(\d+)", caplog.text)
        with socket.create_connection(("127.0.0.1", int(port))) as client:
            client.sendall(b"GET /met")
            # Closed so, it resets the connection.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until = time.monotonic() + PATIENCE
        while "a scrape ended before its answer" not in caplog.text:
            assert time.monotonic() < until, capfd.readouterr().err
            time.sleep(0.01)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE) as answer:
            assert value(answer.read().decode(), "chansync_up") == 1
    assert "Traceback" not in caplog.text + capfd.readouterr().err


def test_a_file_that_cannot_be_written_keeps_no_order_from_being_pulled(company: Store, tmp_path: Path) -> None:
    world.rows(company, "UPDATE channel_parameter SET value = '\"30s\"' WHERE name = 'orders_every'")
    words = ("daemon", "--json-logs", "--metrics-file", str(tmp_path / "missing" / "chansync.prom"))
    daemon = shops.command(*words, database=company.path)
    assert daemon.stderr is not None
    lines: list[dict[str, Any]] = []
    while not any(line.get("stream") == "orders" for line in lines):
        lines.append(json.loads(daemon.stderr.readline()))
    code, _, _ = shops.stopped(daemon)
    assert (code, any("metrics cannot be written" in line["message"] for line in lines)) == (0, True)


def test_a_file_that_cannot_be_written_is_told_once_and_again_when_it_can(
    company: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics, "WRITE_EVERY", 0.01)
    caplog.set_level("INFO")
    written = threading.Event()
    tries: list[Path] = []

    def write(made: CollectorRegistry, file: Path) -> None:
        tries.append(file)
        if len(tries) < 4:
            raise PermissionError(errno.EACCES, "Permission denied")
        if len(tries) > 4:
            written.set()

    monkeypatch.setattr(metrics, "_write", write)
    with metrics.serving(company.path, None, tmp_path / "x.prom"):
        assert written.wait(PATIENCE)
    assert [record.message for record in caplog.records if "metrics" in record.message] == [
        f"The metrics cannot be written to {tmp_path}/x.prom: Permission denied.",
        f"The metrics are written to {tmp_path}/x.prom again.",
    ]


@pytest.mark.parametrize("place", ["group", "group-private"])
def test_no_file_is_written_where_members_could_give_it_another_name(
    company: Store, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "group"
    folder.mkdir()
    folder.chmod(0o2770)
    (tmp_path / "group-private").mkdir(0o710)
    file = tmp_path / place / "chansync.prom"
    with metrics.serving(folder / "chansync.db", None, file):
        assert not file.exists()
    assert "No metrics are written to" in caplog.text


def test_a_daemon_without_metrics_does_not_load_the_library() -> None:
    probe = "import chansync_daemon.main, sys; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
