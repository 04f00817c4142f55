"""Settings of the installation, and the fields of channels, systems and connected ERPs: names and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.model.times import now_ms

#: The id of the database: created with it, and the same in every copy.
INSTANCE_ID = "instance_id"

#: When the database was backed up last, UTC milliseconds.
BACKED_UP_AT = "backed_up_at"

#: The folder of that backup.
BACKED_UP_IN = "backed_up_in"

# How the tables of what has fields begin, by the word for it, which their column of its id begins with.
_TABLES = {"channel": "channel", "system": "system", "erp": "connected_erp"}

# The longest time that is accepted, in digits.
_DIGITS = 15


def get(db: apsw.Connection, name: str) -> str | None:
    """The setting's text, or None."""
    value: str | None = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).get
    return value


def moment(db: apsw.Connection, name: str) -> int | None:
    """A setting that is a time, in UTC milliseconds; None if it is missing or invalid."""
    text = get(db, name)
    return int(text) if text and len(text) <= _DIGITS and text.isdecimal() else None


def put(db: apsw.Connection, name: str, value: str) -> None:
    """Set it."""
    with transaction(db):
        db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))


def write_fields(
    db: apsw.Connection, owner: str, owner_id: int, values: Mapping[str, Any], sealed: Mapping[str, bytes]
) -> None:
    """Write values and sealed secrets of a ``channel``, ``system`` or ``erp`` over those that are there."""
    table = _TABLES[owner]
    db.executemany(
        f"INSERT OR REPLACE INTO {table}_parameter ({owner}_id, name, value) VALUES (?, ?, ?)",
        [(owner_id, name, json.dumps(value, ensure_ascii=False)) for name, value in values.items()],
    )
    db.executemany(
        f"INSERT OR REPLACE INTO {table}_secret ({owner}_id, name, sealed, set_at) VALUES (?, ?, ?, ?)",
        [(owner_id, name, secret, now_ms()) for name, secret in sealed.items()],
    )
