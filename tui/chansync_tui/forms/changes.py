"""The window at Confirm: what is saved, each value as it was beside what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from chansync_tui.formatting import counted
from chansync_tui.screens.window import Window
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.pane import Pane, Plain
from chansync_tui.widgets.table import Cell, Table

_COLUMNS = (Column("Field", 14, 30), Column("It was", 12, 60), Column("It becomes", 12, 60))


class Change(NamedTuple):
    """A field with its value before and after, as texts."""

    name: str
    label: str
    before: str
    after: str


class Changes(Window[bool]):
    """Ends with True when the changes are to be saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "Back to the form"),
        Binding("c,f2,ctrl+s,y", "dismiss(True)", "Save"),
    ]

    def __init__(self, changes: Sequence[Change]) -> None:
        super().__init__()
        self._changes = changes

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain(f"{counted(len(self._changes), 'change')} to save", id="title")
            yield Table[Change](_COLUMNS, _cells, lambda change: change.name)
            yield Pane(id="values")
            yield Plain("enter or c save   esc back to the form", id="keys")

    def on_mount(self) -> None:
        table = self.query_one(Table)
        table.show(self._changes)
        table.focus()
        self.explain()

    def fit(self) -> None:
        self.query_one("#window").styles.height = min(len(self._changes) + 10, self.app.size.height - 2)

    @on(Table.Moved)
    def explain(self) -> None:
        """The values in full."""
        change: Change | None = self.query_one(Table).selected
        if change is not None:
            self.query_one(Pane).put(
                [(f"It was:     {change.before}", "dim"), (f"It becomes: {change.after}", "strong")]
            )

    @on(Table.Chosen)
    def save(self) -> None:
        """Enter saves."""
        self.dismiss(True)


def _cells(change: Change) -> Sequence[Cell]:
    return Cell(change.label), Cell(change.before, "dim"), Cell(change.after, "strong")
