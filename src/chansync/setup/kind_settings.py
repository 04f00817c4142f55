"""Adding and changing what has the parameters of an installed kind: integration systems and connected ERPs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chansync.db.connection import Store
from chansync.model.channel import FieldError, left_behind
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, defaults
from chansync.model.parameter_types import Code, Text
from chansync.setup import sealed_places, typed_fields
from chansync.setup.channel_settings import InvalidFields


class Stored(Protocol):
    """A system or an ERP as it is stored."""

    id: int
    name: str
    kind: str
    values: dict[str, Any]
    secrets: dict[str, int]
    connected_at: int | None
    unreadable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written: a new name or None, changed values, and sealed secrets."""

    name: str | None
    values: dict[str, Any]
    sealed: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class KindSettings:
    """How the settings of one of the two are read and sealed.

    Attributes:
        owner: whose secrets are sealed: ``system`` or ``erp``.
        noun: what has the fields, with its kind as ``{}``; ``without``: why there are none, where there are none.
        parameters: the fields of a kind.
        place: where something of a kind and with those values is sent its secrets.
        able: what a kind can do, as far as its fields depend on that.
    """

    owner: str
    noun: str
    without: str
    parameters: Callable[[str], tuple[Parameter, ...]]
    place: Callable[[str, Mapping[str, Any]], str]
    able: Callable[[str], frozenset[str]] = lambda kind: frozenset()

    def values_of(self, stored: Stored) -> dict[str, Any]:
        """All values, those that were never set with their defaults; secrets are never among them."""
        return defaults(self.parameters(stored.kind)) | stored.values

    def check(
        self, kind: str, values: Mapping[str, Any], held: frozenset[str], known_wrong: set[str]
    ) -> list[FieldError]:
        """What is wrong with the fields, beside those that are known to be wrong; ``held`` are the secrets."""
        return typed_fields.check(self.parameters(kind), values, held, known_wrong, self.able(kind))

    def new(self, store: Store, kind: str, texts: Mapping[str, str], later: frozenset[str]) -> Changes:
        """The values and sealed secrets of a new one, from typed texts by field.

        Args:
            later: secrets that may be missing for now.

        Raises:
            InvalidFields: everything that is wrong with its fields.
        """
        fields = self.parameters(kind)
        values, clear, errors = typed_fields.parse(fields, texts, self.noun.format(kind), self.without)
        merged = defaults(fields) | values
        errors += self.check(kind, merged, frozenset(clear) | later, {error.name for error in errors})
        if errors:
            raise InvalidFields(typed_fields.in_order(fields, errors))
        return Changes(None, merged, sealed_places.seal(store, self.owner, clear, self.place(kind, merged)))

    def changes(self, store: Store, current: Stored, texts: Mapping[str, str], name: str | None) -> Changes | None:
        """What typed texts change of one, by field; None where it holds all of it already.

        Secrets count as the same where this user may open those that are there. Call it in the transaction that writes
        the changes.

        Raises:
            InvalidFields: everything that is wrong with it as it would be.
        """
        kind, fields = current.kind, self.parameters(current.kind)
        values, clear, errors = typed_fields.parse(fields, texts, self.noun.format(kind), self.without)
        known = self.values_of(current)
        merged = known | values
        held = frozenset(current.secrets) | frozenset(clear)
        # What was missing before may stay so for now: what was read from a file lacks its secrets.
        known_wrong = {error.name for error in errors} | {each.name for each in fields} - set(texts)
        errors += self.check(kind, merged, held, known_wrong)
        if current.connected_at is not None:
            errors += left_behind(fields, current.values, merged, current.secrets, clear)
        before, after = (self.place(kind, each) for each in (current.values, merged))
        new_name = None if name is None else checked_name(name)
        carried: dict[str, bytes] = {}
        if not errors:
            values = {
                key: value for key, value in values.items() if value != known.get(key) or key in current.unreadable
            }
            entered, clear = clear, sealed_places.new_secrets(store, self.owner, current.id, clear, before, after)
            # A secret that was there already was not made today.
            for same in entered.keys() - clear.keys():
                made_on = next(each.made_on for each in fields if each.name == same)
                if made_on not in texts:
                    values.pop(made_on, None)
            if not values and not clear and new_name in (None, current.name):
                return None
            kept = frozenset(current.secrets) - set(clear)
            carried, errors = sealed_places.carried(store, self.owner, current.id, kept, before, after)
        if errors:
            raise InvalidFields(typed_fields.in_order(fields, errors))
        return Changes(new_name, values, carried | sealed_places.seal(store, self.owner, clear, after))


def checked_code(code: str) -> str:
    """A code that was typed.

    Raises:
        UsageError: it is none.
    """
    return _checked(Code(), "code", code)


def checked_name(name: str) -> str:
    """A name for people that was typed.

    Raises:
        UsageError: it is empty or too long.
    """
    return _checked(Text(longest=80), "name", name)


def _checked(kind: Code | Text, word: str, text: str) -> str:
    try:
        checked = kind.parse(text)
    except UsageError as error:
        raise UsageError(f"The {word} {error}.") from None
    if not checked:
        raise UsageError(f"The {word} is empty.")
    return str(checked)
