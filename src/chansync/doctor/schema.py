"""Check of the database's triggers and views: chansync's own must be unchanged, and there must be no others."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw

from chansync.db.opening import open_file
from chansync.db.upgrade import prepare
from chansync.doctor.findings import Finding, ok, problem

#: Name → kind and statement of triggers and views.
Actors = dict[str, tuple[str, str]]


def foreign(db: apsw.Connection) -> Iterator[Finding]:
    """Triggers and views that another program has added, changed or removed.

    Additional tables are allowed (Litestream has some); a trigger would be executed with the daemon's rights.
    """
    wanted, here = as_made(), actors(db)
    added = sorted(here.keys() - wanted.keys())
    for name in added[:5]:
        kind = here[name][0]
        yield problem(
            "database", f"The {kind} {name!r:.80} is not chansync's: it acts with every program that writes.",
            "See what it does, and remove it: sudo chansync db repair",
        )  # fmt: skip
    changed = sorted(name for name, made in wanted.items() if here.get(name) != made)
    if changed:
        yield problem(
            "database", f"Of chansync's own triggers and views, {', '.join(changed[:5])} were changed or removed.",
            "Stop the daemon and restore the last backup from before that: chansync db restore FILE",
        )  # fmt: skip
    if not added and not changed:
        yield ok("schema", "All triggers and views in the database belong to chansync.")


def as_made() -> Actors:
    """The triggers and views of a new database."""
    with tempfile.TemporaryDirectory(prefix="chansync-doctor-") as folder:
        path = Path(folder) / "chansync.db"
        prepare(path, create=True)
        with contextlib.closing(open_file(path)) as db:
            return actors(db)


def actors(db: apsw.Connection) -> Actors:
    """The triggers and views of a database."""
    query = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')"
    return {name: (kind, " ".join((sql or "").split())) for name, kind, sql in db.execute(query)}
