"""Health in one line: states, figures, and that nothing is touched."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.process_locks import task_owner
from chansync.doctor import health
from chansync.model.times import now_ms
from chansync.store import daemons, messages, streams


@pytest.fixture
def running(company: Store) -> Store:
    """A daemon that beats (this process), and a stream that is due in a minute."""
    assert daemons.claim(company.db) is None
    assert streams.acquire(company.db, 1, "orders", "x")
    streams.release(company.db, 1, "orders", "x", ok=True, next_run_at=now_ms() + 60_000)
    return company


def _set(store: Store, **values: int | str | None) -> None:
    for name, value in values.items():
        store.db.execute(f"UPDATE stream SET {name} = ? WHERE stream = 'orders'", (value,))


def test_all_is_well(running: Store) -> None:
    found = health.health(running.db)
    assert (found.code, found.sentence) == (health.OK, "the daemon runs, 1 channel in use")
    assert found.line.startswith("CHANSYNC OK: the daemon runs, 1 channel in use | beat=0s channels=1 ")
    assert found.data["state"] == "ok"


def test_without_a_daemon_it_is_critical(company: Store) -> None:
    assert health.health(company.db).line.startswith(
        "CHANSYNC CRITICAL: the daemon has never run here. Start it: chansync daemon | "
    )
    daemons.claim(company.db)
    company.db.execute("UPDATE daemon SET beat_at = beat_at - 60000")
    hangs = health.health(company.db)
    assert hangs.code == health.CRITICAL
    assert "no sign of life since" in hangs.sentence
    assert f"its process {os.getpid()} lives and does not get on" in hangs.sentence
    company.db.execute("UPDATE daemon SET stopped_at = beat_at")
    found = health.health(company.db)
    assert found.code == health.CRITICAL
    assert "the daemon is not running: it stopped " in found.sentence


def test_a_late_stream_warns_unless_it_runs_or_is_off(running: Store) -> None:
    _set(running, next_run_at=now_ms() - 3_600_000)
    found = health.health(running.db)
    assert (found.code, found.figures["late"]) == (health.WARNING, 1)
    assert "1 stream late (shop orders, by 1 h)" in found.sentence
    assert health.health(running.db, health.Limits(late_seconds=7200)).code == health.OK
    _set(running, owner=task_owner())
    assert health.health(running.db).code == health.OK
    _set(running, owner=None, next_run_at=None)
    assert health.health(running.db).code == health.OK


def test_failing_channels_warn_and_all_of_them_alarm(running: Store) -> None:
    _set(running, failures=2)
    assert health.health(running.db).code == health.OK
    _set(running, failures=3)
    found = health.health(running.db)
    assert (found.code, found.figures["failing"]) == (health.CRITICAL, 1)
    assert "shop orders, 3 times in a row" in found.sentence
    running.db.execute(
        "INSERT INTO channel (code, system_id, used, created_at, updated_at) VALUES ('other', 1, 1, 0, 0)"
    )
    assert health.health(running.db).code == health.WARNING


@pytest.mark.parametrize(
    ("warning", "critical", "code"),
    [(1, 0, health.WARNING), (3, 0, health.OK), (0, 0, health.OK), (1, 2, health.CRITICAL), (0, 3, health.OK)],
)
def test_open_problems_by_number(running: Store, warning: int, critical: int, code: int) -> None:
    for order in ("1", "2"):
        running.db.execute(
            """INSERT INTO "order" (id, channel_id, external_id, number, status, placed_at, placed_on, modified_at,
               currency, total, state, digest, first_seen_at, changed_at)
               VALUES (?, 1, ?, ?, 'x', 0, '2026-01-01', 0, 'EUR', '1', 'problem', '', 0, 0)""",
            (int(order), order, order),
        )
        messages.log(running.db, "item_unknown", "x", channel_id=1, order_id=int(order), order_number=order)
    found = health.health(running.db, health.Limits(warning_problems=warning, critical_problems=critical))
    assert (found.code, found.figures["problems"]) == (code, 2)


def test_keys_that_cannot_be_opened_alarm(running: Store) -> None:
    messages.log(running.db, "secret_unreadable", "x", channel_id=1)
    found = health.health(running.db)
    assert found.line.startswith("CHANSYNC CRITICAL: the keys of 1 channel cannot be opened: chansync doctor; ")


@pytest.mark.parametrize(("megabytes", "code"), [(100, health.CRITICAL), (300, health.WARNING), (900, health.OK)])
def test_a_disk_that_fills_is_told_before_it_is_full(
    running: Store, monkeypatch: pytest.MonkeyPatch, megabytes: int, code: int
) -> None:
    real = os.statvfs("/")
    blocks = megabytes * 2**20 // real.f_frsize
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result((*real[:4], blocks, *real[5:])))
    found = health.health(running.db)
    assert (found.code, found.figures["free"]) == (code, megabytes)


def test_an_old_backup_warns_where_it_is_asked_for(running: Store) -> None:
    assert health.health(running.db).code == health.OK
    assert "never backed up" in health.health(running.db, health.Limits(backup_hours=24)).sentence
    settings.put(running.db, settings.BACKED_UP_AT, str(now_ms() - 25 * 3_600_000))
    found = health.health(running.db, health.Limits(backup_hours=24))
    assert (found.code, found.sentence) == (health.WARNING, "the last backup is 1 d old")
    assert health.health(running.db, health.Limits(backup_hours=26)).code == health.OK
    settings.put(running.db, settings.BACKED_UP_AT, str(now_ms() + 25 * 3_600_000))
    assert "in the future" in health.health(running.db, health.Limits(backup_hours=24)).sentence


def test_a_look_that_hangs_is_answered_all_the_same() -> None:
    found = health.in_time(lambda: signal.pause() or health.Health(health.OK, "", {}), within=0.2)
    assert found.line == "CHANSYNC CRITICAL: the database did not answer within 0.2 s: does its disk hang?"
    quick = health.in_time(lambda: health.Health(health.WARNING, "schön", {"late": 3}))
    assert quick.line == "CHANSYNC WARNING: schön | late=3"


class TestWhatCannotBeRead:
    def test_no_file(self, tmp_path: Path) -> None:
        found = health.look_at(str(tmp_path / "none.db"))
        assert found.line.startswith("CHANSYNC UNKNOWN: there is no database at ")
        assert list(tmp_path.iterdir()) == []

    def test_another_file(self, tmp_path: Path) -> None:
        (tmp_path / "x.db").write_bytes(b"no database at all" * 200)
        assert health.look_at(str(tmp_path / "x.db")).code == health.CRITICAL

    def test_another_version_is_not_upgraded(self, company: Store) -> None:
        company.db.pragma("user_version", 1)
        found = health.look_at(str(company.path))
        assert found.code == health.UNKNOWN
        assert "schema 1" in found.sentence
        assert company.db.pragma("user_version") == 1
