"""The screen of a form: every field of a channel, a system or a record of the ERP, edited in one list.

All changes are saved at once, also over what somebody else saved meanwhile; until then a draft of them is on disk.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.timer import Timer

from chansync.setup.forms.form import Form, FormField, Saved
from chansync.setup.forms.merging import Conflict
from chansync.setup.typed_fields import InvalidFields
from chansync.store.jobs import Job
from chansync_tui.formatting import counted
from chansync_tui.forms.fields import FieldList
from chansync_tui.screens.dialogs import Confirm
from chansync_tui.user_files import drafts
from chansync_tui.user_files.own_keys import called
from chansync_tui.widgets.line import Hint, Hints

if TYPE_CHECKING:
    from chansync_tui.forms.windows import Change

#: How long after the last key the draft is written, in seconds.
DRAFT_AFTER = 0.5


class FormScreen(FieldList):
    """Shows, edits and saves one form.

    Args:
        saved: called with the key of what was saved.
        draft: an unsaved draft to go on with.
    """

    TAB = None
    SCOPE = "form"
    ABOUT = "Settings: change them one by one, and confirm all of them at once."
    HINTS: ClassVar[Hints] = ("esc", "c", "?", Hint("enter", "Edit"), "[ ]", "u", "o", "n", "/")
    KEPT = 3

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,f2,ctrl+s", "confirm", "Confirm: save", tooltip="Confirm"),
        Binding("escape", "close", "Close without saving", tooltip="Close"),
        Binding("space", "choose", "Edit or switch"),
        Binding("u", "undo", "Undo the change of the field", tooltip="Undo"),
        Binding("delete,backspace", "empty", "Empty the field"),
        Binding(
            "o",
            "open_referred",
            "Open the settings of what the field refers to, and come back",
            tooltip="Settings of it|Open",
        ),
        Binding("n", "add_referred", "Add something that the field can refer to, and come back", tooltip="New"),
        Binding("e", "wrong", "Next wrong field"),
        Binding("r", "load_stored", "Load what somebody else saved; what you typed stays"),
        Binding("right_square_bracket,tab", "section(1)", "Next section", tooltip="Section"),
        Binding("left_square_bracket,shift+tab", "section(-1)", "Previous section"),
        Binding("slash", "search", "Find a field", tooltip="Find"),
    ]

    def __init__(
        self,
        form: Form,
        *,
        saved: Callable[[int | str], object] | None = None,
        draft: drafts.Draft | None = None,
    ) -> None:
        super().__init__(form)
        self._saved = saved
        self._resumed = draft
        self._opened = False
        self._draft = Path()
        self._draft_timer: Timer | None = None

    def on_mount(self) -> None:
        self._draft = drafts.path_of(self.context.path, self.state.form.kind, self.state.form.key)
        self.state.open(self.context.db)
        self._opened = True
        if self._resumed is not None:
            self.state.resume(self._resumed.data)
            self._resumed.path.unlink(missing_ok=True)
            self._keep_draft()
            self.say("This is your unsaved draft. Secrets are not kept in it: enter them again.", "warn")
        fields = [(row.key, row.field) for row in self._rows if row.field is not None]
        # Those that are needed and not set yet come first.
        wanted = [key for key, field in fields if field.needed and not self._holds(field)]
        first = next(iter([*wanted, *(key for key, _ in fields)]), None)
        if first is not None:
            self.table.select(first)

    def _holds(self, field: FormField) -> bool:
        if field.is_secret:
            return field.name in self.state.entered or field.name in self.state.loaded.secrets
        return bool(self.state.texts.get(field.name))

    def read(self) -> None:
        if not self._opened:
            # The app polled before the form was opened: without a first state every field would count as changed.
            return
        names = self.state.refresh(self.context.db)
        self.show_rows()
        what = self._labels(names)
        if self.state.stored is None and not self.state.is_new:
            self.say(f"This {self.state.form.noun} was removed meanwhile: it can only be closed.", "bad")
        elif not names or self.is_saving:
            return
        elif self.state.changed:
            loads = f"What you typed stays; {self.own_key('r')} loads their changes."
            self.say(f"Somebody else changed {what}. {loads}", "warn")
        else:
            self.say(f"Changed just now by somebody else: {what}.", "note")

    def _labels(self, names: Iterable[str]) -> str:
        return ", ".join(map(self.label, names))

    # The draft

    def keep_draft_soon(self) -> None:
        """Write the draft when no key follows for a moment."""
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(DRAFT_AFTER, self._keep_draft)

    def _keep_draft(self) -> None:
        """Write the draft, or remove it where nothing is unsaved; a failure is shown."""
        try:
            self._write_draft()
        except OSError as error:
            self.say(f"The draft of this form cannot be written: {error.strerror or error}.", "warn")

    def keep_typed(self) -> None:
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        with contextlib.suppress(OSError):
            self._write_draft()

    def on_unmount(self) -> None:
        if self._draft_timer is not None:
            self.keep_typed()

    def _write_draft(self) -> None:
        if not self.is_unsaved:
            self._draft.unlink(missing_ok=True)
            return
        data = self.state.draft
        if self.typing is not None:
            name, text = self.typing
            data["texts"] = data["texts"] | {name: text}
        drafts.keep(self._draft, self.state.title, data)

    @property
    def draft_path(self) -> Path | None:
        return self._draft

    # Saving

    def changes(self) -> Sequence[Change]:
        """What is to be looked at before it is saved; nothing: it is saved at once."""
        return ()

    def action_confirm(self) -> None:
        """Save; where the form wants it, what changes is shown first."""
        if self.is_saving:
            return
        if not self.is_unsaved and not self.state.is_new:
            self.say("There is nothing to save.")
            return
        self.state.check(self.context.db, everything=True)
        changes = self.changes()
        if self.state.errors or not changes:
            # Wrong fields are named by saving.
            self._save()
            return
        from chansync_tui.forms.windows import Changes

        Changes(changes).ask(self, lambda _: self._save())

    def _save(self) -> None:
        if self.is_saving:
            return
        self.is_saving = True
        self.show_rows()
        form, loaded = copy(self.state.form), self.state.loaded
        texts, entered = dict(self.state.texts), dict(self.state.entered)
        self.context.attempt(
            lambda store: form.save(store, loaded, texts, entered), partial(self.call_later, self._end_saving)
        )

    def _end_saving(self, outcome: object) -> None:
        """Show the result of saving: saved, wrong fields, a conflict, or a failure."""
        self.is_saving = False
        if isinstance(outcome, Saved):
            self._show_saved(outcome)
        elif isinstance(outcome, InvalidFields):
            self._show_wrong(outcome)
        else:
            self.show_rows()
            if isinstance(outcome, Conflict):
                self._resolve(outcome, then_save=True)
            else:
                self.say(f"Not saved. {outcome}", "bad")

    def _show_saved(self, outcome: Saved) -> None:
        self.state.form.key = outcome.key
        self.state.open(self.context.db)
        self._keep_draft()
        self.show_rows()
        merged = ""
        if outcome.theirs:
            labels = self._labels(each.name for each in outcome.theirs)
            merged = f" Changes that somebody else saved meanwhile are kept too: {labels}."
        self.context.note(outcome.sentence)
        self.say(outcome.sentence + merged, "good")
        if self._saved is not None:
            self._saved(outcome.key)
        self.after_saving(outcome)

    def after_saving(self, outcome: Saved) -> None:
        """Close a form that has no related records; one that has more to it stays open."""
        if not self.state.form.related(self.context.db):
            self.app.notify(outcome.sentence, timeout=3)
            self.dismiss()

    def _show_wrong(self, invalid: InvalidFields) -> None:
        """Name the wrong fields and go to the first."""
        self.state.set_errors(invalid.errors)
        self.show_rows()
        if not {*self.state.errors} <= {row.key for row in self._rows}:
            # A wrong field that is hidden until the first connection must be shown.
            self.state.everything = True
            self.show_rows()
        wrong = f"{counted(len(self.state.errors), 'field')} wrong: {self._labels(self.state.errors)}"
        self.say(f"Not saved: {wrong}. {self.own_key('e')} goes from one to the next.", "bad")
        first = next((row.key for row in self.table.items if row.key in self.state.errors), None)
        if first is not None:
            self.table.select(first)

    # Over changes of others

    def _resolve(self, conflict: Conflict, *, then_save: bool) -> None:
        from chansync_tui.forms.windows import Conflicts

        def resolved(keep: set[str] | None) -> None:
            if keep is None:
                again = f"{called('c', 'form')} shows them again."
                self.say(f"Not saved: somebody else changed the same fields. {again}", "warn")
                self.show_rows()
                return
            self._load(keep)
            if then_save:
                self._save()

        self.app.push_screen(Conflicts(conflict, self.label), resolved)

    def action_load_stored(self) -> None:
        """Load what is stored now and keep what was typed; where both changed a field, the user chooses."""
        if self.state.is_new:
            self.say("This is new: nobody else can have changed it.")
        elif (conflict := self.state.conflict(self.context.db)) is not None:
            self._resolve(conflict, then_save=False)
        else:
            self._load(set())

    def _load(self, keep: set[str]) -> None:
        self.state.load_stored(self.context.db, keep)
        self.keep_draft_soon()
        self.show_rows()
        self.say("This is what is stored now, with what you typed over it.")

    def tell_job(self, job: Job) -> None:
        self.say(str((job.result or {}).get("sentence", "")), "good" if job.state == "done" else "bad")
        self.show_rows()

    # Closing

    @property
    def is_unsaved(self) -> bool:
        new = self.state.is_new and self.state.texts != self.state.loaded.texts
        return bool(self.state.changed) or new or self.typing is not None

    def action_close(self) -> None:
        if self.searched:
            self.search("")
        elif not self.is_unsaved:
            self._leave()
        else:
            question = f"Close without saving? What you changed is lost: {self._labels(self.state.changed[:6])}."
            Confirm(question, "Discard", "Keep editing").ask(self, lambda _: self._leave())

    def _leave(self) -> None:
        self.state.discard()
        self._keep_draft()
        self.dismiss()

    def say_unsaved(self) -> None:
        confirm, close = self.own_key("c"), self.own_key("esc")
        self.say(f"This form is not saved: {confirm} confirms, {close} closes without saving.", "warn")

    def commands(self) -> Iterable[SystemCommand]:
        yield SystemCommand("Confirm", "Save the form (key c)", self.action_confirm)
        yield SystemCommand("Close", "Without saving (key esc)", self.action_close)
        yield SystemCommand("Find a field", "Narrow the list (key /)", self.action_search)
