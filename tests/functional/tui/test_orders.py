"""The list of orders, an order's story, and what is done from there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from textual.pilot import Pilot
from textual.widgets import Button

from chansync.db.transaction import transaction
from chansync.erp.ledger.embedded import LEDGER
from chansync.erp.ledger.goods import note_need
from chansync.model.times import now_ms
from chansync.store import jobs
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.orders import Orders
from functional.tui import seed
from functional.tui.looking import Other, seen, until_seen
from support.patience import PATIENCE

WIDE = (120, 40)


async def test_the_last_change_is_first_and_states_are_words(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        lines = [line.split() for line in seen(app).splitlines() if "12:3" in line]
        assert [line[3] for line in lines] == ["77", "1002", "1001", "998"]
        assert [line[1] for line in lines] == ["problem", "problem", "problem", "imported"]
        with Other(company) as other, transaction(other.db):
            other.db.execute('UPDATE "order" SET changed_at = ? WHERE number = ?', (now_ms(), "998"))
        await until_seen(pilot, "13:05")
        lines = [line for line in seen(app).splitlines() if "processing" in line]
        assert "998" in lines[0], "what changed comes on top"
        assert lines[1].startswith("▌"), "and the cursor stays on the order that was read"
        assert "77" in lines[1]


async def test_filters(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("S", *"imp", "enter")
        await until_seen(pilot, " 1 order\n", "998")
        await pilot.press("escape", "C", *"shop-fr", "enter")
        await until_seen(pilot, " 1 order\n", "77")
        await pilot.press("escape", "T", *"pend", "enter")
        await until_seen(pilot, "No order matches the filters")
        await pilot.press("escape", "slash", *"buyer", "enter")
        await until_seen(pilot, "3 orders")
        await pilot.press("slash", *"100", "enter")
        await until_seen(pilot, "2 orders", "Text: 100")
        await pilot.press("slash", *"xx", "enter")
        await until_seen(pilot, "No order here has 'xx'")


async def test_a_filter_reaches_orders_outside_the_window(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("many_orders"))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "200+ orders")
        assert isinstance(app.screen, Orders)
        await pilot.press("slash", *"10017", "enter")
        await until_seen(pilot, " 1 order\n")
        await pilot.press("escape", "G")
        await until_seen(pilot, "  10001 ")
        assert app.screen.table.items[-1].number == "10001"


async def test_the_story_tells_why_and_what_happened(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4", "slash", *"1002", "enter")
        await until_seen(pilot, " 1 order\n")
        await pilot.press("enter")
        await until_seen(
            pilot,
            "Not imported: it failed 2 times",
            "Open: Order 1002: the payment method 'klarna_pay' is not mapped.",
            "2026-11-24 13:05:00 problem: Order 1002",
            "(3 times, last",
            "The order as the site sent it",
        )
        await pilot.press("right_square_bracket", "right_square_bracket", "j", "j", "enter")
        await until_seen(pilot, "What to do (m):", "Map it to a payment method")
        await pilot.press("v")
        await until_seen(pilot, "Why it is in this state")


async def test_an_order_and_its_messages_lead_to_each_other(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4", "slash", *"1001", "enter")
        await until_seen(pilot, " 1 order\n")
        await pilot.press("m")
        await until_seen(pilot, " 1 message\n", "Order: 1001", "no item with the SKU")
        await pilot.press("v")
        await until_seen(pilot, "Order 1001 has the status processing")
        await pilot.press("o")
        await until_seen(pilot, "Shop Germany", "1 Basic data")


async def test_an_order_that_is_missing_is_asked_for_at_its_site(alone: Path, work_off: ModuleType, owner: str) -> None:
    def act(path: Path, job_id: int) -> None:
        with Other(path) as other:
            job = jobs.claim(other.db, owner, job_id)
            assert job is not None
            assert (job.kind, job.channel_id, job.args) == ("sync", 1, {"order_numbers": ["5555"]})
            order_id = seed.add_order(other.db, 1, "5555", state="skipped")
            with transaction(other.db):
                other.db.execute("UPDATE \"order\" SET status = 'pending', reason = 'status' WHERE id = ?", (order_id,))
            jobs.finish(other.db, job_id, owner, ok=True, result={"sentence": "1 skipped."})

    work_off.act = act  # type: ignore[attr-defined]
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4", "slash", *"5555", "enter")
        await until_seen(pilot, "Press w: its site is asked for it")
        await pilot.press("w")
        await until_seen(pilot, "Whose order is 5555?")
        await pilot.press(*"shop-de", "enter")
        await until_seen(pilot, "shop-de has not seen an order 5555.", "Press t to ask the site")
        await pilot.press("t")
        await until_seen(pilot, "Not imported: status pending is not among the order statuses (completed, processing)")


async def test_a_number_that_the_site_does_not_know_is_said_and_stays(
    alone: Path, work_off: ModuleType, owner: str
) -> None:
    def act(path: Path, job_id: int) -> None:
        with Other(path) as other:
            jobs.claim(other.db, owner, job_id)
            jobs.finish(other.db, job_id, owner, ok=False, result={"sentence": "The site has no order 5556."})

    work_off.act = act  # type: ignore[attr-defined]
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("w", *"#5556", "enter")
        await until_seen(pilot, "Whose order is 5556?")
        await pilot.press(*"shop-de", "enter")
        await until_seen(pilot, "Press t")
        await pilot.press("t")
        await until_seen(pilot, "The site was asked at 2026-11-24 13:05:00: The site has no order 5556.")


async def test_a_problem_is_tried_again_and_a_sale_too(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("j", "r")
        await until_seen(pilot, "Retry order 1002: waiting")
        await pilot.press("G", "r")
        await until_seen(pilot, "Retry order 998: waiting")


def _is_cancelled(company: Path) -> bool:
    with Other(company) as other:
        papers = LEDGER.papers(other.db, "k")
    assert papers is not None
    return papers.details.state.cancelled


async def test_a_step_says_what_it_does_and_the_safe_answer_has_the_focus(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("G", "a")
        await until_seen(pilot, "Actions for the sale n", "Cancel the sale")
        await pilot.press(*"cancel", "enter")
        await until_seen(pilot, "Ends its blocks and requests. For ever. shop-de is not told.")
        assert isinstance(app.focused, Button)
        assert app.focused.id == "no"
        await pilot.press("enter")
        await until_seen(pilot, "For ever", gone=True)
        assert not _is_cancelled(company)
        await pilot.press("a", *"cancel", "enter")
        await until_seen(pilot, "For ever")
        await pilot.press("y")
        await until_seen(pilot, "n: cancelled.")
        assert _is_cancelled(company)
        await pilot.press("a")
        await until_seen(pilot, "The sale n is closed")


async def test_a_wrong_amount_stays_in_its_question(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("G", "a", *"refund", "enter")
        await until_seen(pilot, "Refund a part: n")
        await pilot.press(*"lots")
        await agree(pilot)
        await until_seen(pilot, "This is not an amount: 'lots': write 20 or 12.50.")
        await pilot.press("up", "up", "end", *["backspace"] * 4, *"1,50")
        await agree(pilot)
        await until_seen(pilot, "n: refunded 1.50 EUR.")


async def agree(pilot: Pilot[None]) -> None:
    """Go on from the last field of a window, and press its second button."""
    await pilot.press("enter")
    await until_focused(pilot, "no")
    await pilot.press("right")
    await until_focused(pilot, "yes")
    await pilot.press("enter")


async def until_focused(pilot: Pilot[None], id_: str) -> None:
    # A button takes no second press while it shows the first one.
    limit = time.monotonic() + PATIENCE
    while pilot.app.focused is None or pilot.app.focused.id != id_ or pilot.app.focused.has_class("-active"):
        assert time.monotonic() < limit, f"{pilot.app.focused} has the focus, not {id_}"
        await pilot.pause(0.01)


async def test_fewer_pieces_in_the_write_out_dialog_are_a_package(company: Path) -> None:
    with Other(company) as other, transaction(other.db):
        other.db.execute(
            """INSERT INTO erp_sale_line (sale_id, position, kind, item_id, name, quantity, net, tax, discount,
               external_id) VALUES (1, 1, 'item', 1, 'Shirt', '3', 1990, 0, 0, '11')"""
        )
        note_need(other.db, 1)
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("G", "a", *"write", "enter")
        await until_seen(pilot, "Write out: n", "Pieces of SHIRT")
        await pilot.press(*"DHL", "enter", *"T1", "enter", "end", "backspace", "9")
        await agree(pilot)
        await until_seen(pilot, "SHIRT: write a number of pieces from 0 to 3.")
        await pilot.press("up", "up", "end", "backspace", "2")
        await agree(pilot)
        await until_seen(pilot, "n: written out as package 1.")
        with Other(company) as other:
            papers = LEDGER.papers(other.db, "k")
        assert papers is not None
        assert papers.details.state.partly_written_out
        assert [(each.lines, each.carrier, each.tracking) for each in papers.packages] == [((("11", 2),), "DHL", "T1")]


async def test_c_copies_the_story(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "4 orders")
        await pilot.press("c", "enter")
        await until_seen(pilot, "Copied")
        assert app.clipboard == "77\n"
        await pilot.press("enter")
        await until_seen(pilot, "Why it is in this state")
        await pilot.press("c", *"text", "enter")
        await until_seen(pilot, "esc close", gone=True)
        assert '"total": "19.90"' in app.clipboard


async def test_an_order_whose_channel_goes_says_so(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4", "enter")
        await until_seen(pilot, "Order 77 has the status")
        with Other(company) as other, transaction(other.db):
            other.db.execute("DELETE FROM channel WHERE id = 2")
        await until_seen(pilot, "This order is gone: its channel was removed.")
