"""The interface of all forms. Values are texts, as typed and as ``ParameterType.show`` gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import apsw

from chansync.db.connection import Store
from chansync.model.channel import FieldError
from chansync.model.parameter_types import Flag, ParameterType, Reference, References, Secret, TextList
from chansync.setup.forms.merging import Difference

#: How many options of a reference are shown at once; a search narrows them.
MOST_OPTIONS = 200


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form.

    Attributes:
        help: what it does.
        source: where its codes come from (``erp``, ``lookup``, ``system``); empty: it is not a reference.
        of: the kind of record that it refers to, as the source names it.
        needed: it is required.
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
        code: its code.
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


class Form(Protocol):
    """One form.

    Attributes:
        kind: ``channel``, ``system``, or a kind of the ERP.
        key: of the record that is edited; None: a new one.
        noun: its kind in sentences: ``channel``, ``payment method``.
    """

    kind: str
    key: int | str | None
    noun: str

    @property
    def sections(self) -> Mapping[int, str]:
        """The titles of the sections by number, in order."""
        ...

    def load(self, db: apsw.Connection) -> Loaded | None:
        """The stored values; None if the record was removed."""
        ...

    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        """The fields that apply, given the values, in the form's order.

        Args:
            everything: also those that the first connection fills in.
        """
        ...

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        """The options of the field, at most ``MOST_OPTIONS``; None: any value that its type allows."""
        ...

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        """Values for empty fields that follow from the field ``name``, such as a code from a name."""
        ...

    def related(self, db: apsw.Connection) -> list[Related]:
        """Records that belong to this one."""
        ...

    def addable(self) -> Sequence[Addable]:
        """The tables that rows can be added to now."""
        ...

    def add_row(self, table: str, text: str) -> str:
        """Add a row to a table; returns the name of its field. ``text``: what was entered for the row.

        Raises:
            UsageError: the text is invalid.
        """
        ...

    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        """All errors, in the form's order.

        Args:
            secrets: the names of those that are set or were entered.
            base: the values that the form was opened with.
        """
        ...

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
        ...
