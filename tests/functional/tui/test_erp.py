"""The ERP's lists on the screen, and what is done there."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from textual.widgets import Button

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.erp.ledger import setup, stock
from chansync.erp.outside import connected, sales
from chansync.model.reports import SettledKind, Settlement, SettlementLine
from chansync.model.sale import SaleState, SaleView
from chansync.setup import erps
from chansync.store import settlements
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.erp import Erp
from functional.tui.looking import Other, until_seen
from support import far_file

WIDE = (120, 40)


async def test_moving_in_the_menu_shows_each_list(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "Sales: 1 row", "A. Buyer", "19.90 EUR")
        await pilot.press("j", "j", "j")
        await until_seen(pilot, "Requests: 0 rows", "Goods that sales need and warehouses lack.")
        await pilot.press("right_square_bracket")
        await until_seen(pilot, "Stock: 2 rows", "SHIRT")
        await pilot.press("G")
        await until_seen(pilot, "Unread reports: 0 rows")
        await pilot.press("k")
        await until_seen(pilot, "Settlements: 0 rows", "chansync sync CHANNEL --settlements")
        await pilot.press("k")
        await until_seen(pilot, "Asked of ERPs: 0 rows")
        await pilot.press("k", "k")
        await until_seen(pilot, "Tax transactions: 0 rows", "press a to add one")


async def test_rows_open_what_they_are_about(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "enter")
        await until_seen(pilot, "Sales: 1 row")
        await pilot.press("enter")
        await until_seen(pilot, "Order 998 has the status processing", "The sale n of 2026-11-24")
        await pilot.press("escape")
        assert isinstance(app.screen, Erp)
        app.screen.show_list("customers")
        await until_seen(pilot, "Customers: 1 row")
        await pilot.press("enter")
        await until_seen(pilot, "Customer 1: A. Buyer", "19.90 EUR  order 998")
        await pilot.press("right_square_bracket", "j", "enter")
        await until_seen(pilot, "The sale n of 2026-11-24")
        await pilot.press("escape", "escape")
        app.screen.show_list("stock")
        await until_seen(pilot, "Stock: 2 rows")
        await pilot.press("enter")
        await until_seen(pilot, "The item SHIRT", "+5", "opening")


async def test_a_record_opens_its_form_and_a_adds_one(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "Sales: 1 row")
        assert isinstance(app.screen, Erp)
        app.screen.show_list("warehouse")
        await until_seen(pilot, "Warehouses: 1 row")
        await pilot.press("enter")
        await until_seen(pilot, "esc Close", "Main")
        await pilot.press("escape")
        await until_seen(pilot, "Warehouses: 1 row")
        await pilot.press("a")
        await until_seen(pilot, "esc Close", "warehouse")
        await pilot.press("escape")
        app.screen.show_list("sales")
        await until_seen(pilot, "Sales: 1 row")
        await pilot.press("a")
        await until_seen(pilot, "None is added by hand.")


async def test_stock_is_set_with_a_note_and_wrong_input_stays(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "Sales: 1 row")
        assert isinstance(app.screen, Erp)
        app.screen.show_list("stock")
        await until_seen(pilot, "Stock: 2 rows")
        await pilot.press("s")
        await until_seen(pilot, "5 of SHIRT are on hand in main by the books.")
        await pilot.press("end", ".", "5", "enter", *"counted", "enter")
        assert isinstance(app.focused, Button)
        assert app.focused.id == "no"
        await pilot.press("right", "enter")
        await until_seen(pilot, "The quantity is a whole number of pieces, not '5.5'")
        await pilot.press("up", "up", "up", "end", "backspace", "backspace", "backspace", "7", "enter", "enter", "y")
        await until_seen(pilot, "SHIRT in main: 7 on hand (+2).")
        await until_seen(pilot, "5 of SHIRT are on hand", gone=True)
        await until_seen(pilot, "main             7        0     7")
        with Other(company) as other:
            assert stock.movements(other.db, "SHIRT")[0].note == "counted"


async def test_what_is_used_is_not_removed_and_what_is_not_is(company: Path) -> None:
    with Other(company) as other:
        setup.add(other.db, "warehouse", "spare", {"name": "Spare"})
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "Sales: 1 row")
        assert isinstance(app.screen, Erp)
        app.screen.show_list("warehouse")
        await until_seen(pilot, "Warehouses: 2 rows")
        await pilot.press("D")
        await until_seen(pilot, "Removes the warehouse main.")
        await pilot.press("y")
        await until_seen(pilot, "The warehouse main cannot be removed")
        await pilot.press("j", "D")
        await until_seen(pilot, "Removes the warehouse spare.")
        await pilot.press("enter")
        await until_seen(pilot, "Removes the", gone=True)
        await pilot.press("D", "y")
        await until_seen(pilot, "Removed the warehouse spare.", "Warehouses: 1 row")


async def test_v_verifies_the_books(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "v")
        # The sale of the seed has no lines.
        await until_seen(pilot, "The books have", "its total is 19.90 EUR, its lines add up to 0.00 EUR.")
        await pilot.press("escape")
        with Other(company) as other, transaction(other.db):
            other.db.execute(
                """INSERT INTO erp_sale_line (sale_id, position, kind, name, quantity, net, tax, discount, external_id)
                   VALUES (1, 1, 'fee', 'Fee', '1', 1990, 0, 0, '1')"""
            )
        await pilot.press("v")
        await until_seen(pilot, "The ledger is sound.")


async def test_filters_by_text_and_warehouse(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "W", "enter")
        await until_seen(pilot, "Stock: 2 rows")
        await pilot.press("slash", *"tea", "enter")
        await until_seen(pilot, "Stock: 1 row", "TEAPOT")
        await pilot.press("escape")
        await until_seen(pilot, "Stock: 2 rows")


async def test_an_empty_ledger_says_what_each_list_is_for(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("empty"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "What the orders of the channels became.", "None yet.")
        await pilot.press(*["j"] * 4)
        await until_seen(pilot, "Add a warehouse and an item first")


async def test_the_tabs_fit_60_columns_and_a_click_picks_one(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(60, 20)) as pilot:
        tabs = await until_seen(pilot, "0 Home [1 Channels] 2 Runs  3 Log 3  4 Orders  5 ERP")
        await pilot.click(offset=(tabs.index("5 ERP"), 0))
        await until_seen(pilot, "[5 ERP]")
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        tabs = await until_seen(pilot, "chansync  0 Overview [1 Channels] 2 Activity  3 Messages 3  4 Orders  5 ERP")
        await pilot.click(offset=(tabs.index("4 Orders"), 0))
        await until_seen(pilot, "[4 Orders]")


async def test_the_sales_of_another_erp_are_chosen_by_its_name(company: Path) -> None:
    view = SaleView(
        "chansync:web:9",
        "4711",
        "OWN-9",
        SaleState("EUR", 1999, False, False, 1999, "INV-9", 1999, 0, 0, False, False, False),
    )
    with Other(company) as other, transaction(other.db):
        connected.add(other.db, "own", "Our ERP", "http", {}, {})
        sales.store_view(other.db, "own", view)
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "ERP: ledger", "Sales: 1 row")
        await pilot.press("O")
        await until_seen(pilot, "Our ERP")
        await pilot.press("o", "w", "n", "enter")
        await until_seen(pilot, "ERP: own", "OWN-9", "19.99 EUR")
        await pilot.press("j")
        await until_seen(pilot, "Documents: 1 row", "INV-9")


async def test_a_connected_erp_has_a_row_and_a_form(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far_file.install(monkeypatch)
    store = open_store(company)
    erps.add_erp(store, "far", "Far Away", "file", {"file": "/nowhere", "key": "open sesame"})
    store.close()
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "Sales: 1 row")
        assert isinstance(app.screen, Erp)
        app.screen.show_list("connected-erp")
        await until_seen(pilot, "Connected ERPs: 1 row", "Far Away", "never asked")
        await pilot.press("enter")
        await until_seen(pilot, "ERP far", "How it is reached", "/nowhere", "0 wait, 0 refused")
        with Other(company) as other:
            connected.note_tried(other.db, "far", "erp_unavailable", "There is no such file.")
        await pilot.press("escape")
        await until_seen(pilot, "Connected ERPs: 1 row", "failing", "There is no such file.")
    monkeypatch.undo()
    far_file.forget()


async def test_a_settlement_shows_its_sums_and_its_lines_lead_to_their_sales(company: Path) -> None:
    with Other(company) as other, transaction(other.db):
        for number, day in (("111", 1), ("222", 2)):
            settlements.write(other.db, 1, _settlement(number, day))
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "G", "k", "enter")
        screen = await until_seen(pilot, "Settlements: 2 rows", "17.00 EUR", "Unmatched")
        # The last period is first.
        assert screen.index("222") < screen.index("111")
        await pilot.press("slash", *"111", "enter")
        await until_seen(pilot, "Settlements: 1 row")
        await pilot.press("enter")
        await until_seen(
            pilot, "Settlement 111 of woo", "20.90 EUR", "1 line of orders that no channel", "404-1  order not known"
        )
        await pilot.press("right_square_bracket", "j", "enter")
        await until_seen(pilot, "The sale n of 2026-11-24")


async def test_a_report_that_cannot_be_read_is_left_out_and_taken_in_again(company: Path) -> None:
    with Other(company) as other, transaction(other.db):
        settlements.note_report(other.db, 1, "60001", "it has no rows")
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("5", "G", "enter")
        await until_seen(pilot, "Unread reports: 1 row", "60001", "it has no rows")
        await pilot.press("enter")
        await until_seen(pilot, "Leave the report out", "60001: it has no rows.")
        await pilot.press("right", "enter")
        await until_seen(pilot, "The report 60001 is left out.")
        with Other(company) as other:
            [report] = settlements.unread(other.db)
        assert report.left_out_by
        await until_seen(pilot, f"by {report.left_out_by}")
        await pilot.press("enter")
        await until_seen(pilot, "It is read with the next settlements.")
        await pilot.press("right", "enter")
        await until_seen(pilot, "The report 60001 is read again")
        with Other(company) as other:
            assert settlements.unread(other.db)[0].left_out_by == ""


def _settlement(number: str, day: int) -> Settlement:
    lines = [
        _line(SettledKind.SALE, "Order", "19.90", order_number="998"),
        _line(SettledKind.FEE, "Order", "-3.90", order_number="998"),
        _line(SettledKind.SALE, "Order", "1.00", order_number="404-1"),
    ]
    ends_at = 1_795_500_000_000 + day * 86_400_000
    return Settlement(number, f"R{number}", "EUR", Decimal("17.00"), ends_at - 86_400_000, ends_at, ends_at, lines)


def _line(kind: SettledKind, transaction: str, amount: str, *, order_number: str) -> SettlementLine:
    return SettlementLine(kind, transaction, "ItemPrice", "Principal", Decimal(amount), order_number=order_number)
