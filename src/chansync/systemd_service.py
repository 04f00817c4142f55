"""The systemd service of this machine: which database it is for, how its daemon is started, whether it runs and why
it does not. Imports next to nothing: ``status`` asks it."""

from __future__ import annotations

import os

UNIT = "chansync.service"

#: How long systemd may take to answer, in seconds.
_PATIENCE = 5

_ASKED = ("ActiveState", "SubState", "UnitFileState", "ExecMainCode", "ExecMainStatus", "NRestarts", "StatusText")
#: ``ExecMainCode`` of a process that ended by itself (``CLD_EXITED``).
_EXITED = "1"

#: What systemd itself could not do before the daemon began (systemd.exec(5)).
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
    return ask().trouble


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


class ServiceState:
    """How the unit stands.

    Attributes:
        active: ``active``, ``failed``, ``inactive`` and so on, as ``systemctl is-active``; empty: systemd does not say.
        enabled: as ``systemctl is-enabled``; empty: not installed.
        restarts: how often it was started again by itself since somebody started it.
        is_waiting: it failed, and is started again after a while.
        exit_code: of the process that ended last; None: it was killed, or never ran.
        said: the last thing that the daemon told systemd of itself.
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
        """Why it does not run though it should, as a sentence; empty: nothing is wrong with it."""
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
    """How the service stands; says nothing where systemd is not this machine's init."""
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
