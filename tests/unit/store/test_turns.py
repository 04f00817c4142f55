"""Whose turn it is in the database's thread."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import apsw
import pytest

from chansync.db.connection import LONG_IN_QUEUE, open_async
from support.patience import PATIENCE


@pytest.fixture
def store_path(template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    return path


async def test_what_is_short_passes_by_all_but_the_first_of_what_takes_long(store_path: Path) -> None:
    store = await open_async(store_path)
    done: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def long(db: apsw.Connection, number: int) -> None:
        begun.set()
        go_on.wait(PATIENCE)
        done.append(f"long {number}")

    def short(db: apsw.Connection) -> None:
        done.append("short")

    try:
        tasks = [asyncio.create_task(store.run_long(long, number)) for number in range(10)]
        await asyncio.to_thread(begun.wait, PATIENCE)
        tasks.append(asyncio.create_task(store.run(short)))
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(*tasks)
    finally:
        await store.aclose()
    assert done.index("short") <= LONG_IN_QUEUE
    assert [each for each in done if each != "short"] == [f"long {number}" for number in range(10)]


def threads_of_databases() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if "apsw" in each.name}


async def ended(threads: set[threading.Thread]) -> None:
    """Wait until these have ended; one that goes on would keep the process alive for ever."""
    await asyncio.wait_for(asyncio.gather(*(asyncio.to_thread(each.join) for each in threads)), PATIENCE)


@pytest.mark.parametrize("turns", range(1, 8))
async def test_an_opening_that_is_cancelled_leaves_no_thread(store_path: Path, turns: int) -> None:
    others = threads_of_databases()
    opening = asyncio.create_task(open_async(store_path))
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    await asyncio.wait({opening})
    if not opening.cancelled():
        await opening.result().aclose()

    await ended(threads_of_databases() - others)


async def test_a_closing_that_is_cancelled_leaves_no_thread(store_path: Path) -> None:
    others = threads_of_databases()
    store = await open_async(store_path)
    begun, go_on = threading.Event(), threading.Event()

    def long(db: apsw.Connection) -> None:
        begun.set()
        go_on.wait(PATIENCE)

    working = asyncio.create_task(store.run(long))
    await asyncio.to_thread(begun.wait, PATIENCE)
    closing = asyncio.create_task(store.aclose())
    await asyncio.sleep(0)
    closing.cancel()
    go_on.set()
    await asyncio.wait({working, closing})
    assert closing.cancelled()

    await ended(threads_of_databases() - others)
