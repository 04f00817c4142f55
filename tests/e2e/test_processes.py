"""The real program as processes: the daemon, one-off commands beside it, and what a kill leaves behind."""

from __future__ import annotations

import base64
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from chansync.db.connection import open_store
from chansync.demo.woocommerce import Shopper
from e2e.world import MANY, World
from support import shops
from support.patience import PATIENCE

pytestmark = pytest.mark.e2e


def test_the_daemon_pulls_by_itself_and_stops_cleanly(world: World, daemon: subprocess.Popen[str]) -> None:
    world.until("SELECT count(*) FROM run WHERE state = 'done'", bool)
    own = world.shop.place_order([("SKU-001", 1)], status="processing")
    world.until(f"SELECT count(*) FROM erp_sale WHERE order_number = '{own}'", bool)
    code, _, err = shops.stopped(daemon)
    assert (code, "Traceback" in err) == (0, False)
    assert shops.query(world.path, "SELECT count(*) FROM run WHERE state = 'running'") == [(0,)]
    assert shops.query(world.path, "SELECT stopped_at IS NOT NULL FROM daemon") == [(1,)]
    assert shops.audited(world.path).wrong == []


def test_a_second_daemon_is_refused_in_a_sentence(world: World, daemon: subprocess.Popen[str]) -> None:
    code, _, err = shops.finished(shops.command("daemon", database=world.path))
    assert code == 3
    assert f"A daemon works on {world.path} already" in err
    assert len(err.strip().splitlines()) == 1
    assert daemon.poll() is None


def test_status_tells_of_the_daemon(world: World, daemon: subprocess.Popen[str]) -> None:
    told = shops.as_json(shops.called("status", "--json", database=world.path)[1])
    assert told["daemon"]["running"] is True
    shops.stopped(daemon)
    told = shops.as_json(shops.called("status", "--json", database=world.path)[1])
    assert told["daemon"]["running"] is False


def test_a_retry_is_handed_to_the_daemon(world: World, daemon: subprocess.Popen[str]) -> None:
    assert shops.called("map", "payment", "demo", "cod=", database=world.path)[0] == 0
    world.shop.place_order([("SKU-001", 1)], status="processing", changes={"payment_method": "cod"})
    world.until("SELECT count(*) FROM message WHERE open = 1 AND code = 'payment_unmapped'", bool)
    assert shops.called("map", "payment", "demo", "cod=cash", database=world.path)[0] == 0
    _code, out, err = shops.called("retry", "demo", database=world.path)
    assert "Traceback" not in out + err
    world.until("SELECT count(*) FROM message WHERE open = 1 AND code = 'payment_unmapped'", lambda count: count == 0)
    assert shops.query(world.path, "SELECT DISTINCT state FROM job") == [("done",)]


@pytest.mark.long
@MANY
def test_a_killed_daemon_is_followed_by_another_that_goes_on(world: World, daemon: subprocess.Popen[str]) -> None:
    world.until('SELECT count(*) FROM "order"', lambda count: count > 20)
    daemon.kill()
    daemon.communicate()
    second = shops.command("daemon", database=world.path)
    try:
        world.until("SELECT count(*) FROM run WHERE state = 'done' AND stream = 'orders'", bool)
    finally:
        assert shops.stopped(second)[0] == 0
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.newer) == ([], 0)


@pytest.mark.long
@MANY
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_any_moment_lose_nothing_and_double_nothing(world: World, seed: int) -> None:
    rng = random.Random(seed)
    kills = 0
    with Shopper(world.shop, 100, seed=seed):
        while kills < 12:
            process = shops.command("sync", database=world.path)
            try:
                # Start-up takes about half a second: a kill falls anywhere from there to the end of the import.
                process.wait(0.3 + rng.random() * 0.9)
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
            process.communicate()
            if kills == 0 and process.returncode == 0:
                break
    code, _, err = shops.finished(shops.command("sync", database=world.path))
    assert code in (0, 1), err
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.newer) == ([], 0)
    [(imported,)] = shops.query(world.path, "SELECT count(*) FROM sale_link")
    assert judged.sold <= imported <= judged.sold + judged.kept + sum(judged.problems.values())
    checks = "SELECT count(*), count(DISTINCT key), count(DISTINCT order_number) FROM erp_sale"
    assert shops.query(world.path, checks) == [(imported,) * 3]
    assert shops.query(world.path, "SELECT count(*) FROM pragma_foreign_key_check") == [(0,)]
    assert shops.query(world.path, "PRAGMA integrity_check") == [("ok",)]


