"""Integration systems and sales channels as plain data, and the validation of a channel's values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from chansync.model.address import may_go
from chansync.model.channel_parameters import BY_NAME, PARAMETERS
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies
from chansync.model.parameter_types import Flag, Reference, References, TextList


@dataclass(slots=True)
class IntegrationSystem:
    """An outside platform account that groups channels.

    Attributes:
        values: the parameters that its platform has for systems, by name; secrets are never here.
        secrets: which secrets are set, and when each was entered last (UTC milliseconds).
        version: increased by every save, to detect that somebody else has saved meanwhile.
        connected_at: UTC milliseconds of the last successful test; None: never.
        unreadable: parameters whose value in the database is invalid.
    """

    id: int
    code: str
    name: str
    kind: str
    values: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, int] = field(default_factory=dict)
    version: int = 1
    connected_at: int | None = None
    unreadable: tuple[str, ...] = ()


@dataclass(slots=True)
class Channel:
    """One sales channel.

    Attributes:
        values: every parameter but the secrets, by name, typed as the table says.
        secrets: which secrets are set.
        version: increased by every save, to detect that somebody else has saved meanwhile.
        facts: what its connector has stored about the site.
        connected_at: UTC milliseconds of the last successful first confirm or test; None: never.
        unreadable: parameters whose value in the database is invalid; ``values`` has their default, which must not be
            used (``refuse_unreadable``).
    """

    id: int
    system: IntegrationSystem
    values: dict[str, Any]
    secrets: frozenset[str] = frozenset()
    version: int = 1
    facts: dict[str, Any] = field(default_factory=dict)
    connected_at: int | None = None
    unreadable: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    @property
    def code(self) -> str:
        """The code of the channel in commands."""
        return str(self.values["code"])

    @property
    def start_date(self) -> date | None:
        """Orders placed from that day on are imported, in the site's time zone."""
        text = self.values["start_date"]
        return date.fromisoformat(text) if text else None


class ChannelIncomplete(UsageError):
    """The channel's settings do not allow a sync; the sentence names the fields."""

    code = "channel_incomplete"


def refuse_unreadable(channel: Channel) -> None:
    """Refuse to work with a channel whose stored settings are invalid.

    Raises:
        ChannelIncomplete: a parameter of the channel or of its system is invalid in the database.
    """
    for kind, code, names in (
        ("channel", channel.code, channel.unreadable),
        ("system", channel.system.code, channel.system.unreadable),
    ):
        if names:
            settings = " ".join(f"{name}=…" for name in names)
            raise ChannelIncomplete(
                f"The channel {channel.code} cannot sync: the stored {', '.join(names)} of the {kind} {code} "
                f"is invalid; another program has written there. Set it again: chansync {kind} set {code} {settings}"
            )


def is_of_type(name: str, value: Any) -> bool:
    """Whether a stored value is valid for that parameter of a channel."""
    kind = BY_NAME[name].type
    wanted = list if isinstance(kind, TextList) else bool if isinstance(kind, Flag) else str
    if value is None:
        return True
    if not isinstance(value, wanted):
        return False
    try:
        return _is_right(name, tuple(value) if isinstance(value, list) else value)
    except TypeError:
        return False


# Channels share most values.
@lru_cache(maxsize=4096)
def _is_right(name: str, value: Any) -> bool:
    try:
        BY_NAME[name].type.check(list(value) if isinstance(value, tuple) else value)
    except UsageError:
        return False
    return True


#: The code of a field that must have a value and has none.
NEEDED = "needed"


@dataclass(frozen=True, slots=True)
class FieldError:
    """A wrong field.

    Attributes:
        sentence: continues the field's name: ``start_date is not a date: …``.
        code: what kind of fault it is: ``needed``, or ``wrong``. What is decided hangs on this, never on the sentence.
    """

    name: str
    sentence: str
    code: str = "wrong"

    def __str__(self) -> str:
        return f"{self.name} {self.sentence}"


#: The codes that exist, by (source, kind); None while they are not known (lookups not pulled yet). The source is one of
#: ``Reference``, or ``offered`` for what the channel's system offers.
Choices = Callable[[str, str], Sequence[str] | None]


def parse_field(name: str, text: str) -> Any:
    """The value of one field from typed text.

    Raises:
        UsageError: a wrong value.
    """
    try:
        return BY_NAME[name].type.parse(text)
    except UsageError as error:
        raise UsageError(f"{name} {error}") from None


