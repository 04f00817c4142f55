"""Windows to choose the value of a field: one option of many, or several with marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from chansync.setup.forms.form import FormOption
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.window import Window
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.pane import Plain
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
        super().__init__(title, self.narrowed(""), word_width=20)
        self._chosen = chosen

    def narrowed(self, text: str) -> list[Option[str]]:
        found = [Option(each.code, each.code, each.title) for each in self._search(text)]
        if self._empty_word and not text:
            found.append(Option("", "(none)", self._empty_word))
        if self._new:
            found.append(Option(NEW, f"new {self._new} ...", "adds one and comes back here"))
        return found

    def on_mount(self) -> None:
        super().on_mount()
        table = self.query_one(Table)
        if self._chosen:
            table.action_move(next((i for i, each in enumerate(self._options) if each.value == self._chosen), 0))


class _MarkSearch(Entry):
    """The search field; a space marks instead of being typed."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key != "space" and super().check_consume_key(key, character)


class Marks(Window[list[str] | None]):
    """Choose several options: space marks one, enter ends with the marked codes in the list's order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("space", "mark", "Mark or unmark", priority=True),
        Binding("down", "move(1)", "Next row", priority=True),
        Binding("up", "move(-1)", "Previous row", priority=True),
        Binding("pagedown", "page(1)", "Page down", priority=True),
        Binding("pageup", "page(-1)", "Page up", priority=True),
    ]

    def __init__(self, title: str, options: Sequence[FormOption], marked: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        known = {option.code for option in options}
        # Codes of the field that are not in the list are kept until they are unmarked.
        strange = [FormOption(code, "not among the choices") for code in marked if code not in known]
        self._options = [*options, *strange]
        self._marked = set(marked)

    def compose(self) -> ComposeResult:
        columns = [Column("", 3), Column("", 20, 40), Column("", 10, 200)]
        with Vertical(id="window"):
            yield Plain(self._title, id="title")
            yield _MarkSearch(placeholder="type to narrow")
            table = Table[FormOption](columns, self._cells, lambda option: option.code, head=False)
            table.can_focus = False
            table.add_class("-live")
            yield table
            yield Plain("space mark   enter done   esc close", id="keys")

    def on_mount(self) -> None:
        self.query_one(Table).set_empty("Nothing matches.")
        self.query_one(Table).show(self._options)

    def fit(self) -> None:
        self.query_one("#window").styles.height = min(len(self._options) + 6, max(8, self.app.size.height - 4))

    def _cells(self, option: FormOption) -> tuple[Cell, Cell, Cell]:
        mark = "[x]" if option.code in self._marked else "[ ]"
        return (
            Cell(mark, "good" if option.code in self._marked else "dim"),
            Cell(option.code),
            Cell(option.title, "dim"),
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        words = event.value.casefold().split()
        found = [o for o in self._options if all(word in f"{o.code} {o.title}".casefold() for word in words)]
        self.query_one(Table).show(found, follow=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss([option.code for option in self._options if option.code in self._marked])

    @on(Table.Chosen)
    def choose_row(self) -> None:
        """Mark on a double click."""
        self.action_mark()

    def action_mark(self) -> None:
        table = self.query_one(Table)
        if (option := table.selected) is not None:
            self._marked ^= {option.code}
            table.show(table.items)

    def action_move(self, rows: int) -> None:
        self.query_one(Table).action_move(rows)

    def action_page(self, pages: int) -> None:
        self.query_one(Table).action_page(pages)
