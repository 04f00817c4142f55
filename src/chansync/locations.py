"""Where the database and its companions are."""

from __future__ import annotations

import os
from pathlib import Path

from chansync import systemd_service
from chansync.db import folders

ENVIRONMENT_VARIABLE = "CHANSYNC_DB"

#: Where the service of this machine keeps its database.
SERVICE_DIRECTORY = Path(systemd_service.DIRECTORY)
#: And what is its user's alone.
SERVICE_PRIVATE_DIRECTORY = Path(systemd_service.PRIVATE_DIRECTORY)


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


def credential_directory() -> Path | None:
    """Where systemd puts the service's credentials; None outside a service that has some."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(given) if given else None


def private_folder(database: Path) -> Path:
    """The folder of what is the daemon's user's alone: keys and copies. For one user, that of the database."""
    return Path(folders.private_folder(database.parent))


def key_path(database: Path) -> Path:
    """The private key that opens the secrets: a systemd credential, or a file of mode 0600 in the private folder."""
    credentials = credential_directory()
    if credentials and (credentials / "chansync.key").exists():
        return credentials / "chansync.key"
    return key_file(database)


def key_file(database: Path) -> Path:
    """The file of the private key, where it is no credential."""
    return private_folder(database) / f"{database.stem}.key"


def public_key_file(database: Path) -> Path:
    """Where the daemon tells the group of a shared database its public key."""
    return private_folder(database) / f"{database.stem}.pub"