def unknown_field(name: str) -> str:
    """That there is no such field, and the nearest ones; continues the name."""
    from difflib import get_close_matches

    near = get_close_matches(name, BY_NAME, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "chansync channel fields lists them all."
    return f"is no field of a channel: {hint}"


def left_behind(
    parameters: Iterable[Parameter],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    held: Collection[str],
    entered: Collection[str],
) -> list[FieldError]:
    """Secrets that were entered for one destination and would now be sent to another.

    They are to be entered again with the move: whoever may edit must not have a secret that he cannot read sent to a
    place of his own.

    Args:
        held: names of the secrets that are stored; ``entered``: of those that come with the change.
    """
    fields = tuple(parameters)
    for moved in fields:
        if not moved.destination:
            continue
        old, new = (moved.type.place(values.get(moved.name)) for values in (before, after))
        if old and not may_go(old, new):
            return [
                entered_for(each.name, old, new)
                for each in fields
                if each.is_secret and each.name in held and each.name not in entered
            ]
    return []


def entered_for(name: str, old: str, new: str) -> FieldError:
    """That a secret was entered for one place, and is not sent to another."""
    was = f"was entered for {old}" if old else "was entered when there was no address yet"
    return FieldError(name, f"{was}: enter it again for {new or 'another place'}")


def validate(
    values: Mapping[str, Any], secrets: frozenset[str], capabilities: frozenset[str], choices: Choices
) -> list[FieldError]:
    """Every error in a channel's values, in the order of the form.

    A channel that is not used may be incomplete, but the values that it has must be valid.
    """
    checked = (_check_parameter(parameter, values, secrets, capabilities, choices) for parameter in PARAMETERS)
    errors = [error for error in checked if error]
    both = [s for s in values.get("order_statuses") or () if s in (values.get("refused_statuses") or ())]
    if both:
        errors.append(FieldError("refused_statuses", f"holds {', '.join(both)}, which is among order_statuses too"))
    return errors


def impossible(values: Mapping[str, Any], capabilities: frozenset[str], fixed: Mapping[str, str]) -> list[FieldError]:
    """What the channel asks of its platform and the platform cannot do, in the order of the form.

    Args:
        fixed: the platform's ``fixed_values``.
    """
    errors = []
    for parameter in PARAMETERS:
        name, value = parameter.name, values.get(parameter.name)
        if parameter.is_secret or value in (None, "", [], False, parameter.default):
            continue
        if name in fixed:
            if value != fixed[name]:
                errors.append(FieldError(name, f"can be {fixed[name]} only: the platform lets nothing else be set"))
        elif parameter.capability and parameter.capability not in capabilities:
            errors.append(FieldError(name, "is nothing that the platform can do: leave it as it was"))
    counts = "counts_only" in capabilities and values.get("push_quantities")
    if counts and not values.get("push_exact_quantities"):
        errors.append(
            FieldError("push_exact_quantities", "must be on with push_quantities: the platform takes numbers")
        )
    return errors


def _check_parameter(
    parameter: Parameter,
    values: Mapping[str, Any],
    secrets: frozenset[str],
    capabilities: frozenset[str],
    choices: Choices,
) -> FieldError | None:
    name = parameter.name
    value = values.get(name)
    missing = name not in secrets if parameter.is_secret else value in (None, "", [])
    if missing:
        # Every channel needs code, name and system; the rest only a channel in use.
        required = name in ("code", "name", "integration_system") or bool(values.get("used"))
        if parameter.needed and required and applies(parameter, values, capabilities):
            return FieldError(name, "is needed" + ("" if not values.get("used") else " for a channel in use"), NEEDED)
        return None
    if value is True:
        lacking = [other for other in parameter.only_with if not values.get(other)]
        if lacking:
            return FieldError(name, f"goes only with {' and '.join(lacking)}")
    if isinstance(parameter.type, (Reference, References)):
        return _check_reference(name, parameter.type.source, parameter.type.of, value, choices)
    if parameter.offered:
        return _check_reference(name, "offered", parameter.offered, value, choices)
    return None


_WHERE = {
    "erp": "in the ERP",
    "lookup": "on the site",
    "system": "among the integration systems",
    "offered": "among those that the integration system names",
}


def _check_reference(name: str, source: str, of: str, value: Any, choices: Choices) -> FieldError | None:
    known = choices(source, of)
    if known is None:
        return None
    unknown = [code for code in (value if isinstance(value, list) else [value]) if code not in known]
    if not unknown:
        return None
    where = "at the POS" if of in ("payment_method", "delivery_method") and source == "erp" else _WHERE[source]
    what = "POS" if of == "pos" else of.replace("_", " ") or "system"
    named = f"names {', '.join(map(str, unknown))}, but there is"
    if not known:
        return FieldError(name, f"{named} no {what} {where} yet")
    have = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
    return FieldError(name, f"{named} no such {what} {where}; there is {have}")
