"""Why an order is as it is, taken or not."""

from __future__ import annotations

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.stock import set_stock
from chansync.explain.why import why
from chansync.store import channels
from support import world
from support.orders import order
from support.world import OrderByOrder


def explained(store: Store, number: str) -> str:
    return " ".join(why(store.db, channels.channel(store.db, "shop"), number).sentences)


def take(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    OrderByOrder(store.db, world.load_settings(store, channel)).import_order(order(1, **changes))


def configure(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    channels.save_channel(store.db, channel.id, changes, {})


def test_an_order_that_was_never_seen(company: Store) -> None:
    assert "has not seen an order 7" in explained(company, "7")
    assert "chansync sync shop --order 7" in explained(company, "7")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "pending"}, "Not imported: status pending is not among the order statuses"),
        ({"status": "cancelled"}, "Not imported: status cancelled is among the refused statuses"),
        ({"currency": "USD"}, "Not imported: it failed once"),
    ],
)
def test_an_order_that_is_no_sale(company: Store, changes: dict[str, object], said: str) -> None:
    take(company, **changes)
    assert said in explained(company, "1")


def test_a_selection_that_was_widened_since(company: Store) -> None:
    take(company, status="pending")
    configure(company, order_statuses=["pending"])
    assert "the next pull brings it in" in explained(company, "1")


def test_a_sale_says_where_it_is_and_what_is_left_to_do(company: Store) -> None:
    configure(company, write_out_immediately=True, block_quantities=True)
    take(company)
    said = explained(company, "1")
    assert "it is the sale shop-1 of Anna Ivanova" in said
    assert "not written out, no document, 17.73 EUR unpaid" in said
    assert "Still to do since it was created: block, write out" in said
    assert "Open: Order 1: The sale shop-1 cannot be written out" in said


def test_a_sale_that_is_written_out(company: Store) -> None:
    set_stock(company.db, "SKU-001", "W1", 5)
    configure(company, write_out_immediately=True)
    take(company)
    assert "The sale is written out, no document, 17.73 EUR unpaid." in explained(company, "1")
