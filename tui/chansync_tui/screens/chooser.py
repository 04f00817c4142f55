"""Windows to choose the value of a field: one option of many, or several with marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from chansync.setup.forms.form import FormOption
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.table import Cell, Table

#: The value of the option that adds something new.
NEW = "\0new"

Search = Callable[[str], Sequence[FormOption]]


class Chooser(Finder[str]):
    """Ends with the chosen option; its value is ``NEW`` to add a new one.

    Args:
        search: finds the options for the text typed so far.
        empty: what choosing nothing means; an empty text: something must be chosen.
        new: what can be added; an empty text: nothing.
    """

    def __init__(self, title: str, search: Search, *, chosen: str, empty: str, new: str) -> None:
        self._search = search
        self._empty_word, self._new = empty, new
        super().__init__(title, self.narrowed(""), word_width=20, chosen=chosen)

    def narrowed(self, text: str) -> list[Option[str]]:
        found = [Option(each.code, each.code, each.title) for each in self._search(text)]
        if self._empty_word and not text:
            found.append(Option("", "(none)", self._empty_word))
        if self._new:
            found.append(Option(NEW, f"new {self._new} ...", "adds one and comes back here"))
        return found


class _MarkSearch(Entry):
    """The search field; a space marks instead of being typed."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key != "space" and super().check_consume_key(key, character)


class Marks(Finder[list[str]]):
    """Choose several options: space marks one, enter ends with the marked codes in the list's order."""

    KEYS = "space mark   enter done   esc close"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "mark", "Mark or unmark", priority=True)]

    def __init__(self, title: str, options: Sequence[FormOption], marked: Sequence[str]) -> None:
        known = {option.code for option in options}
        # Codes of the field that are not in the list are kept until they are unmarked.
        strange = [FormOption(code, "not among the choices") for code in marked if code not in known]
        found = [Option(each.code, each.code, each.title) for each in [*options, *strange]]
        super().__init__(title, found, word_width=20)
        self._marked = set(marked)

    def entry(self) -> Entry:
        return _MarkSearch(placeholder="type to narrow")

    def columns(self) -> list[Column]:
        return [Column("", 3), *super().columns()]

    def cells(self, option: Option[str]) -> tuple[Cell, ...]:
        mark = Cell("[x]", "good") if option.value in self._marked else Cell("[ ]", "dim")
        return (mark, Cell(option.word), *super().cells(option)[1:])

    @on(Input.Submitted)
    def end(self, event: Input.Submitted) -> None:
        event.prevent_default()
        self.dismiss([option.value for option in self._options if option.value in self._marked])

    @on(Table.Chosen)
    def mark(self, event: Table.Chosen) -> None:
        event.prevent_default()
        self.action_mark()

    def action_mark(self) -> None:
        if (option := self.table.selected) is not None:
            self._marked ^= {option.value}
            self.table.redraw_rows()
