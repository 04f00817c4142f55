"""The list of a form's fields: help for the one under the cursor, and a search; the value is typed in place, chosen,
marked or switched, and what it refers to is opened.

It shows what ``chansync.setup.forms`` describes and knows no field by name.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events, on
from textual.containers import Container
from textual.getters import query_one
from textual.widget import Widget
from textual.widgets import Input

from chansync.model.errors import UsageError
from chansync.setup.forms.factory import can_be_new, form_of_reference, refuse_outside
from chansync.setup.forms.form import Form, FormField, FormOption
from chansync_tui.formatting import counted
from chansync_tui.forms.rows import COLUMNS, VALUE, Row, folded, rows_of
from chansync_tui.forms.state import FormState
from chansync_tui.navigation_events import Edit, Show
from chansync_tui.screens.chooser import NEW, Chooser, Marks
from chansync_tui.screens.filtered_page import SearchedPage
from chansync_tui.widgets.entry import InPlace, Search
from chansync_tui.widgets.line import Line, Part
from chansync_tui.widgets.pane import Notice, Pane
from chansync_tui.widgets.table import Table


class FieldList(SearchedPage):
    """Shows and edits the fields of one form."""

    BUTTONS: ClassVar[str] = "Confirm or close"

    table: query_one[Table[Row]] = query_one("#fields", Table)

    def __init__(self, form: Form) -> None:
        super().__init__()
        self.state = FormState(form)
        #: Where values are typed, over the list.
        self.entry = InPlace()
        #: The row that is typed into.
        self._typed_row: Row | None = None
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

    @abstractmethod
    def keep_draft_soon(self) -> None:
        """A value was changed, or is being typed."""

    @abstractmethod
    def action_confirm(self) -> None:
        """Save the form."""

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
        saves = "Everything is checked, wrong fields are named, and all of it is saved at once."
        saves += f" Key {self.own_key('c')}, F2 or ctrl+s."
        yield Row("confirm", "Confirm", *self._save_state(), about=((saves, ""),), action="confirm")
        closes = "Nothing is saved; with changes you are asked first."
        yield Row("close", "Close", f"key {self.own_key('esc')}", "dim", about=((closes, ""),), action="close")

    def _save_state(self) -> Part:
        if self.is_saving:
            return "saving ... ", "note"
        wrong, changed = len(self.state.errors), len(self.state.changed)
        if wrong:
            return f"{counted(wrong, 'field')} wrong: {self.own_key('e')} goes there ", "bad"
        if self.state.is_new:
            return "not saved yet ", "warn"
        return (f"{counted(changed, 'change')}, not saved ", "warn") if changed else ("saved ", "good")

    @on(Table.Moved)
    def explain(self) -> None:
        row = self.table.selected
        self.query_one(Pane).put(row.about if row else ())
        self._follow_row()

    # Moving

    def action_section(self, step: int) -> None:
        # From within a section, the first step back goes to its first field.
        self.table.go_to_section(step, _is_heading)

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

    @property
    def _field(self) -> FormField | None:
        row = self.table.selected
        return row.field if row else None

    # Changing the value of a field

    @on(Table.Chosen)
    def action_choose(self) -> None:
        """Edit the field, open the record, or run the row's action."""
        row = self.table.selected
        if row is None:
            return
        if row.field is not None:
            self._edit(row, row.field)
        elif row.related is not None:
            self.post_message(Edit(row.related.kind, row.related.code or None, preset=row.related.preset))
        elif row.opens is not None:
            self.post_message(Show("message", row.opens))
        elif row.action.startswith("add:"):
            self._type(row)
        elif row.action:
            self.call_later(self.run_action, row.action)

    def _edit(self, row: Row, field: FormField) -> None:
        if self._is_fixed(field):
            return
        if field.is_flag:
            self._set(field, "no" if self._value(field) == "yes" else "yes")
            return
        options = self._options(field, "")
        if options is None:
            self._type(row)
        elif field.is_several:
            self._mark(field, options)
        else:
            self._choose(field)

    def _is_fixed(self, field: FormField) -> bool:
        """Whether the field cannot be changed, and then say why."""
        if field.fixed:
            self.say(f"{field.label}: {field.fixed}", "warn")
        return bool(field.fixed)

    def action_undo(self) -> None:
        """Give the field the value that it had when the form was opened."""
        if (field := self._field) is not None:
            self.state.undo(self.context.db, field)
            self.keep_draft_soon()
            self.show_rows()

    def action_empty(self) -> None:
        field = self._field
        if field is not None and not field.is_secret and not self._is_fixed(field):
            self._set(field, "no" if field.is_flag else "")

    def _set(self, field: FormField, text: str) -> None:
        self.state.set(self.context.db, field, text)
        self.keep_draft_soon()
        self.show_rows()
        error = self.state.errors.get(field.name)
        self.say(f"{field.label} {error}" if error else "", "bad")

    def _value(self, field: FormField) -> str:
        return self.state.texts.get(field.name, "")

    def _options(self, field: FormField, search: str) -> list[FormOption] | None:
        return self.state.form.options(self.context.db, field, self.state.texts, search)

    # Typing in place

    @property
    def typing(self) -> tuple[str, str] | None:
        """The name of the field that is being typed into and the text so far, for the draft; never a secret."""
        row = self._typed_row
        if row is None or row.field is None or row.field.is_secret or not self.entry.is_open:
            return None
        return row.field.name, self.entry.value

    def _type(self, row: Row) -> None:
        """Type the value of the row's field, or the code of the row that is to be added to a table."""
        self._typed_row = row
        field = row.field
        secret = field is not None and field.is_secret
        text = "" if secret or field is None else self._value(field)
        hint = field.type.word if field else "type, then enter"
        self.entry.open(text, self.table.place_of(VALUE), secret=secret, hint=hint)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._follow_row)

    def _follow_row(self) -> None:
        """Keep the entry on its row after the screen changed."""
        if self.entry.is_open:
            self.entry.move(self.table.place_of(VALUE))

    @on(Input.Changed, "#inplace")
    def keep_typing(self) -> None:
        self.keep_draft_soon()

    @on(InPlace.Left)
    def accept_typed(self, event: InPlace.Left) -> None:
        """Take the typed text as the value, and go to the next field."""
        row, self._typed_row = self._typed_row, None
        if not event.went:
            self.table.focus()
        if row is not None and row.field is not None:
            self._set(row.field, event.text)
            self.table.select(row.key)
            if row.field.name not in self.state.errors:
                self.table.action_move(event.step)
        elif row is not None and event.text.strip():
            self._add_row(row.action.removeprefix("add:"), event.text)
        if event.confirm:
            self.action_confirm()

    @on(InPlace.Dropped)
    def cancel_typed(self) -> None:
        self._typed_row = None
        self.table.focus()
        self.keep_draft_soon()

    def _add_row(self, table: str, text: str) -> None:
        try:
            name = self.state.form.add_row(table, text)
        except UsageError as error:
            self.say(str(error), "bad")
            return
        self.state.texts.setdefault(name, "")
        self.show_rows()
        self.table.select(name)
        if (field := self._field) is not None:
            self._choose(field)

    # Choosing

    def _choose(self, field: FormField) -> None:
        def search(text: str) -> list[FormOption]:
            return self._options(field, text) or []

        def chosen(value: str) -> None:
            if value == NEW:
                self._add_referred(field)
            else:
                self._set(field, value)
                # As after typing: the next field follows.
                self.table.action_move(1)

        empty = "" if field.needed and not field.stands_out else field.empty or "leaves it empty"
        window = Chooser(field.label, search, chosen=self._value(field), empty=empty, new=can_be_new(field))
        window.ask(self, chosen)

    def _mark(self, field: FormField, options: list[FormOption]) -> None:
        held = field.type.parse(self._value(field)) or []
        Marks(field.label, options, held).ask(self, lambda codes: self._set(field, field.type.show(codes)))

    # The forms of what fields refer to

    def action_open_referred(self) -> None:
        if (field := self._field) is not None:
            self._open_form(field)

    def action_add_referred(self) -> None:
        field = self._field
        if field is None or not can_be_new(field):
            self.say("Nothing can be added for this row.", "warn")
        elif not self._is_fixed(field):
            self._add_referred(field)

    def _add_referred(self, field: FormField) -> None:
        def saved(key: int | str) -> None:
            code = str(key).rpartition("/")[2]
            if field.is_several:
                held = field.type.parse(self._value(field)) or []
                code = field.type.show([*held, code])
            self._set(field, code)

        self._open_form(field, new=True, saved=saved)

    def _open_form(
        self, field: FormField, *, new: bool = False, saved: Callable[[int | str], object] | None = None
    ) -> None:
        try:
            refuse_outside(self.context.db, field, self.state.texts, new=new)
            form = form_of_reference(field, self.state.texts, new=new)
        except UsageError as error:
            self.say(str(error), "warn")
            return
        self.post_message(Edit(form.kind, form.key, form=form, saved=saved))


def _is_heading(row: Row) -> bool:
    return row.heading
