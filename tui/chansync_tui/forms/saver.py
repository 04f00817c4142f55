"""Saving a form, also over what somebody else saved meanwhile; and keeping a draft on disk until then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

from textual.message import Message
from textual.timer import Timer

from chansync.setup.forms.form import Saved
from chansync.setup.forms.merging import Conflict, Difference
from chansync.setup.typed_fields import InvalidFields
from chansync_tui.formatting import counted
from chansync_tui.forms.view import FormView
from chansync_tui.user_files import drafts
from chansync_tui.user_files.own_keys import called

#: How long after the last key the draft is written, in seconds.
DRAFT_AFTER = 0.5


class FormSaver:
    """Saves one form.

    Args:
        view: the screen that shows the form.
        typing: the name and text of a field that is being typed into, or None.
        saved: called with the key of what was saved.
    """

    class Outcome(Message):
        """The result of saving: ``Saved``, or the exception."""

        def __init__(self, outcome: object) -> None:
            super().__init__()
            self.outcome = outcome

    def __init__(
        self,
        view: FormView,
        typing: Callable[[], tuple[str, str] | None],
        saved: Callable[[int | str], object] | None,
    ) -> None:
        self.is_saving = False
        #: The file of the draft; set when the form is opened.
        self.draft_path = Path()
        self._view = view
        self._typing = typing
        self._saved = saved
        self._timer: Timer | None = None

    # The draft

    def write_draft_soon(self) -> None:
        """Something was typed: write the draft when no key follows for a moment."""
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._view.set_timer(DRAFT_AFTER, self.write_draft)

    def write_draft(self) -> None:
        """Write the draft, or remove it where nothing is unsaved; a failure is shown."""
        try:
            self._write_draft()
        except OSError as error:
            self._view.say(f"The draft of this form cannot be written: {error.strerror or error}.", "warn")

    def end(self) -> None:
        """The screen or the program ends: write what was typed since the draft was written last."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        with contextlib.suppress(OSError):
            self._write_draft()

    def end_pending(self) -> None:
        """The screen is removed: write the draft if that is still to be done."""
        if self._timer is not None:
            self.end()

    def _write_draft(self) -> None:
        if not self._view.is_unsaved:
            drafts.drop(self.draft_path)
            return
        data = self._view.state.draft
        typing = self._typing()
        if typing is not None:
            name, text = typing
            data["texts"] = data["texts"] | {name: text}
        drafts.keep(self.draft_path, self._view.state.title, data)

    # Saving

    def confirm(self) -> None:
        """Save; where the form wants it, what changes is shown first."""
        view = self._view
        if self.is_saving:
            return
        if not view.is_unsaved and not view.state.is_new:
            view.say("There is nothing to save.")
            return
        view.state.check(view.context.db, everything=True)
        changes = view.changes()
        if view.state.errors or not changes:
            # Wrong fields are named by saving.
            self.save()
            return
        from chansync_tui.forms.changes import Changes

        def agreed(saves: bool | None) -> None:
            if saves:
                self.save()

        view.app.push_screen(Changes(changes), agreed)

    def save(self) -> None:
        """Save in a thread; ``Outcome`` is posted to the screen."""
        view = self._view
        if self.is_saving:
            return
        self.is_saving = True
        view.show_rows()
        form, loaded = copy(view.state.form), view.state.loaded
        texts, entered = dict(view.state.texts), dict(view.state.entered)
        view.context.attempt(
            lambda store: form.save(store, loaded, texts, entered),
            lambda outcome: view.post_message(self.Outcome(outcome)),
        )

    def finish(self, outcome: object) -> None:
        """Show the result of saving: saved, wrong fields, a conflict, or a failure."""
        self.is_saving = False
        if isinstance(outcome, Saved):
            self._show_saved(outcome)
        elif isinstance(outcome, InvalidFields):
            self._show_wrong(outcome)
        elif isinstance(outcome, Conflict):
            self._view.show_rows()
            self._resolve(outcome, then_save=True)
        else:
            self._view.show_rows()
            self._view.say(f"Not saved. {outcome}", "bad")

    def _show_saved(self, outcome: Saved) -> None:
        view = self._view
        view.state.form.key = outcome.key
        view.state.open(view.context.db)
        self.write_draft()
        view.show_rows()
        merged = ""
        if outcome.theirs:
            merged = f" Changes that somebody else saved meanwhile are kept too: {self._labels(outcome.theirs)}."
        view.context.note(outcome.sentence)
        view.say(outcome.sentence + merged, "good")
        if self._saved is not None:
            self._saved(outcome.key)
        view.after_saving(outcome)

    def _labels(self, differences: Sequence[Difference]) -> str:
        return ", ".join(self._view.label(each.name) for each in differences)

    def _show_wrong(self, invalid: InvalidFields) -> None:
        """Name the wrong fields and go to the first."""
        view, state = self._view, self._view.state
        state.set_errors(invalid.errors)
        view.show_rows()
        if not all(map(view.has_row, state.errors)):
            # A wrong field that is hidden until the first connection must be shown.
            state.everything = True
            view.show_rows()
        wrong = f"{counted(len(state.errors), 'field')} wrong: {', '.join(map(view.label, state.errors))}"
        view.say(f"Not saved: {wrong}. e goes from one to the next.", "bad")
        first = next((row.key for row in view.table.items if row.key in state.errors), None)
        if first is not None:
            view.table.select(first)

    # Over changes of others

    def _resolve(self, conflict: Conflict, *, then_save: bool) -> None:
        from chansync_tui.forms.conflicts import Conflicts

        def resolved(keep: set[str] | None) -> None:
            if keep is None:
                self._view.say(
                    f"Not saved: somebody else changed the same fields. {called('c', 'form')} shows them again.", "warn"
                )
                self._view.show_rows()
                return
            self._load(keep)
            if then_save:
                self.save()

        self._view.app.push_screen(Conflicts(conflict, self._view.label), resolved)

    def load_stored(self) -> None:
        """Load what is stored now and keep what was typed; where both changed a field, the user chooses."""
        if self._view.state.is_new:
            self._view.say("This is new: nobody else can have changed it.")
            return
        conflict = self._view.state.conflict(self._view.context.db)
        if conflict is not None:
            self._resolve(conflict, then_save=False)
        else:
            self._load(set())

    def _load(self, keep: set[str]) -> None:
        self._view.state.load_stored(self._view.context.db, keep)
        self.write_draft_soon()
        self._view.show_rows()
        self._view.say("This is what is stored now, with what you typed over it.")
