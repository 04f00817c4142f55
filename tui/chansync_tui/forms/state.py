"""The state of a form while it is edited: the values it was opened with, what was typed, what is wrong."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import apsw

from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.setup.forms.form import Form, FormField, Loaded
from chansync.setup.forms.merging import Conflict, Merge, merge, rebase, secret_conflicts


class FormState:
    """The state of one form.

    Attributes:
        loaded: the stored values that the form was opened with; what differs from them is a change.
        stored: the values that are stored now; None: the record was removed.
        texts: the values of the fields now.
        entered: secrets that were typed and not saved, in clear; they leave this object only to be saved.
        errors: field → what is wrong with it, for fields that the user has left once.
        everything: show also the fields that the first connection fills in.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.loaded = Loaded({})
        self.stored: Loaded | None = None
        self.texts: dict[str, str] = {}
        self.entered: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.everything = False
        self._visited: set[str] = set()

    # Fields

    def fields(self, db: apsw.Connection) -> list[FormField]:
        """The fields that apply, given the other values."""
        return self.form.fields(db, self.texts, everything=self.everything)

    @property
    def changed(self) -> list[str]:
        """The fields that differ from ``loaded``."""
        names = [name for name in self.texts if self.is_changed(name)]
        return names + list(self.entered)

    def is_changed(self, name: str) -> bool:
        """Whether the field differs from ``loaded``."""
        return name in self.entered or self.texts.get(name, "") != self.loaded.texts.get(name, "")

    @property
    def is_new(self) -> bool:
        """Whether it is not stored yet."""
        return self.form.key is None

    @property
    def title(self) -> str:
        """What is edited."""
        noun = self.form.noun
        return f"New {noun}" if self.is_new else f"{noun[0].upper()}{noun[1:]} {self.texts.get('code', '')}"

    # Reading

    def open(self, db: apsw.Connection) -> None:
        """Load the stored values, unless the record was removed."""
        if (found := self.form.load(db)) is not None:
            self._begin(found)

    def _begin(self, found: Loaded) -> None:
        self.loaded = self.stored = found
        self.texts = dict(found.texts)
        self.entered = {}
        self.errors = {}
        self._visited = set()

    def refresh(self, db: apsw.Connection) -> list[str]:
        """Read what is stored now; the fields that somebody else changed.

        A form without changes shows the new values; one with changes stays as it is.
        """
        self.stored = self.form.load(db)
        if self.is_new or self.stored is None:
            return []
        theirs = self._merged(self.stored)
        names = [each.name for each in [*theirs.theirs, *theirs.conflicts]]
        names += [name for name, at in self.stored.secrets.items() if at != self.loaded.secrets.get(name)]
        if not self.changed:
            self._begin(self.stored)
        return names

    def _merged(self, stored: Loaded) -> Merge:
        return merge(self.loaded.texts, self.texts, stored.texts)

    def conflict(self, db: apsw.Connection) -> Conflict | None:
        """The fields that both this form and somebody else changed to different values; None: there are none."""
        found = self.form.load(db)
        if found is None:
            return None
        against = self._merged(found)
        against.conflicts += secret_conflicts(self.entered, self.loaded.secrets, found.secrets)
        return Conflict(self.title, against) if against.conflicts else None

    def load_stored(self, db: apsw.Connection, keep: Collection[str] = ()) -> None:
        """Load what is stored now and keep what was typed; of the fields that both changed, only those in ``keep``."""
        found = self.form.load(db)
        if found is None:
            return
        self.texts = rebase(self._merged(found), found.texts, keep)
        overtaken = {name for name, at in found.secrets.items() if at != self.loaded.secrets.get(name)}
        self.entered = {name: text for name, text in self.entered.items() if name in keep or name not in overtaken}
        self.loaded = self.stored = found
        self.check(db)

    # Typing

    def set(self, db: apsw.Connection, field: FormField, text: str) -> None:
        """Set a field; fields that follow from it are filled in too."""
        if field.is_secret:
            if text:
                self.entered[field.name] = text
        else:
            self.texts[field.name] = normalised(field, text)
            self.texts |= self.form.proposals(db, self.texts, field.name)
        self._visited.add(field.name)
        self.check(db)

    def undo(self, db: apsw.Connection, field: FormField) -> None:
        """Give the field its loaded value again."""
        self.entered.pop(field.name, None)
        if field.name in self.loaded.texts:
            self.texts[field.name] = self.loaded.texts[field.name]
        else:
            self.texts.pop(field.name, None)
        self.check(db)

    def check(self, db: apsw.Connection, *, everything: bool = False) -> None:
        """Validate the fields that the user has left once, or with ``everything`` all of them."""
        known = frozenset(self.loaded.secrets) | frozenset(self.entered)
        found = self.form.check(db, self.texts, known, self.loaded.texts)
        # A field that was wrong before stays among the errors until it is right.
        wanted = self._visited | set(self.errors)
        self.set_errors([error for error in found if everything or error.name in wanted])

    def discard(self) -> None:
        self.texts = dict(self.loaded.texts)
        self.entered = {}

    def set_errors(self, errors: list[FieldError]) -> None:
        self.errors = {error.name: error.sentence for error in errors}

    # Drafts

    @property
    def draft(self) -> dict[str, Any]:
        """What was typed, without secrets."""
        return {
            "kind": self.form.kind,
            "key": self.form.key,
            "base": self.loaded.texts,
            "set_at": self.loaded.secrets,
            "texts": self.texts,
        }

    def resume(self, draft: dict[str, Any]) -> None:
        """Restore a draft; what was saved since then shows as somebody else's change."""
        self.loaded = Loaded(dict(draft["base"]), dict(draft["set_at"]))
        self.texts = dict(draft["texts"])


def normalised(field: FormField, text: str) -> str:
    """The text in the normal form of its type, if it is valid: ``5 min`` becomes ``5min``."""
    try:
        return field.type.show(field.type.parse(text))
    except UsageError:
        return text.strip()
