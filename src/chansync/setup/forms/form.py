"""What every form offers. Values are texts, as typed and as ``ParameterType.show`` gives them."""

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
        help: what it does, in a sentence or two.
        source: where the codes that it may hold come from (``erp``, ``lookup``, ``system``); empty: it names nothing.
        of: the kind of what it names, as the source calls it.
        needed: the form cannot do without it.
        fixed: why it may not be changed; empty: it may.
        warning: what to know before it is switched on; said while it is.
        note: a few words beside the value.
        stands_out: an empty value is worth noticing, such as a method that is not mapped.
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
        """Whether it is entered and never shown."""
        return isinstance(self.type, Secret)

    @property
    def is_flag(self) -> bool:
        """Whether it is yes or no."""
        return isinstance(self.type, Flag)

    @property
    def is_several(self) -> bool:
        """Whether it holds several of what it names."""
        return isinstance(self.type, TextList) and bool(self.source)


def reference_of(kind: ParameterType) -> tuple[str, str]:
    """``source`` and ``of`` of a reference type; empty texts of any other."""
    return (kind.source, kind.of) if isinstance(kind, (Reference, References)) else ("", "")


@dataclass(frozen=True, slots=True)
class FormOption:
    """Something that a field can hold."""

    code: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Related:
    """A record that belongs to this one and has a form of its own; no ``code``: a new one can be added.

    Attributes:
        preset: texts that the new one begins with.
    """

    kind: str
    label: str
    section: int
    code: str = ""
    value: str = ""
    preset: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Addable:
    """A table of the form that rows can be added to; ``help`` says what such a row is known by."""

    table: str
    section: int
    label: str
    help: str


@dataclass(slots=True)
class Loaded:
    """What is stored.

    Attributes:
        texts: by field; of a new one, what it begins with.
        secrets: those that are set, and when (UTC milliseconds).
    """

    texts: dict[str, str]
    secrets: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Saved:
    """What saving did.

    Attributes:
        key: finds what was saved again: the channel's id, or a code.
        code: as people know it.
        sentence: what was done.
        connects: it is to be connected to now: by the job ``confirm`` with ``use`` before a channel is used, by the job
            ``system`` for a system that has keys of its own.
        theirs: what somebody else changed meanwhile, beside this.
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
        key: of what is edited; None: it is a new one.
        noun: what it is, for sentences: ``channel``, ``payment method``.
    """

    kind: str
    key: int | str | None
    noun: str

    @property
    def sections(self) -> Mapping[int, str]:
        """Number → title, in order."""
        ...

    def load(self, db: apsw.Connection) -> Loaded | None:
        """What is stored; None when it was removed."""
        ...

    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        """The fields that apply, given the texts, in the form's order.

        Args:
            everything: also those that are better filled in after a first connection.
        """
        ...

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        """What the field can hold, at most ``MOST_OPTIONS``; None: anything that its type allows."""
        ...

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        """Texts for fields that are empty, which follow from what the field ``name`` now holds: a code from a name."""
        ...

    def related(self, db: apsw.Connection) -> list[Related]:
        """Records that belong to this one."""
        ...

    def addable(self) -> Sequence[Addable]:
        """The tables that rows can be added to now."""
        ...

    def add_row(self, table: str, text: str) -> str:
        """The name of the field that is a new row of the table, known by ``text``.

        Raises:
            UsageError: nothing can be known by that.
        """
        ...

    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        """Everything that is wrong with the texts, in the form's order.

        Args:
            secrets: those that are set or were entered.
            base: the texts that the form began with.
        """
        ...

    def save(self, store: Store, loaded: Loaded, texts: Mapping[str, str], secrets: Mapping[str, str]) -> Saved:
        """Save what differs from ``loaded``, in one transaction, over what somebody else may have saved meanwhile.

        Args:
            loaded: what the form began with.
            secrets: those that were entered, in clear; they are sealed.

        Raises:
            InvalidFields: everything that is wrong.
            Conflict: somebody else changed the same fields otherwise; nothing is saved.
            UsageError: it was removed meanwhile, or cannot be saved for another reason.
        """
        ...
