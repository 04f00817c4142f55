"""Where the database and its companions are."""

from __future__ import annotations

import os
from pathlib import Path

ENVIRONMENT_VARIABLE = "CHANSYNC_DB"

#: Where the service of this machine keeps its database (the unit's ``StateDirectory``).
SERVICE_DIRECTORY = Path("/var/lib/chansync")

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")


def database_path(given: str | None = None) -> Path:
    """The database file: ``--db``, else ``CHANSYNC_DB``, else ``chansync.db`` in the user's state directory.

    Under systemd the unit sets ``STATE_DIRECTORY`` (``/var/lib/chansync``), which comes before the user's. Who has
    none of his own, on a machine with the service, means the service's.
    """
    named = given or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    service_directory = os.environ.get("STATE_DIRECTORY")
    if service_directory:
        return Path(service_directory) / "chansync.db"
    # Imported here: the short commands are often given --db and then need no platformdirs.
    from platformdirs import user_state_path

    own = user_state_path("chansync") / "chansync.db"
    if not own.exists() and SERVICE_DIRECTORY.is_dir():
        return SERVICE_DIRECTORY / "chansync.db"
    return own


def how_to_start(database: Path | str) -> str:
    """The command that starts the daemon of this database on this machine."""
    is_service = Path(database) == SERVICE_DIRECTORY / "chansync.db"
    if is_service and any(os.path.exists(f"{folder}/chansync.service") for folder in _UNIT_FOLDERS):
        return "systemctl start chansync"
    return "chansync daemon"


def key_path(database: Path) -> Path:
    """The private key that opens the secrets: a systemd credential, or a file of mode 0600 beside the database."""
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    if credentials and (Path(credentials) / "chansync.key").exists():
        return Path(credentials) / "chansync.key"
    return database.with_suffix(".key")
