"""Systems, channels and mappings as a TOML file: for a backup that people read, and for another installation.

A file is the whole truth for each channel that it names: a parameter that it does not name gets its default, and a
mapping table that it has replaces the channel's. Secrets are never in a file; an import leaves them as they are.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import apsw

from chansync import __version__
from chansync.db.transaction import transaction
from chansync.model.channel import NEEDED, Channel, FieldError, IntegrationSystem, check_fields, validate
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies
from chansync.model.parameter_types import Code, Day
from chansync.model.parameters import BY_NAME, PARAMETERS, SECTIONS, default_values
from chansync.platforms import registry
from chansync.setup.channel_settings import (
    MAPPING_TARGETS,
    InvalidFields,
    beyond_platform,
    capabilities,
    check_target,
    choices,
    site_changed,
)
from chansync.setup.same_orders import check_same_orders
from chansync.setup.toml_systems import SystemEntry, read_systems, system_table, write_systems
from chansync.store import channels, mappings

#: The format of the file; a later one that reads differently gets another number.
FORMAT = 1

_SECRETS = frozenset(parameter.name for parameter in PARAMETERS if parameter.is_secret)
#: The table of a channel that holds the paid statuses of its payment methods: ``cod = "completed"``.
PAID = "paid"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class Imported:
    """What an import did, or would do.

    Attributes:
        changes: sentences on what is new and what changes, channel by channel.
        notes: what the user must still do.
    """

    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def export_toml(db: apsw.Connection, codes: Iterable[str] = ()) -> str:
    """The channels of those codes (none: all) with their systems and mappings.

    Raises:
        UsageError: there is no such channel.
    """
    import tomlkit

    wanted = [channels.channel(db, code) for code in codes] or channels.all_channels(db)
    kept = {channel.system.code: channel.system for channel in wanted}
    systems = [kept[code] for code in sorted(kept)] if codes else channels.systems(db)
    document = tomlkit.document()
    document.add(tomlkit.comment(f"Channels of chansync {__version__}. Read it in with: chansync channel import FILE"))
    document.add(tomlkit.comment("A field that is not here gets its default. Secrets are not here: enter them again."))
    document.add("format", tomlkit.item(FORMAT))
    for system in systems:
        document.setdefault("systems", tomlkit.table(is_super_table=True)).add(system.code, system_table(system))
    for channel in wanted:
        document.setdefault("channels", tomlkit.table(is_super_table=True)).add(channel.code, _table(db, channel))
    return tomlkit.dumps(document)


def _table(db: apsw.Connection, channel: Channel) -> Any:
    import tomlkit

    table = tomlkit.table()
    section = 0
    for parameter in PARAMETERS:
        if parameter.name == "code":
            continue
        text = _exported(parameter, channel)
        if text is None:
            continue
        if parameter.section != section:
            section = parameter.section
            table.add(tomlkit.nl())
            table.add(tomlkit.comment(SECTIONS[section]))
        if parameter.is_secret:
            table.add(tomlkit.comment(text))
        else:
            value = tomlkit.item(text)
            if parameter.label.lower() != parameter.name.replace("_", " "):
                value.comment(parameter.label)
            table.add(parameter.name, value)
    for kind in ("payment", "delivery", "item", "tax"):
        table.add(kind, _mapping_table(db, channel, kind))
    paid = _recorded(db, channel.id, PAID)
    if paid:
        table.add(PAID, paid)
    return table


def _recorded(db: apsw.Connection, channel_id: int, kind: str) -> dict[str, str]:
    """A channel's table as a file has it: the mapping of that kind, or the paid statuses of payment methods."""
    if kind != PAID:
        return mappings.targets(db, channel_id, kind)
    return {code: ",".join(sorted(statuses)) for code, statuses in mappings.paid_statuses(db, channel_id).items()}


def _exported(parameter: Parameter, channel: Channel) -> Any:
    """What stands for the parameter in the file; None: nothing does."""
    if parameter.is_secret:
        if parameter.name not in channel.secrets:
            return None
        return f"{parameter.name} is secret. Enter it: chansync channel set {channel.code} {parameter.name}=-"
    value = channel.values.get(parameter.name)
    default = list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    if value is None or (value == default and parameter.name != "integration_system"):
        return None
    return datetime.date.fromisoformat(value) if isinstance(parameter.type, Day) else value


