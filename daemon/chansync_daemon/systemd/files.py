"""The files that make chansync a service of this machine: where each goes, and whether somebody has edited it.

Each file that is put in place ends with a line that holds the digest of what stands before it. So a file that was
edited by hand is told from one that an earlier version made: the first is never overwritten unasked, the second is.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_TEMPLATES = Path(__file__).parent

#: Template, beside this module → place under the root of the file system.
PLACES = {
    "chansync.service": "etc/systemd/system/chansync.service",
    "sysusers.d/chansync.conf": "etc/sysusers.d/chansync.conf",
    "tmpfiles.d/chansync.conf": "etc/tmpfiles.d/chansync.conf",
}

_MARK = "# Made by chansync service install, unchanged since: "
#: The first systemd that knows growing delays; an older one warns of them at each reload.
GROWING_DELAYS = 254
_DELAYS = re.compile(r"^# Each start that fails.*\nRestartSteps=.*\nRestartMaxDelaySec=.*\n", re.MULTILINE)

_EXEC_START = re.compile(r"^ExecStart=.*$", re.MULTILINE)


class State(StrEnum):
    """How the file in place compares with the one that would be put there."""

    MISSING = "missing"
    CURRENT = "current"
    OUTDATED = "outdated"
    EDITED = "edited"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A file of the service: where it goes, and what it should hold."""

    path: Path
    text: str

    def state(self) -> State:
        """How what is there now compares.

        Raises:
            OSError: it cannot be read.
        """
        try:
            there = self.path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return State.MISSING
        if there == self.text:
            return State.CURRENT
        body, mark, digest = there.rpartition(_MARK)
        return State.OUTDATED if mark and digest.strip() == _digest(body) else State.EDITED


def service_files(root: Path, program: list[str], systemd: int | None = None) -> list[ServiceFile]:
    """The files for a file system at ``root`` whose service starts ``program`` (an absolute path, and arguments).

    Args:
        systemd: the version that will read them; None: not known, as with another machine's file system.
    """
    start = f"ExecStart={' '.join(map(quoted, program))} daemon"
    files = []
    for template, place in PLACES.items():
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        if systemd is not None and systemd < GROWING_DELAYS:
            text = _DELAYS.sub("", text)
        body = _EXEC_START.sub(lambda _: start, text) + "\n"
        files.append(ServiceFile(root / place, f"{body}{_MARK}{_digest(body)}\n"))
    return files


def quoted(word: str) -> str:
    """A word of a command line in a unit: percent signs, dollars, quotes and backslashes stand for themselves."""
    word = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", word, re.ASCII):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
