"""A table that draws only the visible lines and redraws only the cells that changed.

Rows are any objects; the cells of a row are made when its line is drawn, so a thousand rows are as fast as twenty.
There are no hover effects: moving the mouse writes nothing to the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingsMap, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBarRender
from textual.strip import Strip

from chansync_tui.list_view import View, in_order
from chansync_tui.symbols import symbols
from chansync_tui.text import fit, width, wrap
from chansync_tui.user_files import own_keys, preferences
from chansync_tui.widgets.columns import Column, Needs, gap_between, lay_out
from chansync_tui.widgets.jump import Jumpable
from chansync_tui.widgets.line import TONES

T = TypeVar("T")

#: How many rows are measured for the widths of the columns when a list is shown first.
_MEASURED = 200


#: What has a style of its own in ``app.tcss``, by names of ``table--…``.
_PARTS = ("head", "cursor", "blurred", "jump")


class Cell(NamedTuple):
    """Text with a tone, a name of ``TONES``.

    ``exact``: for a file and for sorting, where the text is shortened.
    """

    text: str
    tone: str = ""
    exact: str = ""


class _PlainBar(ScrollBarRender):
    """A scroll bar of whole cells, for locales that are not UTF-8."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * len(ScrollBarRender.VERTICAL_BARS)


