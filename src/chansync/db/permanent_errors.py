"""Permanent errors of a database: neither waiting nor a restart helps, a person must act.

``DatabaseOlder`` is no such error: the daemon or ``chansync db upgrade`` upgrades it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from chansync.model.errors import StoreError


class Lasting(StoreError):
    """The database cannot be used until somebody does what the sentence says."""


class DatabaseDamaged(Lasting):
    """It is damaged, or not a database at all."""

    code = "database_damaged"


class DatabaseMoved(Lasting):
    """Its files were deleted, moved or replaced while it was open."""

    code = "database_moved"


class DatabaseMissing(Lasting):
    """There is a private key for it, but no database."""

    code = "database_missing"


class DatabaseForbidden(Lasting):
    """This user lacks the rights to it."""

    code = "database_forbidden"


class DatabaseNewer(Lasting):
    """Its schema is newer than this program."""

    code = "database_newer"


class DatabaseOlder(StoreError):
    """Its schema is older; only the daemon of its service or ``chansync db upgrade`` upgrades it."""

    code = "database_older"


class DatabaseForeign(Lasting):
    """It is a database of another program."""

    code = "database_foreign"


def is_forbidden(path: Path) -> bool:
    """Whether this user lacks the rights to the files. A file system that is mounted read-only does not count."""
    with contextlib.suppress(OSError):
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return False
    files = [f"{path}{end}" for end in ("", "-wal", "-shm")]
    return not os.access(path.parent, os.W_OK | os.X_OK) or any(
        os.path.exists(file) and not os.access(file, os.R_OK | os.W_OK) for file in files
    )
