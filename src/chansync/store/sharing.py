"""A database that several users share: group, setgid folder, and files that must belong to the daemon's user.

The folder of the service is ``2770``, of the daemon's user and the sysadmins' group. SQLite gives ``-wal`` and
``-shm`` the database's mode, and the folder gives them its group, so whoever opens the database first leaves nothing
behind that shuts the others out. What must be the daemon's alone, or is made by root, is looked after here.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path


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


def is_shared(folder: Path) -> bool:
    """Whether the folder is made for a group: setgid, and the group may write."""
    return folder.stat().st_mode & (stat.S_ISGID | stat.S_IWGRP) == stat.S_ISGID | stat.S_IWGRP


def daemon_user(folder: Path) -> int:
    """The user that the daemon of a database in this folder runs as: a shared folder's owner, else this user."""
    return folder.stat().st_uid if is_shared(folder) else os.geteuid()


def hand_over(path: Path) -> None:
    """Give what root made in a shared folder to the folder's owner; nothing for any other user or folder."""
    if os.geteuid() == 0 and is_shared(path.parent):
        folder = path.parent.stat()
        os.chown(path, folder.st_uid, folder.st_gid)


def group_of(folder: Path) -> str:
    """The name of the group that a folder is for, or the number where there is none."""
    number = folder.stat().st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def name_of(user: int) -> str:
    """A user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
