"""Who sits at this terminal, and on which machine."""

from __future__ import annotations

import getpass
import os
import socket

from chansync.db import privileges
from chansync.db.folders import name_of


def user() -> str:
    """The user's name; the number where the system knows no name. Root, where the program gave root's rights up."""
    if privileges.caller() != os.getuid():
        return name_of(privileges.caller())
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def user_at_host() -> str:
    """``user@host`` for the header and for records of who asked."""
    return f"{user()}@{socket.gethostname()}"
