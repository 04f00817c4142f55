"""Editing the field under the cursor: typed in place, chosen, marked, switched; and the forms of what it names."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from chansync.model.errors import UsageError
from chansync.sync.forms.factory import can_be_new, form_of_reference
from chansync.sync.forms.form import FormField, FormOption
from chansync_tui.forms.chooser import NEW, Chooser, Marks
from chansync_tui.forms.rows import VALUE, Row
from chansync_tui.forms.state import FormState
from chansync_tui.navigation import Edit
from chansync_tui.screens.page import Page
from chansync_tui.widgets.entry import InPlace
from chansync_tui.widgets.table import Table


class FormEditing(Page):
    """What the screen of a form does with one field."""

    state: FormState
    _edited: Row | None = None

    def __init__(self) -> None:
        super().__init__()
        #: Where texts are typed.
        self.inplace = InPlace()

    @property
    def table(self) -> Table[Row]:
        """The form's list."""
        raise NotImplementedError

    def say(self, sentence: str, tone: str = "") -> None:
        """Tell on the line over the list."""
        raise NotImplementedError

    def show_rows(self) -> None:
        """Make the rows anew."""
        raise NotImplementedError

    def typed(self) -> None:
        """Something was typed: the draft is written a little later."""
        raise NotImplementedError

    def action_confirm(self) -> None:
        """Save."""
        raise NotImplementedError

    @property
    def field(self) -> FormField | None:
        """The field under the cursor."""
        row = self.table.selected
        return row.field if row else None

    # Editing

    def edit(self, row: Row) -> None:
        """Change the row's field in the way of its type."""
        field = row.field
        if field is None:
            return
        if field.fixed:
            self.say(f"{field.label}: {field.fixed}", "warn")
        elif field.is_flag:
            self.put(field, "no" if self.state.texts.get(field.name) == "yes" else "yes")
        else:
            options = self._options(field, "")
            if options is None:
                self._type(row)
            elif field.is_several:
                self._mark(field, options)
            else:
                self._choose(field)

    def _options(self, field: FormField, search: str) -> list[FormOption] | None:
        return self.state.form.options(self.context.db, field, self.state.texts, search)

    def put(self, field: FormField, text: str) -> None:
        """The field has a new value."""
        self.state.put(self.context.db, field, text)
        self.typed()
        self.show_rows()
        error = self.state.errors.get(field.name)
        self.say(f"{field.label} {error}" if error else "", "bad")

    def _type(self, row: Row) -> None:
        self._edited = row
        field = row.field
        secret = field is not None and field.is_secret
        text = "" if secret or field is None else self.state.texts.get(field.name, "")
        hint = field.type.word if field else "type, then enter"
        self.inplace.open(text, self.table.place_of(VALUE), secret=secret, hint=hint)

    @on(Input.Changed, "#inplace")
    def keep_typing(self) -> None:
        """What is being typed belongs to the draft too."""
        self.typed()

    @property
    def typing(self) -> tuple[str, str] | None:
        """The field that is typed into now and its text, for the draft; never a secret."""
        row = self._edited
        if row is None or row.field is None or row.field.is_secret or not self.inplace.is_open:
            return None
        return row.field.name, self.inplace.value

    @on(InPlace.Left)
    def take_typed(self, event: InPlace.Left) -> None:
        """Accept, and go on to the next field."""
        row, self._edited = self._edited, None
        if not event.went:
            self.table.focus()
        if row is None:
            return
        if row.field is not None:
            self.put(row.field, event.text)
            self.table.select(row.key)
            if row.field.name not in self.state.errors:
                self.table.action_move(event.step)
        elif event.text.strip():
            self._add_row(row.action.removeprefix("add:"), event.text)
        if event.confirm:
            self.action_confirm()

    @on(InPlace.Dropped)
    def drop_typed(self) -> None:
        """The field stays as it was."""
        self._edited = None
        self.table.focus()
        self.typed()

    def add_to(self, row: Row) -> None:
        """Ask what the new row of a table is known by."""
        self._type(row)

    def _add_row(self, table: str, text: str) -> None:
        try:
            name = self.state.form.add_row(table, text)
        except UsageError as error:
            self.say(str(error), "bad")
            return
        self.state.texts.setdefault(name, "")
        self.show_rows()
        self.table.select(name)
        if (field := self.field) is not None:
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
                self._new(field)
            else:
                self.put(field, value)

        empty = "" if field.needed and not field.stands_out else field.empty or "leaves it empty"
        window = Chooser(
            field.label, search, chosen=self.state.texts.get(field.name, ""), empty=empty, new=can_be_new(field)
        )
        self.app.push_screen(window, chosen)

    def _mark(self, field: FormField, options: list[FormOption]) -> None:
        held = field.type.parse(self.state.texts.get(field.name, "")) or []

        def marked(codes: list[str] | None) -> None:
            if codes is not None:
                self.put(field, field.type.show(codes))

        self.app.push_screen(Marks(field.label, options, held), marked)

    # The forms of what fields name

    def _new(self, field: FormField) -> None:
        def saved(key: int | str) -> None:
            code = str(key).rpartition("/")[2]
            if field.is_several:
                held = field.type.parse(self.state.texts.get(field.name, "")) or []
                code = field.type.show([*held, code])
            self.put(field, code)

        self._open(field, new=True, saved=saved)

    def _open(self, field: FormField, *, new: bool, saved: object = None) -> None:
        try:
            form = form_of_reference(field, self.state.texts, new=new)
        except UsageError as error:
            self.say(str(error), "warn")
            return
        self.post_message(Edit(form.kind, form.key, form=form, saved=saved if callable(saved) else None))

    def action_settings(self) -> None:
        """Open the form of what the field names."""
        if (field := self.field) is not None:
            self._open(field, new=False)

    def action_new(self) -> None:
        """Add something that the field can name."""
        field = self.field
        if field is None or not can_be_new(field):
            self.say("Nothing can be added for this row.", "warn")
        elif field.fixed:
            self.say(f"{field.label}: {field.fixed}", "warn")
        else:
            self._new(field)

    def action_undo(self) -> None:
        """The field as it was."""
        if (field := self.field) is not None:
            self.state.undo(self.context.db, field)
            self.typed()
            self.show_rows()

    def action_empty(self) -> None:
        """Empty the field."""
        field = self.field
        if field is None or field.is_secret:
            return
        if field.fixed:
            self.say(f"{field.label}: {field.fixed}", "warn")
        else:
            self.put(field, "no" if field.is_flag else "")
