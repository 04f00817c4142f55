"""The demo's company: an embedded ERP and a channel that fit the demo store."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.demo.woocommerce.catalog import Catalog
from chansync.erp.ledger import setup
from chansync.erp.ledger.items import ItemRow, import_items
from chansync.setup import channel_settings, systems
from chansync.store import channels

CHANNEL = "demo"
WAREHOUSE = "W1"
#: The ERP's code of what the store sells without a SKU, and the site's id of it.
UNNAMED, UNNAMED_ON_SITE = "UNNAMED", "70"

_ERP: Iterable[tuple[str, str, dict[str, str]]] = (
    ("warehouse", WAREHOUSE, {"name": "Main warehouse"}),
    ("account", "BANK", {"name": "Bank account"}),
    ("account", "CASH", {"name": "Cash desk", "type": "cash desk"}),
    ("account", "CARDS", {"name": "Gift cards sold"}),
    ("pos", "WEB", {"name": "Web shop", "warehouse": WAREHOUSE, "currencies": "EUR, BGN"}),
    ("payment-method", "bank", {"name": "Bank transfer", "pos": "WEB", "account": "BANK"}),
    ("payment-method", "cash", {"name": "Cash on delivery", "pos": "WEB", "account": "CASH"}),
    ("payment-method", "card", {"name": "Gift card", "pos": "WEB", "account": "CARDS"}),
    ("delivery-method", "courier", {"name": "Courier", "pos": "WEB"}),
    ("delivery-method", "pickup", {"name": "Pickup", "pos": "WEB"}),
    ("service", "SHIPPING", {"name": "Shipping"}),
    ("service", "FEE", {"name": "Fee"}),
    ("customer-type", "web", {"name": "Web customer"}),
    ("sale-type", "web", {"name": "Web sale"}),
    ("document-type", "invoice", {"name": "Invoice"}),
    ("tax-transaction", "domestic", {"name": "Domestic sale", "rate": "19"}),
    ("user", "shop", {"name": "Web shop", "email": "shop@example.com"}),
)

_PAYMENTS = {"bacs": "bank", "cheque": "bank", "cod": "cash"}
_DELIVERIES = {"local_pickup:3": "pickup"}


def set_up_erp(store: Store) -> None:
    """An ERP with a POS, a warehouse, and the store's items in stock."""
    db = store.db
    with transaction(db):
        for kind, code, texts in _ERP:
            setup.add(db, kind, code, texts)
        products = Catalog(0).products.values()
        rows = [ItemRow(item.sku, item.name, "", item.stock, WAREHOUSE) for item in products if item.sku]
        import_items(db, rows, note="demo")


def set_up_channel(store: Store, address: str, key: str, secret: str, *, cadence: str) -> None:
    """A channel for the store at ``address``; it is not used before its first confirm."""
    if not channels.systems(store.db):
        systems.add_system(store, "web", "Web shops", "woocommerce")
    fields = {
        "code": CHANNEL,
        "name": "Demo store",
        "integration_system": "web",
        "pos": "WEB",
        "store_domain": address,
        "consumer_key": key,
        "consumer_secret": secret,
        "start_date": (date.today() - timedelta(days=3650)).isoformat(),  # noqa: DTZ011 - any day long ago
        "delivery_method": "courier",
        "transport_service": "SHIPPING",
        "fee_service": "FEE",
        "customer_type": "web",
        "sale_type": "web",
        "document_type": "invoice",
        "issue_document_on_payment": "yes",
        "tax_transaction": "domestic",
        "merchant": "shop",
        "check_email": "yes",
        "orders_every": cadence,
    }
    channel_settings.add_channel(store, fields)


def map_methods(store: Store) -> None:
    """Map what the first confirm picked up, and switch the channel on."""
    channel = channels.channel(store.db, CHANNEL)
    for kind, targets in (("payment", _PAYMENTS), ("delivery", _DELIVERIES)):
        for site_code, target in targets.items():
            channel_settings.map_method(store.db, channel, kind, site_code, target)
    channel_settings.change_channel(store, CHANNEL, {"used": "yes"})


def go_on(store: Store) -> None:
    """What a company settles in its first days: gift cards have their account, the item that the site sells without a
    SKU is known, and the site is told what is in stock."""
    with transaction(store.db):
        setup.add(store.db, "service", UNNAMED, {"name": "Item without a SKU"})
    channel = channels.channel(store.db, CHANNEL)
    channel_settings.map_method(store.db, channel, "item", UNNAMED_ON_SITE, UNNAMED)
    fields = {"gift_card_payment_method": "card", "push_quantities": "yes", "push_exact_quantities": "yes"}
    channel_settings.change_channel(store, CHANNEL, fields)
