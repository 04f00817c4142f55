"""Sales that are written out are confirmed to Amazon as shipments."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from chansync.sync import push_statuses
from support import world
from support.marketplace import sync


@pytest.fixture
def sending(de: Store) -> Store:
    """The channel sends what becomes of its sales."""
    channel_settings.change_channel(de, "de", {"push_statuses": "yes"})
    return de


def sent(server: AmazonServer) -> list[dict[str, object]]:
    """The confirmations that Amazon was sent."""
    return [json.loads(each.sent) for each in server.requests if each.operation == "confirmShipment"]


def test_a_sale_that_is_written_out_is_confirmed_once(sending: Store, server: AmazonServer, seller: Seller) -> None:
    own = seller.place_order("DE", fulfilled_by="MERCHANT", lines={"SKU-001": 2, "SKU-002": 1})
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}", carrier="dhl", tracking="00340434161094022115")

    for _ in range(3):
        sync(sending, "de", statuses=True)

    order = seller.order(own)
    [package] = order.packages
    assert (order.status, package.carrier, package.tracking) == ("SHIPPED", "DHL", "00340434161094022115")
    assert sum(package.items.values()) == 3
    assert len(sent(server)) == 1
    assert world.open_codes(sending) == {}


def test_what_was_shipped_elsewhere_stays_and_the_rest_is_a_package_of_its_own(sending: Store, seller: Seller) -> None:
    own = seller.place_order("DE", fulfilled_by="MERCHANT", lines={"SKU-001": 2, "SKU-002": 1})
    sync(sending, "de")
    first, second = (line.id for line in seller.order(own).lines)
    seller.ship(own, {first: 2}, carrier="GLS", tracking="by hand")
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}", carrier="DHL", tracking="by us")

    sync(sending, "de", statuses=True)

    order = seller.order(own)
    assert order.status == "SHIPPED"
    assert [(each.tracking, each.items) for each in order.packages] == [("by hand", {first: 2}), ("by us", {second: 1})]


def test_a_carrier_that_amazon_has_no_code_for_goes_by_its_name(
    sending: Store, server: AmazonServer, seller: Seller
) -> None:
    own = seller.place_order("DE", fulfilled_by="MERCHANT")
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}", carrier="Bike & Co", tracking="B-1")
    sync(sending, "de", statuses=True)

    [confirmation] = sent(server)
    package = confirmation["packageDetail"]
    assert isinstance(package, dict)
    assert (package["carrierCode"], package["carrierName"]) == ("Other", "Bike & Co")


def test_without_a_tracking_number_it_waits_until_one_is_entered(
    sending: Store, server: AmazonServer, seller: Seller
) -> None:
    channel_settings.change_channel(sending, "de", {"carrier": "DPD"})
    own = seller.place_order("DE", fulfilled_by="MERCHANT")
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}")
    sync(sending, "de", statuses=True)
    assert world.open_codes(sending) == {own: "push_failed"}
    assert sent(server) == []

    perform(sending.db, "ship", f"de-{own}", tracking="0123456789")
    sync(sending, "de", statuses=True)

    assert seller.order(own).packages[0].carrier == "DPD"
    assert world.open_codes(sending) == {}


def test_what_amazon_sends_itself_is_never_confirmed(sending: Store, server: AmazonServer, seller: Seller) -> None:
    own = seller.place_order("DE", fulfilled_by="AMAZON", lines={"FBA-01": 1})
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}", carrier="DHL", tracking="1")
    sync(sending, "de", statuses=True)

    assert sent(server) == []
    assert world.rows(sending, "SELECT 1 FROM outbox") == []


def test_a_confirmation_whose_answer_is_lost_is_not_sent_twice(
    sending: Store, server: AmazonServer, seller: Seller
) -> None:
    own = seller.place_order("DE", fulfilled_by="MERCHANT")
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}", carrier="DHL", tracking="1")
    server.faults.add("shipmentConfirmation", "drop", apply=True)

    sync(sending, "de", statuses=True)

    assert len(seller.order(own).packages) == 1
    assert world.rows(sending, "SELECT state FROM outbox") == [("confirmed",)]


def test_an_empty_answer_that_does_not_come_from_amazon_confirms_nothing(
    sending: Store, server: AmazonServer, seller: Seller
) -> None:
    own = seller.place_order("DE", fulfilled_by="MERCHANT")
    sync(sending, "de")
    perform(sending.db, "write-out", f"de-{own}", carrier="DHL", tracking="1")
    server.faults.add("shipmentConfirmation", "empty")

    sync(sending, "de", statuses=True)

    assert len(sent(server)) == 2
    assert seller.order(own).status == "SHIPPED"
    assert world.open_codes(sending) == {}


class TestCancelling:
    def cancelled(self, store: Store, seller: Seller) -> str:
        own = seller.place_order("DE", fulfilled_by="MERCHANT")
        sync(store, "de")
        perform(store.db, "cancel", f"de-{own}")
        return own

    def test_a_cancelled_sale_cancels_the_order_by_a_feed(
        self, sending: Store, server: AmazonServer, seller: Seller
    ) -> None:
        own = self.cancelled(sending, seller)
        sync(sending, "de", statuses=True)
        assert world.rows(sending, "SELECT state FROM outbox") == [("sent",)]
        sync(sending, "de", statuses=True)
        assert world.rows(sending, "SELECT 1 FROM message WHERE open = 1") == []

        seller.clock.advance(120)
        sync(sending, "de", statuses=True)
        sync(sending, "de", statuses=True)

        assert seller.order(own).status == "CANCELLED"
        assert world.rows(sending, "SELECT state FROM outbox") == [("confirmed",)]
        assert sum(each.operation == "createFeed" for each in server.requests) == 1

    def test_one_that_amazon_accepts_and_never_cancels_is_a_problem(
        self, sending: Store, seller: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(push_statuses, "PATIENCE", 1)
        monkeypatch.setattr(seller, "cancel", lambda *_: None)
        self.cancelled(sending, seller)
        for _ in range(2):
            sync(sending, "de", statuses=True)
            seller.clock.advance(120)

        [(sentence,)] = world.rows(sending, "SELECT sentence FROM message WHERE code = 'push_failed' AND open = 1")
        assert "the site accepted it and still does not show it" in sentence

    def test_one_that_was_shipped_is_told_once_and_not_asked_for_again(
        self, sending: Store, seller: Seller, server: AmazonServer
    ) -> None:
        own = self.cancelled(sending, seller)
        seller.ship(own)
        for _ in range(2):
            sync(sending, "de", statuses=True)

        told = "SELECT sentence FROM message WHERE code = 'push_refused_status'"
        [(sentence,)] = world.rows(sending, told)
        assert "Amazon cancels no order that was shipped" in sentence
        assert world.rows(sending, "SELECT state FROM outbox") == [("dropped",)]
        assert sum(each.operation == "createFeed" for each in server.requests) == 0

    def test_one_that_amazon_does_not_cancel_is_a_problem_with_its_reason(self, sending: Store, seller: Seller) -> None:
        own = self.cancelled(sending, seller)
        sync(sending, "de", statuses=True)
        seller.edit_order(own, {"lines": {0: {"id": "another"}}})
        seller.clock.advance(120)
        sync(sending, "de", statuses=True)

        [(sentence,)] = world.rows(sending, "SELECT sentence FROM message WHERE code = 'push_failed' AND open = 1")
        assert "Amazon does not cancel it: The order does not have such an item" in sentence


class TestPackages:
    """A sale that is written out in several packages: each is a confirmation of its own."""

    @pytest.fixture
    def own(self, sending: Store, seller: Seller) -> str:
        """An order of three pieces of one item and one of another, with its sale."""
        placed = seller.place_order("DE", fulfilled_by="MERCHANT", lines={"SKU-001": 3, "SKU-002": 1})
        sync(sending, "de")
        return placed

    def packages(self, seller: Seller, own: str) -> list[tuple[str, str, list[int]]]:
        return sorted(
            (each.reference, each.tracking, sorted(each.items.values())) for each in seller.order(own).packages
        )

    def pack(self, store: Store, own: str, tracking: str, **lines: int) -> None:
        named = [(name.replace("_", "-"), Decimal(pieces)) for name, pieces in lines.items()]
        perform(store.db, "write-out", f"de-{own}", carrier="DHL", tracking=tracking, lines=named)

    def test_each_is_confirmed_once_with_its_lines(
        self, sending: Store, server: AmazonServer, seller: Seller, own: str
    ) -> None:
        self.pack(sending, own, "T1", SKU_001=2)
        for _ in range(2):
            sync(sending, "de", statuses=True)
        assert (seller.order(own).status, self.packages(seller, own)) == ("PARTIALLY_SHIPPED", [("1", "T1", [2])])
        sync(sending, "de")
        self.pack(sending, own, "T2", SKU_001=1, SKU_002=1)
        for _ in range(2):
            sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "T1", [2]), ("2", "T2", [1, 1])]
        assert seller.order(own).status == "SHIPPED"
        sync(sending, "de")
        assert len(sent(server)) == 2
        assert world.rows(sending, "SELECT 1 FROM outbox") == []
        assert world.open_codes(sending) == {}

    def test_the_rest_of_a_sale_is_its_last_package(self, sending: Store, seller: Seller, own: str) -> None:
        self.pack(sending, own, "T1", SKU_002=1)
        perform(sending.db, "write-out", f"de-{own}", carrier="GLS", tracking="T2")
        sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "T1", [1]), ("2", "T2", [3])]

    def test_what_was_shipped_elsewhere_keeps_its_number(self, sending: Store, seller: Seller, own: str) -> None:
        line = seller.order(own).lines[0].id
        seller.ship(own, {line: 1}, tracking="by hand")
        self.pack(sending, own, "T1", SKU_001=2)
        sync(sending, "de", statuses=True)
        self.pack(sending, own, "T2", SKU_002=1)
        sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "by hand", [1]), ("2", "T1", [2]), ("3", "T2", [1])]

    @pytest.mark.parametrize("shown", [True, False])
    def test_one_that_was_on_its_way_at_a_kill_is_confirmed_once(
        self, sending: Store, seller: Seller, own: str, shown: bool
    ) -> None:
        self.pack(sending, own, "T1", SKU_001=2)
        self.pack(sending, own, "T2", SKU_001=1)
        if shown:
            sync(sending, "de", statuses=True)
        sending.db.execute("UPDATE shipment_push SET state = 'sent', sent_at = 1")
        sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "T1", [2]), ("2", "T2", [1])]
        assert world.rows(sending, "SELECT DISTINCT state FROM shipment_push") == [("confirmed",)]

    def test_a_lost_answer_is_asked_for_and_not_sent_again_as_another_package(
        self, sending: Store, server: AmazonServer, seller: Seller, own: str
    ) -> None:
        self.pack(sending, own, "T1", SKU_001=2)
        server.faults.add("shipmentConfirmation", "drop", apply=True)
        sync(sending, "de", statuses=True)
        sending.db.execute("UPDATE shipment_push SET sent_at = 1")
        sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "T1", [2])]
        assert world.rows(sending, "SELECT state FROM shipment_push") == [("confirmed",)]

    def test_another_tracking_number_puts_its_package_right(self, sending: Store, seller: Seller, own: str) -> None:
        self.pack(sending, own, "T1", SKU_001=2)
        self.pack(sending, own, "T2", SKU_001=1)
        sync(sending, "de", statuses=True)
        perform(sending.db, "ship", f"de-{own}", tracking="T1b", package=1)
        sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "T1b", [2]), ("2", "T2", [1])]

    def test_one_without_a_tracking_number_waits_until_it_has_one(
        self, sending: Store, server: AmazonServer, seller: Seller, own: str
    ) -> None:
        self.pack(sending, own, "", SKU_001=2)
        sync(sending, "de", statuses=True)
        [sentence] = world.rows(sending, "SELECT sentence FROM message WHERE code = 'tracking_not_told' AND open")
        assert f"chansync erp ship de-{own} --package 1" in sentence[0]
        assert sent(server) == []
        perform(sending.db, "ship", f"de-{own}", tracking="T1", package=1)
        sync(sending, "de", statuses=True)
        assert self.packages(seller, own) == [("1", "T1", [2])]
        assert world.open_codes(sending) == {}

    def test_an_order_of_which_a_part_is_shipped_is_not_asked_to_be_cancelled(
        self, sending: Store, server: AmazonServer, seller: Seller, own: str
    ) -> None:
        self.pack(sending, own, "T1", SKU_001=2)
        sync(sending, "de", statuses=True)
        perform(sending.db, "reverse", f"de-{own}")
        sync(sending, "de", statuses=True)
        assert [each.operation for each in server.requests if each.operation == "createFeed"] == []
        assert seller.order(own).status == "PARTIALLY_SHIPPED"
