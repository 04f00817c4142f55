"""Thousands of spoilt orders, one after the other, each judged by the oracle."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

from chansync.db.connection import Store
from chansync.demo.amazon import Seller
from chansync.demo.amazon.documents import order_document
from chansync.demo.woocommerce import DemoShop
from chansync.http.body import decode
from chansync.model.order import Order
from chansync.orders.settings import ImportSettings
from chansync.platforms.amazon.parse import OrderReader as AmazonReader
from chansync.platforms.woocommerce.parse import OrderReader as StoreReader
from chansync.store import channels, mappings
from support import marketplace, world
from support.world import OrderByOrder

from .nonsense import spoilt
from .oracle import objections

_DATASETS = frozenset("BUYER RECIPIENT PROCEEDS PROMOTION CANCELLATION FULFILLMENT PACKAGES TAX PAYMENT".split())


@dataclass(slots=True)
class Bench:
    """Orders of one platform that its channel takes, and what they are read and taken in with."""

    platform: str
    documents: list[Any]
    reader: Any
    importing: ImportSettings


def store_bench(store: Store) -> Bench:
    """A WooCommerce store's orders; the company is that of ``support.world``."""
    shop = DemoShop.create(orders=80, seed=3)
    importing = world.load_settings(store, channels.channel(store.db, "shop"))
    documents = [shop.order(own) for own in shop.order_ids()]
    wanted = [each for each in documents if each["status"] in importing.order_statuses]
    return Bench("woocommerce", wanted, StoreReader(), importing)


def amazon_bench(store: Store) -> Bench:
    """A seller's orders; what the ERP lacks for them is added."""
    seller = Seller(rate_factor=1000.0)
    orders = [seller.place_order("DE") for _ in range(30)]
    for own in orders:
        seller.pay(own)
    documents = [order_document(seller.order(own), _DATASETS, True, seller.discount_sign) for own in orders]
    db = store.db
    channels.add_system(db, "amz", "Seller", "amazon")
    db.execute("INSERT INTO erp_warehouse (code, name) VALUES ('AMZ', 'Kept by the platform')")
    db.execute("INSERT INTO erp_tax_transaction (code, name, rate) VALUES ('home', 'Home', '19')")
    for sku in seller.goods.listings:
        db.execute("INSERT OR IGNORE INTO erp_item (code, name) VALUES (?, ?)", (sku, f"Item {sku}"))
    changes = {"code": "de", "integration_system": "amz", "store_domain": marketplace.PLACES["de"],
               "order_statuses": ["UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED"], "refused_statuses": ["CANCELLED"],
               "tax_transaction": "home", "fba_warehouse": "AMZ"}  # fmt: skip
    channel = channels.add_channel(db, world.CHANNEL | changes, {})
    for site_code in ("amazon", "Invoice", "CashOnDelivery"):
        mappings.map_to(db, channel.id, "payment", site_code, "bank")
    importing = world.load_settings(store, channels.channel(db, "de"))
    return Bench("amazon", documents, AmazonReader(marketplace.PLACES["de"]), importing)


def sent(document: Any) -> Any:
    """As it comes out of an answer."""
    return decode(json.dumps(document, default=float).encode()).data


def judge(store: Store, bench: Bench, seed: int) -> tuple[str, list[str]]:
    """Spoil one order and take it in, then another version of it; what became of it and what is wrong with that."""
    rng = random.Random(seed)
    original = rng.choice(bench.documents)
    document = sent(spoilt(original, rng))
    db = store.db
    if bench.platform == "amazon" and not isinstance(document, dict):
        return "no order", []
    db.execute("SAVEPOINT example")
    try:
        read = bench.reader.read(document)
        outcome = OrderByOrder(db, bench.importing).import_order(read)
        prices = not (isinstance(read, Order) and read.awaits_prices)
        wrong = objections(db, bench.platform, document, sent(original), outcome, prices_told=prices)
        later = sent(spoilt(document, rng)) if rng.random() < 0.5 else sent(original)
        if isinstance(later, dict):
            wrong += _changed(store, bench, later)
        return str(outcome.code or outcome.action), wrong
    finally:
        db.execute("ROLLBACK TO example; RELEASE example")


def _changed(store: Store, bench: Bench, later: Any) -> list[str]:
    read = bench.reader.read(later)
    outcomes = [OrderByOrder(store.db, bench.importing).import_order(read)]
    if isinstance(read, Order):
        outcomes.append(OrderByOrder(store.db, bench.importing).import_refunds_of(read))
    wrong = [f"a bug in a change: {each.reason}" for each in outcomes if each.code == "import_bug"]
    lines_of = "SELECT coalesce(sum(net + tax), 0) FROM erp_sale_line WHERE sale_id = erp_sale.id"
    for minor, lines in store.db.execute(f"SELECT total, ({lines_of}) FROM erp_sale"):
        if minor != lines:
            wrong.append(f"after a change lines of {lines} in a sale of {minor}")
    return wrong


def judged(store: Store, bench: Bench, seeds: range) -> tuple[Counter[str], list[str]]:
    """How often what became of them, and what is wrong, with the seed that shows it."""
    met: Counter[str] = Counter()
    wrong: list[str] = []
    for seed in seeds:
        kind, found = judge(store, bench, seed)
        met[kind] += 1
        wrong += [f"{bench.platform} {seed}: {each}" for each in found]
    return met, wrong
