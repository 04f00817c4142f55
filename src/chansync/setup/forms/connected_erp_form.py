"""The form of a connected ERP: code, name and kind, and the fields that its kind has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.outside import connected
from chansync.model.channel import NEEDED, FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies
from chansync.model.parameter_types import Choice, Code, Text
from chansync.setup import erps, typed_fields
from chansync.setup.channel_settings import InvalidFields
from chansync.setup.forms import options
from chansync.setup.forms.form import Addable, FormField, FormOption, Loaded, Related, Saved, reference_of
from chansync.setup.forms.merging import Conflict, merge, secret_conflicts

_OWN = ("kind", "name", "code")


class ConnectedErpForm:
    """The form of a connected ERP; ``code`` None: a new one."""

    kind = "connected-erp"
    noun = "ERP"

    def __init__(self, code: str | None = None, preset: Mapping[str, str] | None = None) -> None:
        self.key: int | str | None = code
        self._preset = dict(preset or {})

    @property
    def sections(self) -> Mapping[int, str]:
        return {1: "ERP", 2: "How it is reached"}

    def load(self, db: apsw.Connection) -> Loaded | None:
        if self.key is None:
            kinds = _kinds()
            texts = {"code": "", "name": "", "kind": kinds[0] if len(kinds) == 1 else ""} | self._preset
            return Loaded(_default_texts(texts["kind"]) | texts | self.proposals(db, texts, "kind"))
        try:
            found = connected.get(db, str(self.key))
        except UsageError:
            return None
        values = {
            each.name: each.type.show(found.values.get(each.name, each.default))
            for each in _parameters(found.kind)
            if not each.is_secret
        }
        return Loaded({"code": found.code, "name": found.name, "kind": found.kind} | values, dict(found.secrets))

    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        fixed = "" if self.key is None else "It cannot be changed: sales and channels refer to the ERP."
        kind = texts.get("kind", "")
        own = [
            FormField("kind", "Kind", "What the ERP is.", 1, Choice(words=tuple(_kinds())), needed=True, fixed=fixed),
            FormField("name", "Name", "The name for people.", 1, Text(longest=80), needed=True),
            FormField("code", "Code", "What it is known by on the command line.", 1, Code(), needed=True, fixed=fixed),
        ]
        return own + [_field(each) for each in _parameters(kind) if applies(each, _values(kind, texts), frozenset())]

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        return options.options(db, field, texts, search)

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        if self.key is not None or name not in ("kind", "name"):
            return {}
        taken = [code for code, _ in connected.codes(db)] + [registry.LEDGER]
        kind = texts.get("kind", "")
        label = registry.kind_named(kind).label if kind in _kinds() else ""
        fresh = {each: text for each, text in _default_texts(kind).items() if each not in texts}
        code = options.code_from(kind if name == "kind" else texts.get("name", ""), taken)
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
        if self.key is None and connected.kind_of(db, texts.get("code", "")) is not None:
            errors.append(FieldError("code", "is taken by another ERP"))
        known_wrong = {error.name for error in errors}
        errors += typed_fields.check(_parameters(kind), _values(kind, texts), secrets, known_wrong)
        order = [*_OWN, *(each.name for each in _parameters(kind))]
        return sorted(errors, key=lambda error: order.index(error.name) if error.name in order else len(order))

    def save(self, store: Store, loaded: Loaded, texts: Mapping[str, str], secrets: Mapping[str, str]) -> Saved:
        with transaction(store.db):
            current = self.load(store.db)
            if current is None:
                raise UsageError(f"The ERP {self.key} was disconnected meanwhile.")
            new = self.key is None
            stored = {} if new else current.texts
            found = merge({} if new else loaded.texts, texts, stored)
            found.conflicts += secret_conflicts(secrets, loaded.secrets, current.secrets)
            if found.conflicts:
                raise Conflict(f"the ERP {self.key}", found)
            after = {**stored, **found.changes}
            held = frozenset(secrets) | frozenset(current.secrets)
            if errors := self.check(store.db, after, held, current.texts):
                raise InvalidFields(errors)
            code = self._write(store, after, found.changes, secrets)
            what = f"{'Connected' if new else 'Saved'} the ERP {code}."
            return Saved(code, code, what, True, found.theirs)

    def _write(
        self, store: Store, after: Mapping[str, str], changes: Mapping[str, str], clear: Mapping[str, str]
    ) -> str:
        known = {each.name for each in _parameters(after["kind"])}
        given = {name: text for name, text in changes.items() if name in known} | dict(clear)
        if self.key is None:
            return erps.add_erp(store, after["code"], after["name"], after["kind"], given).code
        return erps.change_erp(store, str(self.key), given, name=changes.get("name")).code


def _field(parameter: Parameter) -> FormField:
    source, of = reference_of(parameter.type)
    return FormField(
        parameter.name, parameter.label, parameter.help, 2, parameter.type, source, of,
        needed=parameter.needed, warning=parameter.warning,
    )  # fmt: skip


def _kinds() -> list[str]:
    return [kind for kind in registry.kinds() if kind != registry.LEDGER]


def _parameters(kind: str) -> tuple[Parameter, ...]:
    """The parameters of a kind; none if it is not installed, so that its ERPs can still be shown."""
    return erps.parameters(kind) if kind in _kinds() else ()


def _default_texts(kind: str) -> dict[str, str]:
    return {each.name: each.type.show(each.default) for each in _parameters(kind) if not each.is_secret}


def _values(kind: str, texts: Mapping[str, str]) -> dict[str, object]:
    """Values by field; missing ones have their default, invalid ones count as not set."""
    values: dict[str, object] = {}
    for each in _parameters(kind):
        if each.is_secret:
            continue
        text = texts.get(each.name)
        try:
            values[each.name] = each.default if text is None else each.type.parse(text)
        except UsageError:
            values[each.name] = None
    return values
