"""The copies that upgrades of the schema make of the database before they change it."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from chansync.db.version import SCHEMA_VERSION
from chansync.locations import private_folder


def newest_that_fits(database: Path) -> Path | None:
    """The newest copy from before an upgrade that this program can work with; None where there is none, or none that
    this user may see."""
    pattern = re.compile(re.escape(database.stem) + r"\.before-\d+-(\d+)-from-(\d+)\.db")
    found = []
    folder = private_folder(database)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            match = pattern.fullmatch(name)
            if match and int(match[2]) <= SCHEMA_VERSION:
                found.append((match[1], folder / name))
    return max(found)[1] if found else None


def newer_sentence(database: Path, version: int) -> str:
    """Why a database with a newer schema cannot be used, and both ways out; without a full stop."""
    told = (
        f"{database} was written by a newer chansync (schema {version}, this program knows {SCHEMA_VERSION}). Upgrade "
        "this program"
    )
    copy = newest_that_fits(database)
    if copy is None:
        return told
    return f"{told}. Or go back to how it was before the upgrade, with the daemon stopped: chansync db restore {copy}"
