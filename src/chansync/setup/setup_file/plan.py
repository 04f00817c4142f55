"""What applying a set-up does: what is new, changed, removed or unchanged, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, defaults
from chansync.model.parameter_types import Day, ParameterType
from chansync.setup.setup_file.document import Secret
from chansync.setup.typed_fields import InvalidFields

NEW, CHANGED, UNCHANGED, REMOVED = "new", "changed", "unchanged", "removed"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a set-up, such as ``channel shop``.

    Attributes:
        state: ``new``, ``changed``, ``unchanged`` or ``removed``.
        details: what changes, as ``name Shop → Store``.
    """

    what: str
    state: str
    details: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """A line for people for each change; one where nothing changes."""
        head = [] if self.state == CHANGED else [f"{self.what}: {self.state}"]
        return head + [f"{self.what}: {detail}" for detail in self.details]


@dataclass(slots=True)
class Plan:
    """What applying a set-up did, or would do.

    Attributes:
        items: everything that the files name, in the order in which it is applied, and what was removed.
        notes: what the user must still do.
    """

    items: list[Item] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_changed(self) -> bool:
        """Whether anything is not as the files say."""
        return any(item.state != UNCHANGED for item in self.items)

    @property
    def changes(self) -> list[str]:
        """A line for people for each change."""
        return [line for item in self.items if item.state != UNCHANGED for line in item.lines]

    @property
    def lines(self) -> list[str]:
        """A line for people for each change, and for each thing that is unchanged."""
        return [line for item in self.items for line in item.lines]

    @property
    def sum(self) -> str:
        """How many things are what: ``1 new, 2 changed, 12 unchanged``."""
        counts = ((state, sum(item.state == state for item in self.items)) for state in _STATES)
        return ", ".join(f"{count} {state}" for state, count in counts if count) or "nothing is in the files"


_STATES = (NEW, CHANGED, REMOVED, UNCHANGED)


@dataclass(slots=True)
class Applying:
    """One application of a set-up, inside its transaction: what is done, and what is wrong so far."""

    store: Store
    plan: Plan = field(default_factory=Plan)
    errors: list[FieldError] = field(default_factory=list)

    def wrong(self, place: str, sentence: str) -> None:
        """Note that something is wrong."""
        self.errors.append(FieldError(place, sentence))

    def tried(self, place: str, change: Callable[[], Any], known_wrong: Iterable[str] = ()) -> bool:
        """Change something, or nothing of it where it is wrong; whether it was changed.

        Args:
            known_wrong: names of fields of which that is noted already.
        """
        try:
            with transaction(self.store.db):
                change()
        except InvalidFields as error:
            known = set(known_wrong)
            new = [each for each in error.errors if each.name not in known]
            self.errors += [FieldError(f"{place}.{each.name}", each.sentence, each.code) for each in new]
            return False
        except UsageError as error:
            self.wrong(place, f"cannot be applied: {error}")
            return False
        return True

    def note(self, what: str, *, is_new: bool, details: Iterable[str]) -> None:
        """Note what was done to a thing."""
        found = tuple(details)
        self.plan.items.append(Item(what, NEW if is_new else CHANGED if found else UNCHANGED, found))

    def values(
        self, place: str, known: Mapping[str, ParameterType], given: Mapping[str, Any], unknown: Callable[[str], str]
    ) -> dict[str, Any]:
        """The values of the fields that the files have, by the types of those that there are; wrong ones are noted.

        Args:
            unknown: what is wrong with the name of a field that there is not.
        """
        found = {}
        for name, value in given.items():
            try:
                if name not in known:
                    raise UsageError(unknown(name))
                found[name] = known[name].check(value)
            except UsageError as error:
                self.wrong(f"{place}.{name:.60}", str(error))
        return found

    def clear(self, place: str, given: Mapping[str, Any]) -> dict[str, str]:
        """The secrets among what the files have for secret fields; those that stay as they are are left out."""
        found = {}
        for name, value in given.items():
            if not isinstance(value, Secret):
                self.wrong(
                    f"{place}.{name}",
                    'is secret and must not be in a file: write {file = "…"}, {credential = "…"} or {env = "…"}',
                )
            elif value.error:
                self.wrong(f"{place}.{name}", value.error)
            elif value.text is not None:
                found[name] = value.text
        return found


def exported(parameter: Parameter, value: Any) -> Any:
    """The value of a field as a file has it; None where it is as it is by default."""
    if value is None or value == defaults((parameter,))[parameter.name]:
        return None
    return date.fromisoformat(value) if isinstance(parameter.type, Day) else value


def changed(
    fields: Iterable[Parameter], wanted: Mapping[str, Any], before: Mapping[str, Any], unreadable: Collection[str]
) -> tuple[dict[str, str], list[str]]:
    """The fields that are not as wanted, as typed, and each change for people."""
    show = {field.name: field.type.show for field in fields}
    other = {name for name, value in wanted.items() if value != before.get(name) or name in unreadable}
    texts = {name: show[name](value) for name, value in wanted.items() if name in other}
    return texts, [difference(name, show[name](before.get(name)), text) for name, text in texts.items()]


def difference(name: str, before: str, after: str) -> str:
    """A change for people: ``name Shop → Store``."""
    return f"{name} {before or '(empty)'} → {after or '(empty)'}"
