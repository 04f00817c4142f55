"""The list of a form's fields: what was typed and what is stored, help for the field under the cursor, and a search.

It shows what ``chansync.setup.forms`` describes and knows no field by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.containers import Container
from textual.getters import query_one
from textual.widget import Widget

from chansync.setup.forms.form import Form
from chansync_tui.formatting import counted
from chansync_tui.forms.rows import COLUMNS, Row, folded, rows_of
from chansync_tui.forms.state import FormState
from chansync_tui.screens.filtered_page import SearchedPage
from chansync_tui.widgets.entry import InPlace, Search
from chansync_tui.widgets.line import Line, Part
from chansync_tui.widgets.pane import Notice, Pane
from chansync_tui.widgets.table import Table


class FieldList(SearchedPage):
    """Shows the fields of one form."""

    BUTTONS: ClassVar[str] = "Confirm or close"

    table: query_one[Table[Row]] = query_one("#fields", Table)

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.state = FormState(form)
        #: Where values are typed, over the list.
        self.entry = InPlace()
        self.is_saving = False
        self._rows: list[Row] = []
        self._text = ""

    def body(self) -> Iterable[Widget]:
        yield Line(id="about")
        yield Notice(id="notice")
        yield Search("field or value")
        with Container(id="sheet"):
            yield Table[Row](COLUMNS, Row.cells, lambda row: row.key, id="fields", head=False, passes=_is_heading)
            yield self.entry
        yield Pane(id="pane")

    # What each form adds

    def actions(self) -> Iterable[tuple[int, Row]]:
        """Rows for actions, each with the section that it stands at the end of."""
        for each in self.state.form.addable():
            about = ((each.label, "strong"), (each.help, ""))
            key = f"add:{each.table}"
            yield each.section, Row(key, each.label, "enter, then its code", "dim", about=about, action=key)

    def more(self) -> Iterable[Row]:
        """Rows after those of the form, to read only."""
        return ()

    def hidden_rows(self) -> Iterable[Row]:
        """Rows for fields that do not apply now, for the search alone."""
        return ()

    # Showing

    def label(self, name: str) -> str:
        """The label of a field; its name where the list does not have it."""
        return next((row.label for row in self._rows if row.key == name), name)

    def show_rows(self, *, to_top: bool = False) -> None:
        """Build the rows again from what was typed and what is stored."""
        self._rows = [*rows_of(self.context.db, self.state, self.actions()), *self._buttons(), *self.more()]
        wanted = folded(self._text).split()
        self.table.set_empty(f"Nothing here holds '{self._text}': {self.own_key('esc')} shows all.")
        if wanted:
            # Fields that do not apply now are found too, with what makes them appear.
            rows = [*self._rows, *self.hidden_rows()]
            found = [row for row in rows if row.matches(wanted)]
            found += [row for row in rows if row not in found and row.matches(wanted, in_help=True)]
            self.table.show(found, follow=to_top)
        else:
            self.table.show(self._rows)
        title, sign = self.title_parts(), self._filter_sign()
        self.query_one("#about", Line).put(
            [*title, *sign],
            [*title, *sign[:1]],
            sign or title,
            # Whether something is not saved goes before the title.
            notes=[[self._save_state()]],
        )
        self.explain()

    def title_parts(self) -> list[Part]:
        """What is edited."""
        return [(f" {self.state.title} ", "strong")]

    def _filter_sign(self) -> list[Part]:
        """That a part of the rows is shown, while a search narrows them; and how to show all."""
        if not self._text:
            return []
        every = sum(not row.heading for row in self._rows)
        sign = f" / {self._text}: {len(self.table.items)} of {every} "
        return [(sign, "here"), (f" {self.own_key('esc')} shows all ", "dim")]

    def _buttons(self) -> Iterable[Row]:
        yield Row("section:buttons", self.BUTTONS, heading=True)
        saves = "Everything is checked, wrong fields are named, and all of it is saved at once. Key c, F2 or ctrl+s."
        yield Row("confirm", "Confirm", *self._save_state(), about=((saves, ""),), action="confirm")
        closes = "Nothing is saved; with changes you are asked first."
        yield Row("close", "Close", "key esc", "dim", about=((closes, ""),), action="close")

    def _save_state(self) -> Part:
        if self.is_saving:
            return "saving ... ", "note"
        wrong, changed = len(self.state.errors), len(self.state.changed)
        if wrong:
            return f"{counted(wrong, 'field')} wrong: e goes there ", "bad"
        if self.state.is_new:
            return "not saved yet ", "warn"
        return (f"{counted(changed, 'change')}, not saved ", "warn") if changed else ("saved ", "good")

    @on(Table.Moved)
    def explain(self) -> None:
        """Help for the row under the cursor."""
        row = self.table.selected
        self.query_one(Pane).put(row.about if row else ())

    # Moving

    def action_section(self, step: int) -> None:
        heads = [index for index, row in enumerate(self.table.items) if row.heading]
        # The cursor is on a field, so that the heading of its section is above it.
        if step > 0:
            target = next((index for index in heads if index > self.table.cursor), None)
        else:
            # From within a section, the first step goes to its first field.
            target = next((index for index in reversed(heads) if index < self.table.cursor - 1), None)
        if target is not None:
            self.table.select(self.table.items[target].key, to_top=True)

    def action_go_to(self, name: str) -> None:
        """Show all rows, with the cursor on that field."""
        self._text = ""
        self.show_rows()
        self.table.select(name)

    def action_wrong(self) -> None:
        """Go to the next wrong field; after the last, to the first."""
        wrong = [(place, row.key) for place, row in enumerate(self.table.items) if row.key in self.state.errors]
        if wrong:
            self.table.select(next((key for place, key in wrong if place > self.table.cursor), wrong[0][1]))
        else:
            self.say("No field is known to be wrong.")

    @property
    def searched(self) -> str:
        return self._text

    def search(self, text: str) -> None:
        self._text = text
        self.show_rows(to_top=True)


def _is_heading(row: Row) -> bool:
    return row.heading
