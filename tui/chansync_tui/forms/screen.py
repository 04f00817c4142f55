"""The screen of a form: every field of a channel, a system or a record of the ERP in one list, edited in place.

It shows what ``chansync.setup.forms`` describes and knows no field by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from chansync.setup.forms.form import Form, FormField, Saved
from chansync_tui.formatting import counted
from chansync_tui.forms.editor import FieldEditor
from chansync_tui.forms.rows import COLUMNS, Row, folded, rows_of
from chansync_tui.forms.saver import FormSaver
from chansync_tui.forms.state import FormState
from chansync_tui.navigation_events import Edit, ShowMessage
from chansync_tui.screens.dialogs import Confirm
from chansync_tui.screens.filtered_page import SearchedPage
from chansync_tui.text import safe
from chansync_tui.user_files import drafts
from chansync_tui.widgets.entry import InPlace, Search
from chansync_tui.widgets.line import Hint, Line, Part
from chansync_tui.widgets.pane import Notice, Pane
from chansync_tui.widgets.table import Table

if TYPE_CHECKING:
    from chansync_tui.forms.changes import Change


class FormScreen(SearchedPage):
    """Shows one form; its ``FieldEditor`` changes fields, its ``FormSaver`` saves them.

    Args:
        saved: called with the key of what was saved.
        draft: an unsaved draft to go on with.
    """

    SCOPE = "form"
    ABOUT = "Settings: change them one by one, and confirm all of them at once."
    BUTTONS: ClassVar[str] = "Confirm or close"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("esc", "Close", keep=True),
        Hint("c", "Confirm", keep=True),
        Hint("?", "Keys", keep=True),
        Hint("enter", "Edit"),
        Hint("[ ]", "Section"),
        Hint("u", "Undo"),
        Hint("o", "Settings of it", "Open"),
        Hint("n", "New"),
        Hint("/", "Find"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,f2,ctrl+s", "confirm", "Confirm: save"),
        Binding("escape", "close", "Close without saving"),
        Binding("space", "choose", "Edit or switch"),
        Binding("u", "undo", "Undo the change of the field"),
        Binding("delete,backspace", "empty", "Empty the field"),
        Binding("o", "open_referred", "Open the settings of what the field refers to, and come back"),
        Binding("n", "add_referred", "Add something that the field can refer to, and come back"),
        Binding("e", "wrong", "Next wrong field"),
        Binding("r", "load_stored", "Load what somebody else saved; what you typed stays"),
        Binding("right_square_bracket,tab", "section(1)", "Next section"),
        Binding("left_square_bracket,shift+tab", "section(-1)", "Previous section"),
        Binding("slash", "search", "Find a field"),
    ]

    def tab(self) -> str:
        """The tab of the screen that the form was opened from."""
        return self.app.current_mode

    def __init__(
        self,
        form: Form,
        *,
        saved: Callable[[int | str], object] | None = None,
        draft: drafts.Draft | None = None,
    ) -> None:
        super().__init__()
        self.state = FormState(form)
        self.editor = FieldEditor(self, lambda: self.saver.write_draft_soon())
        self.saver = FormSaver(self, lambda: self.editor.typing, saved)
        self._rows: list[Row] = []
        self._resumed = draft
        self._text = ""
        self._opened = False

    def body(self) -> Iterable[Widget]:
        yield Line(id="about")
        yield Notice(id="notice")
        yield Search("field or value")
        with Container(id="sheet"):
            yield Table[Row](COLUMNS, Row.cells, lambda row: row.key, id="fields", head=False, passes=_is_heading)
            yield self.editor.entry
        yield Pane(id="pane")

    @property
    def table(self) -> Table[Row]:
        """The form's list."""
        return self.query_one("#fields", Table)

    def on_mount(self) -> None:
        self.saver.draft_path = drafts.path_of(self.context.path, self.state.form.kind, self.state.form.key)
        self.state.open(self.context.db)
        self._opened = True
        if self._resumed is not None:
            self.state.resume(self._resumed.data)
        super().on_mount()
        if self._resumed is not None:
            drafts.drop(self._resumed.path)
            self.saver.write_draft()
            self.say("This is your unsaved draft. Secrets are not kept in it: enter them again.", "warn")
        fields = [row for row in self._rows if row.field is not None]
        # Those that are needed and not set yet come first.
        wanted = [row for row in fields if row.field is not None and row.field.needed and not self._holds(row.field)]
        first = next((row.key for row in [*wanted, *fields]), None)
        if first is not None:
            self.table.select(first)

    def _holds(self, field: FormField) -> bool:
        """Whether the field has a value."""
        if field.is_secret:
            return field.name in self.state.entered or field.name in self.state.loaded.secrets
        return bool(self.state.texts.get(field.name))

    # Showing

    def read(self) -> None:
        if not self._opened:
            # The app polled before the form was opened: without a first state every field would count as changed.
            return
        names = self.state.refresh(self.context.db)
        self.show_rows()
        if self.state.stored is None and not self.state.is_new:
            self.say(f"This {self.state.form.noun} was removed meanwhile: it can only be closed.", "bad")
        elif names and not self.saver.is_saving:
            self._say_changed(names)

    def _say_changed(self, names: Sequence[str]) -> None:
        """Somebody else saved these fields."""
        what = ", ".join(map(self.label, names))
        if self.state.changed:
            self.say(
                f"Somebody else changed {what}. What you typed stays; {self.own_key('r')} loads their changes.", "warn"
            )
        else:
            self.say(f"Changed just now by somebody else: {what}.", "note")

    def label(self, name: str) -> str:
        """The label of a field; its name where the list does not have it."""
        return next((row.label for row in self._rows if row.key == name), name)

    def has_row(self, name: str) -> bool:
        """Whether the field is in the list now, or hidden by the search alone."""
        return any(row.key == name for row in self._rows)

    def actions(self) -> Iterable[tuple[int, Row]]:
        """Rows for actions, each with the section that it stands at the end of."""
        for each in self.state.form.addable():
            about = ((each.label, "strong"), (each.help, ""))
            key = f"add:{each.table}"
            yield each.section, Row(key, each.label, "enter, then its code", "dim", about=about, action=key)

    def more(self) -> Iterable[Row]:
        """Rows after those of the form, to read only."""
        return ()

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
        self.query_one("#about", Line).put(
            [*self._title(), *self._filter_sign(long=True)],
            [*self._title(), *self._filter_sign(long=False)],
            [*self._filter_sign(long=True)] or self._title(),
            # Whether something is not saved goes before the title.
            notes=[[self._save_state()]],
        )
        self.explain()

    def hidden_rows(self) -> Iterable[Row]:
        """Rows for fields that do not apply now, for the search alone."""
        return ()

    def _filter_sign(self, *, long: bool) -> list[Part]:
        """That a part of the rows is shown, while a search narrows them."""
        if not self._text:
            return []
        every = sum(not row.heading for row in self._rows)
        sign = f" / {self._text}: {len(self.table.items)} of {every} "
        return [(sign, "here"), (f" {self.own_key('esc')} shows all ", "dim")] if long else [(sign, "here")]

    def _buttons(self) -> Iterable[Row]:
        yield Row("section:buttons", self.BUTTONS, heading=True)
        about = (
            "Everything is checked, wrong fields are named, and all of it is saved at once. Key c, F2 or ctrl+s.",
            "",
        )
        yield Row("confirm", "Confirm", *self._save_state(), about=(about,), action="confirm")
        yield Row(
            "close",
            "Close",
            "key esc",
            "dim",
            about=(("Nothing is saved; with changes you are asked first.", ""),),
            action="close",
        )

    def _title(self) -> list[Part]:
        return [(f" {self.state.title} ", "strong")]

    def _save_state(self) -> Part:
        if self.saver.is_saving:
            return "saving ... ", "note"
        wrong, changed = len(self.state.errors), len(self.state.changed)
        if wrong:
            return f"{counted(wrong, 'field')} wrong: e goes there ", "bad"
        if self.state.is_new:
            return "not saved yet ", "warn"
        return (f"{counted(changed, 'change')}, not saved ", "warn") if changed else ("saved ", "good")

    def say(self, sentence: str, tone: str = "") -> None:
        """Show a sentence on the line over the list; an empty one hides the line."""
        self.query_one("#notice", Notice).put(sentence, tone)

    @on(Table.Moved)
    def explain(self) -> None:
        """Help for the row under the cursor."""
        row = self.table.selected
        self.query_one(Pane).put(row.about if row else ())
        self.editor.follow_row()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.editor.follow_row)

    # Editing and saving

    def action_undo(self) -> None:
        self.editor.undo()

    def action_empty(self) -> None:
        self.editor.empty()

    def action_open_referred(self) -> None:
        self.editor.open_referred()

    def action_add_referred(self) -> None:
        self.editor.add_referred()

    def action_confirm(self) -> None:
        self.saver.confirm()

    def action_load_stored(self) -> None:
        self.saver.load_stored()

    @on(Input.Changed, "#inplace")
    def keep_typing(self) -> None:
        """What is being typed belongs to the draft too."""
        self.saver.write_draft_soon()

    @on(InPlace.Left)
    def accept_typed(self, event: InPlace.Left) -> None:
        """A value was typed."""
        self.editor.accept(event)
        if event.confirm:
            self.saver.confirm()

    @on(InPlace.Dropped)
    def cancel_typed(self) -> None:
        """Typing was cancelled."""
        self.editor.cancel()

    @on(FormSaver.Outcome)
    def finish_saving(self, event: FormSaver.Outcome) -> None:
        """Saving is over."""
        self.saver.finish(event.outcome)

    def changes(self) -> Sequence[Change]:
        return ()

    def after_saving(self, outcome: Saved) -> None:
        """Close a form that has no related records; one that has more to it stays open."""
        if not self.state.form.related(self.context.db):
            self.app.notify(safe(outcome.sentence), markup=False, timeout=3)
            self.dismiss()

    # Moving

    @on(Table.Chosen)
    def open_row(self) -> None:
        """Enter: edit the field, open the record, or run the row's action."""
        row = self.table.selected
        if row is None:
            return
        if row.field is not None:
            self.editor.edit(row)
        elif row.related is not None:
            self.post_message(Edit(row.related.kind, row.related.code or None, preset=row.related.preset))
        elif row.opens is not None:
            self.post_message(ShowMessage(row.opens))
        elif row.action.startswith("add:"):
            self.editor.open(row)
        elif row.action:
            self.call_later(self.run_action, row.action)

    def action_choose(self) -> None:
        self.open_row()

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
        places = [index for index, row in enumerate(self.table.items) if row.key in self.state.errors]
        if places:
            cursor = self.table.cursor
            target = next((place for place in places if place > cursor), places[0])
            self.table.select(self.table.items[target].key)
        else:
            self.say("No field is known to be wrong.")

    @property
    def searched(self) -> str:
        return self._text

    def search(self, text: str) -> None:
        self._text = text
        self.show_rows(to_top=True)

    # Closing

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost by closing."""
        new = self.state.is_new and self.state.texts != self.state.loaded.texts
        return bool(self.state.changed) or new or self.editor.typing is not None

    def action_close(self) -> None:
        if self._text:
            self._text = ""
            self.show_rows()
        elif not self.is_unsaved:
            self._leave()
        else:
            names = ", ".join(map(self.label, self.state.changed[:6]))
            question = safe(f"Close without saving? What you changed is lost: {names}.")
            self.app.push_screen(Confirm(question, "Discard", "Keep editing"), self._leave_if)

    def _leave_if(self, agreed: bool | None) -> None:
        if agreed:
            self._leave()

    def _leave(self) -> None:
        self.state.discard()
        self.saver.write_draft()
        self.dismiss()

    @property
    def draft_path(self) -> Path | None:
        return self.saver.draft_path

    def keep_typed(self) -> None:
        self.saver.end()

    def on_unmount(self) -> None:
        self.saver.end_pending()

    def say_unsaved(self) -> None:
        self.say("This form is not saved: c confirms, esc closes without saving.", "warn")

    def commands(self) -> Iterable[SystemCommand]:
        yield SystemCommand("Confirm", "Save the form (key c)", self.action_confirm)
        yield SystemCommand("Close", "Without saving (key esc)", self.action_close)
        yield SystemCommand("Find a field", "Narrow the list (key /)", self.action_search)


def _is_heading(row: Row) -> bool:
    return row.heading
