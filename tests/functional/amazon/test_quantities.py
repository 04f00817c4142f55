"""Stock goes to the seller's listings: by patches or by a feed, and counts only when the listing shows it."""

from __future__ import annotations

import json

import pytest

from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.platforms.amazon import listings
from chansync.setup import channel_settings
from chansync.sync.run_result import RunResult
from support import marketplace
from support.world import rows


@pytest.fixture
def stocked(de: Store, seller: Seller) -> Store:
    """The channel sends exact quantities; the ERP has seven of each, but the listings say otherwise."""
    channel_settings.change_channel(de, "de", {"push_quantities": "yes", "push_exact_quantities": "yes"})
    de.db.execute(
        """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, at)
           SELECT 1, id, 7, 'opening', 0 FROM erp_item WHERE type = 'goods'"""
    )
    return de


def push(store: Store) -> RunResult:
    [result] = marketplace.sync(store, "de", orders=False, quantities=True)
    assert result.state == "done", result.sentence
    return result


def asked(server: AmazonServer, operation: str) -> int:
    return sum(each.operation == operation for each in server.requests)


def test_each_listing_of_ours_gets_the_number_and_those_of_amazon_none(
    stocked: Store, seller: Seller, server: AmazonServer
) -> None:
    result = push(stocked)

    ours = [sku for sku, listing in seller.goods.listings.items() if listing.fulfilled_by == "MERCHANT"]
    assert {seller.stock(sku) for sku in ours} == {7}
    assert result.counts.updated == len(ours)
    patched = {each.path.rpartition("/")[2] for each in server.requests if each.operation == "patchListingsItem"}
    assert patched == set(ours)


def test_nothing_is_sent_again_while_nothing_moves(stocked: Store, server: AmazonServer) -> None:
    push(stocked)
    before = len(server.requests)

    push(stocked)

    assert len(server.requests) == before


def test_what_is_accepted_and_not_shown_yet_waits_without_a_message(
    stocked: Store, seller: Seller, server: AmazonServer
) -> None:
    seller.patch_delay = 600
    push(stocked)
    assert seller.stock("SKU-001") == 1000
    assert rows(stocked, "SELECT 1 FROM message WHERE open = 1") == []

    seller.clock.advance(700)
    patches = asked(server, "patchListingsItem")
    push(stocked)

    assert seller.stock("SKU-001") == 7
    assert asked(server, "patchListingsItem") == patches
    assert rows(stocked, "SELECT DISTINCT on_site FROM site_item WHERE sku LIKE 'SKU%'") == [("7",)]


def test_what_is_never_shown_becomes_a_problem(stocked: Store, seller: Seller, monkeypatch: pytest.MonkeyPatch) -> None:
    from chansync.sync import push_stock

    monkeypatch.setattr(push_stock, "PATIENCE", 1)
    seller.patch_delay = 10**9
    push(stocked)
    push(stocked)

    [(sentence,)] = rows(stocked, "SELECT sentence FROM message WHERE open = 1")
    assert "still does not show it" in sentence


class TestByFeed:
    @pytest.fixture(autouse=True)
    def few_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listings, "MANY", 10)

    @pytest.mark.parametrize("zipped", [False, True])
    def test_many_go_in_one_feed_and_count_when_they_show(
        self, stocked: Store, seller: Seller, server: AmazonServer, zipped: bool
    ) -> None:
        seller.gzip_results = zipped
        push(stocked)
        assert (asked(server, "createFeed"), asked(server, "patchListingsItem")) == (1, 0)
        push(stocked)
        assert asked(server, "createFeed") == 1
        assert rows(stocked, "SELECT 1 FROM message WHERE open = 1") == []

        seller.clock.advance(120)
        result = push(stocked)

        assert seller.stock("SKU-030") == 7
        assert result.counts.updated == 31
        assert asked(server, "createFeed") == 1

    def test_what_the_result_document_refuses_is_a_problem_with_its_reason(
        self, stocked: Store, seller: Seller
    ) -> None:
        push(stocked)
        listing = seller.goods.listings["SKU-003"]
        listing.fulfilled_by = "AMAZON"
        seller.clock.advance(120)
        with seller.lock:
            seller.settle()
        listing.fulfilled_by = "MERCHANT"
        result = push(stocked)

        assert result.counts.problems == 1
        [(sentence,)] = rows(stocked, "SELECT sentence FROM message WHERE open = 1")
        assert "SKU-003 (Amazon refuses it: The SKU is not offered" in sentence

    def test_a_result_document_that_cannot_be_read_keeps_nothing_back(self, stocked: Store, seller: Seller) -> None:
        push(stocked)
        seller.clock.advance(120)
        with seller.lock:
            seller.settle()
            for feed in seller.feeds.feeds.values():
                seller.feeds.documents[feed.result].data = b"<html>"

        assert push(stocked).counts.updated == 31
        assert rows(stocked, "SELECT 1 FROM message WHERE open = 1") == []

    def test_the_feed_is_of_the_form_that_amazon_describes(self, stocked: Store, server: AmazonServer) -> None:
        push(stocked)

        [upload] = [each for each in server.requests if each.operation == "document" and each.method == "PUT"]
        sent = json.loads(upload.sent)
        assert sent["header"]["version"] == "2.0"
        assert len(sent["messages"]) == 31
        assert {message["operationType"] for message in sent["messages"]} == {"PATCH"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"push_exact_quantities": "no"}, "push_exact_quantities"),
        ({"push_exact_quantities": "no", "push_quantities": "no"}, ""),
        ({"remove_at_zero": "yes"}, "remove_at_zero"),
        ({"status_written_out": "UNSHIPPED"}, "status_written_out"),
        ({"status_written_out_and_paid": "SHIPPED"}, ""),
        ({"status_cancelled": "SHIPPED"}, "status_cancelled"),
        ({"vat_number_keys": "_vat"}, "vat_number_keys"),
        ({"write_out_what_the_site_ships": "yes"}, ""),
    ],
)
def test_what_amazon_cannot_do_is_refused_when_it_is_set(stocked: Store, changes: dict[str, str], field: str) -> None:
    try:
        channel_settings.change_channel(stocked, "de", changes)
        refused = []
    except channel_settings.InvalidFields as error:
        refused = [each.name for each in error.errors]
    assert refused == ([field] if field else [])


def test_without_the_sellers_id_it_says_what_to_enter(stocked: Store) -> None:
    from chansync.setup import systems

    systems.change_system(stocked, "amz", {"seller_id": ""})
    [result] = marketplace.sync(stocked, "de", orders=False, quantities=True)

    assert (result.state, result.error_code) == ("failed", "no_seller_id")
    assert "chansync system set amz seller_id=" in result.sentence
    # Whoever saves the channel hears of it then.
    with pytest.raises(channel_settings.InvalidFields, match="push_quantities needs the Seller id of the system amz"):
        channel_settings.change_channel(stocked, "de", {"name": "Another"})
    channel_settings.change_channel(stocked, "de", {"push_quantities": "no", "push_exact_quantities": "no"})
