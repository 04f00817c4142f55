"""Pictures of every screen at two sizes. After a wanted change: pytest --snapshot-update, and look at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from chansync_tui.app import ChansyncApp
from functional.tui.looking import SIZES, settle

pytestmark = pytest.mark.usefixtures("two_panes")

#: Name → keys that lead to the screen.
SCREENS = {
    "overview": ["0"],
    "channels": [],
    "channels_marked": ["asterisk"],
    "activity": ["2"],
    "causes": ["3", "g"],
    "mend": ["3", "g", "m"],
    "messages": ["3"],
    "message": ["3", "j", "j", "j", "j", "enter"],
    "orders": ["4"],
    "order": ["4", "j", "enter"],
    "sale": ["4", "G", "enter"],
    "sale_steps": ["4", "G", "a"],
    "sale_question": ["4", "G", "a", *"write", "enter"],
    "order_unseen": ["4", "slash", *"5555", "enter", "w", *"shop-de", "enter"],
    "erp": ["5"],
    "erp_stock": ["5", *["j"] * 4, "enter"],
    "erp_set_stock": ["5", *["j"] * 4, "enter", "s"],
    "erp_item": ["5", *["j"] * 4, "enter", "enter"],
    "erp_pos": ["5", *["j"] * 8, "enter"],
    "erp_customer": ["5", *["j"] * 7, "enter", "enter"],
    "backups": ["B"],
    "keys": ["question_mark"],
    "choose_a_code": ["3", "D"],
    "retry_all": ["3", "R"],
    "filter_by_text": ["slash", *"shop"],
    "jump": ["3", "f"],
    "palette": ["ctrl+p"],
}

SizeAndKeys = Callable[..., bool]


def walk(keys: list[str]) -> Callable[[Pilot[Any]], Awaitable[None]]:
    """Press the keys one by one, and wait for what they bring."""

    async def go(pilot: Pilot[Any]) -> None:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await pilot.app.workers.wait_for_complete()
            await pilot.pause()
            if key.isdigit():
                # A page that has just opened reads its rows only then; the next key is for them.
                await settle(pilot)
        await settle(pilot)

    return go


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCREENS)
def test_screen(snap_compare: SizeAndKeys, company: Path, name: str, size: tuple[int, int]) -> None:
    assert snap_compare(ChansyncApp(company), terminal_size=size, run_before=walk(SCREENS[name]))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(
    "keys", [["escape"], ["2"], ["3"], ["4"], ["5"]], ids=["channels", "activity", "messages", "orders", "erp"]
)
def test_empty_database(
    snap_compare: SizeAndKeys, database: Callable[[str], Path], keys: list[str], size: tuple[int, int]
) -> None:
    assert snap_compare(ChansyncApp(database("empty")), terminal_size=size, run_before=walk(keys))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", [["j"] * 30, ["3", "G"]], ids=["channels", "messages"])
def test_many_rows(
    snap_compare: SizeAndKeys, database: Callable[[str], Path], keys: list[str], size: tuple[int, int]
) -> None:
    assert snap_compare(ChansyncApp(database("many")), terminal_size=size, run_before=walk(keys))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", [["e"], ["2", "tab"]], ids=["channels", "activity"])
def test_thirty_channels(
    snap_compare: SizeAndKeys, database: Callable[[str], Path], keys: list[str], size: tuple[int, int]
) -> None:
    assert snap_compare(ChansyncApp(database("fleet")), terminal_size=size, run_before=walk(keys))


@pytest.mark.long
@pytest.mark.parametrize(
    "keys",
    [[], ["2"], ["3"], ["4"], ["5"]],
    ids=["channels", "activity", "messages", "orders", "erp"],
)
def test_smallest_size(snap_compare: SizeAndKeys, alone: Path, keys: list[str]) -> None:
    assert snap_compare(ChansyncApp(alone), terminal_size=(60, 20), run_before=walk(keys))
