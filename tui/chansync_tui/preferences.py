"""A user's preferences for the screens, in a small file of the user's own, not in the shared database.

Terminals with few colours have a theme of their own, as a theme that is readable in one may not be in the other.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def _path() -> Path:
    """In the folder that platformdirs would name; importing it would slow down every start."""
    config = os.environ.get("XDG_CONFIG_HOME", "").strip() or os.path.expanduser("~/.config")
    return Path(config, "chansync", "screens.json")


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_path().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _name() -> str:
    return "theme of few colours" if os.environ.get("TEXTUAL_THEME") else "theme"


def theme() -> str:
    """The theme that the user chose last for this kind of terminal, or an empty text."""
    found = _read().get(_name())
    return found if isinstance(found, str) else ""


def keep_theme(chosen: str) -> str:
    """Store the theme; a sentence if that fails, else an empty text."""
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Replaced atomically: another program may write at the same moment.
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(json.dumps(_read() | {_name(): chosen}, indent=2) + "\n", "utf-8")
        fresh.replace(path)
    except OSError as error:
        return f"The theme is not stored: {path} cannot be written ({error.strerror or error})."
    return ""
