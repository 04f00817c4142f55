"""A problem of an order closes only when a fresh decision finds nothing left of its kind."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.stock import set_stock
from chansync.model.order import Order, Refund, UnreadableOrder
from chansync.orders import status_to_send
from chansync.orders.outcome import Outcome
from chansync.orders.sale_actions import perform
from chansync.store import channels, messages
from support import tiny_erp, world
from support.orders import line, order
from support.world import OrderByOrder

EDITED: dict[str, Any] = {"status": "on-hold", "lines": [line(quantity=2, total=Decimal(20), tax=Decimal("3.80"))]}


@pytest.fixture
def shop(company: Store) -> Store:
    """A channel that issues invoices on creation; order 1 is a sale."""
    company.db.execute("INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice')")
    configure(company, document_type="invoice", issue_document=True, paid_statuses=["processing"])
    importing(company).import_order(order(status="on-hold"))
    return company


def configure(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    channels.save_channel(store.db, channel.id, changes, {})


def importing(store: Store) -> OrderByOrder:
    return OrderByOrder(store.db, world.load_settings(store, channels.channel(store.db, "shop")))


def take(store: Store, **changes: Any) -> Outcome:
    return importing(store).import_order(order(**changes))


def codes(store: Store) -> set[str]:
    """Of the open problems."""
    return {code for (code,) in world.rows(store, "SELECT code FROM message WHERE open = 1")}


def log(store: Store, code: str) -> None:
    messages.log(store.db, code, "It is said by somebody else.", channel_id=1, order_id=1, order_number="1")


def test_a_refund_solves_nothing_but_its_own(shop: Store) -> None:
    take(shop, **EDITED)
    log(shop, "order_gone")
    assert codes(shop) == {"order_changed", "order_gone"}
    refunded = order(**EDITED, refunds=[Refund("50", Decimal("2.00"), "damaged", [])])

    outcome = importing(shop).import_refunds_of(refunded)

    assert outcome.reason == "refund 50 of 2.00 EUR recorded"
    assert codes(shop) == {"order_changed", "order_gone"}


def test_while_an_edit_waits_nothing_is_paid_with_the_old_total(shop: Store) -> None:
    take(shop, **EDITED)

    outcome = take(shop, **EDITED | {"status": "processing"})

    assert (outcome.reason, codes(shop)) == ("status processing", {"order_changed"})
    assert world.rows(shop, "SELECT count(*) FROM erp_payment") == [(0,)]


def test_an_order_may_have_two_problems_and_each_ends_by_itself(shop: Store) -> None:
    configure(shop, issue_document=False, write_out_immediately=True)
    take(shop, external_id="2", number="2", status="processing")
    assert codes(shop) == {"missing_stock", "no_document"}
    set_stock(shop.db, "SKU-001", "W1", 5)

    importing(shop).import_order(order(external_id="2", number="2", status="processing"), again=True)

    assert codes(shop) == {"no_document"}
    perform(shop.db, "issue", "shop-2")
    importing(shop).import_order(order(external_id="2", number="2", status="processing"), again=True)
    assert codes(shop) == set()


@pytest.mark.parametrize("code", ["push_failed", "refunds_unreadable"])
def test_what_others_say_stays_open_when_the_order_goes_through(shop: Store, code: str) -> None:
    log(shop, code)
    log(shop, "order_changed")

    take(shop, status="processing")

    assert codes(shop) == {code}


def test_what_is_said_of_the_site_does_not_solve_what_is_decided(shop: Store) -> None:
    take(shop, **EDITED)
    log(shop, "order_gone")
    assert codes(shop) == {"order_changed", "order_gone"}

    take(shop, **EDITED | {"note": "it is there again"})
    assert codes(shop) == {"order_changed"}

    importing(shop).import_order(UnreadableOrder("1", "1", 5, "it has no total", {}))
    assert codes(shop) == {"order_changed", "order_unreadable"}

    take(shop, status="on-hold", note="as it was")
    assert codes(shop) == set()


def test_an_order_that_came_back_stays_a_problem_until_it_is_refused_or_solved(shop: Store) -> None:
    take(shop, status="cancelled")
    take(shop, status="processing")
    take(shop, status="processing", note="still there")
    assert codes(shop) == {"order_returned"}

    take(shop, status="cancelled")
    assert codes(shop) == set()


def test_without_prices_nothing_is_said_to_be_solved(shop: Store) -> None:
    take(shop, **EDITED)
    take(shop, **EDITED | {"note": "pending", "awaits_prices": True})
    assert codes(shop) == {"order_changed"}


def test_a_sale_of_another_erp_is_not_rewritten_by_this_one(company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    take(company, status="on-hold")
    erp = tiny_erp.install(monkeypatch)
    tiny_erp.connect(company.db)
    erp.put("SKU-001", 5)
    configure(company, pos="TINY", delivery_method="van", transport_service="CARRIAGE", fee_service="CARRIAGE")

    take(company, **EDITED)

    assert (codes(company), erp.sales) == ({"not_possible"}, {})
    assert world.sales(company) == {"1": ("EUR", 1773)}
    monkeypatch.undo()
    tiny_erp.forget()


def test_a_bug_leaves_what_is_still_to_do(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(shop, write_out_immediately=True)
    bought: Order = order(2, status="on-hold")
    importing(shop).import_order(bought)
    shop.db.execute(
        """CREATE TRIGGER refused BEFORE INSERT ON erp_event WHEN NEW.kind = 'cancelled'
           BEGIN SELECT RAISE(ABORT, 'not this one'); END"""
    )

    importing(shop).import_order(order(2, status="cancelled"))

    assert codes(shop) == {"missing_stock", "import_bug"}
    assert world.rows(shop, "SELECT todo FROM \"order\" WHERE external_id = '2'") == [('["write_out"]',)]


def test_whatever_keeps_an_order_from_being_drafted_keeps_its_edit_waiting() -> None:
    folder = Path(status_to_send.__file__).parent
    text = "".join((folder / f"{name}.py").read_text() for name in ("draft", "taxes", "totals"))
    found = set(re.findall(r'Problem\(\s*"(\w+)"', text))
    assert len(found) >= 8
    # That a sale is in another ERP than the channel's keeps nothing from being drafted.
    assert found - {"not_possible"} <= status_to_send.EDIT_WAITS
