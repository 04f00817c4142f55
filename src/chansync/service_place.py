"""Where the service of this machine is, and how its daemon is started. Imports next to nothing: ``status`` asks it."""

from __future__ import annotations

import os

#: The unit's ``StateDirectory``.
DIRECTORY = "/var/lib/chansync"

#: What is its user's alone.
PRIVATE_DIRECTORY = "/var/lib/chansync-private"

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")


def how_to_start(database: str) -> str:
    """The command that starts the daemon of this database on this machine."""
    return "systemctl start chansync" if _is_service(database) else "chansync daemon"


def service_trouble(database: str) -> str:
    """Why the service does not run, as a sentence, where it is this database's; empty: nothing is known to be wrong."""
    if not _is_service(database):
        return ""
    from chansync import service_state

    return service_state.ask().trouble


def how_to_restart(database: str, pid: int) -> str:
    """The command that ends the daemon's process and starts it again."""
    return "systemctl restart chansync" if _is_service(database) else f"kill {pid}, then chansync daemon"


def _is_service(database: str) -> bool:
    is_its_file = database == f"{DIRECTORY}/chansync.db"
    return is_its_file and any(os.path.exists(f"{folder}/chansync.service") for folder in _UNIT_FOLDERS)
