"""Root becomes the owner of the database's folder."""

from __future__ import annotations

import os
import sys

from chansync.model.errors import UsageError


def become_owner(database: str | os.PathLike[str]) -> None:
    """If root runs the command, switch to the owner of the database's folder; files that it named are opened before.

    Raises:
        UsageError: the folder is root's and open to others, or its owner cannot run this program.
    """
    if os.geteuid() != 0:
        return
    from chansync.db import privileges

    try:
        privileges.become_owner(os.path.abspath(database), _open_what_was_named)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}.") from None


def _open_what_was_named() -> None:
    named = sys.modules.get("chansync.cli.support.named_files")
    if named:
        named.secure()
