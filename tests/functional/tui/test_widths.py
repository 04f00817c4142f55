"""After any resize every list and pane looks as if drawn from scratch, and each cell stands under its own heading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chansync_tui.app import ChansyncApp
from chansync_tui.screens.window import Window
from chansync_tui.text import fit, width
from chansync_tui.widgets.table import Table
from functional.tui.looking import seen, settle

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("two_panes")]

_SIZES = {60: 20, 80: 24, 120: 40, 200: 50}

#: From each width to each other one.
_WIDTHS = (60, 80, 60, 120, 60, 200, 80, 120, 80, 200, 120, 200, 60)

#: What leads to a list.
_PLACES = {
    "overview": ["0"],
    "channels": ["1"],
    "activity": ["2"],
    "messages": ["3"],
    "causes": ["3", "g"],
    "orders": ["4"],
    "sales": ["5", "enter"],
    "stock": ["5", *["j"] * 4, "enter"],
    "POS": ["5", *["j"] * 8, "enter"],
    "backups": ["B"],
}


def _by_cells(line: str) -> list[str]:
    """The line with an entry for each cell of the terminal; the second one of a wide sign is empty."""
    return [part for sign in line for part in (sign, *[""] * (width(sign) - 1))]


def _check(table: Table[Any], lines: list[list[str]]) -> None:
    """On the screen, headings and cells fill the same columns."""
    left, top = table.region.offset
    layout, begin = table._layout(), left + 1
    for index, cells in layout.items():
        column = table._columns[index]
        for row in range(-1, min(table.page, len(table.items))):
            shown = "".join(lines[top + 1 + row][begin : begin + cells])
            if row < 0:
                assert shown == fit(column.title, cells, right=column.right)
                continue
            cell = table._cells(table.items[table.scroll_offset.y + row])[index]
            text = cell if isinstance(cell, str) else cell.text
            assert shown == fit(text, cells, right=column.right, front=column.front), (column.title, row)
        begin += cells + table._gap


@pytest.mark.parametrize("name", _PLACES)
async def test_after_any_resize_cells_are_under_their_headings_and_nothing_old_is_left(
    company: Path, name: str
) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(_WIDTHS[0], _SIZES[_WIDTHS[0]])) as pilot:
        for key in _PLACES[name]:
            await pilot.press(key)
            await settle(pilot)
        for columns in _WIDTHS[1:]:
            await pilot.resize_terminal(columns, _SIZES[columns])
            await settle(pilot)
            shown = seen(app)
            lines = [_by_cells(strip.text) for strip in app.screen._compositor.render_strips()]
            tables = [each for each in app.screen.query(Table) if each.region and each._head]
            assert tables
            for table in tables:
                _check(table, lines)
            for widget in app.screen.query("*"):
                widget.refresh()
            await settle(pilot)
            assert seen(app) == shown


#: Windows, by what leads to them from the list of channels.
_WINDOWS = {
    "keys": ["question_mark"],
    "palette": ["ctrl+p"],
    "theme": ["f9"],
    "columns": ["comma"],
    "copy": ["c"],
    "export": ["E"],
    "pause": ["asterisk", "p"],
    "filter": ["S"],
    "mend": ["3", "O", "m"],
    "solved": ["3", "O", "x"],
    "retry all": ["3", "R"],
    "missing": ["4", "w"],
    "for a sale": ["4", "G", "a"],
    "write out": ["4", "G", "a", *"write", "enter"],
    "refund": ["4", "G", "a", *"refund", "enter"],
    "set stock": ["5", *["j"] * 4, "enter", "s"],
    "remove": ["5", *["j"] * 5, "enter", "D"],
    "back up": ["B", "b"],
    "notices": ["w", "G", "enter"],
}


@pytest.mark.parametrize("size", [(60, 20), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_all_of_a_window_is_on_the_screen_at_every_size(company: Path, size: tuple[int, int]) -> None:
    """Its beginning, its keys and its buttons; and after a resize while it is open."""
    app = ChansyncApp(company)
    async with app.run_test(size=(60, 20)) as pilot:
        for name, keys in _WINDOWS.items():
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            for columns, lines in ((200, 50), size):
                await pilot.resize_terminal(columns, lines)
                await settle(pilot)
                assert isinstance(app.screen, Window), name
                frame = app.screen.query_one("#window")
                assert app.screen.region.contains_region(frame.region), name
                for part in ("#title", "#keys", "#buttons", "Input"):
                    for each in app.screen.query(part):
                        assert frame.content_region.contains_region(each.region), (name, part)
                        assert each.region.height, (name, part)
            while isinstance(app.screen, Window):
                await pilot.press("escape")
                await settle(pilot)
            for key in ("escape", "escape", "1"):
                await pilot.press(key)
                await settle(pilot)
