"""The paths of the database, the keys and the private folder."""

from __future__ import annotations

import os
from pathlib import Path

from chansync import systemd_service
from chansync.db import folders

ENVIRONMENT_VARIABLE = "CHANSYNC_DB"

#: Where the service of this machine keeps its database.
SERVICE_DIRECTORY = Path(systemd_service.DIRECTORY)
#: The private folder of the service.
SERVICE_PRIVATE_DIRECTORY = Path(systemd_service.PRIVATE_DIRECTORY)


def path_of(text: str) -> Path:
    """The path that was typed, with ``~`` and ``~user`` expanded; where there is no such user it stays as typed."""
    return Path(os.path.expanduser(text))


def database_path(given: str | None = None) -> Path:
    """The database file: ``--db``, else ``CHANSYNC_DB``, else ``chansync.db`` in the unit's ``STATE_DIRECTORY``, or in
    the user's; on a machine with the service, the service's where the user has none of his own."""
    named = given or os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return path_of(named).absolute()
    service_directory = os.environ.get("STATE_DIRECTORY")
    if service_directory:
        return Path(service_directory) / "chansync.db"
    # Imported here, because short commands with --db do not need platformdirs.
    from platformdirs import user_state_path

    own = user_state_path("chansync") / "chansync.db"
    if not own.exists() and SERVICE_DIRECTORY.is_dir():
        return SERVICE_DIRECTORY / "chansync.db"
    return own


def credential_directory() -> Path | None:
    """The directory of the systemd credentials of this process; None if it has none."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    return Path(given) if given else None


def private_folder(database: Path) -> Path:
    """The folder for keys and copies, which only the daemon's user may write. With one user: the database's folder."""
    return Path(folders.private_folder(database.parent))


def key_path(database: Path) -> Path:
    """The private key for the secrets: a systemd credential, or a file of mode 0600 in the private folder."""
    credentials = credential_directory()
    if credentials and (credentials / "chansync.key").exists():
        return credentials / "chansync.key"
    return key_file(database)


def key_file(database: Path) -> Path:
    """The file of the private key, if it is not a credential."""
    return private_folder(database) / f"{database.stem}.key"


def public_key_file(database: Path) -> Path:
    """The file in which the daemon publishes its public key, if the database is shared."""
    return private_folder(database) / f"{database.stem}.pub"
