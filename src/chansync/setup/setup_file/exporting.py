"""Writing a set-up as TOML, so that applying it to an empty database makes the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import tomlkit

from chansync import __version__
from chansync.model.channel import Channel
from chansync.model.channel_parameters import PARAMETERS, SECTIONS
from chansync.setup.erps import ERPS
from chansync.setup.setup_file import channel_part, ledger_part, settings_part, typed_part
from chansync.setup.setup_file.document import FORMAT, TABLES
from chansync.setup.setup_file.plan import exported
from chansync.setup.systems import SYSTEMS
from chansync.store import channels, mappings

#: The folder, beside the file, in which a written set-up looks for its secrets.
SECRETS_FOLDER = "secrets"

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")


def export(db: apsw.Connection) -> str:
    """The whole set-up. Secrets are not in it: it refers to a file for each."""
    document = _begin(
        f"The set-up of chansync {__version__}. Apply it with: chansync apply FILE",
        "A field that is not here gets its default. The secrets are in files of their own, or wherever you say:",
        '{file = "…"}, {credential = "…"} or {env = "…"}; chansync apply --keep-secrets leaves the stored ones alone.',
    )
    for kind, code, fields in ledger_part.export(db):
        _at(document, "ledger", kind).add(code, tomlkit.item(fields))
    for family in (ERPS, SYSTEMS):
        for thing in family.stored(db):
            fields, secrets = typed_part.export(family, thing)
            table = tomlkit.item(fields)
            for name in secrets:
                table.add(name, _reference(f"{family.section}.{thing.code}.{name}"))
            _at(document, family.section).add(thing.code, table)
    for channel in channels.all_channels(db):
        _at(document, "channels").add(channel.code, _channel(db, channel, references=True))
    fields, has_password, services = settings_part.export_notices(db)
    table = tomlkit.item(fields)
    if has_password:
        table.add("smtp_password", _reference("notices.smtp_password"))
    if fields or has_password or services:
        document.add("notices", table)
    for user, name in services:
        _at(document, "notices", settings_part.SERVICES, user).add(name, _reference(f"notices.{user}.{name}"))
    if kept := settings_part.export_retention(db):
        document.add("retention", tomlkit.item(kept))
    return tomlkit.dumps(document)


def export_channels(db: apsw.Connection, codes: Iterable[str] = ()) -> str:
    """The channels of those codes (none: all) with their systems and mappings. Secrets stand as comments.

    Raises:
        UsageError: there is no such channel.
    """
    wanted = [channels.channel(db, code) for code in codes] or channels.all_channels(db)
    kept = {channel.system.code: channel.system for channel in wanted}
    systems = [kept[code] for code in sorted(kept)] if codes else channels.systems(db)
    document = _begin(
        f"Channels of chansync {__version__}. Read it in with: chansync channel import FILE",
        "A field that is not here gets its default. Secrets are not here: enter them again.",
    )
    for system in systems:
        fields, secrets = typed_part.export(SYSTEMS, system)
        table = tomlkit.item(fields)
        for name in secrets:
            table.add(_secret(name, f"chansync system set {system.code} {name}=-"))
        _at(document, "systems").add(system.code, table)
    for channel in wanted:
        _at(document, "channels").add(channel.code, _channel(db, channel, references=False))
    return tomlkit.dumps(document)


def _begin(*comments: str) -> Any:
    document = tomlkit.document()
    for comment in comments:
        document.add(tomlkit.comment(comment))
    document.add("format", tomlkit.item(FORMAT))
    return document


def _at(document: Any, *path: str) -> Any:
    """The table of that path, which holds nothing but tables unless it was there before."""
    found = document
    for name in path:
        found = found.setdefault(name, tomlkit.table(is_super_table=True))
    return found


def _reference(name: str) -> Any:
    return tomlkit.inline_table().append("file", f"{SECRETS_FOLDER}/{_UNFIT.sub('_', name)}")


def _secret(name: str, enter: str) -> Any:
    return tomlkit.comment(f"{name} is secret. Enter it: {enter}")


def _channel(db: apsw.Connection, channel: Channel, *, references: bool) -> Any:
    table = tomlkit.table()
    section = 0
    for parameter in PARAMETERS:
        name = parameter.name
        value = None if parameter.is_secret or name == "code" else exported(parameter, channel.values.get(name))
        if value is None and name not in channel.secrets:
            continue
        if parameter.section != section:
            section = parameter.section
            table.add(tomlkit.nl())
            table.add(tomlkit.comment(SECTIONS[section]))
        if not parameter.is_secret:
            item = tomlkit.item(value)
            if parameter.label.lower() != name.replace("_", " "):
                item.comment(parameter.label)
            table.add(name, item)
        elif references:
            table.add(name, _reference(f"channels.{channel.code}.{name}"))
        else:
            table.add(_secret(name, f"chansync channel set {channel.code} {name}=-"))
    for kind in TABLES:
        if kind != channel_part.PAID:
            table.add(kind, _mappings(mappings.mappings(db, channel.id, kind)))
        elif paid := channel_part.recorded(db, channel.id, kind):
            table.add(kind, paid)
    return table


def _mappings(rows: Sequence[mappings.Mapping]) -> Any:
    table = tomlkit.table()
    for row in rows:
        title = _CONTROL.sub(" ", row.title)
        if row.target is None:
            name = tomlkit.item(row.site_code).as_string()
            table.add(tomlkit.comment(f"{name} is not mapped{title and f': {title}'}"))
            continue
        value = tomlkit.item(row.target)
        if title:
            value.comment(title)
        table.add(row.site_code, value)
    return table
