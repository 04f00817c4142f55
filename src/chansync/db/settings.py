"""Settings of the installation: names and texts."""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction

#: Which database it is: made with it, and kept by every copy.
INSTANCE_ID = "instance_id"

#: When the database was backed up last, UTC milliseconds.
BACKED_UP_AT = "backed_up_at"

# Of a time: enough for thirty thousand years.
_DIGITS = 15


def get(db: apsw.Connection, name: str) -> str | None:
    """The setting's text, or None."""
    value: str | None = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).get
    return value


def moment(db: apsw.Connection, name: str) -> int | None:
    """A setting that is a time, in UTC milliseconds; None where there is none, and where it is nonsense."""
    text = get(db, name)
    return int(text) if text and len(text) <= _DIGITS and text.isdecimal() else None


def put(db: apsw.Connection, name: str, value: str) -> None:
    """Set it."""
    with transaction(db):
        db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))
