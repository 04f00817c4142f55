"""A seller at the fake Amazon, and a company that sells there through channels of one system."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from chansync.db.connection import Store, open_async
from chansync.db.transaction import transaction
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon.marketplaces import MARKETPLACES
from chansync.setup import channel_settings, systems
from chansync.setup.confirm import confirm_channel
from chansync.store import channels
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel

T = TypeVar("T")

#: Channel → the fake's code of its marketplace.
CHANNELS = {"de": "DE", "fr": "FR", "uk": "UK"}
PLACES = {code.lower(): place.id for code, place in MARKETPLACES.items()}


def with_store(path: Path, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run ``work`` with the database opened for asyncio."""

    async def whole() -> T:
        store = await open_async(path)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(whole())


def add_erp(store: Store, seller: Seller) -> None:
    """The ERP's side: two warehouses, the seller's goods, and VAT of 19 %."""
    db = store.db
    with transaction(db):
        db.execute("INSERT INTO erp_warehouse (code, name) VALUES ('W1', 'Own'), ('AMZ', 'Kept by the platform')")
        db.execute("INSERT INTO erp_account (code, name, type) VALUES ('PAYOUT', 'Payouts', 'account')")
        db.execute(
            """INSERT INTO erp_pos (code, name, warehouse_id, currencies, negative_stock)
               VALUES ('MAIN', 'Main', 1, 'EUR,GBP,SEK,USD', 1)"""
        )
        db.execute("INSERT INTO erp_payment_method (code, name, pos_id, account_id) VALUES ('payout', 'Payout', 1, 1)")
        db.execute("INSERT INTO erp_delivery_method (code, name, pos_id) VALUES ('courier', 'Courier', 1)")
        db.execute("INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice')")
        db.execute(
            "INSERT INTO erp_tax_transaction (code, name, rate) VALUES ('home', 'Home', '19'), ('eu', 'EU', '0')"
        )
        for sku in seller.goods.listings:
            db.execute("INSERT INTO erp_item (code, name) VALUES (?, ?)", (sku, f"Item {sku}"))
        db.execute("INSERT INTO erp_item (code, name, type) VALUES ('SHIPPING', 'Shipping', 'service')")
        db.execute("INSERT INTO erp_item (code, name, type) VALUES ('FEE', 'Fee', 'service')")


def add_system(store: Store, server: AmazonServer, **changes: str) -> None:
    """The system ``amz`` with the seller's keys."""
    login = server.seller.login
    texts = {
        "region": server.url, "seller_id": server.seller.id, "client_id": login.client_id,
        "client_secret": login.client_secret, "refresh_token": login.refresh_token,
    }  # fmt: skip
    systems.add_system(store, "amz", "Seller", "amazon", texts | changes)


def add_channels(store: Store, codes: Iterable[str] = CHANNELS, **changes: str) -> None:
    """Connected channels in use, one a marketplace."""
    for code in codes:
        fields = {
            "code": code, "name": code.upper(), "integration_system": "amz", "pos": "MAIN",
            "store_domain": PLACES[code], "start_date": "2026-01-01", "delivery_method": "courier",
            "transport_service": "SHIPPING", "fee_service": "FEE", "fba_warehouse": "AMZ", "tax_transaction": "home",
            "document_type": "invoice", "issue_document_on_payment": "yes", "check_phone": "no",
        }  # fmt: skip
        channel_settings.add_channel(store, fields | changes)
        report = with_store(store.path, lambda opened, own=code: confirm_channel(opened, own))
        assert report.ok, report.sentence
        channel = channels.channel(store.db, code)
        for site_code in ("amazon", "Invoice", "CashOnDelivery"):
            channel_settings.map_method(store.db, channel, "payment", site_code, "payout")
        channel_settings.change_channel(store, code, {"used": "yes"})


def sync(store: Store, code: str, **request: Any) -> list[RunResult]:
    """One sync of a channel in this process."""
    wanted = SyncRequest(**request)
    return with_store(store.path, lambda opened: sync_channel(opened, code, wanted, trigger="command"))


def sales(store: Store) -> dict[str, tuple[str, str, int]]:
    """Order number → the sale's channel, currency and total in minor units."""
    rows = store.db.execute("SELECT order_number, channel_code, currency, total FROM erp_sale")
    return {number: (channel, currency, total) for number, channel, currency, total in rows}
