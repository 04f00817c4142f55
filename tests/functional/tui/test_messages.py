"""The message log and a message in full."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from chansync.db.transaction import transaction
from chansync.model.order import UnreadableOrder
from chansync.store import jobs, messages, orders
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.message import message_paragraphs
from chansync_tui.screens.messages import Messages
from functional.tui.looking import Other, row, seen, settle, until_seen

WIDE = (120, 40)


def _log(path: Path, sentence: str) -> None:
    with Other(path) as other, transaction(other.db):
        messages.log(other.db, "site_odd", sentence, channel_id=2)


async def test_newest_first_and_states_in_words(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        lines = [line for line in seen(app).splitlines() if "13:05" in line and "last" not in line]
        assert [line.split()[1] for line in lines] == ["warning", "solved", "warning", "open", "open", "open", "info"]
        assert "3x" in row(app, "klarna_pay")


async def test_new_messages_appear_and_the_cursor_stays_on_its_row(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        first = next(line for line in seen(app).splitlines() if line.startswith("▌"))
        _log(company, "Something new.")
        await until_seen(pilot, "Something new.", "live")
        assert next(line for line in seen(app).splitlines() if line.startswith("▌")) == first
        await pilot.press("j", "j")
        held = next(line for line in seen(app).splitlines() if line.startswith("▌"))
        _log(company, "Newer still.")
        await until_seen(pilot, "Newer still.")
        assert next(line for line in seen(app).splitlines() if line.startswith("▌")) == held


async def test_a_problem_solved_elsewhere_changes_its_word(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        with Other(company) as other:
            messages.solve(other.db, 4, "somebody")
        await until_seen(pilot, "solved  shop-de   1002")


async def test_filters(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("O")
        await until_seen(pilot, "3 messages")
        await pilot.press("D", *"payment", "enter")
        await until_seen(pilot, " 1 message\n")
        await pilot.press("escape")
        await until_seen(pilot, "7 messages")
        await pilot.press("S", *"warn", "enter")
        await until_seen(pilot, "2 messages")
        await pilot.press("escape", "C", *"shop-fr", "enter")
        await until_seen(pilot, "2 messages", "C Channel: shop-fr")
        await pilot.press("escape", "slash", *"klarna", "enter")
        await until_seen(pilot, " 1 message\n")
        await pilot.press("slash", *"xx", "enter")
        await until_seen(pilot, "No message matches the filters")


async def test_details_show_sentence_remedy_data_count_and_times(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j", "enter")
        await until_seen(
            pilot,
            "Order 1002: the payment method 'klarna_pay' is not mapped.",
            "What to do (m):",
            "- Map it to a payment method of the POS.",
            "State: open",
            "Occurred 3 times: first 2026-11-24 13:05:00",
            '"site_code": "klarna_pay"',
            "The order as the site sent it",
            "Failed 2 times; tried again: 2026-11-24 13:10",
        )
        await pilot.press("escape")
        await until_seen(pilot, "O Open only")


def test_of_an_order_that_cannot_be_read_only_what_is_known_is_shown(company: Path) -> None:
    with Other(company) as other, transaction(other.db):
        unreadable = UnreadableOrder("77", "77", 5, "it has no total")
        order_id = orders.write_unreadable(other.db, 1, unreadable, None)
        messages.log(other.db, "order_unreadable", "Order 77: it has no total.", channel_id=1, order_id=order_id)
        [message] = messages.of_order(other.db, order_id)
        shown = [paragraph.text for paragraph in message_paragraphs(other.db, message)]
    assert "Order: 77 (site's id 77)" in shown
    assert "Now: problem, order_unreadable" in shown


async def test_odd_characters_are_shown_and_never_obeyed(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        screen = await until_seen(pilot, "is no item")
        assert "␛[31m [red]bold[/] 東京" in row(app, "is no item")
        assert not any(character in screen for character in "\x1b\u202e\u200d")
        await pilot.press("j", "j", "j", "j", "enter")
        await until_seen(pilot, "[red]bold[/] 東京 abc")


async def test_r_asks_for_a_retry_of_the_order(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j", "r")
        await until_seen(pilot, "Retry order 1002: waiting")
        with Other(company) as other:
            job = jobs.job(other.db, 1)
        assert job is not None
        assert (job.kind, job.channel_id, job.args) == ("retry", 1, {"order_ids": [3]})


async def test_r_on_a_problem_of_the_channel_syncs_it(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("slash", *"within", "enter")
        await until_seen(pilot, " 1 message\n")
        await pilot.press("r")
        await until_seen(pilot, "Sync shop-fr: waiting")


async def test_retry_of_all_shown_asks_first_and_the_safe_answer_has_the_focus(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("R")
        await until_seen(pilot, "Retry 2 orders of 1 channel")
        await pilot.press("enter")
        await until_seen(pilot, "Retry 2 orders", gone=True)
        assert app.context.jobs == {}
        await pilot.press("R")
        await until_seen(pilot, "Retry 2 orders of 1 channel")
        await pilot.press("y")
        await until_seen(pilot, "Retry 2 orders: waiting")
        with Other(company) as other:
            job = jobs.job(other.db, 1)
        assert job is not None
        assert job.args == {"order_ids": [2, 3]}


async def test_x_marks_as_solved_in_the_users_name(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j", "x")
        await until_seen(pilot, "Mark as solved?")
        await pilot.press("y")
        await until_seen(pilot, "solved  shop-de   1002", "z undoes it")
        with Other(company) as other:
            message = messages.message(other.db, 4)
        assert message is not None
        assert message.solved_by == "anna"
        await pilot.press("x")
        await until_seen(pilot, "It is not open.")
        await pilot.press("z")
        await until_seen(pilot, "open    shop-de   1002", "1 message open again")
        await pilot.press("at")
        await until_seen(pilot, "What anna did here", "Mark 1 message as solved", "Undo:")


async def test_c_copies_the_message_with_its_data(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j", "c")
        await until_seen(pilot, "message number", "command")
        await pilot.press(*"text", "enter")
        await until_seen(pilot, "Copied")
        assert "Order 1002: the payment method" in app.clipboard
        assert '"total": "19.90"' in app.clipboard


async def test_o_opens_the_channel(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j", "o")
        await until_seen(pilot, "shop-de Shop Germany", "1 Basic data")


async def test_pane_explains_the_message_under_the_cursor(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j")
        await until_seen(pilot, "Map it to a payment method of the POS")


async def test_many_messages_are_never_all_held(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("many"))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "Message number 5000.")
        assert isinstance(app.screen, Messages)
        held = app.screen.table
        assert len(held.items) == 200
        await pilot.press("G")
        await until_seen(pilot, "Message number 1.")
        assert len(held.items) <= 600
        assert row(app, "Message number 1.").startswith("▌")
        await pilot.press("home")
        await until_seen(pilot, "Message number 5000.")
        assert row(app, "Message number 5000.").startswith("▌")


async def test_paging_down_and_up_brings_every_message_once(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("many"))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "Message number 5000.")
        assert isinstance(app.screen, Messages)
        table = app.screen.table
        for key, last in (("pagedown", 4100), ("pageup", 4990)):
            for _ in range(40):
                await pilot.press(key)
                await settle_reads(app)
                ids = [line.id for line in table.items]
                assert ids == list(range(ids[0], ids[-1] - 1, -1)), "no message is missing or twice"
                assert len(ids) <= 600
            assert (table.items[table.cursor].id <= last) == (key == "pagedown")


async def settle_reads(app: ChansyncApp) -> None:
    """Wait for the reads under way."""
    await app.workers.wait_for_complete()


async def test_new_messages_while_far_down_do_not_move_the_view(database: Callable[[str], Path]) -> None:
    path = database("many")
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "Message number 5000.")
        await pilot.press(*["pagedown"] * 3)
        await settle(pilot)
        # Without the scroll bar.
        before = [line[:-1] for line in seen(app).splitlines() if "Message number" in line]
        with Other(path) as other, transaction(other.db):
            messages.log(other.db, "site_odd", "Something new.", channel_id=2)
        await pilot.pause(0.6)
        await settle(pilot)
        assert [line[:-1] for line in seen(app).splitlines() if "Message number" in line] == before


async def test_the_mouse_wheel_reaches_beyond_the_window_and_nothing_pulls_the_view_back(
    database: Callable[[str], Path],
) -> None:
    path = database("many")
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "Message number 5000.")
        assert isinstance(app.screen, Messages)
        table = app.screen.table
        for _ in range(30):
            table.scroll_to(y=table.scroll_offset.y + table.page, animate=False)
            await settle_reads(app)
            await pilot.pause()
        top = table.items[table.scroll_offset.y].id
        assert top < 4400
        with Other(path) as other, transaction(other.db):
            messages.log(other.db, "site_odd", "Something new.", channel_id=2)
        await pilot.pause(0.6)
        await settle(pilot)
        assert table.items[table.scroll_offset.y].id == top


async def test_a_filter_reaches_messages_outside_the_window(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("many"))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "Message number 5000.")
        await pilot.press("slash", *"number 17.")
        await until_seen(pilot, "Message number 17.", " 1 message\n")


async def test_job_performed_here_solves_the_message(alone: Path, work_off: ModuleType, owner: str) -> None:
    def act(path: Path, job_id: int) -> None:
        with Other(path) as other:
            jobs.claim(other.db, owner, job_id)
            messages.solve_order(other.db, 3, "the import")
            jobs.finish(other.db, job_id, owner, ok=True, result={"sentence": "1 new."})

    work_off.act = act  # type: ignore[attr-defined]
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "klarna_pay")
        await pilot.press("j", "j", "j", "r")
        await until_seen(pilot, "1 new.", "solved  shop-de   1002")
