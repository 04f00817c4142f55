"""Amazon's own example orders, of many countries, become sales. Skipped where the descriptions are not at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.ledger.check import check
from chansync.model.channel_parameters import default_values
from chansync.model.order import Order
from chansync.orders import settings
from chansync.orders.outcome import Action
from chansync.platforms.amazon.parse import OrderReader
from chansync.store import channels, mappings
from contract import descriptions
from support import marketplace, world
from support.world import OrderByOrder

pytestmark = pytest.mark.skipif(not descriptions.FOLDER.is_dir(), reason="Amazon's descriptions are not here")


def examples() -> Iterator[dict[str, Any]]:
    """Every order that stands in an example of the Orders API."""
    path = descriptions.FOLDER / "orders_2026-01-01.json"
    if not path.is_file():
        return
    for methods in json.loads(path.read_text(encoding="utf-8"))["paths"].values():
        for definition in (value for name, value in methods.items() if name != "parameters"):
            sandbox = definition["responses"]["200"].get("x-amzn-api-sandbox", {})
            for example in sandbox.get("static", []):
                response = example["response"]
                yield from response.get("orders", []) or [response["order"]]


ORDERS = list(examples())


@pytest.fixture
def shop(store: Store) -> Store:
    """A channel whose ERP has everything that the examples sell."""
    world.add_erp(store, currencies="EUR,GBP,JPY,BRL,TRY,USD", items=[])
    with transaction(store.db):
        for sku in {item["product"]["sellerSku"] for order in ORDERS for item in order["orderItems"]}:
            store.db.execute("INSERT INTO erp_item (code, name) VALUES (?, ?)", (sku, sku))
        store.db.execute("INSERT INTO erp_warehouse (code, name) VALUES ('AMZ', 'Kept by the platform')")
        store.db.execute(
            """INSERT INTO erp_tax_transaction (code, name, rate)
               VALUES ('home', 'Home', '20'), ('us', 'US', '25'), ('collected', 'Collected', '0')"""
        )
    channels.add_system(store.db, "amz", "Seller", "amazon", {}, {})
    values = world.CHANNEL | {
        "integration_system": "amz", "store_domain": "A1F83G8C2ARO7P", "fba_warehouse": "AMZ",
        "tax_transaction": "home", "order_statuses": ["UNSHIPPED", "SHIPPED"], "refused_statuses": ["CANCELLED"],
    }  # fmt: skip
    channel = channels.add_channel(store.db, default_values() | values, {})
    for code in ("amazon", "Invoice"):
        mappings.map_to(store.db, channel.id, "payment", code, "bank")
    for case, transaction_code in (("*+collected", "collected"), ("US", "us")):
        mappings.map_to(store.db, channel.id, "tax", case, transaction_code)
    return store


@pytest.mark.parametrize("raw", ORDERS, ids=[order["orderId"] for order in ORDERS])
def test_it_becomes_a_sale_with_its_total_customer_and_numbers(shop: Store, raw: dict[str, Any]) -> None:
    order = OrderReader(raw["salesChannel"]["marketplaceId"]).read(raw)
    assert isinstance(order, Order), order.sentence
    importing = settings.load(shop.db, channels.channel(shop.db, "shop"))

    outcome = OrderByOrder(shop.db, importing).import_order(order)

    assert outcome.action is Action.CREATE, outcome.reason
    grand = raw["proceeds"]["grandTotal"]
    digits = 0 if grand["currencyCode"] == "JPY" else 2
    assert marketplace.sales(shop)[raw["orderId"]] == (
        "shop", grand["currencyCode"], int(Decimal(grand["amount"]).scaleb(digits)),
    )  # fmt: skip
    # The customer's, and the numbers that the sale keeps: some of the examples are no valid ones.
    [(name, vat, uic)] = world.rows(
        shop, "SELECT c.name, s.vat_number, s.uic FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id"
    )
    company = raw.get("buyer", {}).get("buyerCompanyName")
    buyer = company or raw.get("buyer", {}).get("buyerName") or raw["recipient"]["deliveryAddress"]["companyName"]
    numbers = {
        row["taxRegistrationType"]: row["taxRegistrationNumber"]
        for row in raw.get("tax", {}).get("taxRegistrations", [])
        if row["entityType"] == "BUYER"
    }
    assert name in (buyer, raw.get("tax", {}).get("taxRegistrations", [{}])[0].get("legalName"))
    assert (numbers.get("VAT", "") in vat, numbers.get("BUSINESS", "") in uic) == (True, True)
    warehouse = "AMZ" if raw["fulfillment"]["fulfilledBy"] == "AMAZON" else "W1"
    assert world.rows(shop, "SELECT w.code FROM erp_sale s JOIN erp_warehouse w ON w.id = s.warehouse_id") == [
        (warehouse,)
    ]
    assert check(shop.db) == []


def test_there_are_examples_of_several_countries() -> None:
    assert len({order["salesChannel"]["marketplaceId"] for order in ORDERS}) >= 5
