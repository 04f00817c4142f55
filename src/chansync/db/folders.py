"""The two folders of an installation: the shared one with the database, and the private one.

Members of the group may rename and delete everything in the shared folder (2770): it contains only the database,
SQLite's files beside it, and an empty lock file. Keys, copies and other files that only the daemon's user may change
are in the private folder beside it, ``NAME-private`` (0710). An installation of one user has both in one folder.

Short commands use this module: keep its imports few.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat

_SUFFIX = "-private"

#: The modes of the two folders.
GROUPS_MODE, PRIVATE_MODE = 0o2770, 0o710


def is_shared(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder is shared: setgid and group-writable, or with a private folder of the same owner beside it."""
    try:
        found = os.stat(folder)
        shared = stat.S_ISGID | stat.S_IWGRP
        if found.st_mode & shared == shared:
            return True
        # Even if the mode was changed by mistake, the key must be found.
        beside = os.lstat(_beside(folder))
    except OSError:
        return False
    return stat.S_ISDIR(beside.st_mode) and beside.st_uid == found.st_uid


def private_folder(folder: str | os.PathLike[str]) -> str:
    """The private folder of the database in ``folder``; it may not exist."""
    return _beside(folder) if is_shared(folder) else os.fspath(folder)


def _beside(folder: str | os.PathLike[str]) -> str:
    return f"{os.path.realpath(folder)}{_SUFFIX}"


def owner_of(folder: str | os.PathLike[str]) -> int:
    """The user who runs the daemon of a database in this folder: the owner of a shared folder, else this user."""
    return os.stat(folder).st_uid if is_shared(folder) else os.geteuid()


def open_private(folder: str | os.PathLike[str]) -> int:
    """A descriptor of the private folder of the database in ``folder``; if missing, it is created for its owner.

    Raises:
        OSError: there is none, or others own it or may write in it, so that its files cannot be trusted.
    """
    private = private_folder(folder)
    if private != os.fspath(folder) and os.geteuid() == owner_of(folder):
        try:
            os.mkdir(private, 0o700)
            os.chown(private, -1, os.stat(folder).st_gid)
            os.chmod(private, PRIVATE_MODE)
        except OSError:
            pass
    flags = os.O_RDONLY if os.geteuid() == owner_of(folder) else os.O_PATH
    descriptor = os.open(private, flags | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if private != os.fspath(folder) and not is_private(os.fstat(descriptor), folder):
        os.close(descriptor)
        raise PermissionError(errno.EPERM, "it is not the daemon's user's alone", private)
    return descriptor


def is_private(found: os.stat_result, folder: str | os.PathLike[str]) -> bool:
    """Whether a folder with that status is private: owned by the shared folder's owner, and not writable for others."""
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner_of(folder) and not found.st_mode & 0o027


def group_of(folder: str | os.PathLike[str]) -> str:
    """The name of a folder's group, or its number if it has no name."""
    number = os.stat(folder).st_gid
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def name_of(user: int) -> str:
    """A user's name, or the number if it has none."""
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
