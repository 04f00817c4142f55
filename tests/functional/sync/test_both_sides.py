"""Both sides over the whole life of orders: afterwards they agree, the books balance, and nothing was sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chansync.cli.main import main
from chansync.cli.support.session import user_name
from chansync.db.connection import open_store
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.erp.ledger.check import check
from chansync.erp.ledger.embedded import LEDGER
from chansync.model.sale import SaleState
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from chansync.store import channels, mappings
from support import shops
from support.ledger import balance

#: No coupon, and paid when the store says so: cash on delivery is paid later.
_PLAIN = {"coupon_lines": [], "payment_method": "bacs", "payment_method_title": "Direct bank transfer"}


@dataclass(slots=True)
class World:
    """A store, and a company that blocks what is ordered and sends statuses and stock back."""

    shop: DemoShop
    server: DemoServer
    path: Path

    def place(self, *lines: tuple[Any, ...], status: str = "on-hold") -> int:
        return self.shop.place_order(lines or [("SKU-001", 1)], status=status, changes=_PLAIN)

    def run(self) -> None:
        """What the schedule does in one turn."""
        for stream in ("orders", "comparison", "statuses", "quantities"):
            result = shops.sync(self.path, **({"orders": False} | {stream: True}))
            assert result.state == "done", result

    def act(self, action: str, order: int, **arguments: Any) -> None:
        store = open_store(self.path)
        perform(store.db, action, f"demo-{order}", **arguments)
        store.close()

    def state(self, order: int) -> SaleState:
        store = open_store(self.path)
        try:
            sale = LEDGER.view(store.db, LEDGER.key_of(store.db, f"demo-{order}") or "")
            assert sale is not None
            return sale.state
        finally:
            store.close()

    def on_site(self, order: int) -> str:
        return str(self.shop.order(order)["status"])

    def sent(self) -> list[str]:
        """Every write that the site was asked for."""
        return [served.path for served in self.server.requests if served.method in ("PUT", "POST")]

    def books(self) -> list[str]:
        store = open_store(self.path)
        try:
            return check(store.db)
        finally:
            store.close()


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    made = DemoShop.create(orders=0)
    with DemoServer(made) as server:
        shops.make_company(path, made, server)
        store = open_store(path)
        settings = {
            "push_statuses": "yes",
            "push_quantities": "yes",
            "push_exact_quantities": "yes",
            "block_quantities": "yes",
            "status_cancelled": "cancelled",
        }
        channel_settings.change_channel(store, company.CHANNEL, settings)
        store.close()
        yield World(made, server, path)


def test_the_whole_life_of_orders_on_both_sides(world: World) -> None:
    on_hand = 1000
    cod, paid, refused, cancelled_here, returned = (world.place(("SKU-001", 2)) for _ in range(5))
    world.run()
    assert all(world.state(order).blocked for order in (cod, paid, refused, cancelled_here, returned))

    world.shop.set_status(paid, "processing")
    world.shop.set_status(returned, "processing")
    world.shop.set_status(refused, "cancelled")
    world.run()
    assert world.state(paid).unpaid == 0
    assert world.state(refused).cancelled

    world.act("write-out", cod)
    world.act("write-out", paid)
    world.act("write-out", returned)
    world.act("cancel", cancelled_here)
    world.run()
    assert [world.on_site(order) for order in (cod, paid, returned)] == ["completed"] * 3
    assert world.on_site(cancelled_here) == "cancelled"
    assert world.state(cod).paid == 0, "our own status is nobody's payment"

    line = world.shop.order(returned)["line_items"][0]
    world.shop.refund(
        returned, lines=[{"id": line["id"], "quantity": 1, "refund_total": "1.00", "refund_tax": []}], restock=True
    )
    world.run()
    assert world.state(returned).refunded == 100
    world.shop.set_status(returned, "refunded")
    world.run()
    assert world.state(returned).reversed

    before = len(world.sent())
    world.run()
    assert len(world.sent()) == before, "a turn in which nothing happened sends nothing"
    assert world.books() == []
    store = open_store(world.path)
    # Of the last order one piece was put back: a status that refunds the rest restocks nothing.
    assert balance(store.db, "SKU-001") == on_hand - 5
    store.close()
    assert world.shop.stock("SKU-001") == on_hand - 5
    assert shops.audited(world.path).wrong == []


def test_an_edit_of_an_untouched_order_is_taken_over(world: World) -> None:
    order = world.place(("SKU-001", 1))
    world.run()
    line = world.shop.order(order)["line_items"][0]
    world.shop.change_quantity(order, line["id"], 3)
    world.run()
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.problems) == ([], {})
    assert world.books() == []


class TestComparison:
    def test_ten_thousand_orders_cost_a_request_per_hundred(self, world: World) -> None:
        for _ in range(250):
            world.place()
        world.run()
        before = len(world.server.requests)
        result = shops.sync(world.path, orders=False, comparison=True)
        assert result.counts.unchanged == 250
        assert len(world.server.requests) - before == 3

    def test_an_order_that_we_lost_is_fetched(self, world: World) -> None:
        order = world.place()
        world.run()
        store = open_store(world.path)
        store.db.execute('DELETE FROM "order"')
        store.close()
        assert shops.sync(world.path, orders=False, comparison=True).counts.created == 1
        assert world.state(order).total > 0
        assert shops.query(world.path, "SELECT count(*) FROM erp_sale") == [(1,)]

    def test_what_a_gift_card_paid_is_no_difference(self, world: World) -> None:
        store = open_store(world.path)
        company.go_on(store)
        store.close()
        world.shop.place_gift_card_order([("SKU-001", 2)], "GIFT", "5.00")
        world.run()
        result = shops.sync(world.path, orders=False, comparison=True)
        assert (result.counts.unchanged, result.counts.updated) == (1, 0)
        paid = shops.query(
            world.path,
            """SELECT a.code, p.amount FROM erp_payment p JOIN erp_account a ON a.id = p.account_id ORDER BY p.id""",
        )
        assert paid[0] == ("CARDS", 500)
        assert paid[1][0] != "CARDS"
        assert world.books() == []

    def test_a_status_that_differs_is_looked_at_again(self, world: World) -> None:
        order = world.place()
        world.run()
        world.shop.set_status(order, "cancelled")
        shops.sync(world.path, orders=False, comparison=True)
        assert world.state(order).cancelled

    @pytest.mark.parametrize(("remove", "said"), [("trash", "is in the trash"), ("delete", "was deleted")])
    def test_an_order_that_is_gone_while_its_sale_stands_is_a_problem(
        self, world: World, remove: str, said: str
    ) -> None:
        order = world.place()
        world.run()
        getattr(world.shop, remove)(order)
        world.run()
        open_ones = shops.query(world.path, "SELECT code, sentence FROM message WHERE open = 1")
        assert [code for code, _ in open_ones] == ["order_gone"]
        assert said in open_ones[0][1]
        assert world.state(order).blocked
        world.act("cancel", order)
        assert not shops.query(world.path, "SELECT code FROM message WHERE open = 1")
        world.run()
        assert world.books() == []

    def test_a_site_that_lists_nothing_at_all_is_not_believed(self, world: World) -> None:
        for _ in range(6):
            world.place()
        world.run()
        for order in world.shop.order_ids():
            world.shop.delete(order)
        result = shops.sync(world.path, orders=False, comparison=True)
        assert (result.state, result.error_code) == ("failed", "suspiciously_empty")
        assert shops.query(world.path, "SELECT count(*) FROM message WHERE code = 'order_gone'") == [(0,)]


def test_cash_on_delivery_is_proposed_as_paid_when_it_is_delivered(world: World) -> None:
    cash = {"coupon_lines": [], "payment_method": "cod", "payment_method_title": "Cash on delivery"}
    order = world.shop.place_order([("SKU-001", 1)], status="processing", changes=cash)
    world.run()
    assert world.state(order).paid == 0
    world.shop.set_status(order, "completed")
    world.run()
    assert world.state(order).unpaid == 0
    assert world.books() == []


def test_the_same_is_proposed_where_the_method_is_mapped_by_hand_later(world: World) -> None:
    store = open_store(world.path)
    channel = channels.channel(store.db, company.CHANNEL)
    store.db.execute("DELETE FROM mapping WHERE site_code = 'cod'")
    channel_settings.map_method(store.db, channel, "payment", "cod", "cash")
    proposed = mappings.paid_statuses(store.db, channel.id)
    mappings.set_paid_statuses(store.db, channel.id, "cod", [])
    channel_settings.map_method(store.db, channel, "payment", "cod", "bank")
    kept = mappings.paid_statuses(store.db, channel.id)
    store.close()
    assert (proposed, kept) == ({"cod": frozenset({"completed"})}, {})


def test_what_a_pull_fetches_twice_it_counts_once(world: World) -> None:
    """More than a page of orders that change at once come by their time, and once more as a list to look at again."""
    placed = [world.place() for _ in range(130)]
    shops.sync(world.path)
    for order in placed:
        world.shop.set_status(order, "processing")
    for counted in ("updated", "unchanged", "unchanged"):
        counts = shops.sync(world.path).counts
        assert (counts.fetched, getattr(counts, counted), counts.expected) == (130, 130, 130)


def test_what_is_tried_again_and_comes_with_the_pull_too_is_one_order_of_those_expected(world: World) -> None:
    placed = [world.place() for _ in range(3)]
    shops.sync(world.path)
    store = open_store(world.path)
    store.db.execute("DELETE FROM mapping WHERE site_code = 'bacs'")
    world.place()
    shops.sync(world.path)
    assert channels.make_problems_due(store.db, channels.channel(store.db, company.CHANNEL).id, None) == 1
    store.close()
    counts = shops.sync(world.path).counts
    assert (counts.problems, counts.expected) == (1, counts.fetched)
    assert counts.fetched >= len(placed)


def test_a_difference_is_accepted_by_its_remedy(world: World) -> None:
    order = world.place(status="processing")
    with world.shop.lock:
        document = world.shop.book.orders[order].document
        assert document is not None
        document["total"] = str(Decimal(document["total"]) - Decimal("1.00"))
    shops.sync(world.path, orders=True)
    [(message,)] = shops.query(world.path, "SELECT id FROM message WHERE open = 1 AND code = 'total_mismatch'")
    db = ["--db", str(world.path)]
    assert main([*db, "mend", str(message), "accept"]) == 2
    assert main([*db, "mend", str(message), "set-adjustment-service", "FEE"]) == 0
    assert main([*db, "mend", str(message), "accept"]) == 0
    [(name, net)] = shops.query(world.path, "SELECT name, net FROM erp_sale_line WHERE kind = 'rounding'")
    assert (name, net) == (f"Difference accepted by {user_name()}", -100)
    assert shops.query(world.path, "SELECT count(*) FROM message WHERE open = 1") == [(0,)]
    assert world.books() == []
