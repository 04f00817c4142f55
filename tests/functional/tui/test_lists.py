"""Lists in another order and with other columns; the filters of runs."""

from __future__ import annotations

import threading
from pathlib import Path

import apsw
import pytest
from textual import events

from chansync.model import paging
from chansync_tui import row_window
from chansync_tui.app import ChansyncApp
from functional.tui import seed
from functional.tui.looking import Other, row, seen, until_seen
from support.patience import PATIENCE

WIDE = (120, 40)


def _column(app: ChansyncApp, words: list[str]) -> list[str]:
    """Which of these words are in the rows, from top to bottom."""
    lines = seen(app).splitlines()
    return sorted(words, key=lambda word: next((n for n, line in enumerate(lines) if f" {word} " in line), 99))


async def test_a_list_is_sorted_and_its_columns_are_chosen_and_remembered(company: Path) -> None:
    codes = ["outlet-uk", "shop-de", "shop-fr"]
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "System")
        await pilot.press("comma", "j", "enter")
        await until_seen(pilot, "sorted, the lowest first", "Code▲")
        await pilot.press("enter")
        await until_seen(pilot, "sorted, the highest first", "Code▼")
        await pilot.press("j", "j", "space", "escape")
        await until_seen(pilot, "Columns and order", gone=True)
        assert "System" not in row(app, "Code▼")
        assert _column(app, codes) == codes[::-1]
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Code▼")
        assert _column(app, codes) == codes[::-1]
        await pilot.press("comma", "backspace", "escape")
        await until_seen(pilot, "Code▼", gone=True)
        assert "System" in row(app, "Today")
        assert _column(app, codes) == codes


async def test_a_click_on_a_heading_sorts_by_it(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "Customer")
        head = row(app, "Customer").index("Order")
        for sign in ("▲", "▼", ""):
            await pilot.click("#list", offset=(head, 0))
            await until_seen(pilot, f"Order{sign}")
        assert "▲" not in row(app, "Customer")


async def test_a_long_list_turns_and_is_sorted_otherwise_only_when_it_is_narrowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_window, "MOST_SORTED", 500)
    app = ChansyncApp(seed.many_orders(tmp_path / "chansync.db", count=701))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "live, 200+ orders")
        newest = seen(app).splitlines()[4].split()[3]
        await pilot.press("comma", "enter")
        await until_seen(pilot, "Changed▲", "sorts up to 500 rows")
        assert "sorts up to" not in row(app, "] Changed")
        assert newest not in seen(app)
        await pilot.press("j", "j", "j", "enter")
        await until_seen(
            pilot, "This list is too long to be sorted by Order", "Lists of any length can be sorted by Changed."
        )
        await pilot.press("escape", "slash", *newest, "enter", "comma", *"jjj", "enter")
        await until_seen(pilot, "Order▲", " 1 order")


async def test_a_search_shows_what_an_index_finds_at_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = seed.many_orders(tmp_path / "chansync.db", count=701)
    with Other(path) as other:
        number = other.db.execute('SELECT number FROM "order" ORDER BY changed_at, id LIMIT 1').get
    goes_on, edge = threading.Event(), paging.Query._edge

    def waiting(query: paging.Query, db: apsw.Connection, span: paging.Span) -> paging.Key | None:
        if span.after is not None:
            assert goes_on.wait(PATIENCE)
        return edge(query, db, span)

    monkeypatch.setattr(paging, "STEP", 100)
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "live, 200+ orders")
        monkeypatch.setattr(paging.Query, "_edge", waiting)
        await pilot.press("slash")
        app.post_message(events.Paste(number))
        try:
            await until_seen(pilot, "1 order so far", f" {number} ")
        finally:
            goes_on.set()
        await until_seen(pilot, " 1 order")
        await until_seen(pilot, "so far", gone=True)
        assert f" {number} " in seen(app)


async def test_runs_are_filtered_by_channel_state_news_and_text(company: Path) -> None:
    with Other(company) as other:
        seed.add_run(other.db, 1, 120_000, fetched=1)
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "13:03", "12:56", "12:45")
        await pilot.press("N")
        await until_seen(pilot, "N News only: yes")
        assert "12:56" in seen(app)
        assert "13:03" not in seen(app)
        await pilot.press("escape", "S", *"failed", "enter")
        await until_seen(pilot, "S State: failed", "12:45")
        assert "12:56" not in seen(app)
        await pilot.press("C", *"shop-de", "enter")
        await until_seen(pilot, "No run matches the filters: esc clears them.")
        await pilot.press("escape", "slash", *"boutique", "enter")
        await until_seen(pilot, "/ Text: boutique", "12:45", " 1 run")
