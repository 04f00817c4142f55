"""What somebody typed into the fields of a channel, a system or an ERP: values, secrets, and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter


class InvalidFields(UsageError):
    """Everything that is wrong with what was given.

    Attributes:
        errors: field by field, in the order of the form.
    """

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


def parse(
    known: Mapping[str, Parameter], texts: Mapping[str, str], unknown: Callable[[str], str]
) -> tuple[dict[str, Any], dict[str, str], list[FieldError]]:
    """Typed values, secrets in clear, and what is wrong.

    Args:
        unknown: what is wrong with the name of a field that there is not.
    """
    values: dict[str, Any] = {}
    clear: dict[str, str] = {}
    errors: list[FieldError] = []
    for name, text in texts.items():
        parameter = known.get(name)
        if parameter is None:
            errors.append(FieldError(name, unknown(name)))
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


def lenient(known: Mapping[str, Parameter], texts: Mapping[str, str]) -> dict[str, Any]:
    """Values by field, without secrets; invalid texts count as not set."""
    values: dict[str, Any] = {}
    for name in known.keys() & texts.keys():
        try:
            values[name] = known[name].type.parse(texts[name])
        except UsageError:
            values[name] = None
    return values


def in_order(names: Iterable[str], errors: list[FieldError]) -> list[FieldError]:
    """The errors in the order of the form's fields, those of unknown fields last."""
    order = {name: position for position, name in enumerate(names)}
    return sorted(errors, key=lambda error: order.get(error.name, len(order)))


def today() -> date:
    """The day by which the user counts."""
    return date.today()  # noqa: DTZ011
