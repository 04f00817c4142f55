"""The database file: made, refused, shared; leases, jobs and the message log."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from chansync.db import connection, upgrade
from chansync.db.connection import Store, open_store
from chansync.db.opening import open_file
from chansync.db.process_locks import task_owner
from chansync.db.version import SCHEMA_VERSION
from chansync.model.errors import StoreError, UsageError
from chansync.secrets import sealing
from chansync.store import channels, daemons, jobs, messages, orders, streams
from chansync.store.message_search import Filter
from support import world


def test_a_new_file_is_made_with_its_folder_and_may_be_written_by_the_group(tmp_path: Path) -> None:
    path = tmp_path / "new" / "chansync.db"
    open_store(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_of_a_newer_version_is_refused(store: Store) -> None:
    store.db.pragma("user_version", SCHEMA_VERSION + 1)
    with pytest.raises(StoreError, match="newer chansync"):
        open_store(store.path)


def test_an_older_file_is_backed_up_before_it_is_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.db.execute("INSERT INTO setting (name, value) VALUES ('kept', 'yes')")
    # To a program that knows a later schema, today's file is an older one.
    monkeypatch.setattr(upgrade, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    upgrade.prepare(store.path, create=True)
    [copy] = store.path.parent.glob(f"chansync.before-{SCHEMA_VERSION + 1}-*.db")
    monkeypatch.undo()
    copied = open_store(copy)
    assert world.rows(copied, "SELECT value FROM setting WHERE name = 'kept'") == [("yes",)]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    copied.close()


@pytest.mark.parametrize("opened", [open_store, lambda path: open_file(path).pragma("user_version")])
def test_opening_waits_for_whoever_locks_the_whole_file(
    store: Store, opened: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the last connection does when it closes the database."""
    store.close()
    # It waits too, and the lock may be taken just after it.
    monkeypatch.setattr(connection, "prepare", lambda path, **options: None)
    other = open_file(store.path)
    other.pragma("locking_mode", "EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE; COMMIT")
    release = threading.Timer(0.2, other.close)
    release.start()
    opened(store.path)
    release.join()


@pytest.mark.parametrize("content", [b"not a database at all, just text\n" * 50, b"\x00" * 4096])
def test_another_file_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="not"):
        open_store(path)
    assert path.read_bytes() == content


