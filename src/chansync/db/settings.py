"""Settings of the installation: names and texts."""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction

#: The id of the database: created with it, and the same in every copy.
INSTANCE_ID = "instance_id"

#: When the database was backed up last, UTC milliseconds.
BACKED_UP_AT = "backed_up_at"

#: The folder of that backup.
BACKED_UP_IN = "backed_up_in"

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
