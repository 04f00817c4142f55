"""A moment of both sides that can be gone back to: the folder of the database, and a fake site in memory."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

import apsw

#: What differs between two runs that came to the same: times, leases, who did it and how often it was tried.
_VOLATILE = {
    "at", "count", "run_id", "owner", "lease_until", "sealed", "cursor", "result", "progress", "host", "pid", "facts",
    "next_try_at", "looked_at", "changed_at", "raw",
}  # fmt: skip
_LEFT_OUT = ("run", "run_total", "daemon", "_sqlite_migrations", "setting", "erp_event")
#: Made from the messages.
_DERIVED = ("message_text", "message_pieces")


class Snapshot:
    """Both sides as they are now."""

    def __init__(self, path: Path, site: Any, keep: Path) -> None:
        self._folder, self._site, self._keep = path.parent, site, keep
        shutil.rmtree(keep, ignore_errors=True)
        shutil.copytree(self._folder, keep)
        self._memory = self._copy(site.__dict__)

    def _copy(self, memory: dict[str, Any]) -> dict[str, Any]:
        known = {id(self._site): self._site, id(self._site.lock): self._site.lock}
        if hooks := getattr(self._site, "webhooks", None):
            # Its thread delivers to nobody here.
            known[id(hooks)] = hooks
        copied: dict[str, Any] = copy.deepcopy(memory, known)
        return copied

    def restore(self) -> None:
        """Go back to it; nobody may have the database open."""
        shutil.rmtree(self._folder)
        shutil.copytree(self._keep, self._folder)
        with self._site.lock:
            self._site.__dict__.update(self._copy(self._memory))


def contents(path: Path, volatile: frozenset[str] = frozenset()) -> dict[str, list[tuple[Any, ...]]]:
    """What the database holds, without what differs between two runs that came to the same, as ``volatile`` does too:
    names of tables, and of columns as ``table.column``."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        found: dict[str, list[tuple[Any, ...]]] = {}
        tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        for (table,) in db.execute(tables).fetchall():
            if table in _LEFT_OUT or table in volatile or table.startswith(_DERIVED):
                continue
            names = [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
            left_out = {name for name in names if name in _VOLATILE or f"{table}.{name}" in volatile}
            kept = [name for name in names if name not in left_out and not name.endswith("_at")]
            listed = ", ".join(f'"{name}"' for name in kept)
            found[table] = sorted(db.execute(f'SELECT {listed} FROM "{table}"').fetchall(), key=repr)
        found["erp_event"] = db.execute("SELECT sale_id, kind FROM erp_event ORDER BY id").fetchall()
        found["schema"] = db.execute("SELECT type, name FROM sqlite_schema ORDER BY 1, 2").fetchall()
        found["integrity"] = db.execute("PRAGMA integrity_check").fetchall()
        found["pointers"] = db.execute("PRAGMA foreign_key_check").fetchall()
        return found
    finally:
        db.close()


def differences(before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]) -> list[str]:
    """A sentence for each table that is not the same."""
    told = []
    for table in before.keys() | after.keys():
        expected, found = before.get(table, []), after.get(table, [])
        if expected != found:
            lacking = [row for row in expected if row not in found][:2]
            extra = [row for row in found if row not in expected][:2]
            told.append(f"{table}: lacks {lacking!r:.400}, has besides {extra!r:.400}")
    return told
