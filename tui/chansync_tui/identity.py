"""Who sits at this terminal, and on which machine."""

from __future__ import annotations

import getpass
import os
import socket


def user() -> str:
    """The user's name; the number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def user_at_host() -> str:
    """``user@host`` for the header and for records of who asked."""
    return f"{user()}@{socket.gethostname()}"
