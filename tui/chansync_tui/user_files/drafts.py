"""Drafts: what was typed into a form and not saved, in a file of the user, offered again at the next start.

They never hold secrets. A draft is written while the user types, so that a lost connection loses nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chansync.db.process_locks import is_alive, process_owner
from chansync.model.errors import StoreError
from chansync.model.times import now_ms
from chansync_tui.user_files import write


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that was found. ``at``: when it was written, in UTC milliseconds."""

    path: Path
    title: str
    at: int
    data: dict[str, Any]


def _folder() -> Path:
    from platformdirs import user_state_path

    return user_state_path("chansync") / "drafts"


def _digest(text: str) -> str:
    # Imported here: at most starts there is no draft, and it takes half a megabyte.
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:12]


def prefix(database: Path) -> str:
    """What the names of the user's files about that database begin with."""
    return _digest(str(database.absolute()))


def path_of(database: Path, kind: str, key: int | str | None) -> Path:
    """The draft file of this process for one form and database; each process of a user has its own."""
    return _folder() / f"{prefix(database)}-{_digest(f'{kind}/{key}/{process_owner()}')}.json"


def keep(path: Path, title: str, data: dict[str, Any]) -> None:
    """Write the draft, replacing an earlier one.

    Raises:
        OSError: it cannot be written.
    """
    write(path, json.dumps({"title": title, "at": now_ms(), "by": process_owner(), "form": data}))


def found(database: Path, *, but: Collection[Path] = ()) -> list[Draft]:
    """The user's drafts for that database that no running program is typing into, the newest first.

    Unreadable files are ignored.

    Args:
        but: the drafts that this program is typing into.
    """
    drafts = []
    kept_here = list(_folder().glob("*.json"))
    beginning = f"{prefix(database)}-" if kept_here else ""
    for path in kept_here:
        if not path.name.startswith(beginning):
            continue
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            form = kept["form"]
            whole = all(isinstance(form[name], dict) for name in ("base", "texts", "set_at")) and form["kind"]
            if whole and path not in but and not _is_in_use(database, str(kept["by"])):
                drafts.append(Draft(path, str(kept["title"]), int(kept["at"]), form))
        except (OSError, ValueError, KeyError, TypeError, StoreError):
            continue
    return sorted(drafts, key=lambda draft: -draft.at)


def _is_in_use(database: Path, by: str) -> bool:
    """Whether it was written by another program on this machine that is still running."""
    return by != process_owner() and is_alive(str(database), by)
