"""What Amazon pays out: every line at its sale, refunds with it, and nothing unmatched without a word."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from click.testing import CliRunner

from chansync.cli.main import main
from chansync.cli.program import program
from chansync.cli.support import output
from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon.feeds import Document
from chansync.demo.amazon.settlements import KIND as SETTLEMENT
from chansync.setup import channel_settings
from chansync_daemon.timetable import entries
from support import marketplace, world
from support.marketplace import sales, sync
from support.running import daemon


def run(store: Store, *words: str) -> str:
    result = CliRunner().invoke(program, ["--db", str(store.path), *words])
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


def mend(store: Store, code: str, *words: str) -> None:
    """Carry out a remedy of the one open message of that code."""
    [(own,)] = world.rows(store, "SELECT id FROM message WHERE open = 1 AND code = ?", code)
    run(store, "mend", str(own), *words)


def as_json(store: Store, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """What a command prints with ``--json``."""
    assert main(["--db", str(store.path), *words, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    # ``run`` leaves out what begins a call.
    output.mode.begin(())
    return found


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


def document_of(seller: Seller, place: int = -1) -> Document:
    """The document of a settlement report; of the last one, where none is named."""
    return seller.feeds.documents[list(seller.settlements.reports.values())[place].document]


def fetched(server: AmazonServer) -> int:
    return len([served for served in server.requests if served.operation == "getReportDocument"])


def test_a_report_that_cannot_be_read_is_left_out_by_a_person_until_he_takes_it_in(
    de: Store, seller: Seller, server: AmazonServer, capsys: pytest.CaptureFixture[str]
) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    seller.pay_out()
    document, [report] = document_of(seller), seller.settlements.reports
    whole, document.data = document.data, b"Amazon is busy"
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == {"settlement_unreadable"}
    # Also when Amazon lists it no more.
    listed = seller.settlements.reports.pop(report)
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == {"settlement_unreadable"}
    seller.settlements.reports[report] = listed

    [(problem,)] = world.rows(de, "SELECT id FROM message WHERE open = 1")
    assert as_json(de, capsys, "mend", str(problem), "leave-out")["ok"] is True
    before = fetched(server)
    sync(de, "de", orders=False, settlements=True)
    assert (open_problems(de), fetched(server)) == (set(), before)
    [told] = json.loads(run(de, "erp", "settlements", "--unread", "--json"))
    assert (told["report"], bool(told["left_out_by"])) == (report, True)
    assert report in run(de, "erp", "settlements", "--unread")

    run(de, "erp", "settlements", "--take-in", report)
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == {"settlement_unreadable"}
    assert "1 reports cannot be read" in run(de, "erp", "settlements")
    assert report in str(as_json(de, capsys, "erp", "settlements", "--leave-out", report)["sentence"])
    assert open_problems(de) == set()

    run(de, "erp", "settlements", "--take-in", report)
    document.data = whole
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()
    assert world.rows(de, "SELECT count(*) FROM settlement") == [(1,)]
    assert json.loads(run(de, "erp", "settlements", "--unread", "--json")) == []


@pytest.mark.parametrize("words", [["--leave-out", "1"], ["--take-in", "1"], ["--unread", "7"]])
def test_only_what_cannot_be_read_is_left_out(de: Store, words: list[str]) -> None:
    assert CliRunner().invoke(program, ["--db", str(de.path), "erp", "settlements", *words]).exit_code != 0


def test_a_settlement_that_is_listed_twice_counts_once(de: Store, seller: Seller, server: AmazonServer) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    seller.ship(own)
    sync(de, "de")
    settle(de, seller)
    data = document_of(seller).data or b""
    head, *others = data.splitlines()
    again = b"\n".join([head, others[0], *reversed(others[1:])])
    report = seller.settlements.new_report(SETTLEMENT, ["A1PA6795UKMFR9"], seller.clock.moment())
    report.document = seller.feeds.new_document("text/plain", again).id
    sync(de, "de", orders=False, settlements=True)
    before = fetched(server)
    sync(de, "de", orders=False, settlements=True)
    assert (open_problems(de), fetched(server)) == (set(), before)
    assert json.loads(run(de, "erp", "settlements", "--unread", "--json")) == []

    report = seller.settlements.new_report(SETTLEMENT, ["A1PA6795UKMFR9"], seller.clock.moment())
    report.document = seller.feeds.new_document("text/plain", data.replace(own.encode(), b"902-7-7")).id
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == {"settlement_unreadable"}
    assert "told otherwise" in run(de, "erp", "settlements", "--unread")
    assert world.rows(de, "SELECT DISTINCT order_number FROM settlement_line") == [(own,)]


def test_a_report_that_was_cut_off_is_read_again_until_it_is_whole(de: Store, seller: Seller) -> None:
    channel_settings.change_channel(de, "de", {"paid_by_settlement": "yes", "paid_statuses": "SHIPPED"})
    own = [seller.place_order("DE", lines={"SKU-001": 1}) for _ in range(2)]
    for each in own:
        seller.ship(each)
    sync(de, "de")
    seller.pay_out()
    document = document_of(seller)
    whole = document.data or b""
    rows = whole.splitlines(keepends=True)
    document.data = b"".join(rows[:-2])
    sync(de, "de", orders=False, settlements=True)
    assert "settlement_wrong_sum" in open_problems(de)
    document.data = whole
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()
    assert paid(de) == {each: sales(de)[each][2] for each in own}
    assert world.rows(de, "SELECT count(*) FROM settlement_line") == [(len(rows) - 2,)]
    # What is whole is never replaced by what is cut off.
    document.data = b"".join(rows[:-1])
    report = seller.settlements.new_report(SETTLEMENT, ["A1PA6795UKMFR9"], seller.clock.moment())
    report.document = document.id
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()
    assert world.rows(de, "SELECT count(*) FROM settlement_line") == [(len(rows) - 2,)]


def test_a_packed_report_that_is_damaged_keeps_no_other_back(de: Store, seller: Seller) -> None:
    own = [seller.place_order("DE", lines={"SKU-001": 1}) for _ in range(2)]
    for each in own:
        seller.ship(each)
        sync(de, "de")
        seller.pay_out()
    first = document_of(seller, 0)
    whole = gzip.compress(first.data or b"")
    first.zipped, first.data = True, whole[:-9]
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == {"settlement_unreadable"}
    assert world.rows(de, "SELECT DISTINCT order_number FROM settlement_line WHERE order_number <> ''") == [(own[1],)]
    # Two packed files in one are one file, too.
    rows = gzip.decompress(whole).splitlines(keepends=True)
    first.data = gzip.compress(b"".join(rows[:3])) + gzip.compress(b"".join(rows[3:]))
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()


def test_what_is_paid_out_in_another_currency_is_named_and_never_set_against_the_sale(
    de: Store, seller: Seller
) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    sync(de, "de")
    seller.settlements.extra = [
        ("GBP", 1000, {"transaction-type": "Order", "amount-type": "ItemPrice", "amount-description": "Principal",
                       "order-id": own}),
        ("GBP", -150, {"transaction-type": "Order", "amount-type": "ItemFees", "amount-description": "Commission",
                       "order-id": own}),
    ]  # fmt: skip
    [number] = settle(de, seller)
    assert open_problems(de) == {"settlement_unmatched"}
    told = json.loads(run(de, "erp", "settlements", number, "--json"))
    assert (told["unmatched"], [line["is_known"] for line in told["lines"]]) == (1, [False, True])
    mend(de, "settlement_unmatched", "accept")
    sync(de, "de", orders=False, settlements=True)
    assert open_problems(de) == set()


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


async def test_the_daemon_runs_each_stream_that_its_timetable_has(de: Store) -> None:
    channel_settings.change_channel(de, "de", {"settlements_every": "6h", "returns_every": "1h"})
    streams = {entry.stream for entry in entries(de.db)}
    assert {"settlements", "returns"} < streams
    async with daemon(de) as running:
        for stream in streams:
            await running.until(f"SELECT count(*) > 0 FROM run WHERE stream = '{stream}' AND state = 'done'", 1)


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
