"""The files of the systemd service: where each is installed, and whether somebody has edited it.

Each installed file ends with a line with the digest of its contents. So a file that was edited by hand differs from one
of an earlier version: the first is overwritten only with ``force``, the second always.
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
    "chansync-backup.service": "etc/systemd/system/chansync-backup.service",
    "chansync-backup.timer": "etc/systemd/system/chansync-backup.timer",
    "sysusers.d/chansync.conf": "etc/sysusers.d/chansync.conf",
    "tmpfiles.d/chansync.conf": "etc/tmpfiles.d/chansync.conf",
}
#: Where a distribution's package has them. Those of ``PLACES`` would take precedence.
PACKAGED = {template: place.replace("etc/", "usr/lib/", 1) for template, place in PLACES.items()}

_MARK = "# Made by chansync service install, unchanged since: "
#: The first systemd with increasing restart delays; an older one would warn about the setting at each reload.
GROWING_DELAYS = 254
_DELAYS = re.compile(r"^# The delay grows.*\nRestartSteps=.*\nRestartMaxDelaySec=.*\n", re.MULTILINE)

_EXEC_START = re.compile(r"^ExecStart=/usr/bin/chansync ", re.MULTILINE)


class State(StrEnum):
    """How the installed file compares with the one that would be installed; ``HIDING``: it hides a package's."""

    MISSING = "missing"
    CURRENT = "current"
    OUTDATED = "outdated"
    EDITED = "edited"
    HIDING = "hiding"


@dataclass(frozen=True, slots=True)
class ServiceFile:
    """A file of the service: its path and contents."""

    path: Path
    text: str

    def state(self) -> State:
        """How the installed file compares.

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


def service_files(
    root: Path, program: list[str], systemd: int | None = None, *, packaged: bool = False
) -> list[ServiceFile]:
    """The files for a file system at ``root`` whose units start ``program`` (an absolute path, and arguments).

    Args:
        systemd: the version that will read them; None if unknown, as with another machine's file system.
        packaged: as a distribution's package has them: at its places, and without a digest, as the package manager
            knows what was edited.
    """
    start = f"ExecStart={' '.join(map(quoted, program))} "
    files = []
    for template, place in (PACKAGED if packaged else PLACES).items():
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        if systemd is not None and systemd < GROWING_DELAYS:
            text = _DELAYS.sub("", text)
        text = _EXEC_START.sub(lambda _: start, text)
        if not packaged:
            body = f"{text}\n"
            text = f"{body}{_MARK}{_digest(body)}\n"
        files.append(ServiceFile(root / place, text))
    return files


def quoted(word: str) -> str:
    """A word of a command line in a unit, with percent signs, dollars, quotes and backslashes escaped."""
    word = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", word, re.ASCII):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