@pytest.mark.long
@MANY
def test_kills_while_statuses_go_back_send_each_of_them_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written: Counter[int] = Counter()
    write = world.shop.edit_order

    def counted(order_id: int, changes: Any) -> None:
        written[order_id] += "status" in changes
        write(order_id, changes)

    assert shops.sync(world.path).state == "done"
    sold = shops.query(world.path, "SELECT number, order_number FROM erp_sale WHERE order_number > '300' LIMIT 150")
    settings = ("push_statuses=yes", "status_written_out=completed", "status_written_out_and_paid=completed")
    assert shops.called("channel", "set", "demo", *settings, database=world.path)[0] == 0
    sales = [number for number, _ in sold]
    assert shops.called("erp", "write-out", *sales, database=world.path)[0] == 0
    wanted = {int(order) for _, order in sold if world.shop.order(int(order))["status"] != "completed"}
    assert len(wanted) > 20
    monkeypatch.setattr(world.shop, "edit_order", counted)
    rng = random.Random(5)
    for _ in range(8):
        process = shops.command("sync", "--statuses", database=world.path)
        try:
            process.wait(0.3 + rng.random() * 0.5)
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()
    # Time passes: the site cannot be at work any more on what was on its way at a kill.
    with closing(open_store(world.path, create=False)) as store:
        store.db.execute("UPDATE outbox SET sent_at = 0 WHERE state = 'sent'")
    code, _, err = shops.finished(shops.command("sync", "--statuses", database=world.path))
    assert code == 0, err
    assert {order for order in wanted if world.shop.order(order)["status"] != "completed"} == set()
    assert {order: count for order, count in written.items() if count != 1} == {}
    assert set(written) == wanted
    assert shops.query(world.path, "SELECT DISTINCT state FROM outbox") == [("confirmed",)]


def test_control_c_ends_a_sync_with_a_sentence(world: World) -> None:
    world.server.faults.add("/wc/v3/orders", "hang", times=None)
    process = shops.command("sync", database=world.path)
    world.until("SELECT count(*) FROM run WHERE state = 'running'", bool)
    code, out, err = shops.stopped(process, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in out + err
    world.server.faults.clear()
    assert shops.called("sync", database=world.path)[0] in (0, 1)
    assert shops.audited(world.path).wrong == []


#: The daemon with a bug that puts headers and addresses into its error, and with every logger at its most talkative.
_CARELESS = """
import logging, sys
from chansync.cli.main import main
from chansync.http.client import SiteHttp
from chansync_daemon import logs

set_up, exchange, calls = logs.set_up, SiteHttp._exchange, 0

def talkative(**options):
    set_up(**options)
    for name in (None, "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.DEBUG)

async def careless(self, method, url, headers, content, *rest):
    global calls
    calls += 1
    if calls == 3:
        raise RuntimeError(f"it failed with {headers} at {method} {url}")
    return await exchange(self, method, url, headers, content, *rest)

import chansync_daemon.main
chansync_daemon.main.set_up, SiteHttp._exchange = talkative, careless
sys.exit(main(["daemon", *sys.argv[1:]]))
"""


@MANY
@pytest.mark.parametrize("words", [[], ["--json-logs"]])
def test_secrets_are_nowhere_to_be_read_though_things_fail(world: World, words: list[str]) -> None:
    key, secret = world.shop.consumer_key, world.shop.consumer_secret
    process = subprocess.Popen(
        [sys.executable, "-c", _CARELESS, *words], env=os.environ | {"CHANSYNC_DB": str(world.path)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        world.until("SELECT count(*) FROM message WHERE code = 'site_bug'", bool)
        lines = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        _, out, err = shops.stopped(process)
    finally:
        process.kill()
        process.communicate()
    # It was as talkative as it should have been.
    assert "send_request_headers" in err
    assert "failed with" in err
    shown = [
        shops.called(*command, database=world.path)[1]
        for command in (["channel", "export"], ["channel", "show", "demo", "--json"], ["log", "--json"])
    ]
    written = b"".join(file.read_bytes() for file in world.path.parent.iterdir() if file.is_file())
    basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
    for planted in (key, secret, basic.rstrip("=")):
        assert planted not in "".join([out, err, *shown])
        assert planted.encode() not in written + lines


@pytest.mark.long
def test_the_demo_ends_with_an_audit_that_finds_nothing_wrong(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chansync", "demo", "--amazon", "--headless", "--seconds", "15", "--orders", "120"],
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.partition("Orders at Amazon: ")[2].partition(",")[0]) >= 120
    # A quantity and a payment method that staff changed, a buyer who does not want it any more.
    for problem in ("× order_changed", "× cancel_wished"):
        assert problem in done.stdout
    assert "Nothing lost, nothing doubled, nothing off by a cent." in done.stdout


def test_a_demo_that_is_ended_from_outside_leaves_no_process_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chansync", "demo", "--amazon", "--headless", "--seconds", "300", "--orders", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as demo:
        assert demo.stdout is not None
        assert any("shoppers keep ordering" in line for line in demo.stdout)
        started = psutil.Process(demo.pid).children(recursive=True)
        assert len(started) >= 3
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(PATIENCE) == 128 + signal.SIGTERM
    assert not psutil.wait_procs(started, timeout=PATIENCE)[1]
