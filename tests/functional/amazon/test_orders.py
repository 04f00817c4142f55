"""Orders of a seller's marketplaces become sales."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.erp.ledger.check import check
from chansync.setup import channel_settings
from chansync.store import channels
from support import world
from support.marketplace import add_channels, add_system, sales, sync
from support.world import rows


def searches(server: AmazonServer) -> int:
    return sum(served.operation == "searchOrders" for served in server.requests)


class TestThreeMarketplaces:
    def test_each_order_is_a_sale_of_its_channel_to_the_last_cent(
        self, connected: Store, server: AmazonServer, seller: Seller
    ) -> None:
        add_channels(connected)
        placed = [seller.place_order(place) for place in ("DE", "FR", "UK") for _ in range(4)]

        for code in ("de", "fr", "uk"):
            sync(connected, code)

        truth, found = seller.truth(placed), sales(connected)
        assert set(found) == set(placed)
        for own, (channel, currency, total) in found.items():
            assert channel.upper() == truth[own]["marketplace"]
            assert (currency, Decimal(total) / 100) == (truth[own]["currency"], Decimal(truth[own]["total"]))

    def test_one_search_serves_all_of_them(self, connected: Store, server: AmazonServer, seller: Seller) -> None:
        add_channels(connected)
        for code in ("de", "fr", "uk"):
            sync(connected, code)
        before = searches(server)
        placed = [seller.place_order(place) for place in ("DE", "FR", "UK")]
        seller.buckets.set_limit("searchOrders", 0.0056, 1)

        results = sync(connected, "fr")

        assert searches(server) == before + 1
        assert {result.channel_code: result.counts.created for result in results} == {"fr": 1, "de": 1, "uk": 1}
        assert set(sales(connected)) == set(placed)

    def test_a_channel_that_is_added_later_gets_what_was_ordered_before(
        self, de: Store, server: AmazonServer, seller: Seller
    ) -> None:
        french, german = seller.place_order("FR"), seller.place_order("DE")
        sync(de, "de")
        assert set(sales(de)) == {german}

        add_channels(de, ["fr"])
        sync(de, "fr")

        assert set(sales(de)) == {german, french}


class TestTax:
    def test_prices_hold_the_vat_of_the_tax_transaction(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", lines={"SKU-001": 2}, business=False, fulfilled_by="MERCHANT")
        sync(de, "de")

        [(net, tax)] = rows(de, "SELECT sum(net), sum(tax) FROM erp_sale_line WHERE kind = 'item'")
        gross = net + tax
        assert net == int((Decimal(gross) / Decimal("1.19")).quantize(Decimal(1), "ROUND_HALF_UP"))
        assert sales(de)[own][2] >= gross

    def test_a_company_with_a_vat_number_can_be_another_tax_transaction(self, de: Store, seller: Seller) -> None:
        channel_settings.map_method(de.db, channels.channel(de.db, "de"), "tax", "*+vat", "eu")
        # German VAT number with a correct check digit.
        edits = {"buyer": {"vat_number": "DE136695976", "company": "Buyer GmbH"}}
        seller.place_order("DE", business=True, fulfilled_by="MERCHANT", edits=edits)

        sync(de, "de")

        assert rows(de, "SELECT tax_transaction, (SELECT sum(tax) FROM erp_sale_line) FROM erp_sale") == [("eu", 0)]
        assert rows(de, "SELECT vat_number FROM erp_customer") == [("DE136695976",)]

    def test_another_rate_or_mapping_later_changes_no_sale_that_is_paid(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", business=False)
        sync(de, "de")
        de.db.execute("UPDATE erp_tax_transaction SET rate = '20' WHERE code = 'home'")
        channel_settings.map_method(de.db, channels.channel(de.db, "de"), "tax", "*", "eu")
        seller.edit_order(own, {"service": "EXPEDITED"})
        before = rows(de, "SELECT net, tax FROM erp_sale_line")

        sync(de, "de")

        assert world.open_codes(de) == {}
        assert rows(de, "SELECT net, tax FROM erp_sale_line") == before

    def test_a_sale_that_is_untouched_follows_the_tax_transaction(self, de: Store, seller: Seller) -> None:
        channel_settings.change_channel(de, "de", {"paid_statuses": ""})
        own = seller.place_order("DE", business=False)
        sync(de, "de")
        channel_settings.map_method(de.db, channels.channel(de.db, "de"), "tax", "*", "eu")
        seller.edit_order(own, {"service": "EXPEDITED"})

        sync(de, "de")

        assert rows(de, "SELECT tax_transaction, (SELECT sum(tax) FROM erp_sale_line) FROM erp_sale") == [("eu", 0)]

    def test_a_buyer_who_turns_out_to_live_elsewhere_is_said_of_a_paid_sale(self, de: Store, seller: Seller) -> None:
        channel_settings.map_method(de.db, channels.channel(de.db, "de"), "tax", "AT", "eu")
        own = seller.place_order("DE", anonymous=True, business=False, edits={"buyer": {"country": "AT"}})
        sync(de, "de")
        assert world.open_codes(de) == {}

        seller.edit_order(own, {"anonymous": False})
        sync(de, "de")

        assert world.open_codes(de) == {own: "order_changed"}
        [(sentence,)] = rows(de, "SELECT sentence FROM message WHERE open = 1")
        assert "its tax transaction is eu, the sale's is home" in sentence
        seller.ship(own)
        sync(de, "de")
        assert world.open_codes(de) == {own: "order_changed"}

    def test_the_day_of_the_pull_can_be_the_day_of_the_sale(self, de: Store, seller: Seller) -> None:
        channel_settings.change_channel(de, "de", {"date_is_sync_date": "yes", "start_date": "2020-01-01"})
        seller.place_order("DE", created=datetime(2026, 1, 5, 12, tzinfo=UTC))
        sync(de, "de")

        assert rows(de, "SELECT sale_date FROM erp_sale") == [(str(datetime.now().astimezone().date()),)]

    def test_tax_on_top_that_amazon_collects_is_not_the_sellers(self, store: Store) -> None:
        seller = Seller(marketplaces=["US"], rate_factor=100_000.0)
        seller.settling = 0
        with AmazonServer(seller) as server:
            from support import marketplace

            marketplace.add_erp(store, seller)
            add_system(store, server)
            add_channels(store, ["us"])
            own = seller.place_order("US", lines={"SKU-001": 1})
            sync(store, "us")
            assert (world.open_codes(store), sales(store)) == ({own: "tax_unmapped"}, {})
            channel_settings.map_method(store.db, channels.channel(store.db, "us"), "tax", "US+collected", "eu")
            sync(store, "us", order_numbers=(own,))

            assert (world.open_codes(store), rows(store, "SELECT tax_transaction FROM erp_sale")) == ({}, [("eu",)])
            [(net, tax)] = rows(store, "SELECT sum(net), sum(tax) FROM erp_sale_line")
            told = int(Decimal(seller.truth([own])[own]["total"]) * 100)
            assert sales(store)[own] == ("us", "USD", net)
            assert (tax, told) == (0, pytest.approx(net * 1.0875, abs=2))

    @pytest.mark.parametrize("sign", [-1, 1])
    def test_discounts_are_taken_off_however_they_are_written(self, de: Store, seller: Seller, sign: int) -> None:
        seller.discount_sign = sign
        own = seller.place_order("DE", lines={"SKU-001": 2}, edits={"lines": {0: {"discount": 100}}})

        sync(de, "de")

        assert world.open_codes(de) == {}
        assert sales(de)[own][2] == int(Decimal(seller.truth([own])[own]["total"]) * 100)


class TestWaiting:
    def test_a_pending_order_is_no_sale_until_it_has_prices(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", "PENDING")
        channel_settings.change_channel(de, "de", {"order_statuses": "PENDING,UNSHIPPED,SHIPPED"})
        sync(de, "de")
        assert rows(de, 'SELECT state, reason FROM "order"') == [("skipped", "no_prices")]
        assert rows(de, "SELECT 1 FROM message WHERE severity <> 'info'") == []

        seller.pay(own)
        sync(de, "de")

        assert set(sales(de)) == {own}

    def test_a_sale_of_nobody_is_completed_when_the_buyer_is_told(self, de: Store, seller: Seller) -> None:
        seller.roles.discard("pii")
        own = seller.place_order("DE", business=False, fulfilled_by="MERCHANT")
        sync(de, "de")
        assert set(sales(de)) == {own}
        [(before, billing)] = rows(de, "SELECT c.name, s.billing FROM erp_sale s JOIN erp_customer c")
        assert "last_name" not in billing

        seller.roles.add("pii")
        seller.edit_order(own, {"prime": True})
        sync(de, "de")

        buyer = seller.order(own).buyer
        [(after, delivery)] = rows(
            de, "SELECT c.name, s.delivery FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id"
        )
        assert (after, before != after) == (buyer.name, True)
        assert buyer.name in delivery
        assert rows(de, "SELECT count(*) FROM erp_customer") == [(1,)]

    def test_it_is_completed_also_when_it_is_paid_and_documented(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", anonymous=True, business=False)
        sync(de, "de")
        assert rows(de, "SELECT count(*) FROM erp_payment") == [(1,)]

        seller.edit_order(own, {"anonymous": False})
        sync(de, "de")

        assert world.open_codes(de) == {}
        assert rows(de, "SELECT name FROM erp_customer") == [(seller.order(own).buyer.name,)]


class TestSentByAmazon:
    def test_its_goods_come_from_the_fba_warehouse(self, de: Store, seller: Seller) -> None:
        channel_settings.change_channel(de, "de", {"write_out_immediately": "yes"})
        seller.place_order("DE", lines={"FBA-01": 2}, fulfilled_by="AMAZON")
        seller.place_order("DE", lines={"SKU-001": 1}, fulfilled_by="MERCHANT")

        sync(de, "de")

        taken = "SELECT w.code, m.quantity FROM erp_stock_movement m JOIN erp_warehouse w ON w.id = m.warehouse_id"
        assert sorted(rows(de, taken)) == [("AMZ", -2), ("W1", -1)]

    def test_without_such_a_warehouse_it_is_a_problem_that_says_so(self, de: Store, seller: Seller) -> None:
        channel_settings.change_channel(de, "de", {"fba_warehouse": ""})
        own = seller.place_order("DE", lines={"FBA-01": 1}, fulfilled_by="AMAZON")
        sync(de, "de")
        assert world.open_codes(de) == {own: "warehouse_missing"}

        channel_settings.change_channel(de, "de", {"fba_warehouse": "AMZ"})
        sync(de, "de")

        assert world.open_codes(de) == {}
        assert set(sales(de)) == {own}


class TestCancellation:
    def test_a_cancelled_order_cancels_its_sale(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE")
        sync(de, "de")
        seller.cancel(own)
        sync(de, "de")

        assert world.open_codes(de) == {}
        assert rows(de, "SELECT kind FROM erp_event WHERE kind = 'cancelled'") == [("cancelled",)]

    def test_one_that_was_never_taken_is_not_taken(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", "PENDING")
        seller.cancel(own)
        sync(de, "de")

        assert sales(de) == {}
        assert world.open_codes(de) == {}

    def test_a_part_that_is_cancelled_leaves_an_untouched_sale(self, de: Store, seller: Seller) -> None:
        channel_settings.change_channel(de, "de", {"paid_statuses": ""})
        own = seller.place_order("DE", lines={"SKU-001": 3, "SKU-002": 1})
        sync(de, "de")
        line = seller.order(own).lines[0]
        seller.cancel(own, {line.id: 2})
        sync(de, "de")

        assert sales(de)[own][2] == int(Decimal(seller.truth([own])[own]["total"]) * 100)
        quantities = "SELECT i.code, l.quantity FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id"
        assert rows(de, f"{quantities} WHERE l.kind = 'item'") == [("SKU-001", "1"), ("SKU-002", "1")]

    def test_a_part_that_is_cancelled_of_a_paid_sale_is_given_back(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", lines={"SKU-001": 3, "SKU-002": 1}, fulfilled_by="MERCHANT")
        channel_settings.change_channel(de, "de", {"block_quantities": "yes"})
        sync(de, "de")
        before = sales(de)[own][2]
        line = seller.order(own).lines[0]

        for pieces in (1, 1):
            seller.cancel(own, {line.id: pieces})
            sync(de, "de")
            sync(de, "de")

        assert world.open_codes(de) == {}
        left = int(Decimal(seller.truth([own])[own]["total"]) * 100)
        assert rows(de, "SELECT sum(amount) FROM erp_payment") == [(left,)]
        assert rows(de, "SELECT sum(total) FROM erp_document") == [(left,)]
        assert rows(de, "SELECT count(*), sum(total) FROM erp_refund") == [(2, before - left)]
        blocked = """SELECT i.code, sum(m.blocked) FROM erp_stock_movement m JOIN erp_item i ON i.id = m.item_id
                     GROUP BY 1 ORDER BY 1"""
        assert rows(de, blocked) == [("SKU-001", 1), ("SKU-002", 1)]
        assert check(de.db) == []

    def test_and_the_rest_of_it_later_cancels_the_sale(self, de: Store, seller: Seller) -> None:
        own = seller.place_order("DE", lines={"SKU-001": 3})
        sync(de, "de")
        seller.cancel(own, {seller.order(own).lines[0].id: 1})
        sync(de, "de")
        seller.cancel(own)
        sync(de, "de")

        assert world.open_codes(de) == {}
        assert rows(de, "SELECT sum(amount) FROM erp_payment") == [(0,)]
        assert check(de.db) == []


class TestSingleOrders:
    def test_one_order_by_its_number(self, de: Store, seller: Seller, server: AmazonServer) -> None:
        own = seller.place_order("DE")

        [result] = sync(de, "de", order_numbers=(own,))

        assert (result.state, result.counts.created) == ("done", 1)
        assert server.requests[-1].operation == "getOrder"

    @pytest.mark.parametrize("number", ["902-1106328-1059050", "../../x", "?", "not an order", "ä"])
    def test_one_that_is_not_there_is_said(self, de: Store, number: str) -> None:
        [result] = sync(de, "de", order_numbers=(number,))

        assert (result.state, result.error_code) == ("failed", "order_not_found")

    def test_one_of_another_marketplace_is_not_this_channels(self, de: Store, seller: Seller) -> None:
        [result] = sync(de, "de", order_numbers=(seller.place_order("FR"),))

        assert result.error_code == "order_not_found"
        assert sales(de) == {}
