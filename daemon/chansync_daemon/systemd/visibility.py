"""Whether the service's user, inside its sandbox, can run this installation of the program."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import chansync

#: Folders that the unit hides (ProtectHome, PrivateTmp).
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")

_INSTALL = """Install it anew where every user can run it, and then let that one install the service:
  venv  python3 -m venv /opt/chansync; /opt/chansync/bin/pip install …
  pipx  PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install …
  uv    UV_TOOL_DIR=/opt/uv UV_PYTHON_INSTALL_DIR=/opt/uv-python \\
        UV_TOOL_BIN_DIR=/usr/local/bin uv tool install --compile-bytecode …"""


def this_program() -> list[str]:
    """The command that starts this installation: its script if there is one, else its interpreter."""
    script = Path(sys.executable).with_name("chansync")
    if os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", "chansync"]


def parts_of_this_program() -> list[Path]:
    """The paths that must be accessible to start it: script, interpreter (often a link), libraries, code."""
    import apsw
    import click

    named = [this_program()[0], sys.executable, sys.base_prefix, apsw.__file__, click.__file__, chansync.__file__]
    return [Path(name).absolute() for name in named]


def why_hidden(parts: list[Path]) -> str:
    """What of the program the service cannot access, and what to do; empty if it can access everything."""
    for part in parts:
        for place in dict.fromkeys((part, part.resolve())):
            for folder in (*_HOMES, *_TEMPORARY):
                if place.is_relative_to(folder):
                    return f"{place} is under {folder}, which the service cannot see.\n{_INSTALL}"
            closed = next((parent for parent in place.parents if _is_closed(parent)), None)
            if closed:
                return f"{closed}, on the way to {place}, is closed to other users: run chmod o+x {closed}."
    return ""


def _is_closed(folder: Path) -> bool:
    try:
        return not stat.S_IMODE(folder.stat().st_mode) & 0o001
    except OSError:
        # It does not exist, or is in a closed folder, which is reported itself.
        return False
