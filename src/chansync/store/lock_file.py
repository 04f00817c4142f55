"""Files that are there to be locked (``flock``): by the daemon's user and by everyone of its group."""

from __future__ import annotations

import contextlib
import os


def open_lock(path: str | os.PathLike[str]) -> int:
    """A descriptor of the lock file at ``path``, which is made where it is missing. Closing it lets go.

    A lock needs no right to write, so a colleague's file serves too, whatever his umask made of it.

    Raises:
        OSError: the file can be neither made nor read.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    # The umask may have taken the group's rights; only its owner can give them back.
    with contextlib.suppress(PermissionError):
        os.fchmod(descriptor, 0o660)
    return descriptor
