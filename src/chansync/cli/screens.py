"""Showing the screens, without the tree of commands: it would be a tenth of their start and of their memory."""

from __future__ import annotations

import sys

from chansync.cli.support.session import become_owner
from chansync.db.locations import database_path


def are_meant(arguments: list[str]) -> bool:
    """Whether the command line says so at first sight: it is empty, or names a database and nothing else."""
    match arguments:
        case []:
            return are_possible()
        case ["--db", path]:
            # Whatever is wrong with the path is told by the tree.
            return bool(path.strip()) and path.isprintable() and are_possible()
    return False


def are_possible() -> bool:
    """Whether there is a terminal to show them on."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def show(database: str | None = None) -> int:
    """Run the screens for a database, or for the usual one; the exit code."""
    from chansync_tui.start import run

    path = database_path(database)
    become_owner(path)
    return run(path)
