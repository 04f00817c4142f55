"""How often the seller searches, and how late an order is: a day of three marketplaces, by the fake's clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from chansync.db.connection import Store, open_async
from chansync.demo.amazon import AmazonServer, Seller
from chansync.model.order import Order
from chansync.platforms.amazon import Amazon
from chansync.platforms.protocol import Connector, ConnectorSettings
from chansync.setup.connect import system_settings
from chansync.store.systems import system
from support import marketplace
from support.world import rows

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
PLACES = {"DE": "A1PA6795UKMFR9", "FR": "A13V1IB3VIYZZH", "UK": "A1F83G8C2ARO7P"}
CADENCE = 300
#: A little less than what Amazon allows, one search in 178.6 seconds.
INTERVAL = 182


@pytest.fixture
def seller() -> Seller:
    """One with Amazon's real rates, whose clock stands still unless it is moved."""
    found = Seller(now=MIDNIGHT)
    found.clock.freeze(MIDNIGHT)
    return found


class Day:
    """Three channels that are pulled every five minutes, one after the other, and what each got when."""

    def __init__(self, seller: Seller, connectors: dict[str, Connector]) -> None:
        self.seller = seller
        self.connectors = connectors
        self.cursors: dict[str, dict[str, object] | None] = dict.fromkeys(connectors)
        self.got: dict[str, int] = {}

    async def pull(self, place: str) -> set[str]:
        others: set[str] = set()
        async for page in self.connectors[place].orders(self.cursors[place], date(2026, 11, 20)):
            self.cursors[place] = page.cursor
            others |= page.news_for
            for order in page.orders:
                assert isinstance(order, Order)
                self.got.setdefault(order.external_id, self.seller.clock.now())
        return others

    async def pull_with_others(self, place: str) -> None:
        """As the core does it: channels for which something was found are pulled next."""
        named = {place_id: code for code, place_id in PLACES.items()}
        for other in await self.pull(place):
            await self.pull(named[other])


@pytest.mark.long
def test_a_day_takes_at_most_480_searches_none_is_refused_and_no_order_waits_long(
    connected: Store, server: AmazonServer, seller: Seller
) -> None:
    placed: dict[str, int] = {}

    async def day() -> None:
        store = await open_async(connected.path)
        platform = Amazon(now=lambda: seller.clock.now() * 1000)
        settings = await system_settings(store, await store.run(system, "amz"))
        connectors = {
            code: platform.connect(ConnectorSettings(code, {"store_domain": own, "system_type": "test"}, {}, settings))
            for code, own in PLACES.items()
        }
        whole = Day(seller, connectors)
        try:
            for second in range(0, 86_400, 50):
                seller.clock.freeze(datetime.fromtimestamp(MIDNIGHT.timestamp() + second, UTC))
                if second % 550 == 0:
                    placed[seller.place_order(list(PLACES)[second // 550 % 3])] = second
                for offset, code in enumerate(PLACES):
                    if second % CADENCE == offset * 100:
                        await whole.pull_with_others(code)
        finally:
            for connector in connectors.values():
                await connector.aclose()
            await store.aclose()
        late = {}
        for own, second in placed.items():
            seen = MIDNIGHT.timestamp() + second + seller.settling
            if seen < MIDNIGHT.timestamp() + 86_400 - CADENCE:
                late[own] = whole.got[own] - seen
        assert max(late.values()) <= INTERVAL + 60

    asyncio.run(day())
    searches = [each.status for each in server.requests if each.operation == "searchOrders"]
    assert len(searches) <= 480
    assert set(searches) == {200}
    assert {each.status for each in server.requests} == {200}


def test_a_backfill_goes_on_at_amazons_pace_over_runs_and_restarts(
    connected: Store, server: AmazonServer, seller: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chansync.platforms import amazon

    monkeypatch.setattr(amazon.PLATFORM, "_options", {"now": lambda: int(seller.clock.moment() * 1000)})
    seller.buckets.set_limit("searchOrders", 0.0056, 2)
    monkeypatch.setattr("chansync.platforms.amazon.inbox.PAGE", 5)
    for _ in range(24):
        seller.place_order("DE")
    seller.clock.advance(600)
    marketplace.add_channels(connected, ["de"], start_date="2026-11-01")
    for _ in range(12):
        marketplace.sync(connected, "de")
        seller.clock.advance(200)

    assert len(marketplace.sales(connected)) == 24
    # By now they are to be shipped; nothing else is wrong with them.
    assert rows(connected, "SELECT count(*) FROM message WHERE open = 1 AND code <> 'ship_by_near'") == [(0,)]


def test_too_many_requests_are_waited_out_by_the_next_runs(
    connected: Store, server: AmazonServer, seller: Seller
) -> None:
    marketplace.add_channels(connected, ["de"])
    seller.place_order("DE")
    seller.clock.advance(600)
    server.faults.add("/orders/2026-01-01/orders", "status", status=429, retry_after=900)

    [result] = marketplace.sync(connected, "de")

    assert result.state == "done"
    assert sum(each.operation == "searchOrders" for each in server.requests) == 1
