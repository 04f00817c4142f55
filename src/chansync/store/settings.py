"""Settings of the installation: names and texts."""

from __future__ import annotations

import apsw

from chansync.store.transaction import transaction

#: When the database was backed up last, UTC milliseconds.
BACKED_UP_AT = "backed_up_at"


def get(db: apsw.Connection, name: str) -> str | None:
    """The setting's text, or None."""
    value: str | None = db.execute("SELECT value FROM setting WHERE name = ?", (name,)).get
    return value


def put(db: apsw.Connection, name: str, value: str) -> None:
    """Set it."""
    with transaction(db):
        db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))
