"""The second pane of each list, from 110 columns on, and the same text on a screen of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from chansync_tui.app import ChansyncApp
from chansync_tui.screens.two_panes import WIDE
from chansync_tui.widgets.pane import Side
from functional.tui.looking import row, seen, settle, until_seen

pytestmark = pytest.mark.usefixtures("two_panes")

#: What leads to a list, and what its pane tells only of the row under the cursor: first, and after a step down.
LISTS = {
    "overview": (["0"], "Boutique France", "Shop Germany"),
    "channels": (["1"], "outlet-uk Outlet", "Newest problems"),
    "activity": (["2"], "with problems 2", "state          stopped"),
    "messages": (["3"], "a zone", "Order: 77 (site's id 77)"),
    "causes": (["3", "g"], "enter lists them", "1 problem of shop-de"),
    "orders": (["4"], "Order 77 has the status", "Order 1002 has the status"),
    "stock": (["5", *["j"] * 4, "enter"], "The item SHIRT", "The item"),
    "payment methods": (["5", *["j"] * 9, "enter"], "Bank transfer", "Cash"),
}


@pytest.mark.parametrize("name", LISTS)
async def test_the_second_pane_follows_the_cursor_and_plus_shows_all_of_it(company: Path, name: str) -> None:
    keys, first, second = LISTS[name]
    app = ChansyncApp(company)
    async with app.run_test(size=(WIDE, 40)) as pilot:
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        side = app.screen.query_one("#side", Side)
        before = side.text
        assert first in " ".join(before.split())
        await pilot.press("j")
        await settle(pilot)
        assert second in side.text
        assert side.text != before
        await pilot.resize_terminal(WIDE - 1, 24)
        await settle(pilot)
        assert not side.display
        await pilot.press("plus")
        await until_seen(pilot, "esc Back", second)
        await pilot.press("escape")
        await until_seen(pilot, "esc Back", gone=True)


async def test_a_pane_that_goes_on_says_how_to_see_the_rest(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(120, 20)) as pilot:
        await pilot.press("j")
        await until_seen(pilot, "+ shows all of it")
        assert "consumer secret" not in seen(app)
        await pilot.press("plus")
        await until_seen(pilot, "esc Back")
        await pilot.resize_terminal(120, 60)
        await settle(pilot)
        # That there is a secret is told, not what it is.
        assert row(app, "consumer secret").endswith("(set)")
