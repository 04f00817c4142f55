"""What all forms share. Values are texts, as typed and as ``ParameterType.show`` gives them."""

from __future__ import annotations

import itertools
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Flag, ParameterType, Reference, References, Secret, TextList
from chansync.setup.forms.merging import Conflict, Difference, merge, secret_conflicts
from chansync.setup.typed_fields import InvalidFields

#: How many options of a reference are shown at once; a search narrows them.
MOST_OPTIONS = 200


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        source: where its codes come from (``erp``, ``lookup``, ``system``); empty: it is not a reference.
        of: the kind of record that it refers to, as the source names it.
        fixed: why it cannot be changed; empty: it can.
        warning: what to know before it is switched on; shown while it is on.
        note: a few words after the value.
        stands_out: an empty value is highlighted, such as a method that is not mapped.
        empty: what an empty value means, in a word or two.
    """

    name: str
    label: str
    help: str
    section: int
    type: ParameterType
    source: str = ""
    of: str = ""
    needed: bool = False
    fixed: str = ""
    warning: str = ""
    note: str = ""
    stands_out: bool = False
    empty: str = ""

    @property
    def is_secret(self) -> bool:
        """Whether it is a secret, which is never shown."""
        return isinstance(self.type, Secret)

    @property
    def is_flag(self) -> bool:
        """Whether it is yes or no."""
        return isinstance(self.type, Flag)

    @property
    def is_several(self) -> bool:
        """Whether it holds several codes."""
        return isinstance(self.type, TextList) and bool(self.source)


def reference_of(kind: ParameterType) -> tuple[str, str]:
    """``source`` and ``of`` of a reference type; empty texts of any other."""
    return (kind.source, kind.of) if isinstance(kind, (Reference, References)) else ("", "")


def field_of(parameter: Parameter, section: int, fixed: str = "") -> FormField:
    """The field of a parameter; ``fixed`` as ``FormField`` has it."""
    source, of = ("offered", parameter.offered) if parameter.offered else reference_of(parameter.type)
    return FormField(
        parameter.name, parameter.label, parameter.help, section, parameter.type, source, of,
        needed=parameter.needed, fixed=fixed, warning=parameter.warning,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormOption:
    """A value that a field can hold."""

    code: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """A record that belongs to this one and has a form of its own; no ``code``: a new one can be added.

    Attributes:
        preset: initial values of the new one.
    """

    kind: str
    label: str
    section: int
    code: str = ""
    value: str = ""
    preset: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Addable:
    """A table of the form that rows can be added to; ``help`` says what to enter for a row."""

    table: str
    section: int
    label: str
    help: str


@dataclass(slots=True)
class Loaded:
    """The stored values.

    Attributes:
        texts: by field; of a new record, the initial values.
        secrets: those that are set, and when (UTC milliseconds).
    """

    texts: dict[str, str]
    secrets: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Saved:
    """The result of saving.

    Attributes:
        key: identifies the record: the channel's id, or a code.
        sentence: what was done.
        connects: a connection test must follow: the job ``confirm`` with ``use`` for a channel that is to be used, the
            job ``system`` for a system with keys of its own.
        theirs: changes of somebody else that were kept.
    """

    key: int | str
    code: str
    sentence: str
    connects: bool = False
    theirs: list[Difference] = field(default_factory=list)


class Form(ABC):
    """One form.

    Attributes:
        kind: ``channel``, ``system``, ``connected-erp``, or a kind of the ledger.
        key: of the record that is edited: a channel's id, or a code; None: a new one.
        noun: its kind in sentences: ``channel``, ``payment method``.
        added, gone: what was done with a new one, and with one that is there no more, as a participle.
    """

    kind: str
    noun: str
    added: ClassVar[str] = "Added"
    gone: ClassVar[str] = "removed"

    def __init__(self, key: int | str | None, preset: Mapping[str, str] | None = None) -> None:
        """``preset``: initial values of a new one."""
        self.key = key
        self._preset = dict(preset or {})

    @property
    @abstractmethod
    def sections(self) -> Mapping[int, str]:
        """The titles of the sections by number, in order."""

    @abstractmethod
    def load(self, db: apsw.Connection) -> Loaded | None:
        """The stored values; None if the record was removed."""

    @abstractmethod
    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        """The fields that apply, given the values, in the form's order.

        Args:
            everything: also those that the first connection fills in.
        """

    @abstractmethod
    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        """The options of the field, at most ``MOST_OPTIONS``; None: any value that its type allows."""

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        """Values for empty fields that follow from the field ``name``, such as a code from a name."""
        if self.key is not None or name != "name" or texts.get("code"):
            return {}
        return {"code": code_from(texts["name"], self._taken(db))}

    @abstractmethod
    def _taken(self, db: apsw.Connection) -> list[str]:
        """The codes that are taken."""

    def related(self, db: apsw.Connection) -> list[Related]:
        """Records that belong to this one."""
        return []

    def addable(self) -> Sequence[Addable]:
        """The tables that rows can be added to now."""
        return ()

    def add_row(self, table: str, text: str) -> str:
        """Add a row to a table; returns the name of its field. ``text``: what was entered for the row.

        Raises:
            UsageError: the text is invalid.
        """
        raise UsageError(f"The {self.noun} has no table of rows.")

    @abstractmethod
    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        """All errors, in the form's order.

        Args:
            secrets: the names of those that are set or were entered.
            base: the values that the form was opened with.
        """

    def save(self, store: Store, loaded: Loaded, texts: Mapping[str, str], secrets: Mapping[str, str]) -> Saved:
        """Save what differs from ``loaded``, in one transaction; changes of others to other fields are kept.

        Args:
            loaded: the values that the form was opened with.
            secrets: those that were entered, in clear; they are sealed.

        Raises:
            InvalidFields: with all errors.
            Conflict: somebody else changed the same fields to other values; nothing is saved.
            UsageError: it was removed meanwhile, or cannot be saved for another reason.
        """
        with transaction(store.db):
            current = self.load(store.db)
            if current is None:
                raise UsageError(f"The {self._title()} was {self.gone} meanwhile.")
            was, stored = ({}, {}) if self.key is None else (loaded.texts, current.texts)
            found = merge(was, texts, stored)
            found.conflicts += secret_conflicts(secrets, loaded.secrets, current.secrets)
            if found.conflicts:
                raise Conflict(f"the {self._title()}", found)
            held = frozenset(secrets) | frozenset(current.secrets)
            if errors := self.check(store.db, stored | found.changes, held, current.texts):
                raise InvalidFields(errors)
            saved = self._write(store, stored | found.changes, found.changes, secrets)
            saved.theirs = found.theirs
            return saved

    @abstractmethod
    def _write(
        self, store: Store, texts: Mapping[str, str], changes: dict[str, str], secrets: Mapping[str, str]
    ) -> Saved:
        """Save the form: the ``texts`` of its fields, and ``changes``, those that differ from what is stored."""

    @property
    def _short(self) -> str:
        """A shorter ``noun``, of one word."""
        return self.noun

    def _title(self) -> str:
        return f"{self._short} {self.key}"

    def _said(self, code: str) -> str:
        return f"{'Saved' if self.key is not None else self.added} the {self._short} {code}."


def code_from(text: str, taken: Collection[str] = ()) -> str:
    """A free code made from a text: ``Shop Österreich`` → ``shop-osterreich``; empty if that is not possible."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    code = "-".join(re.findall(r"[a-z0-9]+", plain))[:36].strip("-")
    numbered = (f"{code}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([code], numbered) if each not in taken) if code else ""
