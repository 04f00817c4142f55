"""What somebody typed into the fields of a system or an ERP: values, secrets, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from chansync.model.channel import NEEDED, FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies


def parse(
    parameters: tuple[Parameter, ...], texts: Mapping[str, str], what: str, without: str
) -> tuple[dict[str, Any], dict[str, str], list[FieldError]]:
    """Typed values, secrets in clear, and what is wrong.

    Args:
        what: whose fields they are, for sentences.
        without: why there are none, where there are none.
    """
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {}
    clear: dict[str, str] = {}
    errors: list[FieldError] = []
    for name, text in texts.items():
        parameter = known.get(name)
        if parameter is None:
            have = f"there are {', '.join(known)}" if known else without
            errors.append(FieldError(name, f"is no field of {what}: {have}"))
            continue
        try:
            value = parameter.type.parse(text)
        except UsageError as error:
            errors.append(FieldError(name, str(error)))
            continue
        if not parameter.is_secret:
            values[name] = value
        elif value:
            clear[name] = value
        else:
            errors.append(FieldError(name, "is empty: enter the secret itself"))
    for name in clear:
        made_on = known[name].made_on
        if made_on and not values.get(made_on):
            values[made_on] = today().isoformat()
    return values, clear, errors


def check(
    parameters: tuple[Parameter, ...],
    values: Mapping[str, Any],
    held: frozenset[str],
    known_wrong: set[str],
    able: frozenset[str] = frozenset(),
) -> list[FieldError]:
    """Which needed fields are missing, beside those that are known to be wrong.

    Args:
        held: the secrets that are set.
        able: what the platform can do.
    """
    errors = []
    for parameter in parameters:
        is_set = parameter.name in held if parameter.is_secret else values.get(parameter.name) not in (None, "", [])
        if parameter.needed and not is_set and parameter.name not in known_wrong and applies(parameter, values, able):
            errors.append(FieldError(parameter.name, "is needed", NEEDED))
    return errors


def in_order(parameters: tuple[Parameter, ...], errors: list[FieldError]) -> list[FieldError]:
    """The errors in the order of the form, fields that there are not at the end."""
    order = {parameter.name: position for position, parameter in enumerate(parameters)}
    return sorted(errors, key=lambda error: order.get(error.name, len(order)))


def today() -> date:
    """The day by which the user counts."""
    return date.today()  # noqa: DTZ011
