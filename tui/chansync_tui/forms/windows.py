"""The windows at Confirm: what changes, and whose value is saved where two people changed the same fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Generic, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from chansync.setup.forms.merging import Conflict, Difference
from chansync_tui.formatting import counted
from chansync_tui.screens.window import R, Window
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.table import Cell, T, Table


class _Values(Window[R], Generic[R, T]):
    """Fields in a list, and below it the values of the one under the cursor in full."""

    def __init__(self, title: str, table: Table[T], lines: Sequence[T]) -> None:
        super().__init__(title)
        self._table, self._lines = table, lines

    def body(self) -> ComposeResult:
        yield self._table
        yield Pane(id="values")

    def on_mount(self) -> None:
        self._table.show(self._lines)
        self._table.focus()
        self.explain()

    def fit(self) -> None:
        self.set_height(len(self._lines) + 10)

    @on(Table.Moved)
    def explain(self) -> None:
        line = self._table.selected
        self.query_one(Pane).put(self.values_of(line) if line is not None else [])

    def values_of(self, line: T) -> list[Part]:
        """The values of a field."""
        raise NotImplementedError


class Change(NamedTuple):
    """A field with its value before and after, as texts."""

    name: str
    label: str
    before: str
    after: str


class Changes(_Values[bool, Change]):
    """Ends with True when the changes are to be saved."""

    KEYS = "enter or c save   esc back to the form"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(None)", "Back to the form"),
        Binding("c,f2,ctrl+s,y", "dismiss(True)", "Save"),
    ]

    def __init__(self, changes: Sequence[Change]) -> None:
        columns = (Column("Field", 14, 30), Column("It was", 12, 60), Column("It becomes", 12, 60))
        table = Table[Change](
            columns,
            lambda change: (Cell(change.label), Cell(change.before, "dim"), Cell(change.after, "strong")),
            lambda change: change.name,
        )
        super().__init__(f"{counted(len(changes), 'change')} to save", table, changes)

    def values_of(self, line: Change) -> list[Part]:
        return [(f"It was:     {line.before}", "dim"), (f"It becomes: {line.after}", "strong")]

    @on(Table.Chosen)
    def save(self) -> None:
        self.dismiss(True)


_CONFLICT_COLUMNS = (
    Column("Counts", 6),
    Column("Field", 12, 26),
    Column("Mine", 12, 60),
    Column("Theirs", 12, 60),
    Column("It was", 10, 60, drop=1),
)

_MINE, _THEIRS, _OPEN = "mine", "theirs", "?"
_TONES = {_OPEN: "bad", _MINE: "good", _THEIRS: "note"}


class _Line(NamedTuple):
    name: str
    label: str
    difference: Difference
    decided: bool


class Conflicts(_Values[set[str], _Line]):
    """Ends with the names of the fields for which the user's value is saved."""

    KEYS = "m mine   t theirs   M T all   c save   esc back to the form"
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
        found = conflict.merge
        lines = [_Line(each.name, label(each.name), each, False) for each in found.conflicts]
        lines += [_Line(each.name, label(each.name), each, True) for each in found.theirs]
        self._counts = {line.name: _THEIRS if line.decided else _OPEN for line in lines}
        table = Table[_Line](_CONFLICT_COLUMNS, self._cells, lambda line: line.name)
        super().__init__("Somebody else saved the same fields. Whose value counts?", table, lines)

    def _cells(self, line: _Line) -> Sequence[Cell]:
        counts = self._counts[line.name]
        each = line.difference
        mine = "" if line.decided else each.mine or "(empty)"
        return (
            Cell(counts, "dim" if line.decided else _TONES[counts]),
            Cell(line.label),
            Cell(mine, "good" if counts == _MINE else "dim"),
            Cell(each.theirs or "(empty)", "note" if counts == _THEIRS else "dim"),
            Cell(each.was or "(empty)", "dim"),
        )

    def values_of(self, line: _Line) -> list[Part]:
        each = line.difference
        mine = "They alone changed it: it is kept." if line.decided else f"Mine:   {each.mine or '(empty)'}"
        return [(mine, ""), (f"Theirs: {each.theirs or '(empty)'}", ""), (f"It was: {each.was or '(empty)'}", "dim")]

    def _set(self, lines: Iterable[_Line], counts: str) -> None:
        self._counts |= {line.name: counts for line in lines if not line.decided}
        self._table.redraw_rows()

    def action_count(self, counts: str) -> None:
        self._set(self._table.chosen, counts)
        self._table.action_move(1)

    def action_turn(self) -> None:
        for line in self._table.chosen:
            self._set([line], _THEIRS if self._counts[line.name] == _MINE else _MINE)

    def action_all(self, counts: str) -> None:
        self._set(self._lines, counts)

    def action_done(self) -> None:
        unsettled = next((line for line in self._lines if self._counts[line.name] == _OPEN), None)
        if unsettled is not None:
            self._table.select(unsettled.name)
            self.query_one(Pane).put([(f"Choose for {unsettled.label}: m mine, t theirs.", "bad")])
            return
        self.dismiss({name for name, counts in self._counts.items() if counts == _MINE})
