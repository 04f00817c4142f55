"""Integration systems in a TOML file; ``chansync.setup.toml_files`` has the whole file."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.model.channel import FieldError, IntegrationSystem
from chansync.model.errors import UsageError
from chansync.model.parameter import defaults
from chansync.model.parameter_types import Day
from chansync.platforms import registry
from chansync.setup.kind_settings import checked_code, checked_name
from chansync.setup.systems import parameters, values_of
from chansync.store import systems


@dataclass(slots=True)
class SystemEntry:
    """A system of the file, checked. ``existing`` is the stored one of that code."""

    system: IntegrationSystem
    existing: IntegrationSystem | None


def system_table(system: IntegrationSystem) -> Any:
    """A system as a table: name, kind, and what is not as it is by default. Secrets stand as comments."""
    import tomlkit

    table = tomlkit.table()
    table.add("name", system.name)
    table.add("kind", system.kind)
    if system.kind not in registry.kinds():
        return table
    values = values_of(system)
    for parameter in parameters(system.kind):
        name = parameter.name
        if parameter.is_secret:
            if name in system.secrets:
                enter = f"chansync system set {system.code} {name}=-"
                table.add(tomlkit.comment(f"{name} is secret. Enter it: {enter}"))
            continue
        value = values[name]
        if value is None or value == defaults((parameter,))[name]:
            continue
        table.add(name, datetime.date.fromisoformat(value) if isinstance(parameter.type, Day) else value)
    return table


def read_systems(
    db: apsw.Connection, given: dict[str, Any], errors: list[FieldError], changes: list[str], notes: list[str]
) -> dict[str, SystemEntry]:
    """The file's systems by code; adds what is wrong, what changes, and what the user must still do."""
    stored = {system.code: system for system in systems.systems(db)}
    entries: dict[str, SystemEntry] = {}
    for code, table in given.items():
        place = f"systems.{code:.60}"
        if not isinstance(table, dict):
            errors.append(FieldError(place, "must be a table: name, kind and the fields of its kind"))
            continue
        existing = stored.get(code)
        system = _read(place, code, table, existing, errors)
        if system is None:
            continue
        entries[code] = SystemEntry(system, existing)
        changes += _changes(system, existing)
        if existing is None:
            notes += _missing_secrets(system)
    return entries


def _read(
    place: str, code: str, table: dict[str, Any], existing: IntegrationSystem | None, errors: list[FieldError]
) -> IntegrationSystem | None:
    name, kind = table.get("name", ""), table.get("kind", "")
    if not isinstance(name, str) or not isinstance(kind, str):
        errors.append(FieldError(place, "must have texts for name and kind"))
        return None
    try:
        system = IntegrationSystem(0, checked_code(code), checked_name(name), kind)
    except UsageError as error:
        errors.append(FieldError(place, f"is wrong: {error}"))
        return None
    if kind not in registry.kinds():
        have = ", ".join(registry.kinds()) or "none"
        errors.append(FieldError(f"{place}.kind", f"names {kind!r:.40}, but installed are {have}"))
        return system
    if existing and existing.kind != kind:
        errors.append(FieldError(f"{place}.kind", f"is {existing.kind} here, and a system's kind is fixed"))
        return system
    system.values = defaults(parameters(kind))
    for field, value in table.items():
        if field not in ("name", "kind"):
            _read_field(place, system, field, value, errors)
    return system


def _read_field(place: str, system: IntegrationSystem, name: str, value: Any, errors: list[FieldError]) -> None:
    known = {parameter.name: parameter for parameter in parameters(system.kind)}
    parameter = known.get(name)
    where = f"{place}.{name:.60}"
    if parameter is None:
        have = ", ".join(each for each in ("name", "kind", *known) if each not in known or not known[each].is_secret)
        errors.append(FieldError(where, f"is no field of a {system.kind} system: there are {have}"))
    elif parameter.is_secret:
        errors.append(FieldError(where, "is secret and must not be in a file"))
    else:
        try:
            system.values[name] = parameter.type.check(value)
        except UsageError as error:
            errors.append(FieldError(where, str(error)))


def _changes(system: IntegrationSystem, existing: IntegrationSystem | None) -> list[str]:
    """What of a system is new or changes, in sentences."""
    said = []
    if existing is None:
        said.append(f"system {system.code}: new ({system.kind})")
    elif existing.name != system.name:
        said.append(f"system {system.code}: name {existing.name} → {system.name}")
    if system.kind not in registry.kinds():
        return said
    known = {parameter.name: parameter for parameter in parameters(system.kind)}
    before = values_of(existing) if existing and existing.kind == system.kind else defaults(parameters(system.kind))
    for name, value in system.values.items():
        if value != before.get(name):
            show = known[name].type.show
            said.append(
                f"system {system.code}: {name} {show(before.get(name)) or '(empty)'} → {show(value) or '(empty)'}"
            )
    return said


def _missing_secrets(system: IntegrationSystem) -> list[str]:
    if system.kind not in registry.kinds():
        return []
    keys = " ".join(f"{each.name}=-" for each in parameters(system.kind) if each.is_secret and each.needed)
    return [f"{system.code} needs its secrets: chansync system set {system.code} {keys}"] if keys else []


def write_systems(db: apsw.Connection, entries: dict[str, SystemEntry]) -> None:
    """Write what was read; call it inside the import's transaction."""
    for entry in entries.values():
        system, existing = entry.system, entry.existing
        if existing is None:
            systems.add_system(db, system.code, system.name, system.kind, system.values)
        elif existing.name != system.name or values_of(existing) != system.values:
            systems.save_system(db, existing.id, existing.version, name=system.name, values=system.values)
