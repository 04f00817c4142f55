"""Stock that goes back to the site: the right numbers, only where they changed, and nothing of other people's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.demo.woocommerce import DemoShop
from chansync.demo.woocommerce.catalog import Product
from chansync.erp.ledger import setup
from chansync.setup import channel_settings
from chansync.store import channels
from support import shops

from .conftest import World

Make = Callable[..., World]

ON = {"push_quantities": "yes", "push_exact_quantities": "yes"}


@pytest.fixture
def world(make: Make) -> World:
    """Everything is on the site as it is in the ERP."""
    made = make(**ON)
    result = made.quantities()
    assert (result.state, result.counts.problems) == ("done", 0), result
    return made


def product(world: World, sku: str) -> tuple[bool, int | None, str, str]:
    """Whether the site counts it, how many it has, its stock status, and how it is shown."""
    found = world.shop.catalog.by_sku(sku)
    return found.manage_stock, found.stock, found.stock_status, found.status if found.parent else found.visibility


@pytest.mark.parametrize(
    ("changes", "quantity", "expected"),
    [
        ({}, 7, (True, 7, "instock", "visible")),
        ({}, 0, (True, 0, "outofstock", "visible")),
        ({}, -3, (True, 0, "outofstock", "visible")),
        ({"remove_at_zero": "yes"}, 7, (True, 7, "instock", "visible")),
        ({"remove_at_zero": "yes"}, 0, (True, 0, "outofstock", "hidden")),
        ({"push_exact_quantities": "no"}, 7, (True, 1000, "instock", "visible")),
        ({"push_exact_quantities": "no"}, 0, (True, 0, "outofstock", "visible")),
        ({"push_exact_quantities": "no", "remove_at_zero": "yes"}, 0, (True, 0, "outofstock", "hidden")),
        ({"stock_reserve": "2"}, 7, (True, 5, "instock", "visible")),
        ({"stock_reserve": "8"}, 7, (True, 0, "outofstock", "visible")),
        ({"offer_at_most": "5"}, 7, (True, 5, "instock", "visible")),
        ({"offer_at_most": "0"}, 7, (True, 0, "outofstock", "visible")),
        ({"offer_at_most": "5", "stock_reserve": "4"}, 7, (True, 3, "instock", "visible")),
        ({"push_exact_quantities": "no", "stock_reserve": "7"}, 7, (True, 0, "outofstock", "visible")),
        ({"push_exact_quantities": "no", "push_quantities": "no"}, 7, (True, 1000, "instock", "visible")),
        ({"system_type": "working"}, 7, (True, 7, "instock", "visible")),
        ({"system_type": "test"}, 7, (True, 1000, "instock", "visible")),
    ],
)
def test_an_item_gets_what_the_channel_sends(
    make: Make, changes: dict[str, str], quantity: int, expected: tuple[bool, int | None, str, str]
) -> None:
    world = make(**ON | changes)
    store = open_store(world.path)
    setup.change(store.db, "pos", "WEB", {"negative_stock": "yes"})
    store.close()
    world.stock(SKU_001=quantity)
    world.quantities()
    assert product(world, "SKU-001") == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (True, 0, "outofstock", "publish")),
        ({"remove_at_zero": "yes"}, (True, 0, "outofstock", "private")),
        ({"push_exact_quantities": "no"}, (True, 0, "outofstock", "publish")),
    ],
)
def test_a_variation_goes_through_its_parent(
    make: Make, changes: dict[str, str], expected: tuple[bool, int | None, str, str]
) -> None:
    world = make(**ON | changes)
    world.stock(SHIRT_1_M=0, SHIRT_1_L=0, SHIRT_2_S=0)
    result = world.quantities()
    assert result.counts.problems == 0
    for sku in ("SHIRT-1-M", "SHIRT-1-L", "SHIRT-2-S"):
        assert product(world, sku) == expected
    assert world.shop.catalog.by_sku("SHIRT-1-M").parent == 50


def test_what_the_site_has_already_is_not_sent(world: World) -> None:
    assert world.sent("products/batch") + world.sent("variations/batch") == 0
    assert world.query("SELECT count(*) FROM site_item WHERE site_id <> ''") == [(55,)]


def test_nothing_changed_sends_nothing(world: World) -> None:
    before = len(world.server.requests)
    result = world.quantities()
    assert (result.state, result.counts.requests) == ("done", 0)
    assert len(world.server.requests) == before


def test_only_what_changed_is_sent(world: World) -> None:
    world.stock(SKU_001=5, SKU_002=6, SHIRT_1_M=3, SHIRT_1_L=2, SHIRT_2_M=1)
    before = len(world.server.requests)
    result = world.quantities()
    assert (result.counts.updated, result.counts.unchanged, result.counts.requests) == (5, 50, 3)
    # The orders are pulled just before, in a run of their own.
    routes = [request.route for request in world.server.requests[before:]]
    assert sorted(route for route in routes if "/orders" not in route) == [
        "/wc/v3/products/50/variations/batch",
        "/wc/v3/products/54/variations/batch",
        "/wc/v3/products/batch",
    ]
    assert world.quantities().counts.requests == 0


def test_what_is_blocked_is_not_there_to_be_sold(world: World) -> None:
    world.stock(SKU_003=4)
    number = world.order(sku="SKU-003")
    world.orders(number)
    world.act(number, "block")
    world.quantities()
    assert world.shop.stock("SKU-003") == 3


def test_the_chosen_warehouses_count_and_not_the_pos_s(world: World) -> None:
    store = open_store(world.path)
    setup.add(store.db, "warehouse", "W2", {"name": "Second"})
    setup.add(store.db, "warehouse", "W3", {"name": "Third"})
    store.close()
    world.stock(SKU_001=5)
    world.configure(quantity_warehouses="W2, W3")
    world.quantities()
    assert world.shop.stock("SKU-001") == 0
    world.configure(quantity_warehouses="W1, W2")
    world.quantities()
    assert world.shop.stock("SKU-001") == 5


def test_another_way_of_sending_leaves_what_is_right_and_sends_every_number_anew(world: World) -> None:
    world.configure(push_exact_quantities="no")
    assert world.quantities().counts.updated == 0
    assert product(world, "SKU-001") == (True, 1000, "instock", "visible")
    world.stock(SKU_001=3)
    assert world.quantities().counts.updated == 0  # still in stock
    world.configure(push_exact_quantities="yes")
    assert world.quantities().counts.updated == 55
    assert product(world, "SKU-001") == (True, 3, "instock", "visible")


def test_an_item_comes_back_as_it_was_shown(make: Make) -> None:
    world = make(**ON, remove_at_zero="yes")
    world.shop.catalog.by_sku("SKU-001").visibility = "catalog"
    world.stock(SKU_001=0, SHIRT_1_M=0)
    world.quantities()
    assert (product(world, "SKU-001")[3], product(world, "SHIRT-1-M")[3]) == ("hidden", "private")
    world.stock(SKU_001=2, SHIRT_1_M=2)
    world.quantities()
    assert product(world, "SKU-001") == (True, 2, "instock", "catalog")
    assert product(world, "SHIRT-1-M") == (True, 2, "instock", "publish")


def test_what_somebody_else_took_off_stays_off(make: Make) -> None:
    world = make(**ON, remove_at_zero="yes")
    world.quantities()
    world.shop.catalog.by_sku("SKU-001").visibility = "hidden"
    world.stock(SKU_001=0)
    world.quantities()
    assert product(world, "SKU-001") == (True, 0, "outofstock", "hidden")
    world.stock(SKU_001=2)
    world.quantities()
    assert product(world, "SKU-001") == (True, 2, "instock", "hidden")
    assert world.quantities().counts.requests == 0
    world.next_day()
    assert world.quantities().counts.updated == 0
    assert world.messages("stock_drift") == []


def test_what_somebody_else_put_back_is_forgotten_to_be_ours(make: Make) -> None:
    world = make(**ON, remove_at_zero="yes")
    world.stock(SKU_001=0)
    world.quantities()
    world.shop.catalog.by_sku("SKU-001").visibility = "search"
    world.stock(SKU_001=2)
    world.quantities()
    assert product(world, "SKU-001") == (True, 2, "instock", "search")
    assert world.query("SELECT removed_by_us FROM site_item WHERE item = 'SKU-001'") == [("",)]


def test_switching_remove_at_zero_off_puts_back_what_we_took_off(make: Make) -> None:
    world = make(**ON, remove_at_zero="yes")
    world.stock(SKU_001=0)
    world.quantities()
    world.configure(remove_at_zero="no")
    world.quantities()
    assert product(world, "SKU-001") == (True, 0, "outofstock", "visible")


@pytest.mark.parametrize("applied", [True, False])
def test_a_run_killed_while_it_takes_an_item_off_still_puts_it_back(make: Make, applied: bool) -> None:
    world = make(**ON, remove_at_zero="yes")
    world.quantities()
    world.stock(SKU_001=0)
    world.server.faults.add("products/batch", "status", times=None, status=503, apply=applied)
    assert world.quantities().state == "failed"
    assert product(world, "SKU-001")[3] == ("hidden" if applied else "visible")
    world.server.faults.clear()
    assert world.quantities().counts.updated == 1
    assert product(world, "SKU-001")[3] == "hidden"
    world.stock(SKU_001=1)
    world.quantities()
    assert product(world, "SKU-001")[3] == "visible"


def test_a_lost_answer_is_sent_again_and_nothing_else(world: World) -> None:
    world.stock(SKU_001=5)
    world.server.faults.add("products/batch", "drop", times=1)
    assert world.quantities().counts.updated == 1
    assert world.shop.stock("SKU-001") == 5


def test_an_item_that_fails_is_named_and_does_not_stop_the_others(world: World) -> None:
    world.stock(SKU_001=5, SKU_002=6)
    world.shop.delete_product("SKU-001")
    result = world.quantities()
    assert (result.state, result.counts.updated, result.counts.problems) == ("done", 1, 1)
    assert world.shop.stock("SKU-002") == 6
    [(sentence, is_open)] = world.messages("push_failed")
    assert sentence.startswith("The stock of one item cannot be sent: SKU-001 (the site says “Invalid ID”")
    assert is_open
    assert world.quantities().counts.requests == 0  # it waits
    assert world.quantities(trigger="command").counts.problems == 1  # unless a person asks
    shops.sync(world.path)
    assert [is_open for _, is_open in world.messages("push_failed")] == [True]
    world.next_day()
    assert world.quantities().counts.problems == 0
    assert [is_open for _, is_open in world.messages("push_failed")] == [False]


def test_a_site_that_does_not_count_stock_is_told_from_its_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Product, "set_stock", lambda self, quantity: setattr(self, "stock", None))
    world.stock(SKU_001=5)
    assert world.quantities().counts.problems == 1
    [(sentence, _)] = world.messages("push_failed")
    assert "the site does not count stock: enable it under" in sentence


def test_stock_that_drifted_is_reported_once_and_sent_again(world: World) -> None:
    world.shop.set_stock("SKU-001", 3)
    world.shop.set_stock("SKU-002", 4)
    assert world.quantities().counts.requests == 0
    world.next_day()
    assert world.quantities().counts.updated == 2
    assert (world.shop.stock("SKU-001"), world.shop.stock("SKU-002")) == (1000, 1000)
    [(sentence, is_open)] = world.messages("stock_drift")
    assert sentence == (
        "The stock of 2 items on the site was not as sent: SKU-001 (3, sent: 1000); SKU-002 (4, sent: 1000). "
        "It is sent again."
    )
    assert not is_open
    assert world.quantities().counts.requests == 0


def test_a_change_on_both_sides_is_no_drift(world: World) -> None:
    world.shop.set_stock("SKU-001", 999)
    world.stock(SKU_001=999)
    world.next_day()
    assert world.quantities().counts.updated == 0
    assert world.messages("stock_drift") == []


def test_a_mapped_item_is_sent_to_what_it_is_mapped_to(world: World) -> None:
    store = open_store(world.path)
    setup.add(store.db, "item", "OTHER", {"name": "Another"})
    channel = channels.channel(store.db, company.CHANNEL)
    channel_settings.map_method(store.db, channel, "item", "70", "OTHER")
    store.close()
    variation = world.shop.catalog.by_sku("SHIRT-5-L")
    variation.sku = ""
    store = open_store(world.path)
    channel_settings.map_method(
        store.db, channels.channel(store.db, company.CHANNEL), "item", str(variation.id), "SHIRT-5-L"
    )
    store.close()
    world.stock(OTHER=12, SHIRT_5_L=9)
    assert world.quantities().counts.problems == 0
    assert world.shop.catalog.products[70].stock == 12
    assert variation.stock == 9


def test_an_item_that_both_sides_get_later_is_found_the_next_day_or_when_it_is_new_here(world: World) -> None:
    store = open_store(world.path)
    for code in ("NEW-1", "NEW-2"):
        setup.add(store.db, "item", code, {"name": code})
    store.close()
    catalog = world.shop.catalog
    catalog.products[900] = Product(900, "New 1", "new-1", "NEW-1", catalog.by_sku("SKU-001").price)
    world.stock(NEW_1=3, NEW_2=4)
    assert world.quantities().counts.updated == 1
    assert catalog.products[900].stock == 3
    catalog.products[901] = Product(901, "New 2", "new-2", "NEW-2", catalog.by_sku("SKU-001").price)
    assert world.quantities().counts.requests == 0
    world.next_day()
    world.quantities()
    assert catalog.products[901].stock == 4


def test_a_dry_run_sends_and_writes_nothing_and_says_what_would_be_sent(world: World) -> None:
    world.stock(SKU_001=0, SHIRT_1_M=3)
    world.configure(remove_at_zero="yes")
    tables = ("site_item", "stream", "run", "message")
    before = [world.query(f"SELECT * FROM {table}") for table in tables]
    result = world.quantities(dry_run=True)
    plans = {plan.target: (plan.before, plan.after) for plan in result.plans}  # type: ignore[union-attr]
    assert plans == {"SKU-001": ("1000", "0, off the site"), "SHIRT-1-M": ("50", "3")}
    assert [world.query(f"SELECT * FROM {table}") for table in tables] == before
    assert world.sent("products/batch") + world.sent("variations/batch") == 0


def test_a_thousand_changed_items_are_eleven_requests_at_the_most(make: Make) -> None:
    shop = DemoShop.create(orders=0)
    price = shop.catalog.by_sku("SKU-001").price
    codes = [f"BULK-{number:05}" for number in range(1000)]
    for number, code in enumerate(codes, 10_000):
        shop.catalog.products[number] = Product(number, code, code.lower(), code, price, stock=1)
    world = make(shop, **ON)
    store = open_store(world.path)
    with store.db:
        store.db.executemany("INSERT INTO erp_item (code, name) VALUES (?, ?)", [(code, code) for code in codes])
    store.close()
    world.stock(**{code.replace("-", "_"): 1 for code in codes})
    first = world.quantities()
    assert (first.counts.updated, first.counts.problems) == (0, 0)
    # Once a day they are looked for by their SKUs, and all that the site sells is listed.
    assert first.counts.requests <= 11 + 1 + 12
    world.stock(**{code.replace("-", "_"): 2 for code in codes})
    changed = world.quantities()
    assert (changed.counts.updated, changed.counts.problems) == (1000, 0)
    assert changed.counts.requests <= 11
    assert {shop.catalog.products[number].stock for number in range(10_000, 11_000)} == {2}
    assert world.quantities().counts.requests == 0


def test_whether_a_shop_counts_its_stock_is_left_to_it(make: Make) -> None:
    """Yes or no: a shop that counts gets 0, and plenty where it has none left; one that does not gets the word."""
    world = make(push_quantities="yes")
    counted, plain = (world.shop.catalog.by_sku(sku) for sku in ("SKU-001", "SKU-002"))
    plain.manage_stock, plain.stock = False, None
    world.quantities()
    for pieces, expected in (
        (0, [(True, 0, "outofstock"), (False, None, "outofstock")]),
        (3, [(True, 9999, "instock"), (False, None, "instock")]),
    ):
        world.stock(SKU_001=pieces, SKU_002=pieces)
        assert world.quantities().counts.problems == 0
        assert [(each.manage_stock, each.stock, each.stock_status) for each in (counted, plain)] == expected


@pytest.mark.parametrize("status", ["on-hold", "pending", "cancelled"])
def test_what_an_order_holds_that_is_no_sale_is_not_offered(world: World, status: str) -> None:
    """The shop has taken a piece for an order on hold; the checkout's own reservation of one that is pending stands
    beside its stock."""
    world.run(orders=True)
    world.configure(order_statuses="processing")
    number = world.order(status)
    world.run(orders=True)
    world.quantities()
    assert world.shop.stock("SKU-001") == (999 if status == "on-hold" else 1000)
    if status == "on-hold":
        world.shop.set_status(int(number), "cancelled")
        world.run(orders=True)
        world.quantities()
        assert world.shop.stock("SKU-001") == 1000


def test_orders_are_pulled_before_stock_is_pushed(world: World) -> None:
    world.run(orders=True)
    world.order("processing")
    world.stock(SKU_001=5)
    world.quantities()
    assert world.shop.stock("SKU-001") == 4


@pytest.mark.parametrize("written", ["036000291452", "0036000291452", "00036000291452"])
def test_an_item_is_found_by_its_gtin_however_that_is_written(make: Make, written: str) -> None:
    world = make(**ON)
    product = world.shop.catalog.by_sku("SKU-001")
    product.sku, product.gtin = "THEIRS-1", written
    store = open_store(world.path)
    setup.change(store.db, "item", "SKU-001", {"gtin": "036000291452"})
    store.close()
    world.stock(SKU_001=7)
    world.quantities()
    assert product.stock == 7
    world.stock(SKU_001=6)
    assert world.quantities().counts.updated == 1
    assert product.stock == 6


def test_an_sku_in_another_case_is_told_until_it_is_mended(make: Make) -> None:
    world = make(**ON)
    product = world.shop.catalog.by_sku("SKU-001")
    product.sku = "sku-001"
    world.quantities()
    [(sentence, is_open)] = world.messages("sku_case_differs")
    assert is_open
    assert "SKU-001 (on the site: sku-001)" in sentence
    product.sku = "SKU-001"
    world.next_day()
    world.quantities()
    assert [is_open for _, is_open in world.messages("sku_case_differs")] == [False]


def test_what_the_site_sells_and_nobody_knows_is_told_once(make: Make) -> None:
    world = make(**ON)
    world.quantities()
    known = len(world.messages("site_items_unknown"))
    world.shop.catalog.by_sku("SKU-001").sku = "GHOST"
    world.query("UPDATE site_item SET looked_at = 0")
    world.quantities()
    *_, (sentence, is_open) = world.messages("site_items_unknown")
    assert (len(world.messages("site_items_unknown")), is_open) == (known + 1, False)
    assert "GHOST (site id " in sentence
    for _ in range(2):
        world.query("UPDATE site_item SET looked_at = 0")
        world.quantities()
    assert len(world.messages("site_items_unknown")) == known + 1


@pytest.mark.parametrize("written", ["4006381-333931", "0 4006381 33393 1", "04006381333931", "4006381333931"])
def test_a_gtin_is_found_however_the_site_writes_it(make: Make, written: str) -> None:
    world = make(**ON)
    product = world.shop.catalog.by_sku("SKU-001")
    product.sku, product.gtin = "", written
    store = open_store(world.path)
    with store.db:
        store.db.execute("INSERT INTO erp_item (code, name, gtin) VALUES ('PEN', 'Pen', '4006381333931')")
    store.close()
    for pieces in (7, 5):
        world.stock(PEN=pieces)
        world.quantities()
        assert product.stock == pieces
