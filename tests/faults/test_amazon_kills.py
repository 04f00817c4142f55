"""Kills while shipments are confirmed to Amazon: each of them once, from Amazon's view."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.demo.amazon import AmazonServer, Seller, feed_work
from chansync.erp.ledger.check import check
from chansync.erp.ledger.stock import set_stock
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from faults import victims
from faults.victims import Point
from support import marketplace, world

pytestmark = [pytest.mark.e2e, pytest.mark.long]

#: Around each confirmation, in its transactions, and while orders come in and are dealt out.
POINTS = (
    ("--statuses", "answered:POST:2"),
    ("--statuses", "send:POST:3"),
    ("--statuses", "answered:POST:3"),
    ("--statuses", "commit::4"),
    ("--statuses", "committed::5"),
    ("--orders", "answered:GET:1"),
    ("--orders", "commit::3"),
    ("--orders", "write::25"),
)


def test_a_shipment_is_confirmed_once_whenever_the_program_dies(store: Store, tmp_path: Path) -> None:
    seller = Seller(rate_factor=100_000.0)
    seller.settling = 0
    with AmazonServer(seller, record=True) as server:
        marketplace.add_erp(store, seller)
        marketplace.add_system(store, server)
        marketplace.add_channels(store, ["de"])
        channel_settings.change_channel(store, "de", {"push_statuses": "yes"})
        orders = [seller.place_order("DE", fulfilled_by="MERCHANT") for _ in range(8)]
        marketplace.sync(store, "de")
        for number, order_id in enumerate(orders):
            perform(store.db, "write-out", f"de-{order_id}", carrier="DHL", tracking=f"T-{number}")
        killed = 0
        for stream, text in POINTS:
            late = [seller.place_order("DE", fulfilled_by="MERCHANT") for _ in range(2)]
            death = victims.run(["sync", "de", stream], store.path, Point(text))
            assert "Traceback" not in death.err
            killed += death.killed
            orders += late
        assert killed >= 6
        for _ in range(2):
            # Time passes: Amazon cannot be at work any more on what was on its way.
            store.db.execute("UPDATE outbox SET sent_at = 0 WHERE state = 'sent'")
            results = marketplace.sync(store, "de", statuses=True)
            assert [result.state for result in results] == ["done"] * len(results), results
        confirmed = Counter(str(json.loads(each.sent)) for each in server.calls("confirmShipment"))
        packages = [len(seller.order(order_id).packages) for order_id in orders[:8]]

    assert packages == [1] * 8
    assert [times for times in confirmed.values() if times > 1] == []
    assert sorted(marketplace.sales(store)) == sorted(orders)
    assert world.rows(store, "SELECT count(*) FROM outbox WHERE state IN ('due', 'sent')") == [(0,)]
    assert check(store.db) == []


#: So many changes go as a feed.
MANY = 300


@pytest.mark.parametrize("point", ["call:chansync.platforms.amazon.client.upload:1", "send:POST:3", "answered:POST:3"])
def test_a_feed_that_nobody_recorded_sets_nothing_after_a_later_change(
    store: Store, tmp_path: Path, point: str
) -> None:
    seller = Seller(rate_factor=100_000.0)
    seller.settling = 0
    for number in range(MANY):
        seller.goods._add(f"MANY-{number:03}", f"One of many {number}", 1000, "MERCHANT", 0)
    with AmazonServer(seller, record=True) as server:
        marketplace.add_erp(store, seller)
        marketplace.add_system(store, server)
        marketplace.add_channels(store, ["de"])
        channel_settings.change_channel(store, "de", {"push_quantities": "yes", "push_exact_quantities": "yes"})
        _count(store, 1000)
        seller.feed_seconds = (0.0, 0.0)
        for _ in range(2):
            _send(store)
        seller.feed_seconds = (600.0, 0.0)
        _count(store, 70)
        assert victims.run(["sync", "de", "--quantities"], store.path, Point(point)).killed
        # One of them comes back to what it was, so that the others are too few for a feed.
        set_stock(store.db, "MANY-000", "W1", 1000)
        _send(store)
        seller.clock.advance(700)
        for _ in range(2):
            feed_work.settle(seller)
            _send(store)
        there = {sku: listing.quantity for sku, listing in seller.goods.listings.items() if sku.startswith("MANY")}

    assert there.pop("MANY-000") == 1000
    assert set(there.values()) == {70}
    assert world.rows(store, "SELECT value FROM system_state WHERE name LIKE 'feeds%' AND value <> '{}'") == []


def _count(store: Store, quantity: int) -> None:
    with transaction(store.db):
        for number in range(MANY):
            set_stock(store.db, f"MANY-{number:03}", "W1", quantity)


def _send(store: Store) -> None:
    """Send quantities; what waits is due at once, as after some minutes."""
    store.db.execute("UPDATE site_item SET next_try_at = 0 WHERE next_try_at IS NOT NULL")
    [result] = marketplace.sync(store, "de", orders=False, quantities=True)
    assert result.state == "done", result