def test_somebody_elses_sqlite_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = apsw.Connection(str(path))
    other.execute("CREATE TABLE theirs (a)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="not one of chansync's"):
        open_store(path)
    assert path.read_bytes() == before


def test_the_daemon_tui_and_sync_never_load_a_second_sqlite(store: Store) -> None:
    code = (
        "import sys\n"
        "import chansync_daemon.main, chansync.job_runner, chansync.explain.why, chansync.store.overview\n"
        "import chansync_tui.start\n"
        "from chansync.db.connection import open_store\n"
        "from pathlib import Path\n"
        f"open_store(Path({str(store.path)!r})).close()\n"
        "sys.exit('sqlite3' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_connection_is_set_up_as_apsw_recommends(store: Store, tmp_path: Path) -> None:
    from apsw import bestpractice

    recommended = apsw.Connection(str(tmp_path / "recommended.db"))
    for practice in bestpractice.recommended:
        if practice.__name__.startswith("connection_") and practice.__name__ != "connection_optimize":
            practice(recommended)
    for name in ("journal_mode", "foreign_keys", "recursive_triggers"):
        assert store.db.pragma(name) == recommended.pragma(name)
    for switch in (apsw.SQLITE_DBCONFIG_DQS_DML, apsw.SQLITE_DBCONFIG_DQS_DDL):
        assert store.db.config(switch, -1) == recommended.config(switch, -1)
    recommended.close()


class TestSecrets:
    def test_they_come_back_with_the_private_key_only(self, company: Store) -> None:
        channel = channels.channel(company.db, "shop")
        opened = sealing.open_all(company.db, company.path, channel.id, world.PLACE)
        assert opened == {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
        key = company.path.with_suffix(".key")
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        key.unlink()
        with pytest.raises(StoreError, match="missing"):
            sealing.open_all(company.db, company.path, channel.id, world.PLACE)

    def test_a_key_that_others_may_read_is_refused(self, company: Store) -> None:
        company.path.with_suffix(".key").chmod(0o644)
        with pytest.raises(StoreError, match="may be read by others"):
            sealing.open_all(company.db, company.path, 1, world.PLACE)

    def test_the_file_holds_none_in_clear(self, store: Store) -> None:
        world.add_erp(store)
        world.add_channel(store, key="ck_needle_in_the_hay", secret="cs_needle_in_the_hay")
        store.db.pragma("wal_checkpoint")
        content = b"".join(path.read_bytes() for path in store.path.parent.glob("chansync.db*"))
        assert b"needle" not in content


#: An owner whose process is gone.
DEAD = "123456789abcdef0:1"


class TestStreams:
    def test_a_stream_runs_once_at_a_time(self, company: Store) -> None:
        first, second = task_owner(), task_owner()
        assert streams.acquire(company.db, 1, "orders", first)
        assert not streams.acquire(company.db, 1, "orders", second)
        streams.release(company.db, 1, "orders", first, ok=True, next_run_at=None)
        assert streams.acquire(company.db, 1, "orders", second)

    def test_a_killed_process_lets_go_at_once(self, company: Store) -> None:
        assert streams.acquire(company.db, 1, "orders", DEAD)
        assert streams.acquire(company.db, 1, "orders", task_owner())

    def test_a_lease_that_was_lost_is_noticed(self, company: Store) -> None:
        with pytest.raises(streams.LeaseLost):
            streams.Lease(1, "orders", "nobody:1:1:1").renew(company.db)


class TestJobs:
    def test_a_job_is_claimed_once_and_its_result_is_kept(self, company: Store) -> None:
        job_id = jobs.ask(company.db, "sync", 1, {}, "anna")
        owner = task_owner()
        claimed = jobs.claim(company.db, owner)
        assert claimed is not None
        assert claimed.id == job_id
        assert jobs.claim(company.db, task_owner()) is None
        jobs.finish(company.db, job_id, owner, ok=True, result={"sentence": "done"})
        finished = jobs.job(company.db, job_id)
        assert finished is not None
        assert (finished.state, finished.result) == ("done", {"sentence": "done"})

    def test_the_same_wish_twice_is_one_job(self, company: Store) -> None:
        assert jobs.ask(company.db, "sync", 1, {}, "a") == jobs.ask(company.db, "sync", 1, {}, "b")

    def test_a_dead_claim_is_taken_over(self, company: Store) -> None:
        jobs.ask(company.db, "sync", 1, {}, "anna")
        assert jobs.claim(company.db, DEAD)
        assert jobs.claim(company.db, task_owner())


class TestChannels:
    def test_an_unknown_code_names_the_nearest(self, company: Store) -> None:
        with pytest.raises(UsageError, match="Did you mean shop"):
            channels.channel(company.db, "shp")

    def test_system_and_code_are_fixed_after_the_first_sync(self, company: Store) -> None:
        channels.add_system(company.db, "other", "Other", "woocommerce")
        company.db.execute(
            """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at,
               currency, total, state, digest, first_seen_at, changed_at)
               VALUES (1, '1', '1', 'x', 0, '', 0, '', '', 'skipped', '', 0, 0)"""
        )
        channel = channels.channel(company.db, "shop")
        for change in ({"integration_system": "other"}, {"code": "new"}):
            with pytest.raises(UsageError, match="fixed"):
                channels.save_channel(company.db, channel.id, change, {})

    def test_removing_a_channel_keeps_the_erps_sales(self, company: Store) -> None:
        from support.orders import order
        from support.world import OrderByOrder

        channel = channels.channel(company.db, "shop")
        OrderByOrder(company.db, world.load_settings(company, channel)).import_order(order())
        channels.remove_channel(company.db, channel.id)
        assert list(world.sales(company)) == ["1"]
        assert orders.find(company.db, channel.id, "1") is None


class TestMessages:
    def test_like_patterns_in_a_search_are_plain_text(self, company: Store) -> None:
        messages.log(company.db, "site_odd", "100% sure", channel_id=1)
        messages.log(company.db, "site_odd", "100 times", channel_id=1)
        found = messages.messages(company.db, Filter(text="100%"))
        assert [message.sentence for message in found] == ["100% sure"]

    def test_a_channel_problem_is_counted_while_it_stays_open(self, company: Store) -> None:
        for _ in range(3):
            messages.log(company.db, "site_unavailable", "down", channel_id=1)
        messages.solve_channel(company.db, 1, "a sync went through")
        messages.log(company.db, "site_unavailable", "down again", channel_id=1)
        assert world.rows(company, "SELECT count, open FROM message ORDER BY id") == [(3, 0), (1, 1)]


class TestDaemons:
    def test_the_second_is_told_who_the_first_is(self, company: Store) -> None:
        assert daemons.claim(company.db) is None
        other = daemons.claim(company.db)
        assert other is not None
        assert other.pid == os.getpid()
        daemons.stop(company.db)
        assert not daemons.is_running(company.db)
        assert daemons.claim(company.db) is None
