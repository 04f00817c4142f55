"""What the demo's company needs to sell at Amazon: the seller's goods in its ERP, a system, and a channel for each
marketplace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.demo.amazon.goods import AMAZON, STRANGER, Goods
from chansync.demo.amazon.marketplaces import MARKETPLACES
from chansync.erp.ledger import setup
from chansync.erp.ledger.items import ItemRow, import_items
from chansync.setup import channel_settings, systems
from chansync.store import channels

SYSTEM = "amazon"
#: Channel → the marketplace that it sells in.
CHANNELS = {f"amazon-{code.lower()}": MARKETPLACES[code] for code in ("DE", "FR", "UK")}
FBA_WAREHOUSE = "FBA"
#: The ERP's code of what the seller calls a mystery box.
BOX = "BOX"

_ERP: Iterable[tuple[str, str, dict[str, str]]] = (
    ("warehouse", FBA_WAREHOUSE, {"name": "Stock at Amazon"}),
    ("account", "PAYOUT", {"name": "Payouts from Amazon"}),
    ("pos", "AMZ", {"name": "Amazon", "warehouse": "W1", "currencies": "EUR, GBP"}),
    ("payment-method", "payout", {"name": "Amazon payout", "pos": "AMZ", "account": "PAYOUT"}),
    ("delivery-method", "parcel", {"name": "Parcel", "pos": "AMZ"}),
)
_FIELDS = {
    "integration_system": SYSTEM,
    "pos": "AMZ",
    "fba_warehouse": FBA_WAREHOUSE,
    "delivery_method": "parcel",
    "transport_service": "SHIPPING",
    "fee_service": "FEE",
    "customer_type": "web",
    "sale_type": "web",
    "document_type": "invoice",
    "issue_document_on_payment": "yes",
    "tax_transaction": "domestic",
    "merchant": "shop",
}


def set_up_erp(store: Store) -> None:
    """Add to the demo's ERP what selling at Amazon takes.

    What the seller ships itself is there already: it is the store's. The mystery box is known to nobody.
    """
    with transaction(store.db):
        for kind, code, texts in _ERP:
            setup.add(store.db, kind, code, texts)
        kept = Goods(0).by_fulfilment(AMAZON)
        import_items(store.db, [ItemRow(each.sku, each.title, "", each.quantity, FBA_WAREHOUSE) for each in kept])


def set_up_channels(store: Store, fake: Mapping[str, str], *, cadence: str) -> None:
    """The seller's system and its channels; they are not used before their first confirm."""
    keys = ("seller_id", "client_id", "client_secret", "refresh_token")
    systems.add_system(
        store, SYSTEM, "Amazon", "amazon", {"region": fake["url"], **{name: fake[name] for name in keys}}
    )
    long_ago = (date.today() - timedelta(days=720)).isoformat()  # noqa: DTZ011 - any day long ago
    for code, place in CHANNELS.items():
        fields = {
            "code": code,
            "name": place.name,
            "store_domain": place.id,
            "start_date": long_ago,
            "orders_every": cadence,
            "settlements_every": cadence,
        }
        channel_settings.add_channel(store, _FIELDS | fields)


def map_methods(store: Store) -> None:
    """Map what the first confirm picked up, and switch the channels on."""
    for code in CHANNELS:
        channel = channels.channel(store.db, code)
        for site_code in ("amazon", "Invoice", "CashOnDelivery"):
            channel_settings.map_method(store.db, channel, "payment", site_code, "payout")
        channel_settings.change_channel(store, code, {"used": "yes"})


def know_stranger(store: Store) -> None:
    """Map the mystery box in all marketplaces but the first, where its orders stay problems."""
    with transaction(store.db):
        setup.add(store.db, "service", BOX, {"name": "Mystery box"})
    for code in list(CHANNELS)[1:]:
        channel_settings.map_method(store.db, channels.channel(store.db, code), "item", STRANGER, BOX)
