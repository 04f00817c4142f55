"""What the forms of integration systems and of connected ERPs share: code, name and kind, and the kind's own fields."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import NEEDED, FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies
from chansync.model.parameter_types import Choice, Code, Flag, Text
from chansync.setup.channel_settings import InvalidFields
from chansync.setup.forms import options
from chansync.setup.forms.form import Addable, FormField, FormOption, Loaded, Related, Saved, reference_of
from chansync.setup.forms.merging import Conflict, merge, secret_conflicts

_OWN = ("kind", "name", "code")


class Stored(Protocol):
    """A system or an ERP as it is stored."""

    code: str
    name: str
    kind: str
    values: dict[str, Any]
    secrets: dict[str, int]


class KindForm(ABC):
    """The form of something that is of an installed kind, whose parameters are its fields; ``code`` None: a new one.

    Attributes:
        kind: of the form.
        noun: what is edited, for people; ``short``: the same in one word.
        kind_help: what the field ``kind`` says.
        fixed: why code and kind of one that exists cannot be changed.
        added, gone: what was done with a new one, and with one that is there no more, as a participle.
    """

    kind: str
    noun: str
    short: ClassVar[str]
    kind_help: ClassVar[str]
    fixed: ClassVar[str]
    added: ClassVar[str]
    gone: ClassVar[str]

    def __init__(self, code: str | None = None, preset: Mapping[str, str] | None = None) -> None:
        self.key: int | str | None = code
        self._preset = dict(preset or {})

    @property
    @abstractmethod
    def sections(self) -> Mapping[int, str]:
        """The form's sections."""

    @abstractmethod
    def _kinds(self) -> list[str]:
        """The kinds that are installed."""

    @abstractmethod
    def _label(self, kind: str) -> str:
        """An installed kind's name for people."""

    @abstractmethod
    def _parameters_of(self, kind: str) -> tuple[Parameter, ...]:
        """The parameters of an installed kind."""

    @abstractmethod
    def _capabilities(self, kind: str) -> frozenset[str]:
        """What a kind can do, as far as its parameters depend on it."""

    @abstractmethod
    def _stored(self, db: apsw.Connection, code: str) -> Stored:
        """The one of that code.

        Raises:
            UsageError: there is none.
        """

    @abstractmethod
    def _taken(self, db: apsw.Connection) -> list[str]:
        """The codes that are taken."""

    @abstractmethod
    def _check_values(
        self, kind: str, values: Mapping[str, Any], secrets: frozenset[str], known_wrong: set[str]
    ) -> list[FieldError]:
        """What of an installed kind's parameters is wrong or missing."""

    @abstractmethod
    def _can_be_tested(self, kind: str) -> bool:
        """Whether one of that kind can be connected to by itself."""

    @abstractmethod
    def _add(self, store: Store, code: str, name: str, kind: str, given: Mapping[str, str]) -> str:
        """Store a new one; its code."""

    @abstractmethod
    def _change(self, store: Store, code: str, given: Mapping[str, str], name: str | None) -> str:
        """Change one; its code."""

    def load(self, db: apsw.Connection) -> Loaded | None:
        if self.key is None:
            kinds = self._kinds()
            texts = {"code": "", "name": "", "kind": kinds[0] if len(kinds) == 1 else ""} | self._preset
            return Loaded(self._default_texts(texts["kind"]) | texts | self.proposals(db, texts, "kind"))
        try:
            found = self._stored(db, str(self.key))
        except UsageError:
            return None
        values = {
            each.name: each.type.show(found.values.get(each.name, each.default))
            for each in self._parameters(found.kind)
            if not each.is_secret
        }
        return Loaded({"code": found.code, "name": found.name, "kind": found.kind} | values, dict(found.secrets))

    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        fixed = "" if self.key is None else self.fixed
        kind = texts.get("kind", "")
        own = [
            FormField("kind", "Kind", self.kind_help, 1, Choice(words=tuple(self._kinds())), needed=True, fixed=fixed),
            FormField("name", "Name", "The name for people.", 1, Text(longest=80), needed=True),
            FormField("code", "Code", "What it is known by on the command line.", 1, Code(), needed=True, fixed=fixed),
        ]
        values, able = self._values(kind, texts), self._capabilities(kind)
        return own + [_field(each) for each in self._parameters(kind) if applies(each, values, able)]

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        return options.options(db, field, texts, search)

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        if self.key is not None or name not in ("kind", "name"):
            return {}
        kind = texts.get("kind", "")
        label = self._label(kind) if kind in self._kinds() else ""
        fresh = {each: text for each, text in self._default_texts(kind).items() if each not in texts}
        code = options.code_from(kind if name == "kind" else texts.get("name", ""), self._taken(db))
        return fresh | {each: text for each, text in (("name", label), ("code", code)) if not texts.get(each)}

    def related(self, db: apsw.Connection) -> list[Related]:
        return []

    def addable(self) -> Sequence[Addable]:
        return ()

    def add_row(self, table: str, text: str) -> str:
        raise UsageError(f"The {self.noun} has no table of rows.")

    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        errors: list[FieldError] = []
        kind = texts.get("kind", "")
        for field in self.fields(db, texts):
            if field.is_secret:
                continue
            try:
                value = field.type.parse(texts.get(field.name, ""))
            except UsageError as error:
                errors.append(FieldError(field.name, str(error)))
                continue
            if field.name in _OWN and not value:
                errors.append(FieldError(field.name, "is needed", NEEDED))
        if self.key is None and texts.get("code") in self._taken(db):
            errors.append(FieldError("code", f"is taken by another {self.short}"))
        if kind in self._kinds():
            errors += self._check_values(kind, self._values(kind, texts), secrets, {error.name for error in errors})
        order = [*_OWN, *(each.name for each in self._parameters(kind))]
        return sorted(errors, key=lambda error: order.index(error.name) if error.name in order else len(order))

    def save(self, store: Store, loaded: Loaded, texts: Mapping[str, str], secrets: Mapping[str, str]) -> Saved:
        with transaction(store.db):
            current = self.load(store.db)
            if current is None:
                raise UsageError(f"The {self.short} {self.key} was {self.gone} meanwhile.")
            new = self.key is None
            stored = {} if new else current.texts
            found = merge({} if new else loaded.texts, texts, stored)
            found.conflicts += secret_conflicts(secrets, loaded.secrets, current.secrets)
            if found.conflicts:
                raise Conflict(f"the {self.short} {self.key}", found)
            after = {**stored, **found.changes}
            held = frozenset(secrets) | frozenset(current.secrets)
            if errors := self.check(store.db, after, held, current.texts):
                raise InvalidFields(errors)
            code = self._write(store, after, found.changes, secrets)
            what = f"{self.added if new else 'Saved'} the {self.short} {code}."
            return Saved(code, code, what, self._can_be_tested(after["kind"]), found.theirs)

    def _write(
        self, store: Store, after: Mapping[str, str], changes: Mapping[str, str], clear: Mapping[str, str]
    ) -> str:
        known = {each.name for each in self._parameters(after["kind"])}
        given = {name: text for name, text in changes.items() if name in known} | dict(clear)
        if self.key is None:
            return self._add(store, after["code"], after["name"], after["kind"], given)
        return self._change(store, str(self.key), given, changes.get("name"))

    def _parameters(self, kind: str) -> tuple[Parameter, ...]:
        """The parameters of a kind; none if it is not installed, so that those of it can still be shown."""
        return self._parameters_of(kind) if kind in self._kinds() else ()

    def _default_texts(self, kind: str) -> dict[str, str]:
        return {each.name: each.type.show(each.default) for each in self._parameters(kind) if not each.is_secret}

    def _values(self, kind: str, texts: Mapping[str, str]) -> dict[str, Any]:
        """Values by field; missing ones have their default, invalid ones count as not set."""
        values: dict[str, Any] = {}
        for each in self._parameters(kind):
            text = texts.get(each.name)
            if each.is_secret:
                continue
            try:
                values[each.name] = each.default if text is None else each.type.parse(text)
            except UsageError:
                values[each.name] = False if isinstance(each.type, Flag) else None
        return values


def _field(parameter: Parameter) -> FormField:
    source, of = reference_of(parameter.type)
    return FormField(
        parameter.name, parameter.label, parameter.help, 2, parameter.type, source, of,
        needed=parameter.needed, warning=parameter.warning,
    )  # fmt: skip
