"""A table whose rows can be marked, so that one action is done for several of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingsMap, BindingType

from chansync_tui.user_files import own_keys
from chansync_tui.widgets.table import T, Table


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
