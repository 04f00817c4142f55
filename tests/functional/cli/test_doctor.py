"""``chansync doctor`` and ``health`` against the demo store."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from chansync.db.connection import Store, open_store
from chansync.demo.woocommerce import DemoServer, DemoShop
from functional.cli.conftest import Run
from support import shops
from support.patience import PATIENCE


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    made = tmp_path / "chansync.db"
    made.write_bytes(template.read_bytes())
    return made


def _rows(store: Store) -> list[tuple[str, int]]:
    # The text of the search's index is read through a view, which is closed.
    query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    tables = [row[0] for row in store.db.execute(query)]
    return [(table, store.db.execute(f'SELECT count(*) FROM "{table}"').get) for table in tables]


def _sites(run: Run) -> tuple[str, str, str]:
    told = json.loads(run("doctor", "demo", "--json").out)
    [found] = [each for each in told["findings"] if each["area"] == "sites"]
    return found["level"], found["sentence"], found["remedy"]


def test_the_sites_are_looked_at_and_nothing_is_changed(run: Run, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHANSYNC_DB", str(path))
    shop = DemoShop.create(orders=5)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        store = open_store(path)
        before = _rows(store)
        told = run("doctor", "demo")
        assert "ok       sites: demo: Demo Store" in told.out
        assert "The clock agrees with its site." in told.out
        assert "this command looked at demo itself, with its own environment" in " ".join(told.out.split())
        assert all(len(line) <= 100 for line in told.out.splitlines())
        assert _rows(store) == before
        store.close()
        run("channel", "set", "demo", "push_statuses=yes", "status_written_out=completed")
        keys = f"{shop.read_only_key}\n{shop.read_only_secret}\n"
        run("channel", "set", "demo", "consumer_key=-", "consumer_secret=-", stdin=keys)
        assert _sites(run) == (
            "problem",
            "demo: The key may only read, and the channel sends statuses.",
            "Enter a key that may write, or switch the sending off.",
        )
        run("channel", "set", "demo", "consumer_secret=-", stdin="cs_wrong_one\n")
        level, sentence, _ = _sites(run)
        assert (level, "does not belong to the key" in sentence, "cs_wrong_one" in sentence) == ("problem", True, False)
    level, sentence, _ = _sites(run)
    assert (level, "127.0.0.1" in sentence) == ("problem", True)


def test_who_may_not_open_the_keys_has_the_daemon_look_and_sync(
    run: Run, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon has the private key as a credential; the command has none."""
    monkeypatch.setenv("CHANSYNC_DB", str(path))
    shop = DemoShop.create(orders=5)
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        path.with_suffix(".key").rename(credentials / "chansync.key")
        alone = run("doctor", "demo")
        assert "you may not read the private key, and no daemon answers" in " ".join(alone.out.split())
        refused = run("sync", "demo")
        assert (refused.code, "a credential of the service" in refused.err) == (3, True)
        refused = run("channel", "set", "demo", "used=no", "--json")
        assert json.loads(refused.out)["changed"] is True
        assert shops.query(path, "SELECT count(*) FROM message WHERE code = 'secret_unreadable'") == [(0,)]
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
        daemon = shops.command("daemon", database=path)
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")
        try:
            end = time.monotonic() + PATIENCE
            while not shops.query(path, "SELECT count(*) FROM daemon")[0][0] and time.monotonic() < end:
                time.sleep(0.05)
            told = run("doctor", "demo")
            assert "sites: demo: Demo Store" in told.out
            assert "its own environment" not in told.out
            order = shop.place_order([("SKU-001", 1)], status="processing")
            planned = run("sync", "demo", "--dry-run", "--json")
            [plans] = [run["plans"] for run in json.loads(planned.out) if run["stream"] == "orders"]
            assert str(order) in [plan["number"] for plan in plans]
            assert f"demo order {order}:" in run("sync", "demo", "--dry-run").out
            used = run("channel", "set", "demo", "used=yes", "--json")
            assert (used.code, json.loads(used.out)["changed"]) == (0, True)
            synced = run("sync", "demo", "--order", str(order), "--json")
            assert "so the daemon does this" in synced.err
            [result] = json.loads(synced.out)
            assert (result["state"], result["counts"]["fetched"]) == ("done", 1)
            assert run("sync", "demo", "--orders", "--since", "yesterday").code in (0, 1)
            backup = path.with_name("backup.db")
            assert run("db", "backup", str(backup)).code == 0
            for refused in (run("secrets", "rotate"), run("secrets", "rotate", "--lost")):
                assert (refused.code, "secrets rotate --help" in refused.err) == (2, True)
            health = run("health")
            assert health.out.startswith(("CHANSYNC OK: ", "CHANSYNC WARNING: "))
            assert health.code in (0, 1)
        finally:
            assert shops.stopped(daemon)[0] == 0
        restored = run("db", "restore", str(backup), "--yes")
        assert (restored.code, "systemctl start chansync" in restored.err, "--lost" in restored.err) == (0, True, False)
    assert run("health").code == 2


def test_the_sites_are_looked_at_from_where_the_daemon_is(
    run: Run, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the command's own environment leads to says nothing of what the daemon meets."""
    monkeypatch.setenv("CHANSYNC_DB", str(path))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    shop = DemoShop.create(orders=5)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        daemon = shops.command("daemon", database=path)
        monkeypatch.delenv("HTTP_PROXY")
        try:
            end = time.monotonic() + PATIENCE
            while not shops.query(path, "SELECT count(*) FROM daemon")[0][0] and time.monotonic() < end:
                time.sleep(0.05)
            level, sentence, _ = _sites(run)
            assert level == "problem"
            assert "The proxy http://127.0.0.1:1 (HTTP_PROXY)" in sentence
        finally:
            assert shops.stopped(daemon)[0] == 0
        assert _sites(run)[0] == "ok"
