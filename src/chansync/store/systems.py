"""Integration systems in the database: their settings, their sealed secrets, and what they told about themselves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import apsw

from chansync.db.settings import write_fields
from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.channel import IntegrationSystem
from chansync.model.errors import AlreadyExists, UsageError
from chansync.model.times import now_ms

#: The columns of a system, of ``integration_system s``, as ``from_row`` takes them.
COLUMNS = f"""s.id, s.code, s.name, s.kind, s.version, s.connected_at,
    (SELECT json_group_object(name, {stored_json.SQL_VALUE}) FROM system_parameter WHERE system_id = s.id),
    (SELECT json_group_object(name, set_at) FROM system_secret WHERE system_id = s.id)"""


def from_row(row: Iterable[Any]) -> IntegrationSystem:
    """A system from the values of ``COLUMNS``."""
    system_id, code, name, kind, version, connected_at, values, secrets = row
    found, unreadable = stored_json.fields(values)
    return IntegrationSystem(system_id, code, name, kind, found, json.loads(secrets), version, connected_at, unreadable)


def systems(db: apsw.Connection) -> list[IntegrationSystem]:
    """Every integration system, by code."""
    return [from_row(row) for row in db.execute(f"SELECT {COLUMNS} FROM integration_system s ORDER BY s.code")]


def system(db: apsw.Connection, code: str) -> IntegrationSystem:
    """The system of that code.

    Raises:
        UsageError: there is none.
    """
    for found in systems(db):
        if found.code == code:
            return found
    raise UsageError(f"There is no integration system {code!r:.60}. See: chansync system list")


def add_system(
    db: apsw.Connection,
    code: str,
    name: str,
    kind: str,
    values: Mapping[str, Any] | None = None,
    sealed: Mapping[str, bytes] | None = None,
) -> IntegrationSystem:
    """A new integration system from validated values.

    Raises:
        UsageError: the code is taken.
    """
    with transaction(db):
        if db.execute("SELECT 1 FROM integration_system WHERE code = ?", (code,)).get:
            raise AlreadyExists(
                f"There is an integration system {code!r} already. Change it: chansync system set {code} FIELD=VALUE"
            )
        db.execute(
            "INSERT INTO integration_system (code, name, kind, created_at) VALUES (?, ?, ?, ?)",
            (code, name, kind, now_ms()),
        )
        write_fields(db, "system", db.last_insert_rowid(), values or {}, sealed or {})
        return system(db, code)


def save_system(
    db: apsw.Connection,
    before: IntegrationSystem,
    name: str | None,
    values: Mapping[str, Any],
    sealed: Mapping[str, bytes],
) -> IntegrationSystem:
    """Write a new name (None: the old one), changed values and secrets over a system that was read in the caller's
    transaction."""
    db.execute(
        "UPDATE integration_system SET version = version + 1, name = coalesce(?, name) WHERE id = ?", (name, before.id)
    )
    write_fields(db, "system", before.id, values, sealed)
    return system(db, before.code)


def remove_system(db: apsw.Connection, code: str) -> None:
    """Remove a system that has no channels.

    Raises:
        UsageError: it has some.
    """
    with transaction(db):
        found = system(db, code)
        count = db.execute("SELECT count(*) FROM channel WHERE system_id = ?", (found.id,)).get
        if count:
            channels = "1 channel: remove it first" if count == 1 else f"{count} channels: remove them first"
            raise UsageError(f"The system {code!r} still has {channels}.")
        db.execute("DELETE FROM integration_system WHERE id = ?", (found.id,))


def note_connected(db: apsw.Connection, system_id: int) -> None:
    """Write that the system connected just now; not an edit, so the version stays."""
    with transaction(db):
        db.execute("UPDATE integration_system SET connected_at = ? WHERE id = ?", (now_ms(), system_id))


def lookups(db: apsw.Connection, system_id: int, kind: str) -> list[tuple[str, str]]:
    """What the system told of one kind (``place``: where it sells), as code and title, in its own order."""
    rows = db.execute(
        "SELECT code, title FROM system_lookup WHERE system_id = ? AND kind = ? ORDER BY position, code",
        (system_id, kind),
    )
    return [(code, title) for code, title in rows]


def replace_lookups(db: apsw.Connection, system_id: int, kind: str, values: Iterable[tuple[str, str]]) -> None:
    """Keep what the system tells now of one kind, in place of what it told before."""
    with transaction(db):
        db.execute("DELETE FROM system_lookup WHERE system_id = ? AND kind = ?", (system_id, kind))
        db.executemany(
            "INSERT OR REPLACE INTO system_lookup (system_id, kind, code, title, position) VALUES (?, ?, ?, ?, ?)",
            [(system_id, kind, code, title, position) for position, (code, title) in enumerate(values)],
        )
