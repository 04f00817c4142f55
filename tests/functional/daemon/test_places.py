"""How many pulls of many orders are in memory at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest

from chansync.db.connection import open_async
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops
from support.patience import PATIENCE


class Gate:
    """A place that is free when the test says so."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.holders = 0

    async def __aenter__(self) -> None:
        self.asked.set()
        await self.free.wait()
        self.holders += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.holders -= 1


@pytest.fixture
def site(template: Path, tmp_path: Path) -> Iterator[tuple[Path, DemoServer]]:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=450)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        yield path, server


def lists(server: DemoServer) -> int:
    """How often pages of orders were asked for."""
    return sum(served.route.endswith("/orders") for served in server.requests)


async def test_the_rest_is_fetched_only_with_a_place_and_one_page_takes_none(site: tuple[Path, DemoServer]) -> None:
    path, server = site
    store = await open_async(path)
    gate = Gate()
    try:
        before = lists(server)
        run = asyncio.create_task(sync_channel(store, company.CHANNEL, SyncRequest(), trigger="schedule", place=gate))
        async with asyncio.timeout(PATIENCE):
            await gate.asked.wait()
        assert lists(server) - before == 1
        gate.free.set()
        [result] = await run
        assert (result.state, gate.holders) == ("done", 0)
        assert result.counts.fetched >= 450
        # A second run finds little that is new: a closed gate is not even asked.
        gate.free.clear()
        gate.asked.clear()
        [again] = await sync_channel(store, company.CHANNEL, SyncRequest(), trigger="schedule", place=gate)
        assert (again.state, gate.asked.is_set()) == ("done", False)
    finally:
        await store.aclose()
