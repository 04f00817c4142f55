"""What is written brings any terminal from one screen to the next, and is short where little changes."""

from __future__ import annotations

import sys
from typing import Any

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual._compositor import CompositorUpdate, LayoutUpdate
from textual.app import ComposeResult
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from chansync_tui.terminal_cells import TerminalCells
from chansync_tui.terminal_output import SmallUpdates

WIDTH, HEIGHT = 60, 14

STYLES = [None, *map(Style.parse, ("bold", "red", "bold red on blue", "on #102030", "dim", "reverse"))]

_text = st.text(st.sampled_from("ab é東京│█ "), max_size=30)
_line = st.lists(st.tuples(_text, st.sampled_from(STYLES)), max_size=4)
_screen = st.lists(_line, min_size=HEIGHT, max_size=HEIGHT)


def _strips(lines: list[list[tuple[str, Style | None]]]) -> list[Strip]:
    strips = [Strip([Segment(text, style) for text, style in line]) for line in lines]
    return [strip.adjust_cell_length(WIDTH) for strip in strips]


def _update(strips: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[strip] for strip in strips], Region(0, 0, WIDTH, HEIGHT))


def _cells() -> TerminalCells:
    return TerminalCells(ColorSystem.TRUECOLOR)


def _terminal() -> tuple[pyte.Screen, pyte.Stream]:
    screen = pyte.Screen(WIDTH, HEIGHT)
    return screen, pyte.Stream(screen)


def _shown(screen: pyte.Screen) -> list[list[object]]:
    return [[screen.buffer[y][x] for x in range(WIDTH)] for y in range(HEIGHT)]


def _of_scratch(strips: list[Strip]) -> list[list[object]]:
    screen, stream = _terminal()
    stream.feed(_cells().write(_update(strips)))
    return _shown(screen)


@settings(max_examples=60, deadline=None)
@given(st.lists(_screen, min_size=2, max_size=4))
def test_any_screens_one_after_another_look_as_if_written_from_scratch(
    screens: list[list[list[tuple[str, Style | None]]]],
) -> None:
    cells = _cells()
    screen, stream = _terminal()
    for lines in screens:
        strips = _strips(lines)
        stream.feed(cells.write(_update(strips)))
        assert _shown(screen) == _of_scratch(strips)
        assert cells.write(_update(strips)) == ""


@settings(max_examples=40, deadline=None)
@given(st.lists(_line, min_size=40, max_size=40), st.lists(st.integers(0, 26), min_size=2, max_size=6))
def test_a_list_that_scrolls_looks_as_if_written_from_scratch(
    rows: list[list[tuple[str, Style | None]]], places: list[int]
) -> None:
    cells = _cells()
    screen, stream = _terminal()
    for top in places:
        strips = _strips(rows[top : top + HEIGHT])
        stream.feed(cells.write(_update(strips)))
        assert _shown(screen) == _of_scratch(strips)


def test_one_more_line_of_a_list_costs_one_line() -> None:
    rows = [[(f"row {number} " * 5, None)] for number in range(40)]
    cells = _cells()
    cells.write(_update(_strips(rows[:HEIGHT])))
    assert len(cells.write(_update(_strips(rows[1 : HEIGHT + 1])))) < 2 * WIDTH


def test_what_is_forgotten_is_written_again() -> None:
    cells = _cells()
    strips = _strips([[("text", None)]] * HEIGHT)
    first = cells.write(_update(strips))
    cells.forget()
    assert cells.write(_update(strips)) == first


class _Driver(HeadlessDriver):
    """Writes to a terminal that the test can look at."""

    @property
    def is_headless(self) -> bool:
        return False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.terminal, self._stream = _terminal()

    def write(self, data: str) -> None:
        self._stream.feed(data)


class _Small(SmallUpdates):
    def __init__(self) -> None:
        super().__init__(driver_class=_Driver)

    def compose(self) -> ComposeResult:
        yield Static("before")


class _Named(_Small):
    """As if Textual called with names."""

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen=screen, renderable=renderable)


class _Renamed(LayoutUpdate):
    """As if an update had other attributes."""

    def __init__(self, update: CompositorUpdate) -> None:
        self.update = update

    def render_segments(self, console: Any) -> str:
        return self.update.render_segments(console)


class _Attributes(_Small):
    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable and _Renamed(renderable))


async def _shows(app: _Small) -> None:
    async with app.run_test(headless=False, size=(WIDTH, HEIGHT)) as pilot:
        await pilot.pause()
        app.query_one(Static).update("after")
        await pilot.pause()
        assert isinstance(app._driver, _Driver)
        assert app._driver.terminal.display[0].strip() == "after"


async def test_small_updates_reach_the_terminal() -> None:
    app = _Small()
    await _shows(app)
    assert app._cells is not None
    assert not app._is_other_textual


@pytest.mark.parametrize("kind", [_Named, _Attributes])
async def test_another_textual_writes_as_it_does_by_itself(kind: type[_Small]) -> None:
    app = kind()
    await _shows(app)
    assert app._is_other_textual


async def test_a_textual_without_these_updates_writes_as_it_does_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "chansync_tui.terminal_cells")
    monkeypatch.setitem(sys.modules, "textual._compositor", None)
    app = _Small()
    await _shows(app)
    assert app._is_other_textual
