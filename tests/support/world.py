"""A small company: an ERP with a POS, items and methods, and a WooCommerce channel that fits it."""

from __future__ import annotations

import json
import shutil
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.model.channel import Channel
from chansync.model.order import Order, UnreadableOrder
from chansync.orders import settings
from chansync.orders.import_order import OrderImport
from chansync.orders.outcome import Outcome
from chansync.orders.settings import ImportSettings
from chansync.setup import sealed_places
from chansync.store import channels, mappings

#: Where ``CHANNEL`` sends its keys: what they are sealed for.
PLACE = "http://127.0.0.1:1"

ITEMS = [f"SKU-{number:03}" for number in range(1, 41)] + [
    f"SHIRT-{number}-{size}" for number in range(1, 6) for size in "SML"
]

CHANNEL = {
    "code": "shop",
    "name": "Shop",
    "integration_system": "woo",
    "pos": "MAIN",
    "store_domain": "http://127.0.0.1:1",
    "start_date": "2020-01-01",
    "order_statuses": ["processing", "on-hold", "completed"],
    "refused_statuses": ["cancelled", "refunded", "failed"],
    "transport_service": "SHIPPING",
    "fee_service": "FEE",
    "delivery_method": "courier",
    "used": True,
}


def add_erp(store: Store, *, currencies: str = "EUR,BGN", items: Iterable[str] = ITEMS) -> None:
    """The ERP's side."""
    db = store.db
    with transaction(db):
        db.execute("INSERT INTO erp_warehouse (code, name) VALUES ('W1', 'Main warehouse')")
        db.execute("INSERT INTO erp_account (code, name, type) VALUES ('BANK', 'Bank', 'account')")
        db.execute(
            "INSERT INTO erp_pos (code, name, warehouse_id, currencies) VALUES ('MAIN', 'Main', 1, ?)", (currencies,)
        )
        db.execute("INSERT INTO erp_payment_method (code, name, pos_id, account_id) VALUES ('bank', 'Bank', 1, 1)")
        db.execute("INSERT INTO erp_payment_method (code, name, pos_id, account_id) VALUES ('cash', 'Cash', 1, 1)")
        db.execute("INSERT INTO erp_delivery_method (code, name, pos_id) VALUES ('courier', 'Courier', 1)")
        db.executemany("INSERT INTO erp_item (code, name) VALUES (?, ?)", [(sku, f"Item {sku}") for sku in items])
        db.execute("INSERT INTO erp_item (code, name, type) VALUES ('SHIPPING', 'Shipping', 'service')")
        db.execute("INSERT INTO erp_item (code, name, type) VALUES ('FEE', 'Fee', 'service')")


def add_channel(store: Store, *, key: str = "ck_x", secret: str = "cs_x", **changes: Any) -> Channel:
    """The channel, with its payment methods mapped."""
    db = store.db
    if not channels.systems(db):
        channels.add_system(db, "woo", "WooCommerce", "woocommerce")
    values = CHANNEL | changes
    sealed = sealed_places.seal(
        store, "channel", {"consumer_key": key, "consumer_secret": secret}, sealed_places.channel_place(values)
    )
    channel = channels.add_channel(db, values, sealed)
    for site_code, target in (("bacs", "bank"), ("cheque", "bank"), ("cod", "cash")):
        mappings.map_to(db, channel.id, "payment", site_code, target)
    return channels.channel(db, channel.code)


def load_settings(store: Store, channel: Channel) -> ImportSettings:
    """The channel, ready for importing."""
    return settings.load(store.db, channels.channel(store.db, channel.code))


def copy_of(template: Path, folder: Path) -> Store:
    """A database of its own for one test."""
    path = folder / "chansync.db"
    shutil.copy(template, path)
    if template.with_suffix(".key").exists():
        shutil.copy(template.with_suffix(".key"), path.with_suffix(".key"))
    return open_store(path)


def rows(store: Store, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a query brings."""
    return list(store.db.execute(sql, parameters))


def sales(store: Store) -> dict[str, tuple[str, int]]:
    """Order number → the sale's currency and total in minor units."""
    found = store.db.execute("SELECT order_number, currency, total FROM erp_sale")
    return {number: (currency, total) for number, currency, total in found}


def open_codes(store: Store) -> dict[str, str]:
    """Order number → the code of its open problem."""
    return dict(store.db.execute("SELECT order_number, code FROM message WHERE open = 1"))


def message_data(store: Store, code: str) -> dict[str, Any]:
    """The data of the one message of that code."""
    [(text,)] = store.db.execute("SELECT data FROM message WHERE code = ?", (code,))
    data: dict[str, Any] = json.loads(text)
    return data


class OrderByOrder(OrderImport):
    """Imports orders one at a time."""

    def import_order(self, order: Order | UnreadableOrder, *, again: bool = False) -> Outcome:
        """``import_together`` with one order."""
        [(_, outcome)] = self.import_together(deque([order]), again=again)
        return outcome

    def import_refunds_of(self, order: Order) -> Outcome:
        """``import_refunds`` with one order."""
        [(_, outcome)] = self.import_refunds(deque([order]))
        return outcome
