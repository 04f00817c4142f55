"""What Amazon pays out: every line at its sale, refunds with it, and nothing unmatched without a word."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from chansync.cli.program import program
from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.setup import channel_settings
from chansync_daemon.timetable import entries
from support import marketplace, world
from support.marketplace import sales, sync


def run(store: Store, *words: str) -> str:
    result = CliRunner().invoke(program, ["--db", str(store.path), *words])
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


def mend(store: Store, code: str, *words: str) -> None:
    """Carry out a remedy of the one open message of that code."""
    [(own,)] = world.rows(store, "SELECT id FROM message WHERE open = 1 AND code = ?", code)
    run(store, "mend", str(own), *words)


def open_problems(store: Store) -> set[str]:
    return {code for (code,) in world.rows(store, "SELECT code FROM message WHERE open = 1")}


def settle(store: Store, seller: Seller, code: str = "de") -> list[str]:
    """Amazon settles, and the channel reads it."""
    numbers = seller.pay_out()
    results = sync(store, code, orders=False, settlements=True)
    assert [(result.stream, result.state) for result in results if result.stream == "settlements"] == [
        ("settlements", "done")
    ], results
    return numbers


def paid(store: Store) -> dict[str, int]:
    rows = world.rows(
        store,
        """SELECT s.order_number, coalesce((SELECT sum(p.amount) FROM erp_payment p WHERE p.sale_id = s.id), 0)
           FROM erp_sale s""",
    )
    return dict(rows)


@pytest.mark.parametrize("comma", [False, True])
def test_a_settlement_is_kept_whole_with_its_lines_at_their_sales(de: Store, seller: Seller, comma: bool) -> None:
    seller.settlements.comma = comma
    own = [seller.place_order("DE", lines={"SKU-001": 2}), seller.place_order("DE", lines={"SKU-002": 1})]
    for each in own:
        seller.ship(each)
    sync(de, "de")
    seller.settlements.extra = [
        ("EUR", -3900, {"transaction-type": "other-transaction", "amount-type": "other-transaction",
                        "amount-description": "Subscription Fee"}),
        ("EUR", -12345678, {"transaction-type": "other-transaction", "amount-type": "other-transaction",
                            "amount-description": "Current Reserve Amount"}),
    ]  # fmt: skip
    [number] = settle(de, seller)

    told = json.loads(run(de, "erp", "settlements", number, "--json"))
    total = sum(sales(de)[each][2] for each in own)
    assert told["sales"] == f"{total / 100:.2f}"
    assert told["total"] == told["lines_total"]
    assert (told["reserve"], told["other"], told["unmatched"]) == ("-123456.78", "-39.00", 0)
    assert {line["sale"] for line in told["lines"] if line["order_number"]} == {f"de-{each}" for each in own}
    assert open_problems(de) == set()
    # Read again, nothing is new.
    sync(de, "de", orders=False, settlements=True)
    assert world.rows(de, "SELECT count(*) FROM settlement") == [(1,)]


def test_a_refund_that_amazon_made_is_a_refund_of_the_sale_once(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 2})
    channel_settings.change_channel(de, "de", {"paid_statuses": "SHIPPED"})
    seller.ship(own)
    sync(de, "de")
    settle(de, seller)
    seller.refund(own, 500)
    settle(de, seller)
    total = sales(de)[own][2]
    assert world.rows(de, "SELECT total FROM erp_refund") == [(500,)]
    assert paid(de) == {own: total - 500}

    # Neither the order itself, which tells no refund, nor a second reading changes that.
    seller.edit_order(own, {"drop_off": "the porch"})
    sync(de, "de")
    sync(de, "de", orders=False, settlements=True)
    assert world.rows(de, "SELECT count(*) FROM erp_refund") == [(1,)]
    assert open_problems(de) == set()


def test_an_order_may_come_after_its_settlement(connected: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 2})
    seller.ship(own)
    marketplace.add_channels(connected, ["de"], paid_by_settlement="yes")
    seller.refund(own, 300)
    settle(connected, seller)
    assert open_problems(connected) == {"settlement_unmatched"}

    mend(connected, "settlement_unmatched", "fetch")
    assert paid(connected) == {own: sales(connected)[own][2] - 300}
    sync(connected, "de", orders=False, settlements=True)
    assert open_problems(connected) == set()


def test_with_paid_by_settlement_a_sale_is_paid_when_amazon_pays_out(de: Store, seller: Seller) -> None:
    channel_settings.change_channel(de, "de", {"paid_by_settlement": "yes", "paid_statuses": "SHIPPED"})
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    assert paid(de) == {own: 0}
    settle(de, seller)
    assert paid(de) == {own: sales(de)[own][2]}
    assert open_problems(de) == set()


@pytest.mark.parametrize("fault", [{"status": 403}, {"status": 429, "retry_after": 900}])
def test_what_a_settlement_says_waits_for_an_order_that_cannot_be_fetched_now(
    de: Store, seller: Seller, server: AmazonServer, fault: dict[str, int]
) -> None:
    channel_settings.change_channel(de, "de", {"paid_by_settlement": "yes", "paid_statuses": "SHIPPED"})
    own = [seller.place_order("DE", lines={"SKU-001": 1}) for _ in range(2)]
    for each in own:
        seller.ship(each)
    sync(de, "de")
    # As of old orders, whose data are not kept.
    de.db.execute('UPDATE "order" SET raw = NULL')
    server.faults.add(f"/orders/2026-01-01/orders/{own[1]}", "status", times=None, **fault)
    settle(de, seller)
    assert paid(de)[own[1]] == 0
    server.faults.clear()
    # Amazon's pace is waited for.
    de.db.execute("DELETE FROM system_state WHERE name LIKE 'rate %'")
    sync(de, "de", orders=False, settlements=True)
    assert paid(de) == {each: sales(de)[each][2] for each in own}


def test_what_was_read_of_orders_does_not_wait_for_a_report_that_cannot_be_had(
    de: Store, seller: Seller, server: AmazonServer
) -> None:
    channel_settings.change_channel(de, "de", {"paid_by_settlement": "yes", "paid_statuses": "SHIPPED"})
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    seller.pay_out()
    seller.clock.advance(60)
    seller.refund(own, 100)
    seller.pay_out()
    server.faults.add("/reports/2021-06-30/documents", "status", times=None, skip=1, status=403)
    [result] = sync(de, "de", orders=False, settlements=True)
    assert result.state == "failed"
    assert paid(de) == {own: sales(de)[own][2]}

    server.faults.clear()
    sync(de, "de", orders=False, settlements=True)
    assert paid(de) == {own: sales(de)[own][2] - 100}


def test_orders_of_another_program_are_named_until_a_person_accepts_them(de: Store, seller: Seller) -> None:
    seller.settlements.extra = [
        ("EUR", 1000, {"transaction-type": "Order", "amount-type": "ItemPrice", "amount-description": "Principal",
                       "order-id": "902-0000000-0000000", "marketplace-name": "Amazon.de"}),
    ]  # fmt: skip
    [number] = settle(de, seller)
    [(sentence,)] = world.rows(de, "SELECT sentence FROM message WHERE open = 1")
    assert "902-0000000-0000000 (10.00 EUR, Amazon.de)" in sentence
    assert "order not known" in run(de, "erp", "settlements", number)

    mend(de, "settlement_unmatched", "accept")
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()
    assert "accepted by" in run(de, "erp", "settlements", number)


def test_a_payout_that_differs_from_the_sale_is_a_problem_until_a_person_keeps_it(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    seller.settlements.extra = [
        ("EUR", -100, {"transaction-type": "Order", "amount-type": "Promotion", "amount-description": "Principal",
                       "order-id": own}),
    ]  # fmt: skip
    settle(de, seller)
    assert open_problems(de) == {"settlement_differs"}
    mend(de, "settlement_differs", "keep")
    assert open_problems(de) == set()
    sync(de, "de", orders=False, settlements=True)
    seller.edit_order(own, {"drop_off": "the porch"})
    sync(de, "de")
    assert open_problems(de) == set()


def test_what_does_not_add_up_or_cannot_be_read_is_told_and_the_others_are_kept(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    seller.pay_out()
    document = seller.feeds.documents[next(iter(seller.settlements.reports.values())).document]
    assert document.data is not None
    whole = document.data
    document.data = whole.replace(b"Principal\t", b"Principal\t1", 1)
    other = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(other)
    seller.pay_out()
    last = seller.feeds.documents[list(seller.settlements.reports.values())[-1].document]
    last.data = b"Amazon is busy"
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == {"settlement_wrong_sum", "settlement_unreadable", "settlement_differs"}
    assert world.rows(de, "SELECT count(*) FROM settlement") == [(1,)]
    [(said,)] = world.rows(de, "SELECT sentence FROM message WHERE open = 1 AND code = 'settlement_wrong_sum'")
    assert re.fullmatch(r"Settlement \d+ is [\d.]+ EUR, and its lines add up to [\d.]+ EUR\.", said)
    mend(de, "settlement_wrong_sum", "accept")
    sync(de, "de", orders=False, settlements=True)
    assert "settlement_wrong_sum" not in open_problems(de)


def test_a_refund_that_amazon_takes_back_is_no_refund_and_told(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    seller.settlements.extra = [
        ("EUR", 250, {"transaction-type": "Refund", "amount-type": "ItemPrice", "amount-description": "Principal",
                      "order-id": own, "adjustment-id": "taken back"}),
    ]  # fmt: skip
    settle(de, seller)
    assert world.rows(de, "SELECT count(*) FROM erp_refund") == [(0,)]
    assert open_problems(de) == {"settlement_differs"}


def test_without_the_role_the_channel_says_so(de: Store, seller: Seller) -> None:
    seller.roles.discard("reports")
    [result] = sync(de, "de", orders=False, settlements=True)
    assert result.state == "failed"
    assert "getReports" in result.sentence
    seller.roles.add("reports")
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()


def test_reports_are_read_on_schedules_of_their_own_where_there_are_any(de: Store) -> None:
    assert [entry.stream for entry in entries(de.db)] == ["orders"]
    channel_settings.change_channel(de, "de", {"settlements_every": "6h", "returns_every": "1h"})
    seconds = {entry.stream: entry.seconds for entry in entries(de.db)}
    assert (seconds["settlements"], seconds["returns"]) == (6 * 3600, 3600)


def test_settlements_of_a_system_are_read_by_one_channel_and_pay_the_sales_of_all(
    connected: Store, seller: Seller, server: AmazonServer
) -> None:
    marketplace.add_channels(connected, ["de", "fr"], paid_by_settlement="yes")
    own = [seller.place_order("DE", lines={"SKU-001": 1}), seller.place_order("FR", lines={"SKU-001": 1})]
    for each in own:
        seller.ship(each)
    sync(connected, "de")
    sync(connected, "fr")
    settle(connected, seller, "fr")
    assert paid(connected) == {each: sales(connected)[each][2] for each in own}
    before = len([served for served in server.requests if served.operation == "getReportDocument"])
    sync(connected, "de", orders=False, settlements=True)
    assert len([served for served in server.requests if served.operation == "getReportDocument"]) == before
