"""When a lease is held, with clocks that are set and holders that nobody sees."""

from __future__ import annotations

import pytest

from chansync.model.times import now_ms
from chansync.store import channels, daemons, jobs, leases, runs, streams
from chansync.store.connection import Store
from chansync.store.owner import process_owner, task_owner
from support import world

LENGTH = 120_000
HOUR = 3_600_000
ELSEWHERE = "other/machine2/boot2/4026531836/4026531834:1:1:1"


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that nobody sets, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(leases, "awake_seconds", lambda: now[0])
    monkeypatch.setattr(leases, "_seen", {})
    return now


def test_a_lease_is_held_until_its_time(awake: list[float]) -> None:
    assert leases.is_held(ELSEWHERE, now_ms() + 1000, LENGTH)
    assert not leases.is_held(ELSEWHERE, now_ms() - 1, LENGTH)
    assert not leases.is_held(None, now_ms() + 1000, LENGTH)
    assert not leases.is_held(ELSEWHERE, None, LENGTH)


def test_a_lease_that_nobody_renews_ends_though_the_clock_was_put_back(awake: list[float]) -> None:
    until = now_ms() + HOUR
    assert leases.is_held(ELSEWHERE, until, LENGTH)
    awake[0] += 100
    assert leases.is_held(ELSEWHERE, until, LENGTH)
    awake[0] += 21
    assert not leases.is_held(ELSEWHERE, until, LENGTH)


def test_a_lease_that_is_renewed_lasts(awake: list[float]) -> None:
    for renewal in range(10):
        assert leases.is_held(ELSEWHERE, now_ms() + HOUR + renewal, LENGTH)
        awake[0] += 100


def test_a_lease_from_the_far_future_is_held_by_those_alone_who_are_seen_to_live(awake: list[float]) -> None:
    far = now_ms() + 30 * 24 * HOUR
    assert not leases.is_held(ELSEWHERE, far, LENGTH)
    assert leases.is_held(task_owner(), far, LENGTH)
    awake[0] += 121


def test_a_run_of_a_holder_that_nobody_sees_ends_with_its_lease(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    assert streams.acquire(company.db, channel.id, "orders", ELSEWHERE)
    runs.start(company.db, channel.id, "orders", "schedule", ELSEWHERE)
    assert [run.state for run in runs.running(company.db)] == ["running"]
    assert runs.close_interrupted(company.db) == 0
    company.db.execute("UPDATE stream SET lease_until = 1")
    assert runs.running(company.db) == []
    assert runs.close_interrupted(company.db) == 1


@pytest.mark.parametrize("table", ["stream", "job"])
def test_a_daemon_that_is_alone_takes_what_the_last_one_of_the_kernel_held(company: Store, table: str) -> None:
    """As after a container was made anew: it has other process ids, and the lock of the file is free."""
    place, _, rest = process_owner().partition(":")
    name, machine, boot, _, ticks = place.split("/")
    before = f"{name}/{machine}/{boot}/4026532300/{ticks}:{rest}"
    channel = channels.channel(company.db, "shop")
    jobs.ask(company.db, "sync", channel.id, {}, "anna")
    assert daemons.claim(company.db) is None
    company.db.execute("UPDATE daemon SET owner = ?", (before,))
    assert streams.acquire(company.db, channel.id, "orders", f"{before}:1")
    assert jobs.claim(company.db, f"{before}:2")
    other = daemons.claim(company.db)
    assert other is not None
    assert other.running
    assert jobs.claim(company.db, task_owner()) is None
    assert daemons.claim(company.db, alone=True) is None
    assert world.rows(company, f"SELECT lease_until FROM {table} WHERE owner IS NOT NULL") == [(0,)]


def test_a_daemon_of_another_machine_is_not_pushed_aside(company: Store) -> None:
    assert daemons.claim(company.db) is None
    company.db.execute("UPDATE daemon SET owner = ?", (ELSEWHERE,))
    other = daemons.claim(company.db, alone=True)
    assert other is not None
    assert other.running


def test_a_daemon_in_sight_that_says_nothing_is_silent_and_not_ended(company: Store) -> None:
    assert daemons.claim(company.db) is None
    company.db.execute("UPDATE daemon SET beat_at = beat_at - 60000")
    state = daemons.state(company.db)
    assert state is not None
    assert (state.running, state.is_silent) == (False, True)
    daemons.stop(company.db)
    state = daemons.state(company.db)
    assert state is not None
    assert (state.running, state.is_silent) == (False, False)
