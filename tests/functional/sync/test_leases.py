"""Runs that take long keep their streams, and those with nothing to do are no runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from chansync import job_runner
from chansync.db.connection import Store, open_async
from chansync.db.process_locks import task_owner
from chansync.erp.ledger.stock import set_stock
from chansync.job_runner import perform
from chansync.setup import channel_settings
from chansync.store import channels, jobs, outbox, streams
from chansync.sync import renewing, runner
from chansync.sync.due_work import pass_over
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support import mailbox, world
from support.patience import PATIENCE


def lease(path: Path) -> int:
    opened = world.open_store(path)
    until = opened.db.execute("SELECT coalesce(lease_until, 0) FROM stream WHERE stream = 'orders'").get or 0
    opened.close()
    return int(until)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what is seen in the database."""
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - another connection's commit is no event
            await asyncio.sleep(0.02)


def beside_a_run(
    company: Store, monkeypatch: pytest.MonkeyPatch, work: Callable[[Store], Awaitable[None]]
) -> RunResult:
    """Let ``work`` happen while a run waits for a site that says nothing; what came of the run."""
    monkeypatch.setattr(runner, "HOLD_EVERY", 0.05)
    monkeypatch.setattr(renewing, "STOP_WITHIN", 0.05)
    stop = asyncio.Event()

    async def whole() -> RunResult:
        store = await open_async(company.path)
        try:
            run = asyncio.create_task(sync_channel(store, "shop", SyncRequest(), trigger="schedule", stop=stop))
            await work(store)
            stop.set()
            [result] = await run
            return result
        finally:
            await store.aclose()

    with mailbox.silent_server() as port:
        channel_settings.change_channel(company, "shop", {"store_domain": f"http://127.0.0.1:{port}"})
        return asyncio.run(whole())


def test_a_run_holds_its_lease_while_its_site_says_nothing(company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(store: Store) -> None:
        await until(lambda: lease(company.path) > 0)
        first = lease(company.path)
        await until(lambda: lease(company.path) > first)

    assert beside_a_run(company, monkeypatch, look).state == "stopped"
    assert lease(company.path) == 0


def test_a_run_that_was_taken_over_ends(company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def take(store: Store) -> None:
        await until(lambda: lease(company.path) > 0)
        company.db.execute("UPDATE stream SET owner = 'elsewhere:1:1:1'")
        # It ends by itself: nobody tells it to stop.
        await until(lambda: world.rows(company, "SELECT count(*) FROM run WHERE state = 'running'") == [(0,)])

    result = beside_a_run(company, monkeypatch, take)
    assert (result.state, "taken over" in result.sentence) == ("busy", True)
    assert world.rows(company, "SELECT owner FROM stream") == [("elsewhere:1:1:1",)]


def test_a_job_that_waits_for_its_turn_keeps_its_lease(company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_runner, "HOLD_EVERY", 0.05)
    channel = channels.channel(company.db, "shop")
    other = task_owner()
    assert streams.acquire(company.db, channel.id, "orders", other)
    job_id = jobs.ask(company.db, "sync", channel.id, {}, "anna")

    async def whole() -> None:
        store = await open_async(company.path)
        stop = asyncio.Event()
        owner = task_owner()
        job = await store.run(jobs.claim, owner)
        assert job is not None
        job_lease = "SELECT lease_until FROM job"
        [(first,)] = world.rows(company, job_lease)
        waiting = asyncio.create_task(perform(store, job, owner, trigger="job", stop=stop))
        await until(lambda: world.rows(company, job_lease)[0][0] > first)
        assert not waiting.done()
        stop.set()
        await waiting
        await store.aclose()

    asyncio.run(whole())
    assert world.rows(company, "SELECT state FROM job WHERE id = ?", job_id) == [("failed",)]


@pytest.fixture
def sending(company: Store) -> int:
    """The id of a channel that sends statuses and quantities, each of which went through before."""
    channel = channels.channel(company.db, "shop")
    changes = {"push_statuses": True, "status_written_out": "completed", "push_quantities": True}
    channels.save_channel(company.db, channel.id, changes, {})
    for stream in ("statuses", "quantities", "orders"):
        owner = task_owner()
        assert streams.acquire(company.db, channel.id, stream, owner)
        streams.release(company.db, channel.id, stream, owner, ok=True, next_run_at=None)
    cursor = {"mark": 0, "version": channels.channel(company.db, "shop").version}
    streams.store_cursor(company.db, channel.id, "quantities", cursor, None)
    company.db.execute("UPDATE stream SET last_ok_at = 1")
    return channel.id


def test_what_has_nothing_to_send_is_noted_without_a_run(company: Store, sending: int) -> None:
    assert pass_over(company.db, sending, "statuses")
    assert pass_over(company.db, sending, "quantities")
    assert not pass_over(company.db, sending, "orders")
    noted = "SELECT stream FROM stream WHERE last_ok_at > 1 ORDER BY stream"
    assert world.rows(company, noted) == [("quantities",), ("statuses",)]
    assert world.rows(company, "SELECT count(*) FROM run") == [(0,)]


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE stream SET failures = 1",
        "UPDATE stream SET last_ok_at = NULL",
        "UPDATE stream SET owner = 'host:1:1:1', lease_until = 1",
    ],
)
def test_after_a_failure_or_a_kill_only_a_run_can_tell(company: Store, sending: int, spoil: str) -> None:
    company.db.execute(spoil)
    assert not pass_over(company.db, sending, "statuses")
    assert not pass_over(company.db, sending, "quantities")


def test_what_has_something_to_send_is_not_passed_over(company: Store, sending: int) -> None:
    company.db.execute(
        """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
           total, state, digest, first_seen_at, changed_at) VALUES (?, '1', '1', '', 0, '', 0, '', '', 'imported', '',
           0, 0)""",
        (sending,),
    )
    outbox.put(company.db, sending, 1, "written out", "completed")
    assert not pass_over(company.db, sending, "statuses")
    set_stock(company.db, "SKU-001", "W1", 5)
    assert not pass_over(company.db, sending, "quantities")
