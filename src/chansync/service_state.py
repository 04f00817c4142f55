"""What systemd knows of the service of this machine: whether it runs, and why it does not. Imports next to nothing."""

from __future__ import annotations

import os
import subprocess

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
    command = ["systemctl", "show", UNIT, *(f"--property={name}" for name in _ASKED)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ServiceState({})
    return ServiceState(dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))
