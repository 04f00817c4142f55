"""A database that several users share: group, setgid folder, and files that must belong to the daemon's user.

The folder of the service is ``2770``, of the daemon's user and the sysadmins' group. SQLite gives ``-wal`` and
``-shm`` the database's mode, and the folder gives them its group, so whoever opens the database first leaves nothing
behind that shuts the others out. What must be the daemon's alone, or is made by root, is looked after here.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from chansync.model.errors import StoreError


def is_shared(folder: Path) -> bool:
    """Whether the folder is made for a group: setgid, and the group may write."""
    return folder.stat().st_mode & (stat.S_ISGID | stat.S_IWGRP) == stat.S_ISGID | stat.S_IWGRP


def daemon_user(folder: Path) -> int:
    """The user that the daemon of a database in this folder runs as: a shared folder's owner, else this user."""
    return folder.stat().st_uid if is_shared(folder) else os.geteuid()


def refuse_link(path: Path) -> None:
    """Make sure that nobody of the group has put a link in the place of a database, for root or the daemon to follow.

    Raises:
        StoreError: it is a link, in a folder that others may write.
    """
    if path.is_symlink() and is_shared(path.parent):
        raise StoreError(
            f"{path} is a link, in a folder that a whole group may write: where it leads is not believed. See who made "
            "it (ls -l), remove it, and put the database itself there."
        )


@contextlib.contextmanager
def made_for_daemon(path: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """A new file of that mode and its descriptor; it is the daemon's, also where root makes it. Gone at the end, unless
    it was renamed.

    No name is followed and none believed twice: members of the group may put links into the folder at any moment.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _give(descriptor, path.parent)
        os.fchmod(descriptor, mode)
        yield path, descriptor
    finally:
        os.close(descriptor)
        path.unlink(missing_ok=True)


def hand_over(path: Path, mode: int | None = None) -> None:
    """Give what root made in a shared folder to the folder's owner; nothing for any other user or folder.

    Args:
        mode: what it is to have, whoever made it, if that is ours to set.

    Raises:
        OSError: it is no file of its own, but a link.
    """
    # By a descriptor that only names the file: opening and closing a database would let go of SQLite's locks.
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(errno.EMLINK, "it is no file of its own", str(path))
        itself = f"/proc/self/fd/{descriptor}"
        _give(itself, path.parent)
        if mode is not None:
            with contextlib.suppress(PermissionError):
                os.chmod(itself, mode)
    finally:
        os.close(descriptor)


def _give(file: int | str, folder: Path) -> None:
    if os.geteuid() == 0 and is_shared(folder):
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid)


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
