"""The definition of a field of a sales channel or of an integration system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chansync.model.parameter_types import ParameterType, Secret


@dataclass(frozen=True, slots=True)
class Parameter:
    """One field of a sales channel or of an integration system.

    Attributes:
        name: its name in commands, files and the database.
        help: what it does; shown for the field under the cursor and on the reference page.
        section: its section in the channel's form; 0 for a system.
        default: the value of a new channel or system.
        only_with: names of yes-or-no parameters that must be on for this one to apply.
        capability: the ``Capability`` that the platform needs for it to apply.
        needed: required in a channel that is used, and in any system of the kind.
        offered: the kind of the system's lookups that are its choices, if the system has any: ``place``.
        ends_after: of a secret: it expires so many days after the day in ``made_on``; 0: never.
        made_on: of such a secret: the parameter with the day on which it was created; if that is not entered with the
            secret, it is today.
        opening: entered before the first connection, which fills in much of the rest.
        warning: what to know before it is switched on.
        destination: it says where secrets are sent; see ``left_behind``.
        names_account: of a system: two systems with the same value have keys of one account.
    """

    name: str
    label: str
    help: str
    section: int
    type: ParameterType
    default: Any = None
    only_with: tuple[str, ...] = ()
    capability: str = ""
    needed: bool = False
    offered: str = ""
    ends_after: int = 0
    made_on: str = ""
    opening: bool = False
    warning: str = ""
    destination: bool = False
    names_account: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether the value is sealed and never shown."""
        return isinstance(self.type, Secret)


def defaults(parameters: tuple[Parameter, ...]) -> dict[str, Any]:
    """The default values of these fields; lists are copied."""
    return {
        parameter.name: list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
        for parameter in parameters
        if not parameter.is_secret
    }


def applies(parameter: Parameter, values: Mapping[str, Any], capabilities: frozenset[str]) -> bool:
    """Whether the field applies, given the platform's capabilities and the other values."""
    if parameter.capability and parameter.capability not in capabilities:
        return False
    return all(values.get(name) for name in parameter.only_with)
