"""The demo store by itself: the orders that it makes up, their money, and what is done to them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.demo.woocommerce import DemoShop, habits
from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.shopper import Shopper

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LISTS = ("line_items", "shipping_lines", "fee_lines")


def amounts(order: dict[str, Any], *keys: str) -> Decimal:
    return sum((Decimal(line[key]) for name in LISTS for line in order[name] for key in keys), Decimal(0))


def assert_adds_up(order: dict[str, Any]) -> None:
    lines = order["line_items"]
    discount = sum((Decimal(line["subtotal"]) - Decimal(line["total"]) for line in lines), Decimal(0))
    assert amounts(order, "total", "total_tax") == Decimal(order["total"])
    assert amounts(order, "total_tax") == Decimal(order["total_tax"])
    assert Decimal(order["cart_tax"]) + Decimal(order["shipping_tax"]) == Decimal(order["total_tax"])
    assert discount == Decimal(order["discount_total"])
    for line in (line for name in LISTS for line in order[name]):
        assert sum((Decimal(tax["total"]) for tax in line["taxes"]), Decimal(0)) == Decimal(line["total_tax"])
    by_rate = sum(
        (Decimal(tax["tax_total"]) + Decimal(tax["shipping_tax_total"]) for tax in order["tax_lines"]), Decimal(0)
    )
    assert by_rate == Decimal(order["total_tax"])


@pytest.fixture
def shop() -> DemoShop:
    made = DemoShop.create(orders=60, now=NOW)
    made.clock.freeze(NOW)
    return made


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    made = DemoShop.create(orders=900, now=NOW)
    return [made.order(order_id) for order_id in made.order_ids()]


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), currency=st.sampled_from(["EUR", "BGN"]))
def test_the_money_of_every_made_up_order_adds_up(seed: int, currency: str) -> None:
    made = DemoShop.create(orders=120, seed=seed, currency=currency, now=NOW)
    for order_id in made.order_ids():
        assert_adds_up(made.order(order_id))


def test_the_same_arguments_make_the_same_store() -> None:
    one, other = DemoShop.create(orders=80, seed=3, now=NOW), DemoShop.create(orders=80, seed=3, now=NOW)
    assert [one.order(order_id) for order_id in one.order_ids()] == [
        other.order(order_id) for order_id in other.order_ids()
    ]
    assert one.consumer_secret == other.consumer_secret
    assert DemoShop.create(orders=80, seed=4, now=NOW).order(71) != one.order(71)


def test_made_up_orders_have_everything_that_real_ones_have(documents: list[dict[str, Any]]) -> None:
    statuses = Counter(order["status"] for order in documents)
    metas = {entry["key"] for order in documents for entry in order["meta_data"]}
    lines = [line for order in documents for line in order["line_items"]]
    modified = Counter(order["date_modified_gmt"] for order in documents)

    assert statuses.keys() == DemoShop.create(orders=0).statuses.keys()
    assert 0.27 < statuses["processing"] / len(documents) < 0.40
    assert Counter(order["currency"] for order in documents) == {"EUR": 882, "BGN": 18}
    assert {"_billing_vat_number", "_billing_eik", "is_vat_exempt"} <= metas
    assert {order["billing"]["country"] for order in documents} >= {"DE", "BG", "FR", "AT", "PL", "JP", "US"}
    assert {line["sku"] for line in lines} >= {None, "", "SKU-001", "SHIRT-1-M"}
    assert any(line["variation_id"] for line in lines)
    assert any(line["product_id"] == 0 for line in lines)
    assert any(Decimal(order["total"]) == 0 for order in documents)
    assert any(not order["shipping_lines"] for order in documents)
    assert any(order["fee_lines"] for order in documents)
    assert any(order["customer_note"] for order in documents)
    assert {line["discount_type"] for order in documents for line in order["coupon_lines"]} == {"percent", "fixed_cart"}
    assert len({tax["rate_id"] for order in documents for tax in order["tax_lines"]}) >= 8
    assert max(modified.values()) >= 20
    assert any((Decimal(line["total"]) * 100) % line["quantity"] for line in lines)
    assert any(not order["billing"]["first_name"].isascii() for order in documents)


def test_customers_come_back_and_write_themselves_differently(documents: list[dict[str, Any]]) -> None:
    writings: dict[str, set[tuple[str, str]]] = {}
    for order in documents:
        billing = order["billing"]
        writings.setdefault(billing["email"].lower(), set()).add((billing["email"], billing["phone"]))
    assert any(len(found) > 2 for found in writings.values())


def test_made_up_refunds_are_partial_by_amount_by_line_and_full(documents: list[dict[str, Any]]) -> None:
    made = DemoShop.create(orders=900, now=NOW)
    refunds = [(order, made.refunds_of(order["id"])) for order in documents if order["refunds"]]
    kinds = {refund["meta_data"][0]["value"] for _, found in refunds for refund in found}
    assert kinds == {"full", "partial"}
    assert any(refund["line_items"] for _, found in refunds for refund in found)
    for order, (refund,) in refunds:
        assert order["refunds"][0]["total"] == f"-{refund['amount']}"
        assert (order["status"] == "refunded") == (refund["amount"] == order["total"])
        if refund["line_items"]:
            assert amounts(refund, "total", "total_tax") == -Decimal(refund["amount"])


def test_times_are_in_order_and_in_both_zones(documents: list[dict[str, Any]]) -> None:
    for order in documents:
        assert order["date_created_gmt"] <= order["date_modified_gmt"] <= "2026-11-24T09:00:00"
        created = datetime.fromisoformat(order["date_created"]) - datetime.fromisoformat(order["date_created_gmt"])
        assert created.total_seconds() in (7200, 10800)


def test_writing_the_status_that_an_order_has_moves_its_date(shop: DemoShop) -> None:
    (order_id, *_) = shop.order_ids("processing")
    shop.clock.advance(5)
    shop.set_status(order_id, "processing")
    assert shop.order(order_id)["date_modified_gmt"] == "2026-11-24T09:00:05"


def test_an_unknown_status_is_refused_and_changes_nothing(shop: DemoShop) -> None:
    before = shop.order(71)
    with pytest.raises(RestError, match="status"):
        shop.set_status(71, "no-such-status")
    assert shop.order(71) == before


def test_cancelling_gives_the_stock_back_and_coming_back_takes_it_again(shop: DemoShop) -> None:
    placed = shop.place_order([("SKU-003", 4), ("SHIRT-2-L", 1)])
    assert (shop.stock("SKU-003"), shop.stock("SHIRT-2-L")) == (996, 49)
    shop.set_status(placed, "cancelled")
    assert (shop.stock("SKU-003"), shop.stock("SHIRT-2-L")) == (1000, 50)
    shop.set_status(placed, "processing")
    shop.set_status(placed, "completed")
    assert (shop.stock("SKU-003"), shop.stock("SHIRT-2-L")) == (996, 49)


def test_what_is_sold_out_is_out_of_stock(shop: DemoShop) -> None:
    shop.set_stock("SKU-001", 2)
    shop.place_order([("SKU-001", 2)])
    assert shop.catalog.by_sku("SKU-001").stock_status == "outofstock"


def test_an_edit_of_the_quantity_makes_new_amounts(shop: DemoShop) -> None:
    placed = shop.place_order([("SKU-001", 1), ("SKU-002", 1)])
    first, second = shop.order(placed)["line_items"]
    shop.change_quantity(placed, first["id"], 3)
    shop.change_quantity(placed, second["id"], 0)
    order = shop.order(placed)
    assert [(line["quantity"], line["total"]) for line in order["line_items"]] == [(3, "19.11")]
    assert_adds_up(order)


def test_partial_refunds_that_come_to_everything_make_a_full_one(shop: DemoShop) -> None:
    placed = shop.place_order([("SKU-001", 1, "10.00")], changes={"shipping_lines": [], "fee_lines": []})
    shop.refund(placed, "1.00", "damaged")
    assert shop.order(placed)["status"] == "processing"
    shop.refund(placed)
    order = shop.order(placed)
    assert order["status"] == "refunded"
    assert sum(Decimal(entry["total"]) for entry in order["refunds"]) == -Decimal(order["total"])
    with pytest.raises(RestError, match="amount"):
        shop.refund(placed, "0.01")


def test_a_refund_by_line_has_negative_lines_and_restocks(shop: DemoShop) -> None:
    placed = shop.place_order([("SKU-001", 2)], changes={"billing": {"country": "DE"}, "shipping": {}})
    (line,) = shop.order(placed)["line_items"]
    tax = [{"id": 1, "refund_total": "1.21"}]
    shop.refund(placed, lines=[{"id": line["id"], "quantity": 1, "refund_total": "6.37", "refund_tax": tax}])
    (refund,) = shop.refunds_of(placed)
    (back,) = refund["line_items"]
    assert (refund["amount"], back["quantity"], back["total"], back["total_tax"]) == ("7.58", -1, "-6.37", "-1.21")
    assert shop.order(placed)["refunds"][0]["total_tax"] == "-1.21"
    assert shop.stock("SKU-001") == 999


def test_in_an_old_store_a_partial_refund_does_not_move_the_date() -> None:
    old = DemoShop.create(orders=0, now=NOW, old_store=True)
    old.clock.freeze(NOW)
    placed = old.place_order([("SKU-001", 1)])
    old.clock.advance(60)
    old.refund(placed, "1.00")
    assert old.order(placed)["date_modified_gmt"] == "2026-11-24T09:00:00"


def test_a_trashed_order_leaves_the_lists_but_can_be_read(shop: DemoShop) -> None:
    shop.trash(71)
    assert 71 not in shop.order_ids()
    assert shop.order_ids("trash") == [71]
    assert shop.order(71)["status"] == "trash"


def test_a_deleted_order_takes_its_refunds_along(shop: DemoShop) -> None:
    placed = shop.place_order([("SKU-001", 1)])
    refund = shop.refund(placed, "1.00")
    shop.delete(placed)
    assert refund not in shop.book.refunds
    with pytest.raises(RestError, match="Invalid ID"):
        shop.order(placed)


def test_a_status_of_a_removed_plugin_stays_with_its_orders_but_leaves_the_lists(shop: DemoShop) -> None:
    assert shop.add_status("wc-shipped", "Shipped") == "shipped"
    shop.set_status(71, "shipped")
    assert shop.order_ids("shipped") == [71]
    shop.remove_status("wc-shipped")
    assert 71 not in shop.order_ids()
    assert shop.order(71)["status"] == "shipped"


def test_a_deleted_product_leaves_lines_without_sku(shop: DemoShop) -> None:
    placed = shop.place_order([("SKU-007", 1), ("SKU-008", 1)])
    shop.delete_product("SKU-007")
    lines = shop.order(placed)["line_items"]
    assert [(line["sku"], line["product_id"]) for line in lines] == [(None, 0), ("SKU-008", 17)]


def test_a_placed_order_takes_what_it_is_given(shop: DemoShop) -> None:
    changes = {"currency": "BGN", "billing": {"email": "A@example.com"}, "meta_data": [{"key": "k", "value": "v"}]}
    placed = shop.order(shop.place_order([("SKU-001", 3, "10.00")], status="on-hold", changes=changes))
    assert (placed["currency"], placed["currency_symbol"], placed["status"]) == ("BGN", "лв.", "on-hold")
    assert placed["billing"]["email"] == "A@example.com"
    assert [entry["key"] for entry in placed["meta_data"]] == ["k"]
    assert placed["line_items"][0]["price"] == 10 / 3


def test_the_shopper_is_reproducible_and_keeps_the_money_right() -> None:
    stores = [DemoShop.create(orders=30, now=NOW) for _ in range(2)]
    for store in stores:
        store.clock.freeze(NOW)
        shopper = Shopper(store, rate=0, seed=5)
        for _ in range(80):
            shopper.step()
            store.clock.advance(1)
    one, other = ([store.order(order_id) for order_id in store.order_ids()] for store in stores)
    assert one == other
    assert len(one) > 50
    for order in one:
        assert_adds_up(order)


def test_what_staff_does_to_lines_moves_stock_and_is_counted_on_them() -> None:
    shop = DemoShop.create(orders=0)
    own = shop.place_order([("SKU-001", 3)])
    [line] = shop.order(own)["line_items"]

    def counted() -> tuple[int | None, dict[str, str]]:
        entries = shop.order(own)["line_items"][0]["meta_data"]
        return shop.stock("SKU-001"), {entry["key"]: entry["value"] for entry in entries}

    assert counted() == (997, {"_reduced_stock": "3"})
    shop.change_quantity(own, line["id"], 4)
    assert counted() == (996, {"_reduced_stock": "4"})
    for habit in ("returned", "broken"):
        habits.HABITS[habit](shop, own)
        assert counted() == (997, {"_reduced_stock": "3", "_restock_refunded_items": "1"})
    assert [len(refund["line_items"]) for refund in shop.refunds_of(own)] == [1, 1]
