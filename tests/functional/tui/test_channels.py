"""The channel list and the screen of one channel."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from textual.geometry import Region
from textual.widget import Widget

from chansync.db.transaction import transaction
from chansync.db.version import SCHEMA_VERSION
from chansync.model.times import now_ms
from chansync.store import channels, jobs, runs
from chansync.store.runs import RunCounts
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.channels import Channels
from chansync_tui.widgets.jump import LETTERS
from chansync_tui.widgets.table import Table
from functional.tui import seed
from functional.tui.looking import Other, row, seen, settle, until_seen
from support.patience import PATIENCE

WIDE = (120, 40)
NARROW = (80, 24)


async def test_each_channel_shows_its_state_in_words(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-fr")
        assert row(app, "shop-de").split() == (
            [
                "yes",
                "shop-de",
                "Shop",
                "Germany",
                "woo",
                "production",
                "BER",
                "4",
                "min",
                "1",
                "min",
                "1",
                "2",
                "sync",
                "45%",
                "40",
                "s",
            ]
        )
        assert row(app, "shop-fr").split()[-8:] == ["h", "3", "min", "0", "1", "failing", "3", "h"]
        assert "working" in row(app, "shop-fr")
        assert row(app, "outlet-uk").split()[-4:] == ["0", "0", "not", "used"]
        assert "3 channels, 1 failing, 1 running, 3 open problems" in seen(app)


async def test_e_goes_to_what_fails_and_says_since_when_and_what_comes_next(
    database: Callable[[str], Path],
) -> None:
    app = ChansyncApp(database("fleet"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "2 failing, 3 problems")
        await pilot.press("e")
        await until_seen(pilot, "Orders failing since 11:47 (3 runs in a row). Next try in 1 min.", "(401): enter")
        await pilot.press("e")
        await until_seen(pilot, "shop-23", "(41 runs in a row)", "shop-23.example does not exist.")
        await pilot.press("e")
        await until_seen(pilot, "(3 runs in a row)")
        await pilot.press("slash", *"number 9", "enter")
        await until_seen(pilot, "Syncs orders since 12:59: 45120 of 89991, 125/s, about 5 min left; 45113 new,")


async def test_channels_are_narrowed_to_those_that_fail(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("fleet"))
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-30")
        await pilot.press("N", *"failing", "enter")
        await until_seen(pilot, "Now: failing", "2 channels, 2 failing")
        await until_seen(pilot, "shop-09", gone=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "version = '0.0.9', pid = {pid}",
            "this program 0.1.0. The daemon is older: restart it: kill {pid}, then chansync daemon",
        ),
        (
            "version = '9.0.0'",
            "The daemon is 9.0.0, this program 0.1.0. This program is older: leave it and start it again, or",
        ),
        ("beat_at = beat_at - 300000", "The daemon hangs. Restart it where it runs, as in its container"),
        (
            "beat_at = beat_at - 300000, pid = {pid}",
            "The daemon hangs. Restart it: kill -ABRT {pid}, then chansync daemon",
        ),
    ],
)
async def test_a_daemon_that_is_old_or_silent_is_told_from_one_that_is_well(
    company: Path, change: str, words: str
) -> None:
    with Other(company) as other:
        other.db.execute(f"UPDATE daemon SET {change.format(pid=os.getpid())}")
    app = ChansyncApp(company)
    async with app.run_test(size=(140, 40)) as pilot:
        await until_seen(pilot, words.format(pid=os.getpid()))


async def test_header_names_user_and_daemon(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        screen = await until_seen(pilot, "anna@erp1")
        assert "Daemon running since 08:05 on erp1" in screen


async def test_no_daemon_says_how_to_start_it(alone: Path) -> None:
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Start it: chansync daemon")


async def test_daemon_that_stops_is_noticed(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Daemon running")
        seed.stop_daemon(company)
        await until_seen(pilot, "not running")


async def test_silent_daemon_is_noticed_though_it_writes_nothing(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chansync_tui.app.REFRESH_SECONDS", 0.3)
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Daemon running")
        monkeypatch.setattr("chansync.store.daemons.now_ms", lambda: now_ms() + 60_000)
        await until_seen(pilot, "The daemon hangs")


async def test_empty_database_says_what_to_do(database: Callable[[str], Path]) -> None:
    app = ChansyncApp(database("empty"))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "First steps")
        await pilot.press("escape")
        screen = await until_seen(pilot, "No channel yet")
        assert "chansync system add" in screen


async def test_channel_added_by_another_program_appears(database: Callable[[str], Path]) -> None:
    path = database("empty")
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "First steps")
        await pilot.press("escape")
        await until_seen(pilot, "No channel yet")
        with Other(path) as other:
            channels.add_system(other.db, "woo", "Shops", "woocommerce")
            seed._channel(other.db, path, "new-shop", "woo", name="New")
        await until_seen(pilot, "new-shop")


async def test_progress_of_a_run_is_live_and_only_its_cells_are_redrawn(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "sync 45%")
        assert isinstance(app.screen, Channels)
        drawn: list[Region] = []
        app.screen.table.refresh = lambda *regions, **_: drawn.extend(regions)  # type: ignore[method-assign, assignment]
        with Other(company) as other:
            runs.progress(other.db, runs.running(other.db)[-1].id, RunCounts(expected=300, fetched=240))
        for _ in range(100):
            await pilot.pause(0.02)
            if drawn:
                break
        assert [region.size for region in drawn] == [(14, 1)], "one cell of one row"
        del app.screen.table.refresh
        app.screen.table.refresh()
        await until_seen(pilot, "sync 80%")


async def test_nothing_is_redrawn_when_nothing_changed(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        drawn: list[Widget] = []
        for widget in app.screen.walk_children():
            widget.refresh = lambda *_, widget=widget, **__: drawn.append(widget)  # type: ignore[method-assign, assignment]
        assert isinstance(app.screen, Channels)
        app.screen.refresh_all()
        await pilot.pause(0.1)
        assert drawn == []


async def test_cursor_stays_on_its_channel_when_others_come(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j")
        assert row(app, "shop-de").startswith("▌")
        with Other(company) as other:
            seed._channel(other.db, company, "aaa", "woo", name="First")
        await until_seen(pilot, "aaa")
        assert row(app, "shop-de").startswith("▌")


async def test_text_filter_narrows_with_every_key_and_escape_clears(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("slash", *"bou")
        await until_seen(pilot, "shop-de", gone=True)
        assert "shop-fr" in seen(app)
        await pilot.press("enter")
        assert isinstance(app.focused, Table)
        await pilot.press("escape")
        await until_seen(pilot, "shop-de", "outlet-uk")


async def test_filters_by_type_and_used(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("T", *"work", "enter")
        await until_seen(pilot, "shop-de", gone=True)
        assert "T Type: working" in seen(app)
        await pilot.press("U", *"no", "down", "enter")
        await until_seen(pilot, "No channel matches the filters")


async def test_letters_jump_to_a_row(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("f")
        await until_seen(pilot, "dyes   shop-fr")
        await pilot.press("d")
        assert row(app, "shop-fr").startswith("▌")
        assert app.context.jobs == {}, "a letter is no command then"


async def test_letters_jump_to_filters_and_tabs(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("f")
        # Three rows, then from the top: six tabs, the button and four filters.
        await until_seen(pilot, "g1 Channels]h2 Activity", "qa Add", "wS System")
        await pilot.press("w")
        await until_seen(pilot, "type to narrow", "woo")
        await pilot.press("escape", "f", "k")
        await until_seen(pilot, "[4 Orders]", "4 orders")
        await pilot.press("f", "enter")
        await until_seen(pilot, "[4 Orders]", " C Channel")
        assert app.screen.query_one("#list").has_focus


async def test_letters_jump_between_two_lists(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await until_seen(pilot, "Sales: 1 row")
        await pilot.press("f")
        await until_seen(pilot, "gStock")
        await pilot.press("g")
        await until_seen(pilot, "Stock: 2 rows")
        # After the menu come six tabs and two filters.
        await pilot.press("f", LETTERS[len(app.screen.query_one("#menu", Table).items) + 6 + 2])
        await until_seen(pilot, "TEAPOT")
        assert app.screen.query_one("#list").has_focus


async def test_a_chosen_theme_is_there_at_the_next_start(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        assert app.theme != "nord"
        await pilot.press("f9", *"nord", "enter")
        await until_seen(pilot, "type to narrow", gone=True)
        assert app.theme == "nord"
    app = ChansyncApp(company)
    assert app.theme == "nord"


async def test_o_shows_the_orders_of_the_channel(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "o")
        await until_seen(pilot, "[4 Orders]", "Channel: shop-de", "3 orders")


async def test_the_palette_goes_to_the_new_screens(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("ctrl+p", *"find an order")
        await until_seen(pilot, "By number or customer, among all")
        await pilot.press("enter")
        await until_seen(pilot, "[4 Orders]", "order number or customer")
        await pilot.press("escape", "ctrl+p", *"erp: stock")
        await until_seen(pilot, "What is on hand of each item")
        await pilot.press("enter")
        await until_seen(pilot, "[5 ERP]", "Stock: 2 rows")


async def test_the_add_button_is_clicked(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "a Add")
        await pilot.click(offset=(3, 2))
        await until_seen(pilot, "esc Close")


async def test_sync_now_is_a_job_for_the_daemon(company: Path, work_off: ModuleType, owner: str) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "s")
        await until_seen(pilot, "Sync shop-de: waiting")
        with Other(company) as other:
            job = jobs.claim(other.db, owner)
            assert job is not None
            assert (job.kind, job.channel_id, job.args) == ("sync", 1, {})
            jobs.renew(other.db, job.id, owner, {"fetched": 20, "expected": 80})
            await until_seen(pilot, "Sync shop-de: 20 of 80")
            jobs.finish(other.db, job.id, owner, ok=True, result={"sentence": "shop-de orders: 3 new."})
        await until_seen(pilot, "shop-de orders: 3 new.")
        await until_seen(pilot, "Sync shop-de: 20 of 80", gone=True)
        assert work_off.performed == []


async def test_without_daemon_the_sync_is_performed_here(alone: Path, work_off: ModuleType, owner: str) -> None:
    def act(path: Path, job_id: int) -> None:
        with Other(path) as other:
            jobs.claim(other.db, owner, job_id)
            jobs.finish(other.db, job_id, owner, ok=False, result={"sentence": "The site refused the key."})

    work_off.act = act  # type: ignore[attr-defined]
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "s")
        await until_seen(pilot, "Failed: The site refused the key.")
        assert work_off.performed == [(alone, 1)]


async def test_a_crash_while_performing_is_told(alone: Path, work_off: ModuleType) -> None:
    def act(path: Path, job_id: int) -> None:
        raise RuntimeError("[red]boom[/]")

    work_off.act = act  # type: ignore[attr-defined]
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "s")
        await until_seen(pilot, "[red]boom[/]")


async def test_quitting_asks_first_while_a_job_runs_here(alone: Path, work_off: ModuleType) -> None:
    done = threading.Event()
    work_off.act = lambda path, job_id: done.wait(PATIENCE)  # type: ignore[attr-defined]
    app = ChansyncApp(alone)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "s")
        await until_seen(pilot, "Sync shop-de: waiting")
        await pilot.press("q")
        await until_seen(pilot, "Quitting stops it")
        await pilot.press("enter")
        await until_seen(pilot, "Quitting stops it", gone=True)
        assert app.is_running, "the safe answer had the focus"
        await pilot.press("q", "y")
        await pilot.pause()
        assert not app.is_running
    done.set()


async def test_an_open_problem_leads_to_its_message(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "enter", "G", "enter")
        await until_seen(pilot, "What to do (m):", "Code: item_unknown")


async def test_m_shows_the_channels_messages_alone(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("j", "m")
        await until_seen(pilot, "Channel: shop-de", "klarna_pay")
        assert "within 30 s" not in seen(app)


async def test_broken_database_is_told_and_what_was_read_stays(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        with Other(company) as other, transaction(other.db):
            other.db.execute("ALTER TABLE daemon RENAME TO lost")
        await until_seen(pilot, "The database failed")
        assert "shop-de" in seen(app)
        with Other(company) as other, transaction(other.db):
            other.db.execute("ALTER TABLE lost RENAME TO daemon")
        await until_seen(pilot, "Daemon running")
        await settle(pilot)


async def test_an_upgrade_by_another_program_is_told_and_nothing_is_read_any_more(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=NARROW) as pilot:
        await until_seen(pilot, "shop-de")
        with Other(company) as other:
            other.db.pragma("user_version", SCHEMA_VERSION + 1)
        await until_seen(pilot, "Restart this program")
        await pilot.press("2")
        await until_seen(pilot, "Activity")


@pytest.mark.parametrize("end", ["", "-shm"])
async def test_a_database_that_is_deleted_under_the_screens_is_told(company: Path, end: str) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=NARROW) as pilot:
        await until_seen(pilot, "shop-de")
        await settle(pilot)
        os.unlink(f"{company}{end}")
        await until_seen(pilot, "The database was deleted, moved or replaced")
        assert "shop-de" in seen(app)


async def test_what_is_written_while_the_screens_close_is_not_read_any_more(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=NARROW) as pilot:
        await until_seen(pilot, "shop-de")
        screens, app._version, app._not_before = [*app._screen_stack], -1, 0.0
        app._screen_stack.clear()
        app._poll()
        app._screen_stack.extend(screens)
        await until_seen(pilot, "shop-de")
