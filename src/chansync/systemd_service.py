"""The systemd service of this machine: its database, the commands that start and restart it, and why it does not run.

``status`` uses this module: keep its imports few.
"""

from __future__ import annotations

import os

UNIT = "chansync.service"
#: The timer of the backups.
TIMER = "chansync-backup.timer"

#: Time limit for systemd's response, in seconds.
_PATIENCE = 5

_ASKED = ("ActiveState", "SubState", "UnitFileState", "ExecMainCode", "ExecMainStatus", "NRestarts", "StatusText")
#: ``ExecMainCode`` of a process that ended by itself (``CLD_EXITED``).
_EXITED = "1"

#: Exit codes of systemd for what failed before the daemon started (systemd.exec(5)).
_OF_SYSTEMD = {
    200: "its folder cannot be entered",
    203: "the program cannot be started: is chansync still where the unit says? (chansync service install)",
    217: "there is no user chansync (chansync service install)",
    226: "a folder that the unit or a drop-in names is not there",
    238: "its folder /var/lib/chansync cannot be made",
    243: "its credential cannot be decrypted on this machine (docs/operations.md, the private key as a credential)",
}

#: The unit's ``StateDirectory``.
DIRECTORY = "/var/lib/chansync"

#: The private folder.
PRIVATE_DIRECTORY = "/var/lib/chansync-private"

_UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system")


#: What is done with a daemon → the command for this machine's service, and for any other.
_COMMANDS = {
    "start": ("systemctl start chansync", "chansync daemon"),
    "stop": ("systemctl stop chansync", "kill {pid}"),
    "restart": ("systemctl restart chansync", "kill {pid}, then chansync daemon"),
    # One that hangs does not react to SIGTERM; SIGABRT writes its stack to the log.
    "restart hung": ("systemctl restart chansync", "kill -ABRT {pid}, then chansync daemon"),
    # Although one on another machine may still run.
    "take over": ("chansync service take-over", "chansync daemon --take-over"),
}


def how_to(do: str, database: str, pid: int = 0) -> str:
    """The command that does this with the daemon of this database, whose process is ``pid``: a key of ``_COMMANDS``."""
    return _COMMANDS[do][not is_service(database)].format(pid=pid)


def service_trouble(database: str) -> str:
    """Why the service of this database does not run, as a sentence; empty: it is not a service, or nothing is wrong."""
    return ask().trouble if is_service(database) else ""


def is_service(database: str) -> bool:
    """Whether it is the database of this machine's service, and the unit is installed."""
    is_its_file = database == f"{DIRECTORY}/chansync.db"
    return is_its_file and any(os.path.exists(f"{folder}/chansync.service") for folder in _UNIT_FOLDERS)


def has_backups(database: str) -> bool:
    """Whether the backups of this database are the matter of a timer of this machine that is not masked."""
    if not is_service(database):
        return False
    found = [f"{folder}/{TIMER}" for folder in _UNIT_FOLDERS if os.path.lexists(f"{folder}/{TIMER}")]
    return bool(found) and os.path.realpath(found[0]) != os.devnull


class ServiceState:
    """The state of the unit.

    Attributes:
        active: ``active``, ``failed``, ``inactive`` and so on, as ``systemctl is-active``; empty: unknown.
        enabled: as ``systemctl is-enabled``; empty: not installed.
        restarts: how often systemd has restarted it since it was started manually.
        is_waiting: it failed, and will be restarted after a delay.
        exit_code: of the process that ended last; None: it was killed, or never ran.
        said: the last status line that the daemon sent to systemd.
    """

    __slots__ = ("active", "enabled", "exit_code", "is_waiting", "restarts", "said")

    def __init__(self, told: dict[str, str]) -> None:
        self.active = told.get("ActiveState", "")
        self.enabled = told.get("UnitFileState", "")
        restarts = told.get("NRestarts", "")
        self.restarts = int(restarts) if restarts.isdigit() else 0
        self.is_waiting = told.get("SubState", "").startswith("auto-restart")
        status = told.get("ExecMainStatus", "")
        self.exit_code = int(status) if told.get("ExecMainCode") == _EXITED and status.isdigit() else None
        self.said = told.get("StatusText", "")

    @property
    def trouble(self) -> str:
        """Why it does not run although it should, as a sentence; empty: nothing is wrong."""
        ended = "was killed" if self.exit_code is None else f"ended with exit code {self.exit_code}"
        reason = _OF_SYSTEMD.get(self.exit_code or 0, self.said)
        said = f": {reason}" if reason else ""
        if self.active == "failed":
            return f"The service {ended} and is not started again{said}"
        if self.is_waiting:
            often = f", {self.restarts} times so far" if self.restarts else ""
            return f"The service {ended} and is started again in a while{often}{said}"
        return ""


def ask() -> ServiceState:
    """The state of the service; everything in it is empty if this machine does not run systemd."""
    if not os.path.isdir("/run/systemd/system"):
        return ServiceState({})
    # Imported here: it takes longer to load than a short command runs.
    import subprocess

    command = ["systemctl", "show", UNIT, *(f"--property={name}" for name in _ASKED)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ServiceState({})
    return ServiceState(dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))
