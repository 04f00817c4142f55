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
