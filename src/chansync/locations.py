"""Where the database and its companions are."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT_VARIABLE = "CHANSYNC_DB"


def database_path(given: str | None = None) -> Path:
    """The database file: ``--db``, else ``CHANSYNC_DB``, else ``chansync.db`` in the user's state directory.

    Under systemd the unit sets ``STATE_DIRECTORY`` (``/var/lib/chansync``), which comes before the user's.
    """
    named = given or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    service_directory = os.environ.get("STATE_DIRECTORY")
    if service_directory:
        return Path(service_directory) / "chansync.db"
    # Imported here: the short commands are often given --db and then need no platformdirs.
    from platformdirs import user_state_path

    return user_state_path("chansync") / "chansync.db"


def key_path(database: Path) -> Path:
    """The private key that opens the secrets: a systemd credential, or a file of mode 0600 beside the database."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / "chansync.key").exists():
        return Path(credentials) / "chansync.key"
    return database.with_suffix(".key")
