"""What is sent to a store and how its answers are read: statuses and stock in batches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.demo.woocommerce.catalog import Product
from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.platforms.protocol import Connector, ConnectorSettings, QuantityChange, StatusChange
from chansync.platforms.woocommerce import WooCommerce
from chansync.platforms.woocommerce.stock import _chunks, _item
from support.patience import PATIENCE

FOLDER = Path(__file__).parents[2] / "data" / "recordings" / "woocommerce"


@dataclass(slots=True)
class Store:
    """A demo store that listens, and a connector to it."""

    shop: DemoShop
    server: DemoServer
    connector: Connector

    def sent(self) -> list[str]:
        """Methods and routes of what was sent beside finding the store."""
        found = [f"{request.method} {request.route.removeprefix('/wc/v3/')}" for request in self.server.requests]
        return [each for each in found if each not in ("GET /", "GET orders")]


@pytest.fixture
def shop() -> DemoShop:
    return DemoShop.create(orders=0)


@pytest.fixture
def listening(shop: DemoShop) -> Iterator[DemoServer]:
    with DemoServer(shop) as server:
        yield server


@pytest.fixture
async def store(shop: DemoShop, listening: DemoServer) -> AsyncIterator[Store]:
    async def at_once(seconds: float) -> None:
        """Instead of sleeping."""

    platform = WooCommerce(backoff=lambda attempt: 0.0, sleep=at_once, timeout=httpx.Timeout(PATIENCE))
    keys = {"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret}
    connector = platform.connect(ConnectorSettings("shop", {"store_domain": listening.url, **keys}))
    yield Store(shop, listening, connector)
    await connector.aclose()


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())["response"]["json"]


# Statuses


async def test_a_status_comes_back_with_the_order_as_it_is_now(store: Store) -> None:
    own = str(store.shop.place_order(status="processing"))
    before = await store.connector.order(own)
    [result] = await store.connector.push_statuses([StatusChange(own, "completed", "processing")])
    now = await store.connector.order(own)
    assert (result.target, result.error) == (own, "")
    assert result.order == now
    assert result.digest_before == before.digest  # type: ignore[union-attr]


async def test_every_change_has_its_own_result_in_their_order(store: Store) -> None:
    first, last = (str(store.shop.place_order(status="processing")) for _ in range(2))
    changes = [
        StatusChange(first, "completed", "processing"),
        StatusChange("99999999", "completed", "processing"),
        StatusChange("77", "no-such-status", "processing"),
        StatusChange(last, "on-hold", "processing"),
    ]
    results = await store.connector.push_statuses(changes)
    assert [result.target for result in results] == [first, "99999999", "77", last]
    assert [bool(result.error) for result in results] == [False, True, True, False]
    assert results[1].error == "the site says “ID is invalid”"
    assert results[2].error.startswith("the site has no status 'no-such-status'; it has ")
    assert store.sent() == ["GET orders/statuses", "POST orders/batch"]


async def test_what_the_store_makes_of_a_status_is_compared(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    own = str(store.shop.place_order(status="processing"))
    # A plugin that lists a status it does not let anybody set: the batch makes the order pending.
    store.shop.add_status("packed")
    monkeypatch.setattr(store.shop, "writable_statuses", lambda: ["pending", "processing"])
    [result] = await store.connector.push_statuses([StatusChange(own, "packed", "processing")])
    assert result.error == "the site made it 'pending' instead of 'packed'"


async def test_a_batch_of_statuses_is_not_repeated_by_itself(store: Store) -> None:
    own = str(store.shop.place_order(status="processing"))
    store.server.faults.add("orders/batch", "drop", times=1)
    with pytest.raises(SiteUnavailable):
        await store.connector.push_statuses([StatusChange(own, "completed", "processing")])
    assert store.sent().count("POST orders/batch") == 1
    assert await store.connector.statuses([own]) == {own: "completed"}


async def test_statuses_are_told_also_of_what_lists_leave_out(store: Store) -> None:
    normal, thrown, lost, deleted = (str(store.shop.place_order(status="processing")) for _ in range(4))
    store.shop.add_status("packed")
    store.shop.set_status(int(lost), "packed")
    store.shop.remove_status("packed")
    store.shop.trash(int(thrown))
    store.shop.delete(int(deleted))
    found = await store.connector.statuses([normal, thrown, lost, deleted])
    assert found == {normal: "processing", thrown: "trash", lost: "packed"}


async def test_an_answer_that_is_no_batch_is_passing_trouble(store: Store) -> None:
    own = str(store.shop.place_order(status="processing"))
    await store.connector.statuses([own])
    store.server.faults.add("orders/batch", "empty", times=None)
    with pytest.raises(SiteUnavailable):
        await store.connector.push_statuses([StatusChange(own, "completed", "processing")])


# Items


def test_items_are_read_as_recorded() -> None:
    found = {row["sku"]: _item(row) for row in recorded("products-by-sku")}
    shirt = found["SHIRT-1-M"]
    assert (shirt.site_id, shirt.parent_id, shirt.quantity, shirt.visibility, shirt.shown) == (
        "52", "50", 43, "publish", True,
    )  # fmt: skip
    assert (found["SKU-001"].site_id, found["SKU-001"].parent_id, found["SKU-001"].visibility) == ("10", "", "visible")
    [hidden] = map(_item, recorded("stock-hide-batch")["update"])
    assert (hidden.visibility, hidden.shown, hidden.quantity, hidden.in_stock) == ("hidden", False, 0, False)
    [uncounted] = map(_item, recorded("stock-availability-batch")["update"])
    assert (uncounted.quantity, uncounted.in_stock) == (None, False)
    [variation] = map(_item, recorded("variation-stock-batch")["update"])
    assert (variation.parent_id, variation.quantity) == ("50", 3)


async def test_items_are_found_by_sku_in_any_case_and_by_id(store: Store) -> None:
    found = await store.connector.items(["SKU-001", "SHIRT-1-M", "sku-002", "NOPE"])
    assert sorted((item.sku, item.site_id, item.parent_id) for item in found) == [
        ("SHIRT-1-M", "52", "50"),
        ("SKU-001", "10", ""),
        ("SKU-002", "11", ""),
    ]
    found = await store.connector.items_by_id(["52", "70", "123456", "10"])
    assert [(item.site_id, item.parent_id) for item in found] == [("52", "50"), ("70", ""), ("10", "")]


async def test_a_sku_that_the_store_has_many_times_comes_many_times(store: Store) -> None:
    catalog = store.shop.catalog
    for number in range(1000, 1150):
        catalog.products[number] = Product(number, "Twin", f"twin-{number}", "TWIN", catalog.by_sku("SKU-001").price)
    found = await store.connector.items(["TWIN"])
    assert len({item.site_id for item in found}) == 150


@pytest.mark.parametrize(
    ("skus", "sizes"),
    [
        ([f"SKU-{number:05}" for number in range(250)], [100, 100, 50]),
        (["A", "B,C", "D"], [1, 2]),
        (["Ж" * 100 for _ in range(20)], [8, 8, 4]),
        ([], []),
    ],
)
def test_lists_of_skus_fit_a_url(skus: list[str], sizes: list[int]) -> None:
    assert sorted(map(len, _chunks(skus)), reverse=True) == sorted(sizes, reverse=True)


async def test_stock_goes_out_a_hundred_at_a_time_and_by_parent(store: Store) -> None:
    catalog = store.shop.catalog
    for number in range(1000, 1250):
        catalog.products[number] = Product(number, "Bulk", "bulk", f"BULK-{number}", catalog.by_sku("SKU-001").price)
    changes = [QuantityChange(str(number), "", True, 5) for number in range(1000, 1250)]
    changes += [QuantityChange("51", "50", True, 4), QuantityChange("55", "54", False, 0)]
    results = await store.connector.push_quantities(changes)
    assert [result.target for result in results] == [change.site_id for change in changes]
    assert not any(result.error for result in results)
    assert sorted(store.sent()) == [
        "POST products/50/variations/batch",
        "POST products/54/variations/batch",
        *["POST products/batch"] * 3,
    ]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (QuantityChange("10", "", True, 7), {"stock": 7, "visibility": "visible"}),
        (QuantityChange("70", "", False), {"stock": None, "stock_status": "outofstock", "manage_stock": False}),
        (QuantityChange("10", "", False, 0, hide=True), {"stock": 0, "visibility": "hidden"}),
        (QuantityChange("10", "", True, 3, "search"), {"stock": 3, "visibility": "search"}),
        (QuantityChange("51", "50", False, 0, hide=True), {"stock": 0, "status": "private", "parent": 50}),
        (QuantityChange("51", "50", True, 1, "publish"), {"stock": 1, "status": "publish"}),
    ],
)
async def test_each_kind_of_change_is_what_the_store_then_has(
    store: Store, change: QuantityChange, expected: dict[str, Any]
) -> None:
    [result] = await store.connector.push_quantities([change])
    assert result.error == ""
    product = store.shop.catalog.products[int(change.site_id)]
    assert {name: getattr(product, name) for name in expected} == expected


async def test_stock_is_sent_again_after_passing_trouble(store: Store) -> None:
    store.server.faults.add("products/batch", "status", times=1, status=503)
    [result] = await store.connector.push_quantities([QuantityChange("10", "", True, 7)])
    assert (result.error, store.shop.stock("SKU-001")) == ("", 7)


@pytest.mark.parametrize("push", ["statuses", "quantities"])
async def test_a_key_that_may_only_read_is_refused(shop: DemoShop, listening: DemoServer, push: str) -> None:
    keys = {"consumer_key": shop.read_only_key, "consumer_secret": shop.read_only_secret}
    connector = WooCommerce().connect(ConnectorSettings("shop", {"store_domain": listening.url, **keys}))
    own = str(shop.place_order(status="processing"))
    sending: Callable[[], Any] = (
        (lambda: connector.push_statuses([StatusChange(own, "completed", "processing")]))
        if push == "statuses"
        else (lambda: connector.push_quantities([QuantityChange("10", "", True, 1)]))
    )
    with pytest.raises(SiteRefused) as refused:
        await sending()
    assert refused.value.code == "missing_right"
    await connector.aclose()
