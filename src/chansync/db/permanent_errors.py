"""States of a database that last: waiting or starting again mends none of them, a person does.

``Lasting``
 ├ ``DatabaseDamaged``    it is not sound, or no database at all
 ├ ``DatabaseMoved``      its files were deleted, moved or replaced while it was open
 ├ ``DatabaseMissing``    it is not where a private key says that there was one
 ├ ``DatabaseForbidden``  owner, group or mode keep this user from it
 ├ ``DatabaseNewer``      a newer chansync wrote it
 └ ``DatabaseForeign``    another program's

Beside them ``DatabaseOlder``: another program than this one brings its schema up to date.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from chansync.model.errors import StoreError


class Lasting(StoreError):
    """The database cannot be used until somebody does what the sentence says."""


class DatabaseDamaged(Lasting):
    """Its pages do not hold what they should."""

    code = "database_damaged"


class DatabaseMoved(Lasting):
    """The database's files are no longer those that are open."""

    code = "database_moved"


class DatabaseMissing(Lasting):
    """There was a database here, and it is gone."""

    code = "database_missing"


class DatabaseForbidden(Lasting):
    """This user may not use it."""

    code = "database_forbidden"


class DatabaseNewer(Lasting):
    """Its schema is newer than this program."""

    code = "database_newer"


class DatabaseOlder(StoreError):
    """Its schema is older, and only the daemon of its service, or ``chansync db upgrade``, changes that."""

    code = "database_older"


class DatabaseForeign(Lasting):
    """It is a database, and not one of chansync's."""

    code = "database_foreign"


def is_forbidden(path: Path) -> bool:
    """Whether owner, group or mode keep this user from the files. A disk that is read-only for all does not count."""
    with contextlib.suppress(OSError):
        if os.statvfs(path.parent).f_flag & os.ST_RDONLY:
            return False
    files = [f"{path}{end}" for end in ("", "-wal", "-shm")]
    return not os.access(path.parent, os.W_OK | os.X_OK) or any(
        os.path.exists(file) and not os.access(file, os.R_OK | os.W_OK) for file in files
    )
