"""What is of an installed kind and has its parameters: integration systems and connected ERPs, added and changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import NEEDED, FieldError, left_behind
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies, defaults
from chansync.model.parameter_types import Code, ParameterType, Text
from chansync.setup import sealed_places, typed_fields
from chansync.setup.sealed_places import destination_of
from chansync.setup.typed_fields import InvalidFields

if TYPE_CHECKING:
    from chansync.erp.outside.connected import ConnectedErp
    from chansync.model.channel import IntegrationSystem

_TYPES: dict[str, ParameterType] = {"code": Code(), "name": Text(longest=80)}

Thing = TypeVar("Thing", bound="IntegrationSystem | ConnectedErp")


@dataclass(frozen=True, slots=True)
class Family(Generic[Thing]):
    """Systems or ERPs.

    Attributes:
        owner: whose secrets are sealed: ``system`` or ``erp``.
        what: one of them, for people; ``kind_of_what``: one of a kind, which stands for ``{}``.
        without: why there are no fields, where there are none.
        section: their table in a file; ``command``: what sets a field of one.
        kinds: the kinds that are installed; ``label``: the name of one for people; ``parameters``: its fields.
        stored, get: all, and the one of a code.
        insert, save, remove: how one is written, by ``add`` and ``change``, and removed.
        able: what a kind can do, as far as its fields depend on that.
        is_tested: whether one of a kind can be connected to by itself.
    """

    owner: str
    what: str
    kind_of_what: str
    without: str
    section: str
    command: str
    kinds: Callable[[], list[str]]
    label: Callable[[str], str]
    parameters: Callable[[str], tuple[Parameter, ...]]
    stored: Callable[[apsw.Connection], list[Thing]]
    get: Callable[[apsw.Connection, str], Thing]
    insert: Callable[[apsw.Connection, str, str, str, Mapping[str, Any], Mapping[str, bytes]], Thing]
    save: Callable[[apsw.Connection, Thing, str | None, Mapping[str, Any], Mapping[str, bytes]], Thing]
    remove: Callable[[apsw.Connection, str], None]
    able: Callable[[str], frozenset[str]] = lambda kind: frozenset()
    is_tested: Callable[[str], bool] = lambda kind: True

    def values_of(self, stored: Thing) -> dict[str, Any]:
        """All values, those that were never set with their defaults; secrets are never among them."""
        return defaults(self.parameters(stored.kind)) | stored.values

    def check(
        self, kind: str, values: Mapping[str, Any], held: frozenset[str], known_wrong: set[str]
    ) -> list[FieldError]:
        """Which needed fields are missing, beside those that are known to be wrong; ``held``: the secrets."""
        able = self.able(kind)
        return [
            FieldError(each.name, "is needed", NEEDED)
            for each in self.parameters(kind)
            if each.needed
            and each.name not in known_wrong
            and (each.name not in held if each.is_secret else values.get(each.name) in (None, "", []))
            and applies(each, values, able)
        ]

    def add(
        self,
        store: Store,
        code: str,
        name: str,
        kind: str,
        texts: Mapping[str, str] | None = None,
        *,
        later: frozenset[str] = frozenset(),
    ) -> Thing:
        """A new one, from typed texts by field; secrets come in clear and are sealed. Nothing is sent yet.

        Args:
            later: secrets that may be missing for now.

        Raises:
            InvalidFields: everything that is wrong with its fields.
            AlreadyExists: the code is taken.
            UsageError: a wrong code or an empty name, or the kind is not installed.
        """
        fields = self.parameters(kind)
        named = checked("code", code), checked("name", name)
        with transaction(store.db):
            values, clear, errors = self._parse(kind, texts or {})
            merged = defaults(fields) | values
            errors += self.check(kind, merged, frozenset(clear) | later, {error.name for error in errors})
            self._refuse(fields, errors)
            sealed = sealed_places.seal(store, self.owner, clear, destination_of(fields, merged))
            return self.insert(store.db, *named, kind, merged, sealed)

    def change(self, store: Store, code: str, texts: Mapping[str, str], *, name: str | None = None) -> Thing:
        """Change the fields of one that are named in ``texts``; secrets come in clear and are sealed.

        Where it holds all of it already nothing is written, and it keeps its version. Secrets count as the same where
        this user may open those that are there.

        Args:
            name: its new name for people; None: as it is.

        Raises:
            InvalidFields: everything that is wrong with it as it would be.
            UsageError: there is none of that code.
        """
        with transaction(store.db):
            current = self.get(store.db, code)
            kind, fields = current.kind, self.parameters(current.kind)
            values, clear, errors = self._parse(kind, texts)
            known = self.values_of(current)
            merged = known | values
            # What was missing before may stay so for now: what was read from a file lacks its secrets.
            known_wrong = {error.name for error in errors} | {each.name for each in fields} - set(texts)
            errors += self.check(kind, merged, frozenset(current.secrets) | frozenset(clear), known_wrong)
            if current.connected_at is not None:
                errors += left_behind(fields, current.values, merged, current.secrets, clear)
            new_name = None if name is None else checked("name", name)
            self._refuse(fields, errors)
            values = {
                key: value for key, value in values.items() if value != known.get(key) or key in current.unreadable
            }
            sealed = sealed_places.reseal(store, self.owner, fields, current, merged, clear)
            # A secret that was there already was not made today.
            for same in clear.keys() - sealed.keys():
                made_on = next(each.made_on for each in fields if each.name == same)
                if made_on not in texts:
                    values.pop(made_on, None)
            if not values and not sealed and new_name in (None, current.name):
                return current
            return self.save(store.db, current, new_name, values, sealed)

    def _parse(self, kind: str, texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str], list[FieldError]]:
        known = {each.name: each for each in self.parameters(kind)}
        have = f"there are {', '.join(known)}" if known else self.without
        return typed_fields.parse(known, texts, lambda _: f"is no field of {self.kind_of_what.format(kind)}: {have}")

    def _refuse(self, fields: tuple[Parameter, ...], errors: list[FieldError]) -> None:
        if errors:
            raise InvalidFields(typed_fields.in_order((each.name for each in fields), errors))


def checked(word: str, text: str) -> str:
    """A ``code``, or a ``name`` for people, that was typed.

    Raises:
        UsageError: it is none.
    """
    try:
        found = _TYPES[word].parse(text)
    except UsageError as error:
        raise UsageError(f"The {word} {error}.") from None
    if not found:
        raise UsageError(f"The {word} is empty.")
    return str(found)
