"""When a lease is held, with clocks that are set and holders that are dead, stopped or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chansync.db.connection import Store
from chansync.db.process_locks import task_owner
from chansync.model.times import now_ms
from chansync.store import channels, leases, runs, streams
from support import world
from support.processes import holder

LENGTH = 120_000
HOUR = 3_600_000

#: An owner whose process is gone, or on another machine.
DEAD = "123456789abcdef0:1"


@pytest.fixture
def awake(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock that nobody sets, in seconds."""
    now = [1000.0]
    monkeypatch.setattr(leases, "awake_seconds", lambda: now[0])
    monkeypatch.setattr(leases, "_seen", {})
    return now


@pytest.fixture
def other(store: Store) -> Iterator[str]:
    """The owner of another process, which lives."""
    with holder(store.path) as (_, owner):
        yield owner


def test_a_lease_is_held_until_its_time(store: Store, other: str, awake: list[float]) -> None:
    assert leases.is_held(store.db, other, now_ms() + LENGTH, LENGTH)
    assert not leases.is_held(store.db, other, now_ms() - 1, LENGTH)
    assert not leases.is_held(store.db, None, now_ms() + LENGTH, LENGTH)
    assert not leases.is_held(store.db, other, None, LENGTH)
    assert not leases.is_held(store.db, DEAD, now_ms() + LENGTH, LENGTH)


def test_a_lease_that_nobody_renews_ends_though_the_clock_was_put_back(
    store: Store, other: str, awake: list[float]
) -> None:
    until = now_ms() + HOUR
    assert leases.is_held(store.db, other, until, LENGTH)
    awake[0] += 100
    assert leases.is_held(store.db, other, until, LENGTH)
    awake[0] += 21
    assert not leases.is_held(store.db, other, until, LENGTH)


def test_a_lease_that_is_renewed_lasts(store: Store, other: str, awake: list[float]) -> None:
    for renewal in range(10):
        assert leases.is_held(store.db, other, now_ms() + HOUR + renewal, LENGTH)
        awake[0] += 100


def test_a_lease_from_the_far_future_is_held_by_those_alone_who_live(store: Store, awake: list[float]) -> None:
    far = now_ms() + 30 * 24 * HOUR
    assert not leases.is_held(store.db, DEAD, far, LENGTH)
    assert leases.is_held(store.db, task_owner(), far, LENGTH)


def test_a_run_ends_with_its_process_and_not_before(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    with holder(company.path) as (_, owner):
        assert streams.acquire(company.db, channel.id, "orders", owner)
        runs.start(company.db, channel.id, "orders", "schedule", owner)
        company.db.execute("UPDATE stream SET lease_until = 1")
        assert [run.state for run in runs.running(company.db)] == ["running"]
        assert runs.close_interrupted(company.db) == 0
    assert runs.running(company.db) == []
    assert [run.state for run in runs.recent(company.db)] == ["interrupted"]
    assert runs.close_interrupted(company.db) == 1
    assert streams.acquire(company.db, channel.id, "orders", task_owner())
    assert world.rows(company, "SELECT state FROM run") == [("stopped",)]
