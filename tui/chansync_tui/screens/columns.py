"""The window that orders a list by one of its columns, and shows and hides columns; the list follows at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.getters import query_one

from chansync_tui.list_view import View
from chansync_tui.screens.window import Window
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.table import Cell, Table


class Columns(Window[None]):
    """The columns of a list.

    Args:
        sorted_list: the list.
        change: looks at it in another way.
        sort_limit: up to how many rows it can be ordered by a column; empty: however long it is.
    """

    KEYS = "enter sort  space show  backspace reset  esc close"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,comma,q", "dismiss", "Close"),
        Binding("space", "show_or_hide", "Show or hide the column"),
        Binding("backspace,delete", "reset", "All columns, in the list's own order"),
    ]

    _table: query_one[Table[Column]] = query_one(Table)

    def __init__(
        self, sorted_list: Table[Any], change: Callable[[View], object], sort_limit: Callable[[Column], str]
    ) -> None:
        super().__init__("Columns and order")
        self._sort_limit = sort_limit
        self._list = sorted_list
        self._change = change

    def body(self) -> ComposeResult:
        columns = [Column("", 3), Column("", 16, 30), Column("", 10, 60)]
        yield Table[Column](columns, self._cells, lambda column: column.title, head=False)

    def on_mount(self) -> None:
        self._table.show([each for each in self._list.all_columns if each.title])
        self._table.focus()
        self.watch(self._list, "view", self._follow, init=False)

    def fit(self) -> None:
        self.set_height(len(self._table.items) + 4, 4)

    def _follow(self) -> None:
        # What has no room is known once the list has laid itself out.
        self.call_after_refresh(self._table.redraw_rows)

    def _cells(self, column: Column) -> tuple[Cell, Cell, Cell]:
        view = self._list.view
        is_hidden = column.title in view.hidden
        about = "" if is_hidden or column.title in self._list.shown_titles else "no room: hide another"
        about = ", ".join(filter(None, (about, self._sort_limit(column))))
        if view.sort is not None and view.sort.title == column.title:
            about = "sorted, the highest first" if view.sort.descending else "sorted, the lowest first"
        return (
            Cell("[ ]" if is_hidden else "[x]", "dim" if is_hidden else "good"),
            Cell(column.title),
            Cell(about, "dim"),
        )

    @on(Table.Chosen)
    def sort(self) -> None:
        column = self._table.selected
        if column is None:
            return
        if not column.sorts:
            self.app.notify(f"{column.title} is a chart: a list has no order by it.")
            return
        self._change(self._list.view.sorted_by(column.title, descending=column.right))

    def action_show_or_hide(self) -> None:
        column, view = self._table.selected, self._list.view
        if column is None:
            return
        left = {each.title for each in self._list.all_columns if each.title} - view.hidden
        if left == {column.title}:
            self.app.notify("One column is always shown.")
            return
        self._change(view.toggled(column.title))

    def action_reset(self) -> None:
        self._change(View())

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.dismiss()
