"""The lock files of a database that several users share."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def open_lock(path: str | os.PathLike[str]) -> int:
    """A descriptor of the lock file at ``path``, which is made where it is missing. Closing it lets go.

    A lock needs no right to write, so a colleague's file serves too, whatever his umask made of it.

    Raises:
        OSError: the file can be neither made nor read.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o660)
    except PermissionError:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    # The umask may have taken the group's rights. What holds anything is no lock file, and keeps its mode.
    if not os.fstat(descriptor).st_size:
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, 0o660)
    return descriptor


@contextlib.contextmanager
def daemons_lock(path: Path, taken: Exception) -> Iterator[None]:
    """Hold the lock that only one daemon of this machine holds on the database at ``path``.

    The kernel lets go of it when a process dies.

    Raises:
        Exception: ``taken``, where another holds it.
    """
    lock = open_lock(path.with_suffix(".daemon"))
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise taken from None
        yield
    finally:
        os.close(lock)


@contextlib.contextmanager
def migration_lock(path: Path) -> Iterator[None]:
    """Wait for, and hold, the lock under which the database at ``path`` is made or brought to a newer schema."""
    lock = open_lock(f"{path}.migrating")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