def _mapping_table(db: apsw.Connection, channel: Channel, kind: str) -> Any:
    import tomlkit

    table = tomlkit.table()
    for row in mappings.mappings(db, channel.id, kind):
        title = _CONTROL.sub(" ", row.title)
        if row.target is None:
            table.add(
                tomlkit.comment(f"{tomlkit.item(row.site_code).as_string()} is not mapped{title and f': {title}'}")
            )
            continue
        value = tomlkit.item(row.target)
        if title:
            value.comment(title)
        table.add(row.site_code, value)
    return table


@dataclass(slots=True)
class _Entry:
    """A channel of the file, checked. ``existing`` is the stored one of that code."""

    code: str
    values: dict[str, Any]
    tables: dict[str, dict[str, str]]
    existing: Channel | None


def import_toml(db: apsw.Connection, text: str, *, dry_run: bool = False) -> Imported:
    """Read a file's systems, channels and mappings in, all in one transaction, or nothing of it.

    Raises:
        UsageError: it is no TOML (with line and column) or of a later format.
        InvalidFields: every wrong field, by its place in the file.
    """
    data = _read(text)
    errors: list[FieldError] = []
    done = Imported()
    with transaction(db):
        systems = read_systems(db, data.get("systems", {}), errors, done.changes, done.notes)
        entries = _entries(db, data.get("channels", {}), errors)
        named = {entry.code for entry in entries}
        others = [channel for channel in channels.all_channels(db) if channel.code not in named]
        for entry in entries:
            _check_entry(db, entry, systems, others, errors, done)
        if errors:
            raise InvalidFields(errors)
        for entry in entries:
            _describe(db, entry, done)
        if not dry_run:
            _write(db, systems, entries)
    return done


