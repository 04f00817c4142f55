"""What a user did in the screens in earlier sessions, for each database, in a file of the user."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from chansync_tui.user_files import write

#: So many actions are kept.
MOST = 200

#: From this size on, in bytes, the file is shortened to them.
_LONGEST = 128 * 1024


def _path(database: Path) -> Path:
    from platformdirs import user_state_path

    from chansync_tui.user_files.drafts import prefix

    return user_state_path("chansync") / "actions" / f"{prefix(database)}.jsonl"


def keep(database: Path, session: str, at: int, what: str) -> None:
    """Write down an action; where that fails, it is only known to this session.

    Args:
        session: names this session, unlike any other.
        at: UTC milliseconds.
    """
    path = _path(database)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps([session, at, what]) + "\n")
            size = file.tell()
        if size > _LONGEST:
            write(path, "".join(f"{json.dumps(each)}\n" for each in _read(path)))


def earlier(database: Path, session: str) -> list[tuple[int, str]]:
    """When, in UTC milliseconds, and what was done in other sessions than this one, the newest first."""
    return [(at, what) for by, at, what in reversed(_read(_path(database))) if by != session]


def _read(path: Path) -> list[tuple[str, int, str]]:
    """The last actions of the file; lines that cannot be read are left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines[-MOST:]:
        with contextlib.suppress(ValueError, TypeError):
            by, at, what = json.loads(line)
            found.append((str(by), int(at), str(what)))
    return found
