"""The forms of integration systems and of connected ERPs: code, name and kind, and the kind's own fields."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar

import apsw

from chansync.db.connection import Store
from chansync.erp import registry
from chansync.model.channel import NEEDED, FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies, defaults
from chansync.model.parameter_types import Choice, Code, Text
from chansync.setup.erps import ERPS
from chansync.setup.forms import options
from chansync.setup.forms.form import Form, FormField, FormOption, Loaded, Saved, code_from, field_of
from chansync.setup.kind_settings import Family
from chansync.setup.systems import SYSTEMS
from chansync.setup.typed_fields import in_order, lenient

_OWN = ("kind", "name", "code")


class KindForm(Form, ABC):
    """The form of something that is of an installed kind, whose parameters are its fields.

    Attributes:
        titles: of the two sections.
        kind_help: what the field ``kind`` says.
        fixed: why code and kind of one that exists cannot be changed.
        reserved: codes that none can have.
    """

    family: ClassVar[Family[Any]]
    titles: ClassVar[tuple[str, str]]
    kind_help: ClassVar[str]
    fixed: ClassVar[str]
    reserved: ClassVar[tuple[str, ...]] = ()

    @property
    def sections(self) -> Mapping[int, str]:
        return dict(enumerate(self.titles, 1))

    @property
    def _short(self) -> str:
        return self.family.what

    def _taken(self, db: apsw.Connection) -> list[str]:
        return [*(each.code for each in self.family.stored(db)), *self.reserved]

    def load(self, db: apsw.Connection) -> Loaded | None:
        if self.key is None:
            kinds = self.family.kinds()
            texts = {"code": "", "name": "", "kind": kinds[0] if len(kinds) == 1 else ""} | self._preset
            return Loaded(self._default_texts(texts["kind"]) | texts | self.proposals(db, texts, "kind"))
        try:
            found = self.family.get(db, str(self.key))
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
            FormField(
                "kind", "Kind", self.kind_help, 1, Choice(words=tuple(self.family.kinds())), needed=True, fixed=fixed
            ),
            FormField("name", "Name", "The name for people.", 1, Text(longest=80), needed=True),
            FormField("code", "Code", "What it is known by on the command line.", 1, Code(), needed=True, fixed=fixed),
        ]
        values = self._values(kind, texts)
        able = self.family.able(kind) if kind in self.family.kinds() else frozenset()
        return own + [field_of(each, 2) for each in self._parameters(kind) if applies(each, values, able)]

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        return options.options(db, field, texts, search)

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        if self.key is not None or name not in ("kind", "name"):
            return {}
        kind = texts.get("kind", "")
        label = self.family.label(kind) if kind in self.family.kinds() else ""
        fresh = {each: text for each, text in self._default_texts(kind).items() if each not in texts}
        code = code_from(kind if name == "kind" else texts.get("name", ""), self._taken(db))
        return fresh | {each: text for each, text in (("name", label), ("code", code)) if not texts.get(each)}

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
            errors.append(FieldError("code", f"is taken by another {self._short}"))
        if kind in self.family.kinds():
            errors += self.family.check(kind, self._values(kind, texts), secrets, {error.name for error in errors})
        return in_order([*_OWN, *(each.name for each in self._parameters(kind))], errors)

    def _write(
        self, store: Store, texts: Mapping[str, str], changes: dict[str, str], secrets: Mapping[str, str]
    ) -> Saved:
        known = {each.name for each in self._parameters(texts["kind"])}
        given = {name: text for name, text in changes.items() if name in known} | dict(secrets)
        if self.key is None:
            saved = self.family.add(store, texts["code"], texts["name"], texts["kind"], given)
        else:
            saved = self.family.change(store, str(self.key), given, name=changes.get("name"))
        return Saved(saved.code, saved.code, self._said(saved.code), self.family.is_tested(saved.kind))

    def _parameters(self, kind: str) -> tuple[Parameter, ...]:
        """The parameters of a kind; none if it is not installed, so that those of it can still be shown."""
        return self.family.parameters(kind) if kind in self.family.kinds() else ()

    def _default_texts(self, kind: str) -> dict[str, str]:
        return {each.name: each.type.show(each.default) for each in self._parameters(kind) if not each.is_secret}

    def _values(self, kind: str, texts: Mapping[str, str]) -> dict[str, Any]:
        """Values by field; missing ones have their default, invalid ones count as not set."""
        fields = self._parameters(kind)
        return defaults(fields) | lenient({each.name: each for each in fields if not each.is_secret}, texts)


class SystemForm(KindForm):
    """The form of an integration system."""

    kind = "system"
    noun = "integration system"
    family = SYSTEMS
    titles = ("Integration system", "Its account")
    kind_help = "The platform that it is an account of."
    fixed = "It cannot be changed: the channels of the system are of its kind."


class ConnectedErpForm(KindForm):
    """The form of a connected ERP."""

    kind = "connected-erp"
    noun = "ERP"
    family = ERPS
    titles = ("ERP", "How it is reached")
    kind_help = "What the ERP is."
    fixed = "It cannot be changed: sales and channels refer to the ERP."
    added, gone = "Connected", "disconnected"
    reserved = (registry.LEDGER,)
