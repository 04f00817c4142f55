"""What was typed into a form and not saved, in a file of the user's own: offered again at the next start.

Secrets are never in it. A draft is written while one types, so that a lost connection loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chansync.model.times import now_ms
from chansync.store.owner import is_surely_dead, process_owner


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


def _prefix(database: Path) -> str:
    return hashlib.sha256(str(database.absolute()).encode()).hexdigest()[:12]


def path_of(database: Path, kind: str, key: int | str | None) -> Path:
    """The file of this program's draft of one form on that database: two programs of one user keep their own."""
    named = hashlib.sha256(f"{kind}/{key}/{process_owner()}".encode()).hexdigest()[:12]
    return _folder() / f"{_prefix(database)}-{named}.json"


def keep(path: Path, title: str, data: dict[str, Any]) -> None:
    """Write the draft, in place of an earlier one.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"title": title, "at": now_ms(), "by": process_owner(), "form": data}, file)
    os.replace(new, path)


def drop(path: Path) -> None:
    """It was saved, or is not wanted any more."""
    path.unlink(missing_ok=True)


def found(database: Path, *, but: Collection[Path] = ()) -> list[Draft]:
    """The user's drafts on that database that nobody is typing into, the newest first.

    A file that cannot be read is none.

    Args:
        but: those that this program itself is typing into.
    """
    drafts = []
    for path in _folder().glob(f"{_prefix(database)}-*.json"):
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            form = kept["form"]
            whole = all(isinstance(form[name], dict) for name in ("base", "texts", "set_at")) and form["kind"]
            if whole and path not in but and not _is_in_use(str(kept["by"])):
                drafts.append(Draft(path, str(kept["title"]), int(kept["at"]), form))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(drafts, key=lambda draft: -draft.at)


def _is_in_use(by: str) -> bool:
    """Whether another program on this machine that still runs wrote it."""
    own = process_owner()
    same_machine = by.partition(":")[0] == own.partition(":")[0]
    return by != own and same_machine and not is_surely_dead(by)
