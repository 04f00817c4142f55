"""What a form holds while it is edited: what it began with, what was typed, what is wrong. It draws nothing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import apsw

from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.sync.forms.form import Form, FormField, Loaded
from chansync.sync.forms.merging import Conflict, Merge, merge, rebase, secret_conflicts


class FormState:
    """The state of one form; ``loaded`` is what its changes are measured by.

    Attributes:
        texts: what the fields hold now.
        entered: secrets that were typed and are not saved, in clear; they never leave this object but for saving.
        errors: field → what is wrong with it, of those that were looked at.
        everything: also fields that are better filled in after a first connection are shown.
        stored: what is stored now; None: it was removed.
    """

    def __init__(self, form: Form) -> None:
        self.form = form
        self.loaded = Loaded({})
        self.stored: Loaded | None = None
        self.texts: dict[str, str] = {}
        self.entered: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.everything = False
        self._looked_at: set[str] = set()

    # What is there

    def fields(self, db: apsw.Connection) -> list[FormField]:
        """Those that apply now."""
        return self.form.fields(db, self.texts, everything=self.everything)

    @property
    def changed(self) -> list[str]:
        """Fields that differ from what the form began with."""
        names = [name for name in self.texts if self.is_changed(name)]
        return names + list(self.entered)

    def is_changed(self, name: str) -> bool:
        """Whether the field differs from what the form began with."""
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

    def open(self, db: apsw.Connection) -> bool:
        """Begin with what is stored; False when it is gone."""
        found = self.form.load(db)
        if found is None:
            return False
        self._begin(found)
        return True

    def _begin(self, found: Loaded) -> None:
        self.loaded = self.stored = found
        self.texts = dict(found.texts)
        self.entered = {}
        self.errors = {}
        self._looked_at = set()

    def follow(self, db: apsw.Connection) -> list[str]:
        """Look at what is stored now; fields that somebody else changed.

        Without changes of its own the form takes them over; what was typed is never touched.
        """
        self.stored = self.form.load(db)
        if self.is_new or self.stored is None:
            return []
        theirs = self._against(self.stored)
        names = [each.name for each in [*theirs.theirs, *theirs.conflicts]]
        names += [name for name, at in self.stored.secrets.items() if at != self.loaded.secrets.get(name)]
        if not self.changed:
            self._begin(self.stored)
        return names

    def _against(self, stored: Loaded) -> Merge:
        return merge(self.loaded.texts, self.texts, stored.texts)

    def conflict(self, db: apsw.Connection) -> Conflict | None:
        """What both changed, as things stand."""
        found = self.form.load(db)
        if found is None:
            return None
        against = self._against(found)
        against.conflicts += secret_conflicts(self.entered, self.loaded.secrets, found.secrets)
        return Conflict(self.title, against) if against.conflicts else None

    def take_in(self, db: apsw.Connection, keep: Collection[str] = ()) -> None:
        """Put what was typed over what is stored now; of what both changed, mine stays for ``keep``."""
        found = self.form.load(db)
        if found is None:
            return
        self.texts = rebase(self._against(found), found.texts, keep)
        overtaken = {name for name, at in found.secrets.items() if at != self.loaded.secrets.get(name)}
        self.entered = {name: text for name, text in self.entered.items() if name in keep or name not in overtaken}
        self.loaded = self.stored = found
        self.check(db)

    # Typing

    def put(self, db: apsw.Connection, field: FormField, text: str) -> None:
        """The field was left with this text."""
        if field.is_secret:
            if text:
                self.entered[field.name] = text
        else:
            self.texts[field.name] = tidy(field, text)
            self.texts |= self.form.proposals(db, self.texts, field.name)
        self._looked_at.add(field.name)
        self.check(db)

    def undo(self, db: apsw.Connection, field: FormField) -> None:
        """The field as it was."""
        self.entered.pop(field.name, None)
        if field.name in self.loaded.texts:
            self.texts[field.name] = self.loaded.texts[field.name]
        else:
            self.texts.pop(field.name, None)
        self.check(db)

    def check(self, db: apsw.Connection, *, everything: bool = False) -> None:
        """See what is wrong with the fields that were looked at, or with all of them."""
        known = frozenset(self.loaded.secrets) | frozenset(self.entered)
        found = self.form.check(db, self.texts, known, self.loaded.texts)
        # One that was named wrong stays named until it is right.
        wanted = self._looked_at | set(self.errors)
        self.take_errors([error for error in found if everything or error.name in wanted])

    def take_errors(self, errors: list[FieldError]) -> None:
        """These are wrong, and nothing else."""
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
        """Go on from a draft; what was changed meanwhile shows as somebody else's change."""
        self.loaded = Loaded(dict(draft["base"]), dict(draft["set_at"]))
        self.texts = dict(draft["texts"])


def tidy(field: FormField, text: str) -> str:
    """The text as its type shows it, where it can be read: ``5 min`` becomes ``5min``."""
    try:
        return field.type.show(field.type.parse(text))
    except UsageError:
        return text.strip()
