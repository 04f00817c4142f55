"""What needs a person: the overview, problems by cause, mending where they show, marks, undo."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from chansync.db.transaction import transaction
from chansync.erp.ledger import setup
from chansync.orders.remedies import REMEDIES
from chansync.store import channels, jobs, mappings, messages
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.orders import Orders
from chansync_tui.screens.page import Page
from chansync_tui.widgets.table import Table
from functional.tui import seed
from functional.tui.looking import Other, row, seen, settle, until_seen

WIDE = (120, 40)


@pytest.fixture(autouse=True)
def _at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chansync_tui.app.ChansyncApp.DEFAULT_MODE", "overview")


@pytest.fixture
def waiting(alone: Path) -> Path:
    """31 orders of one channel that wait for one item, and one of another channel."""
    with Other(alone) as other:
        for number in range(31):
            order_id = seed.add_order(other.db, 1, str(7000 + number))
            _unknown(other, 1, order_id, str(7000 + number))
        _unknown(other, 2, seed.add_order(other.db, 2, "8000"), "8000")
    return alone


def _unknown(other: Other, channel_id: int, order_id: int, number: str) -> None:
    item = {"sku": "MYSTERY-1", "map": "512", "name": "Mystery box", "gtin": ""}
    with transaction(other.db):
        messages.log(
            other.db, "item_unknown", f"Order {number}: Mystery box (SKU MYSTERY-1) is not in the ERP.",
            channel_id=channel_id, order_id=order_id, order_number=number, data={"items": [item]},
        )  # fmt: skip


async def test_the_overview_shows_each_channel_and_each_cause_and_tabs_carry_counts(waiting: Path) -> None:
    app = ChansyncApp(waiting)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "[0 Overview]", "3 Messages 35", "shop-de", "MYSTERY-1", "636.80 EUR")
        assert "shop-fr" in row(app, "✖")
        assert "failing 3 h" in row(app, "✖")
        cause = row(app, "636.80 EUR")
        assert cause.split()[0] == "32"
        assert "2 channels" in cause


async def test_a_screen_is_read_once_when_it_is_shown_and_again_when_it_is_shown_again(
    waiting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(
        Page, "refresh_all", lambda self, before=Page.refresh_all: (read.append(self.TAB), before(self))[1]
    )
    app = ChansyncApp(waiting)
    # Not because of the time that passes.
    app._refresh_at = math.inf
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "[0 Overview]", "shop-de")
        await pilot.press("1")
        await until_seen(pilot, "[1 Channels]", "shop-de")
        await pilot.press("0")
        await until_seen(pilot, "[0 Overview]")
        assert read == ["overview", "channels", "overview"]


async def test_causes_that_are_read_in_a_thread_follow_every_change(
    waiting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chansync_tui.screens.cause_reader.FEW", 0)
    app = ChansyncApp(waiting)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "MYSTERY-1", "636.80 EUR")
        with Other(waiting) as other:
            with transaction(other.db):
                other.db.execute("""UPDATE "order" SET total = '100000.00' WHERE number = '8000'""")
            await until_seen(pilot, "100,616.90 EUR")
            with transaction(other.db):
                other.db.execute("UPDATE message SET open = 0, solved_at = 1 WHERE order_number = '8000'")
            await until_seen(pilot, "616.90 EUR")
        await pilot.press("3")
        await until_seen(pilot, "34 open problems", "MYSTERY-1")
        with Other(waiting) as other, transaction(other.db):
            other.db.execute("UPDATE message SET open = 0, solved_at = 1 WHERE open = 1")
        await until_seen(pilot, "No open problem.")


@pytest.mark.usefixtures("two_panes")
async def test_the_second_pane_follows_the_cursor_where_there_is_room(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Boutique France", "The site did not answer within 30 s")
        await pilot.press("j")
        await until_seen(pilot, "klarna_pay")
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "klarna_pay" not in row(app, "shop-de")


async def test_problems_of_one_cause_are_gone_after_four_keys(waiting: Path) -> None:
    app = ChansyncApp(waiting)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        # So many are shown by cause at first.
        await until_seen(pilot, "g The log", "causes of 35 open problems")
        await pilot.press("x")
        await until_seen(pilot, "Mark as solved?", "32 open problems")
        await pilot.press("y")
        await until_seen(pilot, "32 messages marked as solved", "of 3 open problems")
        await pilot.press("z")
        await until_seen(pilot, "32 messages open again", "of 35 open problems")


async def test_a_cause_unfolds_into_its_problems_and_back(waiting: Path) -> None:
    app = ChansyncApp(waiting)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "g The log")
        await pilot.press("enter")
        await until_seen(pilot, "Cause: MYSTERY-1", "32 messages")
        await pilot.press("g")
        await until_seen(pilot, "causes of 35 open problems")


async def test_a_filter_of_the_causes_lists_what_it_lets_through(waiting: Path) -> None:
    app = ChansyncApp(waiting)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "causes of 35 open problems")
        await pilot.press("slash", *"klarna")
        await until_seen(pilot, "MYSTERY-1", gone=True)
        assert "klarna_pay" in seen(app)
        await pilot.press("enter", "enter")
        await until_seen(pilot, "Code: ")


async def test_mending_maps_the_item_in_every_channel_and_tries_their_orders_again(
    waiting: Path, work_off: ModuleType, owner: str
) -> None:
    def act(path: Path, job_id: int) -> None:
        """As if all but one order were sales now."""
        with Other(path) as other:
            job = jobs.claim(other.db, owner, job_id)
            assert job is not None
            assert job.kind == "retry"
            with transaction(other.db):
                for order_id in job.args["order_ids"][:-1]:
                    other.db.execute("UPDATE \"order\" SET state = 'imported' WHERE id = ?", (order_id,))
            jobs.finish(other.db, job_id, owner, ok=True, result={"sentence": "done"})

    work_off.act = act  # type: ignore[attr-defined]
    with Other(waiting) as other:
        setup.add(other.db, "item", "BOX", {"name": "Surprise box"})
    app = ChansyncApp(waiting)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "g The log")
        await pilot.press("m")
        await until_seen(
            pilot, "An ordered item is not in the ERP", "32 problems of 2 channels wait for it: 636.80 EUR"
        )
        await pilot.press("enter")
        await until_seen(pilot, "Surprise box")
        await pilot.press("enter")
        await until_seen(pilot, "32 tried again: 31 imported", "1 with another problem")
    with Other(waiting) as other:
        assert mappings.targets(other.db, 1, "item") == {"512": "BOX"}
        assert mappings.targets(other.db, 2, "item") == {"512": "BOX"}


async def test_a_remedy_that_sets_a_field_offers_what_it_can_hold(company: Path) -> None:
    with Other(company) as other, transaction(other.db):
        messages.log(other.db, "document_type_missing", "A document is due.", channel_id=1)
        setup.add(other.db, "document-type", "invoice", {"name": "Invoice"})
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "slash", *"due", "enter")
        await until_seen(pilot, "A document is due.", " 1 message")
        await pilot.press("m")
        await until_seen(pilot, "Set the channel's field 'Financial document'.")
        await pilot.press("enter")
        await until_seen(pilot, "invoice", "Invoice")
        await pilot.press("enter")
        await until_seen(pilot, "Set the channel's field 'Financial document'. ...")


async def test_channels_are_paused_and_resumed_together_and_it_is_said_by_whom(
    database: Callable[[str], Path],
) -> None:
    path = database("fleet")
    with Other(path) as other:
        setup.add(other.db, "warehouse", "MAIN", {"name": "Main"})
        setup.add(other.db, "pos", "BER", {"name": "Berlin", "warehouse": "MAIN", "currencies": "EUR"})
        other.db.execute('UPDATE channel SET connected_at = 1, facts = \'{"signing": "basic"}\'')
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-23")
        await pilot.press("1", "asterisk")
        await until_seen(pilot, "30 marked:", "p Pause or resume")
        await pilot.press("p")
        await until_seen(pilot, "Pause 29 channels?", "shop-01")
        await pilot.press("y")
        await until_seen(pilot, "29 channels paused", "paused by anna")
        with Other(path) as other:
            assert not any(each["used"] for each in channels.all_channels(other.db))
        with Other(path) as other:
            # One of them cannot be resumed: the others are.
            other.db.execute("UPDATE channel SET connected_at = NULL WHERE code = 'shop-07'")
        await pilot.press("z")
        await until_seen(pilot, "The channel shop-07 has never connected", "28 channels resumed")
        with Other(path) as other:
            unused = {each.code for each in channels.all_channels(other.db) if not each["used"]}
        assert unused == {"shop-05", "shop-07"}


async def test_what_failed_is_not_offered_to_be_undone(database: Callable[[str], Path]) -> None:
    """The fleet has never connected: it can be paused, not resumed."""
    app = ChansyncApp(database("fleet"))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("1", "p")
        await until_seen(pilot, "shop-01 paused", "paused by anna")
        await pilot.press("p")
        await until_seen(pilot, "Failed", "The channel shop-01 has never connected")
        await pilot.press("z")
        await until_seen(pilot, "Undo: Failed")
        await pilot.press("at")
        await until_seen(pilot, "Resume shop-01", "Undo: Pause shop-01", "enter undoes it")
        assert "enter undoes it" in row(app, "05:00  Pause shop-01")
        assert "enter undoes it" not in row(app, "05:00  Resume shop-01")


async def test_marks_stay_on_their_rows_and_esc_removes_them_first(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("1")
        await until_seen(pilot, "outlet-uk")
        await pilot.press("space", "space")
        await until_seen(pilot, "2 marked:")
        assert [row(app, code)[0] for code in ("outlet-uk", "shop-de", "shop-fr")] == ["●", "●", "▌"]
        await pilot.press("escape")
        await until_seen(pilot, "marked:", gone=True)


async def test_the_palette_finds_an_order_from_anywhere_and_offers_to_ask_the_sites(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("ctrl+p", *"1002")
        await until_seen(pilot, "Order 1002", "shop-de, problem")
        await pilot.press("enter")
        await until_seen(pilot, "Order 1002 has the status processing")
        await pilot.press("escape", "ctrl+p", *"4711")
        await until_seen(pilot, "Why is 4711 missing?")
        await pilot.press("escape", "ctrl+p", *"currency of shop-de")
        await until_seen(pilot, "Currency of shop-de")
        await pilot.press("enter")
        await until_seen(pilot, "Used only where the order states none.")


async def test_what_mends_a_problem_is_read_whole_also_where_it_is_longer_than_a_line(alone: Path) -> None:
    with Other(alone) as other, transaction(other.db):
        order_id = seed.add_order(other.db, 1, "7000")
        messages.log(other.db, "order_changed", "Order 7000 changed.", channel_id=1, order_id=order_id)
    app = ChansyncApp(alone)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "order_changed")
        await pilot.press("m")
        shown = await until_seen(pilot, "Keep the sale as it is")
        sentence = REMEDIES["order_changed"][0].sentence
        assert sentence in " ".join(line.strip(" │") for line in shown.splitlines()).replace("  ", " ")
        await pilot.press("down")
        await until_seen(pilot, sentence[-20:], gone=True)


async def test_a_decision_that_cannot_be_undone_is_asked_for_first(alone: Path) -> None:
    with Other(alone) as other, transaction(other.db):
        for number in ("7000", "7001"):
            order_id = seed.add_order(other.db, 1, number)
            sentence = f"Order {number} changed."
            messages.log(other.db, "order_changed", sentence, channel_id=1, order_id=order_id, order_number=number)
    app = ChansyncApp(alone)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "order_changed")
        await pilot.press("m", "enter")
        await until_seen(pilot, "Order 7001 changed.", "And so for 1 more problem.", "Cancel (n)", "Do it (y)")
        await pilot.press("n")
        await until_seen(pilot, "Do it", gone=True)
        assert not app.context.actions


async def test_an_export_holds_what_is_shown_and_no_formula(company: Path, tmp_path: Path) -> None:
    with Other(company) as other:
        seed.add_order(other.db, 1, "6000", name="=1+1")
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "5 orders")
        await pilot.press("E", "ctrl+u", *"~nobody.here/orders.csv", "enter")
        await until_seen(pilot, "~nobody.here", "cannot be written")
        await pilot.press("escape")
        for name in ("orders.csv", "orders.json"):
            await pilot.press("E")
            await until_seen(pilot, "Writes 5 rows")
            await pilot.press("ctrl+u", *str(tmp_path / name), "enter")
            await until_seen(pilot, f"Export: 5 rows in {tmp_path / name}.")
    assert "'=1+1" in (tmp_path / "orders.csv").read_text()
    assert {each["Customer"] for each in json.loads((tmp_path / "orders.json").read_text())} >= {"=1+1"}
    assert (tmp_path / "orders.csv").stat().st_mode & 0o777 == 0o600


async def test_an_export_holds_every_row_of_a_long_list_with_dates(tmp_path: Path) -> None:
    path = seed.many_orders(tmp_path / "chansync.db", count=2345)
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "200+ orders")
        await pilot.press("E")
        await until_seen(pilot, "Writes every row that the filters let through as CSV")
        await pilot.press("ctrl+u", *str(tmp_path / "orders.csv"), "enter")
        await until_seen(pilot, f"Export: 2345 rows in {tmp_path / 'orders.csv'}.")
    with (tmp_path / "orders.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({each["Order"] for each in rows}) == len(rows) == 2345
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", each["Changed"]) for each in rows)


async def test_quitting_amid_an_export_asks_first_and_leaves_no_file(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ChansyncApp(company)

    def batches(page: Orders, table: Table[Any]) -> Callable[[object], Iterator[list[Any]]]:
        def read(db: object) -> Iterator[list[Any]]:
            yield table.items[:1]
            page.context._ends.wait()
            yield table.items[:1]

        return read

    monkeypatch.setattr(Orders, "batches", batches)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("E")
        await until_seen(pilot, "Writes every row")
        await pilot.press("ctrl+u", *str(tmp_path / "orders.csv"), "enter")
        await until_seen(pilot, "Writes every row", gone=True)
        await pilot.press("q")
        await until_seen(pilot, "Export is not done. Quitting cancels it")
        await pilot.press("y")
    assert not [name for name in os.listdir(tmp_path) if name.startswith("orders")]


async def test_a_cause_is_called_as_the_site_calls_it_and_its_keys_say_what_they_do(company: Path) -> None:
    with Other(company) as other:
        order_id = seed.add_order(other.db, 1, "6000")
        messages.log(
            other.db, "item_unknown", "Order 6000: …", channel_id=1, order_id=order_id, order_number="6000",
            data={"items": [{"sku": "", "map": "512", "name": "Mystery box"}]},
        )  # fmt: skip
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "g Cause")
        await pilot.press("g")
        screen = await until_seen(pilot, "512 Mystery box", "g Log")
        assert "g Cause" not in screen
        await pilot.press("g")
        await until_seen(pilot, "g Cause")


async def test_an_order_without_a_sale_is_mended_or_said_to_have_none(company: Path) -> None:
    with Other(company) as other:
        _unknown(other, 1, seed.add_order(other.db, 1, "6000"), "6000")
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4", "slash", *"6000", "enter")
        await until_seen(pilot, "1 order")
        await pilot.press("a")
        await until_seen(pilot, "Map the site's item to one of the ERP's.")


async def test_nothing_set_up_opens_the_guide(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("empty"))
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "First steps")
        await pilot.press("escape")
        await until_seen(pilot, "No channel yet")
        assert "Overview" in seen(app)


async def test_a_click_on_a_key_hint_does_what_the_key_does(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        hints = seen(app).splitlines()[-1]
        await pilot.click("#hints", offset=(hints.index("^p Find") + 1, 0))
        await until_seen(pilot, "Find anything: a command")
        await pilot.press("escape")
        await until_seen(pilot, "Find anything: a command", gone=True)
        await pilot.click("#hints", offset=(hints.index("? Keys"), 0))
        await until_seen(pilot, "Keys of this screen")
