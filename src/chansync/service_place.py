"""Where the service of this machine is, and how its daemon is started. Imports next to nothing: ``status`` asks it."""

from __future__ import annotations

import os

#: The unit's ``StateDirectory``.
DIRECTORY = "/var/lib/chansync"

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")


def how_to_start(database: str) -> str:
    """The command that starts the daemon of this database on this machine."""
    is_service = database == f"{DIRECTORY}/chansync.db"
    if is_service and any(os.path.exists(f"{folder}/chansync.service") for folder in _UNIT_FOLDERS):
        return "systemctl start chansync"
    return "chansync daemon"
