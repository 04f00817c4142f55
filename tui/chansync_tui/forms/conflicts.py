"""The window for fields that two people changed: the user chooses for each whose value is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from chansync.setup.forms.merging import Conflict, Difference
from chansync_tui.screens.window import Window
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.pane import Pane, Plain
from chansync_tui.widgets.table import Cell, Table

_COLUMNS = (
    Column("Counts", 6),
    Column("Field", 12, 26),
    Column("Mine", 12, 60),
    Column("Theirs", 12, 60),
    Column("It was", 10, 60, drop=1),
)

_MINE, _THEIRS, _OPEN = "mine", "theirs", "?"


class _Line(NamedTuple):
    name: str
    label: str
    difference: Difference
    decided: bool


class Conflicts(Window[set[str] | None]):
    """Ends with the names of the fields for which the user's value is saved; None: save nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Back to the form"),
        Binding("m", "count('mine')", "Mine counts"),
        Binding("t", "count('theirs')", "Theirs counts"),
        Binding("space,enter", "turn", "The other counts", priority=True),
        Binding("M", "all('mine')", "Mine counts everywhere"),
        Binding("T", "all('theirs')", "Theirs counts everywhere"),
        Binding("c,f2,ctrl+s", "done", "Save what is chosen"),
    ]

    def __init__(self, conflict: Conflict, label: Callable[[str], str]) -> None:
        super().__init__()
        found = conflict.merge
        self._lines = [_Line(each.name, label(each.name), each, False) for each in found.conflicts]
        self._lines += [_Line(each.name, label(each.name), each, True) for each in found.theirs]
        self._counts = {each.name: _OPEN for each in found.conflicts} | {each.name: _THEIRS for each in found.theirs}

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain("Somebody else saved the same fields. Whose value counts?", id="title")
            table = Table[_Line](_COLUMNS, self._cells, lambda line: line.name)
            yield table
            yield Pane(id="values")
            yield Plain("m mine   t theirs   M T all   c save   esc back to the form", id="keys")

    def on_mount(self) -> None:
        self.query_one(Table).show(self._lines)
        self.query_one(Table).focus()
        self.explain()

    def _cells(self, line: _Line) -> Sequence[Cell]:
        counts = self._counts[line.name]
        each = line.difference
        tone = {_OPEN: "bad", _MINE: "good", _THEIRS: "note"}[counts]
        mine = "" if line.decided else each.mine or "(empty)"
        return (
            Cell(counts, "dim" if line.decided else tone),
            Cell(line.label),
            Cell(mine, "good" if counts == _MINE else "dim"),
            Cell(each.theirs or "(empty)", "note" if counts == _THEIRS else "dim"),
            Cell(each.was or "(empty)", "dim"),
        )

    def fit(self) -> None:
        self.query_one("#window").styles.height = min(len(self._lines) + 10, self.app.size.height - 2)

    @on(Table.Moved)
    def explain(self) -> None:
        """The values in full."""
        line: _Line | None = self.query_one(Table).selected
        if line is None:
            return
        each = line.difference
        mine = "They alone changed it: it is kept." if line.decided else f"Mine:   {each.mine or '(empty)'}"
        parts = [(mine, ""), (f"Theirs: {each.theirs or '(empty)'}", ""), (f"It was: {each.was or '(empty)'}", "dim")]
        self.query_one(Pane).put(parts)

    def _set(self, lines: Iterable[_Line], counts: str) -> None:
        for line in lines:
            if not line.decided:
                self._counts[line.name] = counts
        table = self.query_one(Table)
        table.show(table.items)

    def action_count(self, counts: str) -> None:
        table = self.query_one(Table)
        if table.selected is not None:
            self._set([table.selected], counts)
            table.action_move(1)

    def action_turn(self) -> None:
        line = self.query_one(Table).selected
        if line is not None:
            self._set([line], _THEIRS if self._counts[line.name] == _MINE else _MINE)

    def action_all(self, counts: str) -> None:
        self._set(self._lines, counts)

    def action_done(self) -> None:
        unsettled = next((line for line in self._lines if self._counts[line.name] == _OPEN), None)
        if unsettled is not None:
            self.query_one(Table).select(unsettled.name)
            self.query_one(Pane).put([(f"Choose for {unsettled.label}: m mine, t theirs.", "bad")])
            return
        self.dismiss({name for name, counts in self._counts.items() if counts == _MINE})
