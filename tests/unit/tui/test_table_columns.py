"""Whatever the widths that a list had before: every value stands under its own heading, and nothing else does."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.table import Table

COLUMNS = (
    Column("Alpha", 6, drop=2),
    Column("Beta", 8, 30),
    Column("Gamma", 7, 20, drop=4),
    Column("Delta", 5, right=True),
    Column("Epsilon", 8, 24, drop=3, whole=True),
    Column("Zeta", 10, 44, drop=1, front=True),
)

ROWS = [tuple(f"{column.title[0].lower()}{number}" for column in COLUMNS) for number in range(60)]


class _OneTable(App[None]):
    def compose(self) -> ComposeResult:
        yield Table[tuple[str, ...]](COLUMNS, lambda row: row, lambda row: row[0])

    def on_mount(self) -> None:
        self.query_one(Table).show(ROWS)


def _lines(app: App[None]) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


def _check(lines: list[str]) -> None:
    head = lines[0]
    shown = [column for column in COLUMNS if column.title in head]
    assert shown
    begins = [head.index(column.title) for column in shown]
    ends = [head.index(column.title) + len(column.title) for column in shown]
    for number, line in enumerate(lines[1:]):
        cells = line[1:].split()
        assert cells == [f"{column.title[0].lower()}{number}" for column in shown], line
        for column, begin, end, cell in zip(shown, begins, ends, cells, strict=True):
            at = line.index(cell)
            assert at + len(cell) == end if column.right else at == begin, (head, line)


SIZES = [(40, 10), (60, 20), (71, 12), (80, 24), (97, 9), (120, 40), (200, 50)]


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(SIZES), min_size=2, max_size=5))
def test_after_any_resizes_every_cell_is_under_its_own_heading(sizes: list[tuple[int, int]]) -> None:
    asyncio.run(_resized(sizes))


async def _resized(sizes: list[tuple[int, int]]) -> None:
    app = _OneTable()
    async with app.run_test(size=sizes[0]) as pilot:
        for size in sizes:
            await pilot.resize_terminal(*size)
            await pilot.press("j")
            await pilot.pause()
            # Without the scroll bar.
            room = app.query_one(Table).scrollable_content_region.width
            _check([line[:room] for line in _lines(app)[: size[1]]])
