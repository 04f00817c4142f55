"""The script of work of a company that sells in two of Amazon's marketplaces, for a kill at each of its points.

The proof is Amazon's view: each shipment confirmed once, each order cancelled, each listing with the ERP's pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.demo.amazon import AmazonServer, Seller
from chansync.erp.ledger.stock import set_stock
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from support import marketplace

from .every import Script, Work

#: From so many changes on the connector sends a feed.
MANY = 310

_SENDING = {"push_statuses": "yes", "push_quantities": "yes", "push_exact_quantities": "yes"}
#: It holds times.
_STATE = frozenset({"system_state"})


@contextmanager
def selling_at_amazon(folder: Path) -> Iterator[Script]:
    """The company, and its script."""
    seller = Seller(rate_factor=100_000.0)
    seller.settling, seller.feed_seconds = 0, (0.0, 0.0)
    for number in range(MANY):
        seller.goods._add(f"MANY-{number:03}", f"One of many {number}", 1000, "MERCHANT", 0)
    path = folder / "chansync.db"
    with AmazonServer(seller) as server:
        store = open_store(path)
        marketplace.add_erp(store, seller)
        marketplace.add_system(store, server)
        marketplace.add_channels(store, ["de", "fr"])
        channel_settings.change_channel(store, "de", _SENDING)
        store.close()
        (folder / "tmp").mkdir()
        yield Script(path, seller, lambda: _view(seller), list(_works(seller, path)))


def _view(seller: Seller) -> object:
    """What Amazon has of orders and listings."""
    orders = sorted(
        (order.id, order.status, [(package.carrier, package.tracking) for package in order.packages])
        for order in seller.book.orders.values()
    )
    return orders, sorted((each.sku, each.quantity) for each in seller.goods.listings.values())


def _works(seller: Seller, path: Path) -> Iterator[Work]:
    orders: list[str] = []

    def place() -> None:
        places = ("DE", "DE", "FR", "DE", "FR", "DE")
        orders.extend(seller.place_order(place_, fulfilled_by="MERCHANT") for place_ in places)
        seller.place_order("DE", fulfilled_by="AMAZON")

    def place_more() -> None:
        for place_ in ("FR", "DE"):
            seller.place_order(place_, fulfilled_by="MERCHANT")

    def ship() -> None:
        with closing(open_store(path, create=False)) as store:
            for number in (0, 1):
                perform(store.db, "write-out", f"de-{orders[number]}", carrier="DHL", tracking=f"T-{number}")

    def cancel() -> None:
        with closing(open_store(path, create=False)) as store:
            for number in (3, 5):
                perform(store.db, "cancel", f"de-{orders[number]}")

    def count_few() -> None:
        with closing(open_store(path, create=False)) as store:
            for number in range(4):
                set_stock(store.db, f"SKU-{number + 1:03}", "W1", 40 + number)

    def count_many() -> None:
        with closing(open_store(path, create=False)) as store, transaction(store.db):
            for number in range(MANY):
                set_stock(store.db, f"MANY-{number:03}", "W1", 70 + number)

    quantities = ("sync", "de", "--quantities")
    yield Work("search for all", ("sync", "de", "--orders"), place, volatile=_STATE)
    yield Work("another channel", ("sync", "fr", "--orders"), place_more, then=("sync", "de"), volatile=_STATE)
    yield Work("shipments", ("sync", "de", "--statuses"), ship, then=("sync", "de"), volatile=_STATE)
    yield Work("cancellations", ("sync", "de", "--statuses"), cancel, then=("sync", "de", "--orders", "--statuses"),
               volatile=_STATE)  # fmt: skip
    yield Work("first look at the stock", quantities, then=quantities, volatile=_STATE)
    yield Work("a few quantities", quantities, count_few, then=quantities, volatile=_STATE)
    yield Work("many quantities", quantities, count_many, then=quantities, volatile=_STATE)
