"""Keys that arrive together, as over a slow line, do what they do when they arrive one by one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from textual import events
from textual.widget import Widget

from chansync_tui.app import ChansyncApp
from functional.tui.looking import seen, settle, until_seen


def _at_once(app: ChansyncApp, keys: str) -> None:
    names = {"/": "slash", "\r": "enter", "\x1b": "escape", "?": "question_mark", "_": "underscore"}
    for key in keys:
        app.post_message(events.Key(names.get(key, key), key))


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every key is slower than the watch over the one before it, and waits for it all the same."""
    monkeypatch.setattr("chansync_tui.key_queue._WATCH_EVERY", 0.001)
    monkeypatch.setattr("chansync_tui.key_queue._LONGEST_WAIT", 60.0)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("3/1002", ["Text: 1002", "klarna_pay"]),
        ("/outlet-uk", ["outlet-uk", "1 channel,"]),
        ("3Dpayment_un\r", ["Code: payment_unmapped", "klarna_pay"]),
        ("?activity\r", ["[2 Activity]"]),
        ("3/order 1002\r\r", ["payment_unmapped", "klarna_pay"]),
    ],
)
async def test_keys_that_come_together(company: Path, keys: str, words: list[str]) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_seen(pilot, "shop-de")
        _at_once(app, keys)
        await until_seen(pilot, *words)


async def test_a_paste_behind_the_slash_goes_into_the_field(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        _at_once(app, "/")
        app.post_message(events.Paste("shop-fr"))
        await until_seen(pilot, "Text: shop-fr")


async def test_a_held_key_moves_the_cursor_by_as_many_rows(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await settle(pilot)
        _at_once(app, "jjjj")
        await settle(pilot)
        assert [line[0] for line in seen(app).splitlines()[4:9]] == [" ", " ", " ", " ", "▌"]


async def test_a_key_whose_widget_is_gone_holds_up_no_other(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        app._turn, app._waits_in = 99, Widget()
        _at_once(app, "2")
        await until_seen(pilot, "[2 Activity]")


@pytest.mark.parametrize("turns", [0, 10, 30, 60, 120])
async def test_an_app_that_is_closed_amid_typing_just_ends(company: Path, turns: int) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        _at_once(app, "3/1002")
        for _ in range(turns):
            await asyncio.sleep(0)
    assert not app.is_running
