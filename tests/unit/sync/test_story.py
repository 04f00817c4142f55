"""An order's story, and what each step with its sale would do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.stock import set_stock
from chansync.explain import story
from chansync.explain.outlook import PossibleStep, possible_steps
from chansync.model.errors import UsageError
from chansync.orders.sale_actions import perform
from chansync.store import channels
from support import world
from support.orders import order
from support.world import OrderByOrder


def take(store: Store, **changes: Any) -> None:
    channel = channels.channel(store.db, "shop")
    OrderByOrder(store.db, world.load_settings(store, channel)).import_order(order(1, **changes))


def configure(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    channels.save_channel(store.db, channel.id, changes, {})


@pytest.fixture
def sold(company: Store) -> Store:
    """Order 1 is the sale shop-1, its goods are there, and statuses go back."""
    company.db.execute("INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice')")
    set_stock(company.db, "SKU-001", "W1", 5)
    configure(
        company, document_type="invoice", push_statuses=True, status_written_out="shipped",
        status_written_out_and_paid="completed", status_cancelled="cancelled",
    )  # fmt: skip
    take(company)
    return company


def by_action(store: Store) -> dict[str, PossibleStep]:
    return {step.action: step for step in possible_steps(store.db, "shop-1")}


def told(store: Store) -> list[str]:
    found = story.of_order(store.db, 1)
    assert found is not None
    return [f"{happening.what}: {happening.text}" for happening in found.history]


def test_an_order_never_seen_says_so(company: Store) -> None:
    found = story.of_number(company.db, channels.channel(company.db, "shop"), "7")
    assert found.order is None
    assert "has not seen an order 7" in found.explanation.sentences[0]


def test_a_skipped_order_says_why_in_the_words_of_the_command(company: Store) -> None:
    take(company, status="pending")
    found = story.of_number(company.db, channels.channel(company.db, "shop"), "1")
    assert found.order is not None
    assert found.papers is None
    assert any("status pending is not among the order statuses" in each for each in found.explanation.sentences)


def test_everything_that_happened_in_its_order(sold: Store) -> None:
    for action in ("issue", "block", "write-out", "pay"):
        perform(sold.db, action, "shop-1")
    found = story.of_sale(sold.db, "shop-1")
    assert found.order is not None
    assert found.papers is not None
    assert [each.number for each in found.papers.documents] == ["MAIN/invoice/1"]
    assert [each.money for each in found.papers.payments] == ["17.73 EUR"]
    assert found.papers.blocked == []
    history = told(sold)
    assert history[0].startswith("order: first seen")
    assert [line for line in history if line.startswith("sale")] == [
        "sale: recorded as shop-1",
        "sale: document issued: document MAIN/invoice/1, total 17.73 EUR",
        "sale: blocked: 1 of SKU-001",
        "sale: written out: 1 of SKU-001",
        "sale: paid: amount 17.73 EUR",
    ]
    assert "to the site: status completed, because it is written out and paid: due" in history


def test_how_the_goods_travel_is_part_of_the_history(sold: Store) -> None:
    perform(sold.db, "write-out", "shop-1", carrier="DHL")
    perform(sold.db, "ship", "shop-1", tracking="00340")
    assert [line for line in told(sold) if "travels" in line] == [
        "sale: travels by DHL",
        "sale: travels by DHL as 00340",
    ]


def test_messages_of_the_order_are_part_of_its_history(company: Store) -> None:
    take(company, currency="USD")
    take(company)
    history = told(company)
    assert any(line.startswith("problem: ") and "USD" in line for line in history)
    assert any(line.startswith("solved: ") for line in history)


def test_a_sale_whose_order_is_gone_still_has_its_story(sold: Store) -> None:
    sold.db.execute('DELETE FROM "order"')
    found = story.of_sale(sold.db, "shop-1")
    assert found.papers is not None
    assert found.order is None
    assert "order 1 of shop" in found.explanation.sentences[0]


def test_steps_are_those_that_the_ledger_takes(sold: Store) -> None:
    assert set(by_action(sold)) == {"issue", "write-out", "block", "request", "refund", "cancel"}
    perform(sold.db, "issue", "shop-1")
    perform(sold.db, "block", "shop-1")
    assert set(by_action(sold)) == {"pay", "write-out", "block", "release", "request", "refund", "cancel"}
    perform(sold.db, "write-out", "shop-1")
    perform(sold.db, "pay", "shop-1")
    assert set(by_action(sold)) == {"refund", "ship", "reverse"}
    perform(sold.db, "reverse", "shop-1")
    assert possible_steps(sold.db, "shop-1") == []
    assert possible_steps(sold.db, "no such sale") == []


def test_steps_say_what_they_do_to_books_stock_and_site(sold: Store) -> None:
    found = by_action(sold)
    assert found["issue"].will == "Issues the document of 17.73 EUR at MAIN: invoice."
    assert found["write-out"].will.endswith("Then the status shipped is sent to shop.")
    assert found["cancel"].will.endswith("Then the status cancelled is sent to shop.")
    perform(sold.db, "issue", "shop-1")
    perform(sold.db, "block", "shop-1")
    perform(sold.db, "write-out", "shop-1")
    found = by_action(sold)
    assert found["pay"].will.startswith("Records a payment of 17.73 EUR, or of what you write here, to account BANK.")
    assert found["pay"].will.endswith("Then the status completed is sent to shop.")
    assert found["pay"].asks == (("amount", "17.73"),)
    assert found["reverse"].will.startswith("Takes its goods back into W1, credits MAIN/invoice/1. For ever.")


def test_a_channel_that_sends_nothing_is_named(sold: Store) -> None:
    configure(sold, push_statuses=False)
    assert by_action(sold)["write-out"].will.endswith("shop is not told.")


def test_without_a_type_the_document_asks_for_one(sold: Store) -> None:
    configure(sold, document_type="")
    channel = channels.channel(sold.db, "shop")
    OrderByOrder(sold.db, world.load_settings(sold, channel)).import_order(order(2))
    [issue] = [step for step in possible_steps(sold.db, "shop-2") if step.action == "issue"]
    assert issue.asks == (("document_type", ""),)


def test_a_sale_may_leave_in_packages_and_each_of_them_is_told(sold: Store) -> None:
    two = replace(order(2).lines[0], quantity=Decimal(2))
    channel = channels.channel(sold.db, "shop")
    OrderByOrder(sold.db, world.load_settings(sold, channel)).import_order(order(2, lines=[two]))
    [write_out] = [step for step in possible_steps(sold.db, "shop-2") if step.action == "write-out"]
    [line] = write_out.lines
    assert (line.item, line.quantity) == ("SKU-001", 2)
    assert write_out.chosen(["2"]) == []
    for wrong in ("3", "x", "0", "", "-1"):
        with pytest.raises(UsageError):
            write_out.chosen([wrong])
    perform(sold.db, "write-out", "shop-2", carrier="DHL", tracking="T1", lines=write_out.chosen(["1"]))
    found = {step.action: step for step in possible_steps(sold.db, "shop-2")}
    assert "cancel" not in found
    assert found["ship"].asks == (("package", "1"), ("carrier", ""), ("tracking", ""))
    assert found["write-out"].lines == ()
    its = story.of_order(sold.db, 2)
    assert its is not None
    [package] = [sentence for sentence in its.explanation.sentences if sentence.startswith("Package")]
    assert package.endswith("holds 1 of SKU-001, and travels by DHL as T1.")
    assert "package 1 holds 1 of SKU-001, and travels by DHL as T1" in [each.text for each in its.history]
    assert any("The sale is partly written out" in sentence for sentence in its.explanation.sentences)
