"""Saving a form: over what somebody else may have saved meanwhile; and keeping what is typed until then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from copy import copy
from pathlib import Path

from textual import on
from textual.message import Message
from textual.timer import Timer

from chansync.sync.configuration import InvalidFields
from chansync.sync.forms.form import Form, Saved
from chansync.sync.forms.merging import Conflict, Difference
from chansync_tui.formatting import counted
from chansync_tui.forms import drafts
from chansync_tui.forms.editor import FormEditing
from chansync_tui.forms.rows import Row
from chansync_tui.forms.state import FormState
from chansync_tui.text import safe

#: How long after the last key the draft is written, in seconds.
DRAFT_AFTER = 0.5


class FormSaving(FormEditing):
    """What the screen of a form does with all of its fields. ``saved`` is called with the key of what was saved."""

    class Outcome(Message):
        """What came of saving: ``Saved``, or the exception."""

        def __init__(self, outcome: object) -> None:
            super().__init__()
            self.outcome = outcome

    def __init__(self, form: Form, saved: Callable[[int | str], object] | None) -> None:
        super().__init__()
        self.state = FormState(form)
        self._saved = saved
        self._draft = Path()
        self._rows: list[Row] = []
        self._saving = False
        self._writing: Timer | None = None

    def _label(self, name: str) -> str:
        return next((row.label for row in self._rows if row.key == name), name)

    # Drafts

    @property
    def draft_path(self) -> Path | None:
        return self._draft

    def typed(self) -> None:
        if self._writing is not None:
            self._writing.stop()
        self._writing = self.set_timer(DRAFT_AFTER, self._keep_draft)

    def _keep_draft(self) -> None:
        try:
            self._write_draft()
        except OSError as error:
            self.say(f"What you type cannot be kept for the next start: {error.strerror or error}.", "warn")

    def _write_draft(self) -> None:
        """Write or drop the draft, as there is something unsaved or not."""
        if not self.is_unsaved:
            drafts.drop(self._draft)
            return
        data = self.state.draft
        if self.typing is not None:
            name, text = self.typing
            data["texts"] = data["texts"] | {name: text}
        drafts.keep(self._draft, self.state.title, data)

    def keep_typed(self) -> None:
        if self._writing is not None:
            self._writing.stop()
            self._writing = None
        with contextlib.suppress(OSError):
            self._write_draft()

    def on_unmount(self) -> None:
        if self._writing is not None:
            self.keep_typed()

    # Saving

    def action_confirm(self) -> None:
        if self._saving:
            return
        if not self.is_unsaved and not self.state.is_new:
            self.say("There is nothing to save.")
            return
        self._saving = True
        self.show_rows()
        form, loaded = copy(self.state.form), self.state.loaded
        texts, entered = dict(self.state.texts), dict(self.state.entered)
        self.context.attempt(
            lambda store: form.save(store, loaded, texts, entered),
            lambda outcome: self.post_message(self.Outcome(outcome)),
        )

    @on(Outcome)
    def take_outcome(self, event: Outcome) -> None:
        """Saving is over."""
        self._saving = False
        outcome = event.outcome
        if isinstance(outcome, Saved):
            self._take_saved(outcome)
        elif isinstance(outcome, InvalidFields):
            self.state.take_errors(outcome.errors)
            self.show_rows()
            if not self.state.errors.keys() <= {row.key for row in self._rows}:
                self.state.everything = True
                self.show_rows()
            self.say_wrong()
        elif isinstance(outcome, Conflict):
            self.show_rows()
            self._settle(outcome)
        else:
            self.show_rows()
            self.say(f"Not saved. {outcome}", "bad")

    def say_wrong(self) -> None:
        """Name the wrong fields and go to the first."""
        names = ", ".join(map(self._label, self.state.errors))
        self.say(
            f"Not saved: {counted(len(self.state.errors), 'field')} wrong: {names}. e goes from one to the next.", "bad"
        )
        first = next((row.key for row in self._rows if row.key in self.state.errors), None)
        if first is not None:
            self.table.select(first)

    def _take_saved(self, outcome: Saved) -> None:
        self.state.form.key = outcome.key
        self.state.open(self.context.db)
        self._keep_draft()
        self.show_rows()
        merged = ""
        if outcome.theirs:
            merged = f" What somebody else changed meanwhile is kept too: {self._labels(outcome.theirs)}."
        self.say(outcome.sentence + merged, "good")
        if self._saved is not None:
            self._saved(outcome.key)
        self.after_saving(outcome)

    def _labels(self, differences: Sequence[Difference]) -> str:
        return ", ".join(self._label(each.name) for each in differences)

    def after_saving(self, outcome: Saved) -> None:
        """A short form is done with; one that has more to it stays open."""
        if not self.state.form.related(self.context.db):
            self.app.notify(safe(outcome.sentence), markup=False, timeout=3)
            self.dismiss()

    def _settle(self, conflict: Conflict, *, then_save: bool = True) -> None:
        from chansync_tui.forms.conflicts import Conflicts

        def settled(keep: set[str] | None) -> None:
            if keep is None:
                self.say("Not saved: somebody else changed the same fields. c shows them again.", "warn")
                self.show_rows()
                return
            self._take_in(keep)
            if then_save:
                self.action_confirm()

        self.app.push_screen(Conflicts(conflict, self._label), settled)

    def action_take_in(self) -> None:
        """What is stored now under what was typed."""
        if self.state.is_new:
            self.say("This is new: nobody else can have changed it.")
            return
        conflict = self.state.conflict(self.context.db)
        if conflict is not None:
            self._settle(conflict, then_save=False)
            return
        self._take_in(set())

    def _take_in(self, keep: set[str]) -> None:
        self.state.take_in(self.context.db, keep)
        self.typed()
        self.show_rows()
        self.say("This is what is stored now, with what you typed over it.")