class Table(ScrollView, Jumpable, Generic[T], can_focus=True, inherit_bindings=False):
    """A list with a cursor. ``cells`` makes the cells of a row, ``key`` its identity."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"table--{name}" for name in _PARTS}

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Next row"),
        Binding("up,k", "move(-1)", "Previous row"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up"),
        Binding("ctrl+d", "page(0.5)", "Half a page down"),
        Binding("ctrl+u", "page(-0.5)", "Half a page up"),
        Binding("home,g", "first", "First row"),
        Binding("end,G", "last", "Last row"),
        Binding("enter,l,right", "choose", "Open"),
    ]

    #: How the user looks at the list.
    view: reactive[View] = reactive(View(), repaint=False, init=False)

    @dataclass
    class Moved(Message):
        """The cursor is on another row."""

        table: Table[Any]

        @property
        def control(self) -> Table[Any]:
            # For ``@on`` with a selector.
            return self.table

    class Chosen(Moved):
        """The row under the cursor was chosen by key or double click."""

    class Scrolled(Moved):
        """The list was scrolled; only of a table with ``partial``."""

    @dataclass
    class Headed(Moved):
        """The heading of a column was clicked."""

        title: str

    @dataclass
    class Ended(Moved):
        """The user asked for the first or the last row; only of a table with ``partial``."""

        last: bool

    def __init__(
        self,
        columns: Sequence[Column],
        cells: Callable[[T], Sequence[Cell | str]],
        key: Callable[[T], Hashable],
        *,
        id: str | None = None,
        head: bool = True,
        partial: bool = False,
        passes: Callable[[T], bool] = lambda item: False,
        list_name: str = "",
    ) -> None:
        """Create a table without rows.

        Args:
            partial: the rows are a part of a longer list, and come in the order of its view; its ends are asked for by
                ``Ended``.
            passes: whether the cursor passes over a row, such as a heading, and does not stop on it.
            list_name: the name under which the user's view of it is stored; empty: it has none.
        """
        super().__init__(id=id)
        own_keys.move(self._bindings, own_keys.LISTS)
        self.items: Sequence[T] = ()
        self._given: Sequence[T] = ()
        #: The marked rows by key, in the order in which they were marked.
        self.marked: dict[Hashable, T] = {}
        self._passes = passes
        self.cursor = 0
        self._cells = cells
        self._use(columns, list_name)
        self.key_of = key
        self._head = int(head)
        self._partial = partial
        self._empty = ""
        self._painted: dict[int, tuple[Any, ...]] = {}
        self._widths: dict[int, int] = {}
        self._gap = 1
        self._styles_of_tones: dict[str, Style] = {}

    # What is shown

    @property
    def selected(self) -> T | None:
        """The row under the cursor, or None in an empty table."""
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    @property
    def page(self) -> int:
        """How many rows fit."""
        return max(1, self.size.height - self._head)

    def _use(self, columns: Sequence[Column], list_name: str) -> None:
        self.list_name = list_name
        #: Every column of the list, also those that are not shown.
        self.all_columns = columns
        self.view = preferences.view(list_name) if list_name else View()
        self._head_columns()

    def _head_columns(self) -> None:
        sort = self.view.sort
        sign = "" if sort is None else symbols().falling if sort.descending else symbols().rising
        self._columns = [
            each.headed(sign) if sort is not None and sort.title == each.title and each.title else each
            for each in self.all_columns
        ]
        self._hidden = {i for i, each in enumerate(self.all_columns) if each.title and each.title in self.view.hidden}
        self._needs = Needs(self._columns)
        self._widths = {}

    def set_columns(
        self, columns: Sequence[Column], cells: Callable[[T], Sequence[Cell | str]], list_name: str = ""
    ) -> None:
        """Show other columns, of another list."""
        self._cells = cells
        self._use(columns, list_name)
        self._measure(self.items)
        self.refresh()

    def set_view(self, view: View) -> None:
        """Show other columns of the list, or its rows in another order; the first row is then at the top."""
        is_sorted = view.sort != self.view.sort
        self.view = view
        self._head_columns()
        self._measure(self.items)
        self.refresh()
        if is_sorted and not self._partial:
            self.show(self._given, follow=True)

    def sorter(self) -> Callable[[Sequence[T]], Sequence[T]] | None:
        """A function, for any thread, that puts rows into the order of the view; None: they stay as they come."""
        sort, cells = self.view.sort, self._cells
        place = next((i for i, each in enumerate(self.all_columns) if sort and each.title == sort.title), None)
        if sort is None or place is None:
            return None

        def text_of(item: T) -> str:
            return _exact(cells(item)[place])

        return lambda items: in_order(items, text_of, descending=sort.descending)

    @property
    def shown_titles(self) -> list[str]:
        """The titles of the columns that are shown now."""
        return [self.all_columns[index].title for index in self._layout()]

    def set_empty(self, text: str) -> None:
        """Set the text that is shown if there are no rows."""
        if text != self._empty:
            self._empty = text
            if not self.items:
                self.refresh()

    def show(self, items: Sequence[T], *, follow: bool = False) -> None:
        """Show these rows; the scroll position and the cursor stay on their rows.

        Where the first row is visible, new rows before it are shown too, as long as the cursor's row stays visible.

        Args:
            follow: put the cursor on the first row.
        """
        top, cursor = self.scroll_offset.y, self.cursor
        in_view = top <= cursor < top + self.page
        anchor = cursor if in_view else min(top, max(0, len(self.items) - 1))
        keys = [self.key_of(self.items[row]) if row < len(self.items) else None for row in (cursor, anchor)]
        was_empty, count = not self.items, len(self.items)
        self._given = items
        if not self._partial and (sort := self.sorter()):
            items = sort(items)
        self.items = items
        if items and not self._needs.measured:
            self._measure(items)
        place = 0 if follow else self._place(keys[1], anchor, otherwise=anchor)
        self.cursor = self._stop(place if in_view or follow else self._place(keys[0], cursor, otherwise=place), 1)
        if len(items) != count:
            self.virtual_size = Size(0, len(items) + self._head)
        if was_empty != (not items):
            self.refresh()
        elif not follow and place != anchor and not (top == 0 and place < self.page):
            self.scroll_y = top + place - anchor
        if in_view or follow:
            self._keep_visible()
        for item in items if self.marked else ():
            if self.key_of(item) in self.marked:
                self.marked[self.key_of(item)] = item
        self._refresh_changes()
        if items and (cursor != self.cursor or keys[0] != self.key_of(items[self.cursor])):
            self.post_message(self.Moved(self))

    def _place(self, key: Hashable, near: int, *, otherwise: int) -> int:
        """The index of the row with that key, tried at ``near`` first; if it is gone, ``otherwise`` or the last row."""
        last = max(0, len(self.items) - 1)
        if near <= last and self.items and self.key_of(self.items[near]) == key:
            return near
        gone = min(otherwise, last)
        return next((row for row, item in enumerate(self.items) if self.key_of(item) == key), gone)

    def select(self, key: Hashable, *, to_top: bool = False) -> None:
        """Put the cursor on the row with that key, if there is one; with ``to_top``, scroll it to the top."""
        row = self._place(key, self.cursor, otherwise=self.cursor)
        if to_top:
            self.scroll_y = row
        self._go(row)

    def place_of(self, column: int) -> Region:
        """The region of that column in the row under the cursor, within the table; empty if it is not visible.

        The last column reaches to the end of the line.
        """
        y = self.cursor + self._head - self.scroll_offset.y
        last = max(self._layout(), default=0)
        for index, x, cells in self._places():
            if index == column and self._head <= y < self.size.height:
                return Region(x, y, self.size.width - x if index == last else cells, 1)
        return Region()

    # Cursor

    def _stop(self, row: int, step: int) -> int:
        """The nearest row that the cursor stops on, from there on in the direction of ``step`` or else back."""
        onwards, back = range(row, len(self.items)), range(min(row, len(self.items) - 1), -1, -1)
        each = chain(onwards, back) if step > 0 else chain(back, onwards)
        return next((index for index in each if not self._passes(self.items[index])), row)

    def _go(self, row: int) -> None:
        if not self.items:
            return
        row = max(0, min(row, len(self.items) - 1))
        row = self._stop(row, 1 if row >= self.cursor else -1)
        if row == self.cursor:
            self._keep_visible()
            return
        old, self.cursor = self.cursor, row
        self._refresh_row(old)
        self._refresh_row(row)
        self._keep_visible()
        self.post_message(self.Moved(self))

    def _keep_visible(self) -> None:
        """Scroll as far as the cursor needs it."""
        # The headings over a row are shown with it.
        top, page, first = self.scroll_offset.y, self.page, self._with_headings()
        if not self.size.height or (top <= first and self.cursor < top + page):
            return
        self.scroll_y = first if first < top else self.cursor - page + 1

    def _with_headings(self) -> int:
        """The first of the rows over the cursor that it passes over; without any, its own."""
        first = self.cursor
        while 0 < first < len(self.items) and self._passes(self.items[first - 1]):
            first -= 1
        return first

    def go_to_section(self, step: int, is_heading: Callable[[T], bool]) -> None:
        """Go to the heading after the cursor, or before its row; it is then at the top."""
        heads = [row for row, item in enumerate(self.items) if is_heading(item)]
        if step > 0:
            target = next((row for row in heads if row > self.cursor), None)
        else:
            first = self._with_headings()
            target = next((row for row in reversed(heads) if row < first), None)
        if target is not None:
            self.select(self.key_of(self.items[target]), to_top=True)

    def action_move(self, rows: int) -> None:
        self._go(self.cursor + rows)

    def action_page(self, pages: float) -> None:
        self._go(self.cursor + int(pages * self.page))

    def action_first(self) -> None:
        if self._partial:
            self.post_message(self.Ended(self, False))
        self._go(0)

    def action_last(self) -> None:
        if self._partial:
            self.post_message(self.Ended(self, True))
        self._go(len(self.items) - 1)

    def action_choose(self) -> None:
        if self.items:
            self.post_message(self.Chosen(self))

    @property
    def chosen(self) -> list[T]:
        """What an action is for: the marked rows, or without marks the row under the cursor."""
        if self.marked:
            return list(self.marked.values())
        return [] if self.selected is None else [self.selected]

    def jump_count(self) -> int:
        return max(0, min(self.page, len(self.items) - self.scroll_offset.y))

    def jump_to(self, place: int) -> None:
        if self.can_focus:
            self.focus()
        self._go(self.scroll_offset.y + place)

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        if shown and symbols().ascii_only:
            self.vertical_scrollbar.renderer = _PlainBar  # type: ignore[misc]

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._partial and round(old_value) != round(new_value):
            self.post_message(self.Scrolled(self))

    def redraw_rows(self) -> None:
        """Show the rows again, after what their cells are made of has changed."""
        self.show(self._given)

    def _column_at(self, x: int) -> str:
        """The title of the column at that cell of the line; empty where there is none."""
        places = self._places()
        return next((self.all_columns[index].title for index, at, cells in places if x < at + cells + self._gap), "")

    def on_click(self, event: events.Click) -> None:
        if event.y < self._head and self.list_name and (title := self._column_at(event.x)):
            self.post_message(self.Headed(self, title))
            return
        row = event.y - self._head + self.scroll_offset.y
        if event.y >= self._head and row < len(self.items):
            self._go(row)
            if event.chain == 2:
                self.action_choose()

    def on_focus(self) -> None:
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        self._refresh_row(self.cursor)

    def on_resize(self, event: events.Resize) -> None:
        # Also lines that stay where they are: their columns are at other places now.
        self._widths = {}
        self.refresh()
        self._keep_visible()

    # Drawing

    def _refresh_row(self, row: int) -> None:
        self.refresh(Region(0, row + self._head - self.scroll_offset.y, self.size.width, 1))

    def _refresh_changes(self) -> None:
        """Redraw the visible cells that changed since they were drawn."""
        top = self.scroll_offset.y
        shown = {y: self._cells_of(top + y - self._head) for y in range(self._head, self.size.height)}
        if self._needs.measure(map(_texts, shown.values())):
            self._widths = {}
            self.refresh()
            return
        for y, now in shown.items():
            painted = self._painted.get(y, now)
            if painted == now:
                continue
            if len(painted) != len(now):
                self.refresh(Region(0, y, self.size.width, 1))
                continue
            for index, x, cells in self._places():
                if painted[index] != now[index]:
                    self.refresh(Region(x, y, cells, 1))

    def _layout(self) -> dict[int, int]:
        if not self._widths:
            room, needs = self.size.width - 1, self._needs.cells
            self._widths = lay_out(self._columns, room, needs, self._hidden)
            self._gap = gap_between(self._widths, room, needs) if self._head else 1
        return self._widths

    def _places(self) -> Iterator[tuple[int, int, int]]:
        """The index of each column that is shown, where it begins and how wide it is."""
        x = 1
        for index, cells in self._layout().items():
            yield index, x, cells
            x += cells + self._gap

    def _measure(self, items: Sequence[T]) -> None:
        if self._needs.measure(_texts(self._cells(item)) for item in items[:_MEASURED]):
            self._widths = {}
            self.refresh()

    @property
    def titles(self) -> list[str]:
        """The titles of all columns, also those that have no room."""
        return [column.title for column in self.all_columns]

    def texts_of(self) -> Callable[[Sequence[T]], list[list[str]]]:
        """A function, for any thread, that gives the texts of rows for a file: times with their dates."""
        cells = self._cells
        return lambda items: [[_exact(cell) for cell in cells(item)] for item in items]

    def _cells_of(self, row: int) -> tuple[Cell | str, ...]:
        return tuple(self._cells(self.items[row])) if 0 <= row < len(self.items) else ()

    def notify_style_update(self) -> None:
        self._styles_of_tones = {}
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        # Textual's own cache is emptied whenever a row is drawn again.
        style = self._styles_of_tones.get(name)
        if style is None:
            if name in _PARTS:
                style = self.get_component_rich_style(f"table--{name}", partial=True)
            else:
                style = self.app.stylesheet.parse_style(TONES[name]).rich_style
            self._styles_of_tones[name] = style
        return style

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        cells = self.size.width
        if y < self._head:
            return self._render_head(base, cells)
        if not self.items:
            return self._render_empty(y - self._head, base, cells)
        row = y - self._head + self.scroll_offset.y
        values = self._cells_of(row)
        self._painted[y] = values
        if not values:
            return Strip.blank(cells, base)
        at_cursor = row == self.cursor
        lively = self.has_focus or self.has_class("-live")
        if at_cursor:
            base += self._style("cursor" if lively else "blurred")
        is_marked = bool(self.marked) and self.key_of(self.items[row]) in self.marked
        segments = [self._render_pointer(y - self._head, base, at_cursor, is_marked)]
        for index, room in self._layout().items():
            value = values[index]
            text, tone = (value, "") if isinstance(value, str) else value[:2]
            # The cursor's colours are only readable without a tone.
            style = base if at_cursor and lively else base + self._style(tone)
            column = self._columns[index]
            shown = fit(text, room, right=column.right, front=column.front)
            segments.append(Segment(shown + " " * self._gap, style))
        # Adjacent segments of one style are joined, which halves the bytes that are written.
        return Strip(segments).simplify().adjust_cell_length(cells, base)

    def _render_pointer(self, place: int, base: Style, at_cursor: bool, is_marked: bool) -> Segment:
        if place < len(self.jump_letters):
            return Segment(self.jump_letters[place], base + self._style("jump"))
        # The pointer shows without colours which of two lists has the focus.
        pointed = at_cursor and (self.has_focus or self.has_class("-live"))
        if is_marked:
            return Segment(symbols().marked_here if pointed else symbols().on, base)
        return Segment(symbols().pointer if pointed else " ", base)

    def _render_head(self, base: Style, cells: int) -> Strip:
        style = base + self._style("head")
        segments = [Segment(" ", style)]
        for index, room in self._layout().items():
            column = self._columns[index]
            segments.append(Segment(fit(column.title, room, right=column.right) + " " * self._gap, style))
        return Strip(segments).simplify().adjust_cell_length(cells, style)

    def _render_empty(self, line: int, base: Style, cells: int) -> Strip:
        lines = [""]
        for paragraph in self._empty.split("\n"):
            lines += wrap(paragraph, max(10, cells - 4))
        text = lines[line] if line < len(lines) else ""
        self._painted.pop(line + self._head, None)
        return Strip([Segment("  ", base), Segment(text, base)], 2 + width(text)).adjust_cell_length(cells, base)


class MarkTable(Table[T]):
    """Posts ``Marked`` whenever rows were marked or unmarked; marks stay on their rows when the list changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark the row, or unmark it"),
        Binding("V", "mark_range", "Mark from the row that was marked last to this one"),
        Binding("asterisk", "mark_all", "Mark all rows shown, or unmark them"),
    ]

    @classmethod
    def bound(cls) -> tuple[BindingsMap, own_keys.Moved]:
        """What the keys of lists do, and which of them are the user's own."""
        found = BindingsMap() if cls._merged_bindings is None else cls._merged_bindings.copy()
        return found, own_keys.move(found, own_keys.LISTS)

    class Marked(Table.Moved):
        """Rows were marked or unmarked."""

    def action_mark(self) -> None:
        item = self.selected
        if item is None:
            return
        key = self.key_of(item)
        if self.marked.pop(key, None) is None:
            self.marked[key] = item
        self._refresh_row(self.cursor)
        self.post_message(self.Marked(self))
        self.action_move(1)

    def action_mark_range(self) -> None:
        if self.selected is None:
            return
        keys = [self.key_of(item) for item in self.items]
        last = next((key for key in reversed(self.marked) if key in keys), keys[self.cursor])
        low, high = sorted((keys.index(last), self.cursor))
        self._mark(self.items[low : high + 1])

    def action_mark_all(self) -> None:
        if all(self.key_of(item) in self.marked for item in self.items):
            self.unmark()
        else:
            self._mark(self.items)

    def _mark(self, items: Sequence[T]) -> None:
        self.marked |= {self.key_of(item): item for item in items}
        self.refresh()
        self.post_message(self.Marked(self))

    def unmark(self) -> None:
        """Remove all marks."""
        if self.marked:
            self.marked = {}
            self.refresh()
            self.post_message(self.Marked(self))


def _exact(cell: Cell | str) -> str:
    return cell if isinstance(cell, str) else cell.exact or cell.text


def _texts(cells: Sequence[Cell | str]) -> list[str]:
    return [cell if isinstance(cell, str) else cell.text for cell in cells]