def _read(text: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Deep nesting and endless numbers raise other errors than tomllib's own.
        raise UsageError(f"This is not a TOML file: {str(error)[:200]}.") from None
    known = {"format": int, "systems": dict, "channels": dict}
    for name, value in data.items():
        if name not in known:
            raise UsageError(f"{name!r:.40} is no part of a channel file: there are {', '.join(known)}.")
        if not isinstance(value, known[name]):
            raise UsageError(f"{name} must be {'a table' if known[name] is dict else 'a whole number'}.")
    if data.get("format", FORMAT) != FORMAT:
        raise UsageError(f"The file has format {data['format']}, and this program reads format {FORMAT}.")
    return data


def _entries(db: apsw.Connection, given: dict[str, Any], errors: list[FieldError]) -> list[_Entry]:
    stored = {channel.code: channel for channel in channels.all_channels(db)}
    entries = []
    for code, table in given.items():
        place = f"channels.{code:.60}"
        try:
            Code().parse(code)
        except UsageError as error:
            errors.append(FieldError(place, f"is no code: it {error}"))
            continue
        if not isinstance(table, dict):
            errors.append(FieldError(place, "must be a table"))
            continue
        tables = {
            kind: _targets(place, kind, table[kind], errors) for kind in (*MAPPING_TARGETS, PAID) if kind in table
        }
        fields = {name: value for name, value in table.items() if name not in (*MAPPING_TARGETS, PAID)}
        forbidden = sorted((_SECRETS | {"code"}) & set(fields))
        for name in forbidden:
            sentence = "is the table's name" if name == "code" else "is secret and must not be in a file"
            errors.append(FieldError(f"{place}.{name}", sentence))
            del fields[name]
        values, wrong = check_fields(fields)
        errors += [FieldError(f"{place}.{error.name:.60}", error.sentence) for error in wrong]
        # A wrong value is blamed once; the one before stands in for it while the others are checked.
        before = stored[code].values if code in stored else {}
        values |= {each.name: before.get(each.name) for each in wrong}
        entries.append(_Entry(code, _complete(values, code), tables, stored.get(code)))
    return entries


def _complete(values: dict[str, Any], code: str) -> dict[str, Any]:
    known = {name: value for name, value in values.items() if name in BY_NAME}
    given = {name: value for name, value in known.items() if value is not None}
    return default_values() | given | {"code": code}


def _targets(place: str, kind: str, table: Any, errors: list[FieldError]) -> dict[str, str]:
    if not isinstance(table, dict):
        errors.append(FieldError(f"{place}.{kind}", "must be a table of SITE_CODE = TARGET"))
        return {}
    targets = {}
    for site_code, target in table.items():
        plain = isinstance(target, str) and target and not _CONTROL.search(target + site_code)
        if not plain or not site_code.strip() or len(site_code) > 200:
            errors.append(FieldError(f"{place}.{kind}.{site_code!r:.60}", "must be SITE_CODE = TARGET, both texts"))
            continue
        targets[site_code] = target
    return targets


def _check_entry(
    db: apsw.Connection,
    entry: _Entry,
    systems: dict[str, SystemEntry],
    others: list[Channel],
    errors: list[FieldError],
    done: Imported,
) -> None:
    """Note what is wrong with the entry, beside ``others``, to which it is added."""
    place = f"channels.{entry.code}"
    known_wrong = {error.name for error in errors}
    parent = _parent(db, entry, systems)
    if parent is None:
        named = entry.values.get("integration_system")
        field = f"{place}.integration_system"
        errors.append(
            FieldError(field, f"names {named}, but there is no such system")
            if named
            else FieldError(field, "is needed", NEEDED)
        )
        return
    able = capabilities(parent.kind) if parent.kind in registry.kinds() else frozenset()
    secrets = entry.existing.secrets if entry.existing else frozenset()
    draft = replace(entry.existing, values=entry.values) if entry.existing else Channel(0, parent, entry.values)
    known = choices(db, draft)
    codes = [*(system.code for system in channels.systems(db)), *systems]

    def with_new_systems(source: str, kind: str) -> Sequence[str] | None:
        return codes if source == "system" else known(source, kind)

    missing = [p.name for p in PARAMETERS if p.is_secret and p.name not in secrets and applies(p, entry.values, able)]
    if entry.values["used"] and missing:
        entry.values["used"] = False
        keys = " ".join(f"{name}=-" for name in missing)
        done.notes.append(
            f"{entry.code} is not used until its secrets are entered: chansync channel set {entry.code} {keys} used=yes"
        )
    found = validate(entry.values, secrets, able, with_new_systems)
    found += beyond_platform(parent, entry.values)
    draft = replace(draft, system=parent)
    found += check_same_orders(draft, others)
    others.append(draft)
    errors += [
        FieldError(f"{place}.{error.name}", error.sentence, error.code)
        for error in found
        if f"{place}.{error.name}" not in known_wrong
    ]
    for kind, targets in entry.tables.items():
        for site_code, target in targets.items() if kind != PAID else ():
            try:
                check_target(db, draft, kind, target)
            except UsageError as error:
                errors.append(FieldError(f"{place}.{kind}.{site_code}", f"is wrong: {error}"))


def _parent(db: apsw.Connection, entry: _Entry, systems: dict[str, SystemEntry]) -> IntegrationSystem | None:
    code = entry.values.get("integration_system")
    if code in systems:
        return systems[code].system
    return next((system for system in channels.systems(db) if system.code == code), None)


def _describe(db: apsw.Connection, entry: _Entry, done: Imported) -> None:
    """Say what of the channel is new or changes."""
    if entry.existing is None:
        done.changes.append(f"{entry.code}: new")
    before = entry.existing.values if entry.existing else default_values() | {"code": entry.code}
    for name, value in entry.values.items():
        if value != before.get(name):
            show = BY_NAME[name].type.show
            done.changes.append(
                f"{entry.code}: {name} {show(before.get(name)) or '(empty)'} → {show(value) or '(empty)'}"
            )
    for kind, targets in entry.tables.items():
        now = _recorded(db, entry.existing.id, kind) if entry.existing else {}
        for site_code in sorted(set(now) | set(targets)):
            if now.get(site_code) != targets.get(site_code):
                old, new = now.get(site_code, "(not mapped)"), targets.get(site_code, "(not mapped)")
                done.changes.append(f"{entry.code}: {kind} {site_code} {old} → {new}")


def _write(db: apsw.Connection, systems: dict[str, SystemEntry], entries: list[_Entry]) -> None:
    write_systems(db, systems)
    for entry in entries:
        channel = _write_channel(db, entry)
        for kind, targets in entry.tables.items():
            now = _recorded(db, channel.id, kind)
            for site_code in set(now) | set(targets):
                if now.get(site_code) == targets.get(site_code):
                    continue
                if kind == PAID:
                    statuses = [word.strip() for word in targets.get(site_code, "").split(",") if word.strip()]
                    mappings.set_paid_statuses(db, channel.id, site_code, statuses)
                else:
                    mappings.map_to(db, channel.id, kind, site_code, targets.get(site_code))


def _write_channel(db: apsw.Connection, entry: _Entry) -> Channel:
    if entry.existing is None:
        return channels.add_channel(db, entry.values, {})
    changes = {name: value for name, value in entry.values.items() if value != entry.existing.values.get(name)}
    if not changes:
        return entry.existing
    saved = channels.save_channel(db, entry.existing.id, entry.existing.version, changes, {})
    if site_changed(entry.existing, changes, {}):
        channels.forget(db, saved.id)
    return saved
