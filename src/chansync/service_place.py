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
    return "systemctl start chansync" if is_service(database) else "chansync daemon"


def service_trouble(database: str) -> str:
    """Why the service does not run, as a sentence, where it is this database's; empty: nothing is known to be wrong."""
    if not is_service(database):
        return ""
    from chansync import service_state

    return service_state.ask().trouble


def how_to_restart(database: str, pid: int, *, hangs: bool = False) -> str:
    """The command that ends the daemon's process and starts it again.

    Args:
        hangs: it does not listen to an ordinary signal; its stack then goes to its log.
    """
    if is_service(database):
        return "systemctl restart chansync"
    return f"kill {'-ABRT ' if hangs else ''}{pid}, then chansync daemon"


def how_to_take_over(database: str) -> str:
    """The command that starts the daemon here though one of another machine may still work."""
    return "chansync service take-over" if is_service(database) else "chansync daemon --take-over"


def is_service(database: str) -> bool:
    """Whether it is the database of this machine's service, whose unit is installed."""
    is_its_file = database == f"{DIRECTORY}/chansync.db"
    return is_its_file and any(os.path.exists(f"{folder}/chansync.service") for folder in _UNIT_FOLDERS)
