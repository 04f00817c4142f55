"""Pulling from a store over real sockets while people work in it."""

from __future__ import annotations

import json
import random
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.model.order import Order


def states(shop: DemoShop) -> dict[str, str]:
    """The status of every order that is not in the trash."""
    with shop.lock:
        return {str(order.id): order.status for order in shop.book.orders.values() if order.status != "trash"}


async def taken(
    connector: Any, cursor: dict[str, Any] | None, into: dict[str, str], stop_after: int | None = None
) -> Any:
    """Pull into ``into``; the cursor of the last page taken."""
    pages = connector.orders(cursor, None)
    count = 0
    async for page in pages:
        if count == stop_after:
            await pages.aclose()
            break
        for order in page.orders:
            assert isinstance(order, Order), order.sentence
            into[order.external_id] = order.status
        cursor = json.loads(json.dumps(page.cursor))
        count += 1
    return cursor


async def test_everything_once_and_then_nothing_in_one_request(connect: Any) -> None:
    shop = DemoShop.create(orders=620, now=datetime.now(UTC) - timedelta(days=2))
    with DemoServer(shop) as server:
        connector = connect(server)
        await connector.check()
        before = len(server.requests)
        found: dict[str, str] = {}
        cursor = await taken(connector, None, found)
        assert found == states(shop)
        assert len(server.requests) - before == 9
        before = len(server.requests)
        again: dict[str, str] = {}
        cursor = await taken(connector, cursor, again)
        assert (again, len(server.requests) - before) == ({}, 1)


@pytest.mark.parametrize("options", [{}, {"unstable_ties": True}, {"old_store": True}], ids=["new", "ties", "old"])
async def test_nothing_is_lost_while_shoppers_shop(connect: Any, options: dict[str, Any]) -> None:
    shop = DemoShop.create(orders=900, **options)
    with DemoServer(shop, page_delay=0.02, concurrency=4) as server:
        connector = connect(server)
        found: dict[str, str] = {}
        cursor: dict[str, Any] | None = None
        with Shopper(shop, rate=60):
            for stop_after in (2, 0, 5, None, 1, None):
                cursor = await taken(connector, cursor, found, stop_after)
        await taken(connector, cursor, found)
        expected = states(shop)
        assert {own: found.get(own) for own in expected} == expected


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in (1, 2, 3))])
async def test_old_orders_that_leave_take_nobody_with_them(connect: Any, seed: int) -> None:
    """Orders at the front are changed and trashed at the very moment at which pages behind them are read."""
    shop = DemoShop.create(orders=900, now=datetime.now(UTC) - timedelta(days=30))
    shop.clock.advance(30 * 86400)
    rng = random.Random(seed)
    front = sorted(shop.book.orders.values(), key=lambda order: order.modified)[:400]
    stop = threading.Event()

    def work() -> None:
        while not stop.wait(0.002):
            order = rng.choice(front)
            if order.id in shop.book.orders and order.status != "trash":
                if rng.random() < 0.3:
                    shop.trash(order.id)
                else:
                    shop.set_status(order.id, rng.choice(["completed", "cancelled", "on-hold"]))

    with DemoServer(shop, page_delay=0.02) as server:
        connector = connect(server)
        await connector.check()
        worker = threading.Thread(target=work)
        worker.start()
        found: dict[str, str] = {}
        try:
            cursor = await taken(connector, None, found)
        finally:
            stop.set()
            worker.join()
        await taken(connector, cursor, found)
        expected = states(shop)
        assert {own: found.get(own) for own in expected} == expected


async def test_orders_changed_in_one_second_are_all_found(connect: Any) -> None:
    shop = DemoShop.create(orders=430, unstable_ties=True)
    shop.clock.freeze()
    for own in list(shop.book.orders):
        shop.set_status(own, "completed")
    with DemoServer(shop) as server:
        found: dict[str, str] = {}
        await taken(connect(server), None, found)
        assert found == states(shop)


async def test_only_orders_since_the_first_day_are_asked_for(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        await connector.check()
        first = date(2026, 11, 1)
        before = len(server.requests)
        async for _ in connector.orders(None, first):
            pass
        # Midnight in Sofia, in winter, less a second.
        assert server.requests[before].params["modified_after"] == "2026-10-31T21:59:59"
        assert server.requests[before].params["dates_are_gmt"] == "true"
        assert "status" not in server.requests[before].params


async def test_an_unreadable_order_hurts_only_itself(shop: DemoShop, connect: Any) -> None:
    bad = min(shop.book.orders)
    shop.edit_order(bad, {"customer_note": "spoil me"})
    shop._open(shop.book.orders[bad])["total"] = "a lot"
    shop._bodies.clear()
    with DemoServer(shop) as server:
        found = [order async for page in connect(server).orders(None, None) for order in page.orders]
    unreadable = [order for order in found if not isinstance(order, Order)]
    assert [order.external_id for order in unreadable] == [str(bad)]
    assert {order.external_id for order in found} == {str(number) for number in shop.book.orders}
