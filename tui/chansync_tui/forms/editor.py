"""Editing the field under the cursor: typed in place, chosen, marked or switched; and opening what it refers to."""

from __future__ import annotations

from collections.abc import Callable

from chansync.model.errors import UsageError
from chansync.setup.forms.factory import can_be_new, form_of_reference, refuse_outside
from chansync.setup.forms.form import FormField, FormOption
from chansync_tui.forms.rows import VALUE, Row
from chansync_tui.forms.view import FormView
from chansync_tui.navigation_events import Edit
from chansync_tui.screens.chooser import NEW, Chooser, Marks
from chansync_tui.widgets.entry import InPlace


class FieldEditor:
    """Edits the fields of one form.

    Args:
        view: the screen that shows the form.
        changed: called after every change, also while a value is being typed.
    """

    def __init__(self, view: FormView, changed: Callable[[], object]) -> None:
        #: Where values are typed; the screen places it over the list.
        self.entry = InPlace()
        self._view = view
        self._changed = changed
        self._row: Row | None = None

    @property
    def _field(self) -> FormField | None:
        """The field under the cursor."""
        row = self._view.table.selected
        return row.field if row else None

    # Changing the value

    def edit(self, row: Row) -> None:
        """Edit the row's field in the way of its type."""
        field = row.field
        if field is None:
            return
        if field.fixed:
            self._view.say(f"{field.label}: {field.fixed}", "warn")
        elif field.is_flag:
            self._set(field, "no" if self._text(field) == "yes" else "yes")
        else:
            options = self._options(field, "")
            if options is None:
                self.open(row)
            elif field.is_several:
                self._mark(field, options)
            else:
                self._choose(field)

    def undo(self) -> None:
        """Give the field the value that it had when the form was opened."""
        if (field := self._field) is not None:
            self._view.state.undo(self._view.context.db, field)
            self._changed()
            self._view.show_rows()

    def empty(self) -> None:
        """Empty the field."""
        field = self._field
        if field is None or field.is_secret:
            return
        if field.fixed:
            self._view.say(f"{field.label}: {field.fixed}", "warn")
        else:
            self._set(field, "no" if field.is_flag else "")

    def _set(self, field: FormField, text: str) -> None:
        self._view.state.set(self._view.context.db, field, text)
        self._changed()
        self._view.show_rows()
        error = self._view.state.errors.get(field.name)
        self._view.say(f"{field.label} {error}" if error else "", "bad")

    def _text(self, field: FormField) -> str:
        return self._view.state.texts.get(field.name, "")

    def _options(self, field: FormField, search: str) -> list[FormOption] | None:
        return self._view.state.form.options(self._view.context.db, field, self._view.state.texts, search)

    # Typing in place

    @property
    def typing(self) -> tuple[str, str] | None:
        """The name of the field that is being typed into and the text so far, for the draft; never a secret."""
        row = self._row
        if row is None or row.field is None or row.field.is_secret or not self.entry.is_open:
            return None
        return row.field.name, self.entry.value

    def open(self, row: Row) -> None:
        """Type the value of the row's field, or the code of the row that is to be added to a table."""
        self._row = row
        field = row.field
        secret = field is not None and field.is_secret
        text = "" if secret or field is None else self._text(field)
        hint = field.type.word if field else "type, then enter"
        self.entry.open(text, self._view.table.place_of(VALUE), secret=secret, hint=hint)

    def follow_row(self) -> None:
        """Keep the entry on its row after the screen changed."""
        if self.entry.is_open:
            self.entry.move(self._view.table.place_of(VALUE))

    def accept(self, typed: InPlace.Left) -> None:
        """Take the typed text as the value, and go to the next field."""
        row, self._row = self._row, None
        if not typed.went:
            self._view.table.focus()
        if row is None:
            return
        if row.field is not None:
            self._set(row.field, typed.text)
            self._view.table.select(row.key)
            if row.field.name not in self._view.state.errors:
                self._view.table.action_move(typed.step)
        elif typed.text.strip():
            self._add_row(row.action.removeprefix("add:"), typed.text)

    def cancel(self) -> None:
        """Leave the field as it was."""
        self._row = None
        self._view.table.focus()
        self._changed()

    def _add_row(self, table: str, text: str) -> None:
        try:
            name = self._view.state.form.add_row(table, text)
        except UsageError as error:
            self._view.say(str(error), "bad")
            return
        self._view.state.texts.setdefault(name, "")
        self._view.show_rows()
        self._view.table.select(name)
        if (field := self._field) is not None:
            self._choose(field)

    # Choosing

    def _choose(self, field: FormField) -> None:
        def search(text: str) -> list[FormOption]:
            return self._options(field, text) or []

        def chosen(option: object) -> None:
            if not isinstance(option, tuple):
                return
            value = str(option[0])
            if value == NEW:
                self._add_referred(field)
            else:
                self._set(field, value)
                # As after typing: the next field follows.
                self._view.table.action_move(1)

        empty = "" if field.needed and not field.stands_out else field.empty or "leaves it empty"
        window = Chooser(field.label, search, chosen=self._text(field), empty=empty, new=can_be_new(field))
        self._view.app.push_screen(window, chosen)

    def _mark(self, field: FormField, options: list[FormOption]) -> None:
        def marked(codes: list[str] | None) -> None:
            if codes is not None:
                self._set(field, field.type.show(codes))

        held = field.type.parse(self._text(field)) or []
        self._view.app.push_screen(Marks(field.label, options, held), marked)

    # The forms of what fields refer to

    def open_referred(self) -> None:
        """Open the form of what the field refers to."""
        if (field := self._field) is not None:
            self._open_form(field)

    def add_referred(self) -> None:
        """Add something that the field can refer to."""
        field = self._field
        if field is None or not can_be_new(field):
            self._view.say("Nothing can be added for this row.", "warn")
        elif field.fixed:
            self._view.say(f"{field.label}: {field.fixed}", "warn")
        else:
            self._add_referred(field)

    def _add_referred(self, field: FormField) -> None:
        def saved(key: int | str) -> None:
            code = str(key).rpartition("/")[2]
            if field.is_several:
                held = field.type.parse(self._text(field)) or []
                code = field.type.show([*held, code])
            self._set(field, code)

        self._open_form(field, new=True, saved=saved)

    def _open_form(
        self, field: FormField, *, new: bool = False, saved: Callable[[int | str], object] | None = None
    ) -> None:
        try:
            refuse_outside(self._view.context.db, field, self._view.state.texts, new=new)
            form = form_of_reference(field, self._view.state.texts, new=new)
        except UsageError as error:
            self._view.say(str(error), "warn")
            return
        self._view.post_message(Edit(form.kind, form.key, form=form, saved=saved))
