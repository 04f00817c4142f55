"""An ERP that somebody else has installed: an order goes all its way without the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.explain import story
from chansync.explain.outlook import possible_steps
from chansync.explain.story import Story
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from chansync.store import channels
from support import tiny_erp

from .conftest import World

Make = Callable[..., World]

CHANNEL = {
    "pos": "TINY",
    "gift_card_payment_method": "",
    "document_type": "slip",
    "delivery_method": "van",
    "transport_service": "CARRIAGE",
    "fee_service": "CARRIAGE",
    "customer_type": "",
    "sale_type": "",
    "merchant": "",
    "tax_transaction": "",
    "issue_document_on_payment": "no",
    "push_statuses": "yes",
    "status_written_out": "on-hold",
    "status_written_out_and_paid": "completed",
    "status_cancelled": "cancelled",
}
#: Asked for on creation.
ALL = {"block_quantities": "yes", "create_request": "yes", "issue_document": "yes", "write_out_immediately": "yes"}


@pytest.fixture
def erp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    yield tiny_erp.install(monkeypatch)
    monkeypatch.undo()
    tiny_erp.forget()


@pytest.fixture
def tiny(make: Make, erp: Any) -> Callable[..., World]:
    """A channel that sells through the tiny ERP's POS, which has five of SKU-001."""

    def build(**texts: str) -> World:
        erp.put("SKU-001", 5)
        world = make(**CHANNEL | texts)
        store = open_store(world.path)
        channel = channels.channel(store.db, company.CHANNEL)
        for code, target in (("bacs", "cash"), ("cheque", "cash"), ("cod", "cash")):
            channel_settings.map_method(store.db, channel, "payment", code, target)
        channel_settings.map_method(store.db, channel, "delivery", "local_pickup:3", "van")
        store.close()
        return world

    return build


def sale_of(erp: Any, number: str) -> Any:
    return erp.view(None, f"chansync:demo:{number}")


def told(world: World, number: str) -> Story:
    store = open_store(world.path)
    try:
        return story.of_number(store.db, channels.channel(store.db, company.CHANNEL), number)
    finally:
        store.close()


def test_everything_on_creation_and_the_status_that_goes_back(tiny: Make, erp: Any) -> None:
    world = tiny(**ALL, paid_statuses="processing")
    number = world.order()

    world.orders(number)

    assert erp.steps == ["record", "block", "request", "issue", "write_out", "pay"]
    sale = sale_of(erp, number)
    assert (sale.state.written_out, sale.state.unpaid, sale.state.document_number) == (True, 0, "SLIP-TINY-1")
    assert erp.on_hand["SKU-001"] == 4
    world.statuses()
    assert world.status(number) == "completed"
    assert world.query("SELECT count(*) FROM erp_sale") == [(0,)], "the ledger knows nothing of it"
    assert world.query("SELECT erp, sale_key, ref, number FROM sale_link") == [
        ("tiny", f"chansync:demo:{number}", "TINY-1", "TINY-1")
    ]


def test_seen_again_it_changes_nothing(tiny: Make, erp: Any) -> None:
    world = tiny(**ALL, paid_statuses="processing")
    number = world.order()
    world.orders(number)
    before = list(erp.steps)

    world.shop.edit_order(int(number), {"customer_note": "leave it at the door"})
    world.run(orders=True)

    assert erp.steps == before


def test_what_is_missing_is_requested_and_waits(tiny: Make, erp: Any) -> None:
    world = tiny(**ALL, paid_statuses="processing")
    number = str(world.shop.place_order([("SKU-001", 7)], status="processing"))
    world.orders(number)
    assert [code for (code,) in world.query("SELECT code FROM message WHERE open = 1")] == ["missing_stock"]
    assert sale_of(erp, number).state.requested

    erp.put("SKU-001", 10)
    store = open_store(world.path)
    store.db.execute('UPDATE "order" SET next_try_at = 0')
    store.close()
    world.run(orders=True)

    assert sale_of(erp, number).state.written_out
    assert world.query("SELECT code FROM message WHERE open = 1") == []


def test_a_payment_without_a_document_is_a_problem_until_there_is_one(tiny: Make, erp: Any) -> None:
    world = tiny(paid_statuses="processing")
    number = world.order()
    world.orders(number)
    assert [code for (code,) in world.query("SELECT code FROM message WHERE open = 1")] == ["no_document"]

    world.configure(issue_document_on_payment="yes")
    world.run(order_numbers=(number,))

    assert sale_of(erp, number).state.unpaid == 0
    assert world.query("SELECT code FROM message WHERE open = 1") == []


@pytest.mark.parametrize(("asked", "ending"), [({}, "cancelled"), (ALL, "reversed")])
def test_a_refused_order_ends_its_sale(tiny: Make, erp: Any, asked: dict[str, str], ending: str) -> None:
    world = tiny(**asked, refused_statuses="cancelled, refunded, failed")
    number = world.order()
    world.orders(number)

    world.shop.set_status(int(number), "cancelled")
    world.run(orders=True)

    assert getattr(sale_of(erp, number).state, ending)
    assert erp.on_hand["SKU-001"] == 5


def test_a_refund_and_an_edit_are_followed(tiny: Make, erp: Any) -> None:
    world = tiny(paid_statuses="")
    number = world.order()
    world.orders(number)
    line = world.shop.order(int(number))["line_items"][0]["id"]
    world.shop.change_quantity(int(number), line, 3)
    world.run(orders=True)
    assert sale_of(erp, number).lines[0].quantity == 3
    assert erp.steps[-1] == "rewrite"

    world.shop.refund(int(number), amount="2.00")
    world.run(orders=True)

    assert [refund.total for refund in sale_of(erp, number).refunds] == [200]


def test_what_people_do_by_hand_and_what_they_are_shown(tiny: Make, erp: Any) -> None:
    world = tiny()
    number = world.order()
    world.orders(number)
    store = open_store(world.path)
    possible = [step.action for step in possible_steps(store.db, "TINY-1")]
    said = [perform(store.db, action, "TINY-1") for action in ("issue", "pay", "write-out")]
    store.close()

    assert {"issue", "write-out", "cancel", "refund"} <= set(possible)
    assert said[0] == "TINY-1: issued SLIP-TINY-1."
    world.statuses()
    assert world.status(number) == "completed"
    found = told(world, number)
    assert any("The sale is written out, document SLIP-TINY-1, paid" in each for each in found.explanation.sentences)
    assert found.papers is not None
    assert "sale: recorded as TINY-1" in [f"{each.what}: {each.text}" for each in found.history]


def test_its_stock_is_sent(tiny: Make, erp: Any) -> None:
    world = tiny(push_quantities="yes", push_exact_quantities="yes", block_quantities="yes")
    world.quantities()
    assert world.shop.stock("SKU-001") == 5

    world.orders(world.order())
    world.quantities()

    assert world.shop.stock("SKU-001") == 4
