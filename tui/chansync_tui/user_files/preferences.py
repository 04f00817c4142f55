"""A user's preferences for the screens, in a small file of the user's own, not in the shared database.

Terminals with few colours have a theme of their own, as a theme that is readable in one may not be in the other.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from chansync_tui.list_view import Sort, View
from chansync_tui.user_files import write


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
    return _keep("The theme", {_name(): chosen})


def keys() -> Any:
    """The user's own keys, as they stand in the file."""
    return _read().get("keys", {})


def file_name() -> str:
    """The file, for sentences."""
    return str(_path()).replace(os.path.expanduser("~"), "~", 1)


def view(name: str) -> View:
    """The order and the columns that the user chose for the list of that name."""
    lists = _read().get("lists")
    found = lists.get(name) if isinstance(lists, dict) else None
    if not isinstance(found, dict):
        return View()
    hidden, title = found.get("hidden"), found.get("sort")
    texts = (each for each in hidden if isinstance(each, str)) if isinstance(hidden, list) else ()
    sort = Sort(title, found.get("descending") is True) if isinstance(title, str) else None
    return View(frozenset(texts), sort)


def keep_view(name: str, chosen: View) -> str:
    """Store how a list is looked at; a sentence if that fails, else an empty text."""
    lists = _read().get("lists")
    kept: dict[str, Any] = {"hidden": sorted(chosen.hidden)} if chosen.hidden else {}
    if chosen.sort is not None:
        kept |= {"sort": chosen.sort.title, "descending": chosen.sort.descending}
    others = {each: told for each, told in lists.items() if each != name} if isinstance(lists, dict) else {}
    return _keep("The order of the list", {"lists": {**others, **({name: kept} if kept else {})}})


def _keep(what: str, fields: dict[str, Any]) -> str:
    path = _path()
    try:
        write(path, json.dumps(_read() | fields, indent=2) + "\n")
    except OSError as error:
        return f"{what} is not stored: {path} cannot be written ({error.strerror or error})."
    return ""
