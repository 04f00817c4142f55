"""Lookups, single orders and refunds."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.model.errors import SiteRefused
from chansync.model.order import Order
from chansync.platforms.protocol import LookupValue


async def test_lookups(shop: DemoShop, connect: Any) -> None:
    shop.add_status("packed", "Packed")
    with DemoServer(shop) as server:
        found = await connect(server).lookups()
    assert [status.code for status in found.order_statuses][:3] == ["pending", "processing", "on-hold"]
    assert "packed" in [status.code for status in found.order_statuses]
    assert [method.code for method in found.payment_methods] == ["bacs", "cheque", "cod"]
    assert found.delivery_methods[0] == LookupValue("flat_rate:1", "EU: Flat rate")
    assert [currency.code for currency in found.currencies] == ["EUR"]
    assert [tax.code for tax in found.tax_classes] == ["standard", "reduced-rate", "zero-rate"]
    assert [version.code for version in found.api_versions if version.enabled] == ["wc/v3"]
    assert found.usual == {
        "order_statuses": ["processing", "completed", "on-hold"],
        "paid_statuses": ["processing", "completed"],
        "refused_statuses": ["cancelled", "refunded", "failed"],
        "status_written_out": "completed",
        "status_written_out_and_paid": "completed",
        "status_cancelled": "cancelled",
    }


async def test_lookups_of_an_old_store(connect: Any) -> None:
    with DemoServer(DemoShop.create(orders=5, old_store=True)) as server:
        found = await connect(server).lookups()
        assert "processing" in [status.code for status in found.order_statuses]
        assert any(request.route.endswith("reports/orders/totals") for request in server.requests)


async def test_a_list_that_the_key_may_not_see_is_none(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        server.faults.add("/payment_gateways", "status", times=None, status=403)
        server.faults.add("/shipping/zones", "status", times=None, status=404)
        found = await connect(server).lookups()
    assert (found.payment_methods, found.delivery_methods) == (None, None)
    assert found.order_statuses
    assert found.tax_classes


async def test_one_order_and_the_trash(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        own = max(shop.book.orders)
        found = await connector.order(str(own))
        assert isinstance(found, Order)
        assert found.external_id == str(own)
        assert connector.read(found.raw) == found
        shop.trash(own)
        trashed = await connector.order(str(own))
        assert isinstance(trashed, Order)
        assert trashed.status == "trash"
        shop.delete(own)
        assert await connector.order(str(own)) is None
        for nonsense in ("", "0", "../products", "12a", "9" * 30):
            assert await connector.order(nonsense) is None


async def test_an_order_is_found_by_its_number(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        own = str(min(shop.book.orders))
        for number in (own, f" #{own} "):
            found = await connector.find(number)
            assert found is not None
            assert found.external_id == own
        assert await connector.find("99999999") is None
        assert await connector.find("") is None


async def test_several_orders_are_one_request(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        await connector.check()
        before = len(server.requests)
        wanted = [str(number) for number in list(shop.book.orders)[:99]]
        found = await connector.several([*wanted, "99999999"])
        assert {order.external_id for order in found} == set(wanted)
        assert len(server.requests) - before == 1
        assert await connector.several([]) == []


async def test_refunds(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        own = shop.place_order([("SKU-001", 3)], status="processing")
        shop.refund(own, "1.50", reason="damaged")
        shop.refund(own, "2.50", reason="late")
        order = await connector.order(str(own))
        assert isinstance(order, Order)
        assert sorted(refund.total for refund in order.refunds) == [Decimal("1.50"), Decimal("2.50")]
        [found] = await connector.refunds([order])
        assert {(refund.total, refund.reason) for refund in found} == {
            (Decimal("1.50"), "damaged"),
            (Decimal("2.50"), "late"),
        }
        assert {refund.external_id for refund in found} == {refund.external_id for refund in order.refunds}
        assert all(refund.lines is not None for refund in found)
        shop.delete(own)
        assert await connector.refunds([order]) == [[]]


@pytest.mark.parametrize(("old_store", "requests"), [(False, 1), (True, 5)])
async def test_refunds_of_many_orders_come_together_where_the_store_can(
    shop: DemoShop, connect: Any, old_store: bool, requests: int
) -> None:
    shop.old_store = old_store
    with DemoServer(shop) as server:
        connector = connect(server)
        placed = [shop.place_order([("SKU-001", 3)], status="processing") for _ in range(4)]
        expected = [str(shop.refund(own, f"{number}.50")) for number, own in enumerate(placed, 1)]
        orders = [order for own in placed if isinstance(order := await connector.order(str(own)), Order)]
        before = len(server.requests)
        found = await connector.refunds(orders)
        assert [[refund.external_id for refund in refunds] for refunds in found] == [[each] for each in expected]
        assert len(server.requests) - before == requests
        assert all(refund.lines is not None for refunds in found for refund in refunds)


async def test_an_api_that_is_switched_off_is_no_missing_order(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        await connector.check()
        server.faults.add("/wc/v3/orders/", "status", times=None, status=404)
        with pytest.raises(SiteRefused):
            await connector.order("100")
