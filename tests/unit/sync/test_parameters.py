"""What each parameter does to a sale: one row a parameter, and for every other one the test that proves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.order import Order
from chansync.store import channels
from support import world
from support.orders import charge, order
from support.world import OrderByOrder

TESTS = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter's value, the order that is taken in, where its effect is seen, and what is seen there."""

    parameter: str
    value: Any
    seen: str
    expected: Any
    order: Order = field(default_factory=order)


SALE = "SELECT {} FROM erp_sale"

ROWS = [
    Row("code", "shop", SALE.format("channel_code"), "shop"),
    Row("system_type", "test", SALE.format("mark"), "test"),
    Row("pos", "MAIN", "SELECT p.code FROM erp_sale s JOIN erp_pos p ON p.id = s.pos_id", "MAIN"),
    Row("sale_type", "retail", SALE.format("sale_type"), "retail"),
    Row("external_sale_number", False, SALE.format("number"), "MAIN-1"),
    Row("external_sale_number", True, SALE.format("number"), "shop-1"),
    Row("date_is_sync_date", False, SALE.format("sale_date"), "2026-11-01"),
    Row("customer_type", "web", "SELECT customer_type FROM erp_customer", "web"),
    Row("merchant", "anna", SALE.format("merchant"), "anna"),
    Row("currency", "BGN", SALE.format("currency"), "BGN", order(currency="")),
    Row("document_type", "invoice", SALE.format("document_type"), "invoice"),
    Row("delivery_method", "courier", SALE.format("delivery_method"), "courier"),
    Row("transport_service", "FEE", "SELECT i.code FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id "
        "WHERE l.kind = 'transport'", "FEE"),
    Row("fee_service", "SHIPPING", "SELECT i.code FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id "
        "WHERE l.kind = 'fee'", "SHIPPING", order(fees=[charge("1.50", number=91)])),
    Row("tax_transaction", "home", SALE.format("tax_transaction"), "home"),
    Row("order_statuses", ["pending"], SALE.format("count(*)"), 0),
    Row("refused_statuses", ["pending"], 'SELECT reason FROM "order"', "refused", order(status="pending")),
    Row("start_date", "2026-11-02", SALE.format("count(*)"), 0),
    Row("start_date", "2026-11-01", SALE.format("count(*)"), 1),
]  # fmt: skip

#: Where the parameters are proved that one order alone cannot show.
ELSEWHERE = {
    "integration_system": "unit/store/test_store.py",
    "name": "unit/store/test_store.py",
    "description": "unit/configuration/test_configuration.py",
    "returns_every": "functional/amazon/test_returns.py",
    "take_back_returns": "functional/amazon/test_returns.py",
    "settlements_every": "functional/amazon/test_settlements.py",
    "paid_by_settlement": "functional/amazon/test_settlements.py",
    "store_domain": "functional/cli/test_syncing.py",
    "consumer_key": "functional/sync/test_channel.py",
    "consumer_secret": "functional/sync/test_channel.py",
    "api_version": "functional/woocommerce/test_reading.py",
    "check_phone": "unit/sync/test_importing.py",
    "check_email": "unit/sync/test_importing.py",
    "issue_document": "unit/sync/test_lifecycle.py",
    "pay_immediately": "unit/sync/test_lifecycle.py",
    "write_out_immediately": "unit/sync/test_lifecycle.py",
    "block_quantities": "unit/sync/test_lifecycle.py",
    "create_request": "unit/sync/test_lifecycle.py",
    "request_warehouses": "unit/sync/test_lifecycle.py",
    "adjustment_service": "unit/sync/test_importing.py",
    "gift_card_payment_method": "unit/orders/test_decide.py",
    "paid_statuses": "unit/sync/test_lifecycle.py",
    "issue_document_on_payment": "unit/sync/test_lifecycle.py",
    "push_statuses": "functional/push/test_statuses.py",
    "status_written_out": "functional/push/test_statuses.py",
    "status_partly_written_out": "functional/push/test_tracking.py",
    "status_written_out_and_paid": "functional/push/test_statuses.py",
    "status_cancelled": "functional/push/test_statuses.py",
    "fba_warehouse": "functional/amazon/test_orders.py",
    "write_out_what_the_site_ships": "functional/amazon/test_attention.py",
    "carrier": "functional/amazon/test_shipments.py",
    "push_quantities": "functional/push/test_quantities.py",
    "quantity_warehouses": "functional/push/test_quantities.py",
    "push_exact_quantities": "functional/push/test_quantities.py",
    "tracking_note": "functional/push/test_tracking.py",
    "stock_reserve": "functional/push/test_quantities.py",
    "offer_at_most": "functional/push/test_quantities.py",
    "remove_at_zero": "functional/push/test_quantities.py",
    "orders_every": "unit/daemon/test_timetable.py",
    "statuses_every": "functional/push/test_streams.py",
    "quantities_every": "functional/push/test_streams.py",
    "comparison_every": "functional/push/test_streams.py",
    "webhook_address": "functional/daemon/test_webhooks.py",
    "vat_number_keys": "functional/sync/test_channel.py",
    "uic_keys": "functional/sync/test_channel.py",
    "personal_number_keys": "functional/sync/test_channel.py",
    "notice_user": "functional/notices/test_telling.py",
    "used": "functional/push/test_streams.py",
}


@pytest.fixture
def shop(company: Store) -> Store:
    """A company with one of each kind that a parameter may name."""
    for table in ("erp_sale_type", "erp_customer_type", "erp_user", "erp_document_type", "erp_tax_transaction"):
        for code in ("retail", "web", "anna", "invoice", "home"):
            company.db.execute(f"INSERT INTO {table} (code, name) VALUES (?, ?)", (code, code))
    return company


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.parameter}={row.value}")
def test_row(shop: Store, row: Row) -> None:
    channel = channels.channel(shop.db, "shop")
    channels.save_channel(shop.db, channel.id, {row.parameter: row.value}, {})
    OrderByOrder(shop.db, world.load_settings(shop, channel)).import_order(row.order)
    assert world.rows(shop, row.seen) == [(row.expected,)]


def test_every_parameter_has_a_row_or_a_test() -> None:
    proved = {row.parameter for row in ROWS} | set(ELSEWHERE)
    assert {parameter.name for parameter in PARAMETERS} - proved == set()
    lost = [name for name, where in ELSEWHERE.items() if name not in (TESTS / where).read_text()]
    assert lost == [], "these tests do not name the parameter any more"
