"""The demo's company where its ERP is a Tryton: connected like anybody's, and a channel of the demo store that sells
through it."""

from __future__ import annotations

from datetime import date, timedelta

from chansync.db.connection import Store, open_async
from chansync.demo import company
from chansync.demo.tryton.company import Goods, Wanted
from chansync.demo.tryton.server import DATABASE, Trytond
from chansync.demo.woocommerce.catalog import Catalog
from chansync.model.errors import ChansyncError
from chansync.setup import channel_settings, erps, systems
from chansync.store import channels

ERP, POS = "tryton", "Web shop"
USER = "chansync"

_PAYMENTS = {"bacs": "Bank transfer", "cheque": "Bank transfer", "cod": "Cash"}
_DELIVERIES = {"local_pickup:3": "Pickup"}


def wanted(password: str) -> Wanted:
    """A company that has what the demo store sells."""
    products = Catalog(0).products.values()
    goods = [Goods(item.sku, item.name, item.stock or 0) for item in products if item.sku]
    services = (("SHIPPING", "Shipping"), ("FEE", "Fee"), (company.UNNAMED, "Item without a SKU"))
    return Wanted(goods, USER, password, services, shops=(POS,))


async def connect_erp(store: Store, trytond: Trytond, password: str, *, url: str = "") -> str:
    """Connect the Tryton, at that address where it has another, and read its reference data; a sentence on that.

    Raises:
        ChansyncError: it does not connect.
    """
    fields = {"url": url or trytond.url, "database": DATABASE, "user": USER, "password": password}
    erps.add_erp(store, ERP, "Tryton", "tryton", fields)
    opened = await open_async(store.path)
    try:
        report = await erps.pull_reference(opened, ERP)
    finally:
        await opened.aclose()
    if not report.ok:
        raise ChansyncError(report.sentence)
    return report.sentence


def set_up_channel(store: Store, address: str, key: str, secret: str, *, cadence: str) -> None:
    """A channel for the store at ``address`` that sells through the Tryton; it is not used before its first confirm."""
    if not channels.systems(store.db):
        systems.add_system(store, "web", "Web shops", "woocommerce")
    fields = {
        "code": company.CHANNEL,
        "name": "Demo store",
        "integration_system": "web",
        "pos": POS,
        "store_domain": address,
        "consumer_key": key,
        "consumer_secret": secret,
        "start_date": (date.today() - timedelta(days=3650)).isoformat(),  # noqa: DTZ011 - any day long ago
        "delivery_method": "Courier",
        "transport_service": "SHIPPING",
        "fee_service": "FEE",
        "customer_type": "Web customer",
        "issue_document_on_payment": "yes",
        "tax_transaction": "Domestic",
        "merchant": "Mary Merchant",
        "check_email": "yes",
        "orders_every": cadence,
    }
    channel_settings.add_channel(store, fields)


def map_methods(store: Store) -> None:
    """Map what the first confirm picked up, and switch the channel on."""
    channel = channels.channel(store.db, company.CHANNEL)
    for kind, targets in (("payment", _PAYMENTS), ("delivery", _DELIVERIES)):
        for site_code, target in targets.items():
            channel_settings.map_method(store.db, channel, kind, site_code, target)
    channel_settings.change_channel(store, company.CHANNEL, {"used": "yes"})


def go_on(store: Store) -> None:
    """What a company settles in its first days: gift cards have their payment method, and the item that the site sells
    without a SKU is known."""
    channel = channels.channel(store.db, company.CHANNEL)
    channel_settings.map_method(store.db, channel, "item", company.UNNAMED_ON_SITE, company.UNNAMED)
    channel_settings.change_channel(store, company.CHANNEL, {"gift_card_payment_method": "Card"})
