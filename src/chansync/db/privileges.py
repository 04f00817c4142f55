"""Dropping privileges: a command that root runs first switches to the owner of the database's folder.

Users who may write in a folder can replace any name in it by a link, so root's rights are given up before anything is
opened there. Files that the caller names as arguments are opened before that (``open_named``, ``open_folder``), without
following links that another user may have created.

Short commands use this module: keep its imports few.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Callable

from chansync.db.folders import is_shared, private_folder

_LINKS = 40
_here = os.path.dirname(os.path.abspath(__file__))
_caller: int | None = None


def caller() -> int:
    """The user who runs the command, also after ``become_owner``."""
    return os.getuid() if _caller is None else _caller


def become_owner(database: str, before: Callable[[], None] = lambda: None) -> None:
    """If this process runs as root and the folder belongs to another user, switch to that user permanently.

    Args:
        before: called first, still as root.

    Raises:
        OSError: root owns the folder and others may write there, or its owner cannot run this program.
    """
    if os.geteuid() != 0:
        return
    folder = os.path.dirname(database)
    found = _stranger(folder)
    if found is None:
        return
    before()
    global _caller
    _caller = os.getuid()
    user = found.st_uid
    home, group, groups = _account(user, found.st_gid)
    # In a shared folder new files belong to its group, as those that the service creates.
    group = found.st_gid if found.st_mode & stat.S_ISGID else group
    os.setgroups([*{*groups, group}])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    # The home of the service's user may be the shared folder, where members could place configuration files.
    os.environ["HOME"] = private_folder(folder) if is_shared(folder) else home
    for name in [name for name in os.environ if name.startswith("XDG_")]:
        del os.environ[name]
    for part in (os.path.join(_here, "__init__.py"), os.path.realpath(sys.executable), os.__file__):
        if not os.access(part, os.R_OK):
            sentence = f"the owner of {folder} cannot run this program: install it where every user can read it"
            raise PermissionError(errno.EACCES, sentence, part)


def _account(user: int, group: int) -> tuple[str, int, list[int]]:
    """A user's home, primary group and all groups; for an unknown user only the group given."""
    import pwd

    try:
        found = pwd.getpwuid(user)
    except KeyError:
        return "/", group, []
    return found.pw_dir, found.pw_gid, os.getgrouplist(found.pw_name, found.pw_gid)


def _stranger(folder: str) -> os.stat_result | None:
    """The status of the first part of the path that root does not own; None if root owns all of it."""
    at, ahead, links = "/", _steps(folder), 0
    while ahead:
        step = os.path.normpath(os.path.join(at, ahead.pop()))
        try:
            found = os.lstat(step)
        except FileNotFoundError:
            return None
        if found.st_uid != 0:
            return found
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), folder)
            ahead += _steps(os.readlink(step))
            continue
        if _is_open_to_others(found):
            raise PermissionError(
                errno.EPERM,
                "the folder is root's and others may write there: give it to a user of its own (chown)",
                step,
            )
        at = step
    return None


def may_be_replaced(folder: str, owner: int) -> bool:
    """Whether other users than root and ``owner`` may replace entries of the folder."""
    at = os.path.realpath(folder)
    while True:
        found = os.lstat(at)
        if found.st_uid not in (0, owner) or _is_open_to_others(found):
            return True
        if at == "/":
            return False
        at = os.path.dirname(at)


def _is_open_to_others(folder: os.stat_result) -> bool:
    """Whether other users than the owner may replace entries of the folder."""
    return bool(folder.st_mode & 0o022) and not folder.st_mode & stat.S_ISVTX


def _steps(path: str) -> list[str]:
    """The parts of the path, the last one first; an absolute path begins with the root."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    return [*reversed(names), "/"] if path.startswith("/") else names[::-1]


def open_folder(path: str) -> int:
    """A descriptor of a folder that the caller names.

    Raises:
        OSError: it cannot be opened; for root also if the path contains a link that another user may have created.
    """
    return open_named(os.path.join(path, "."), os.O_PATH | os.O_DIRECTORY)


def open_named(path: str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a file that the caller names; opening it does not block, even if it is a pipe.

    Raises:
        OSError: as ``open_folder``.
    """
    flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    if os.geteuid() != 0:
        return os.open(path, flags)
    is_open = re.fullmatch(r"/(?:dev/fd|proc/self/fd)/(\d+)|/dev/stdin", path)
    if is_open:
        # A file that the shell has opened, for example with <(COMMAND).
        return os.dup(int(is_open[1] or 0))
    path = os.path.abspath(path) if not path.endswith("/.") else os.path.abspath(path) + "/."
    at = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        ahead, links, is_safe = [name for name in _steps(path) if name != "/"], 0, True
        if path.endswith("/."):
            ahead.insert(0, ".")
        while len(ahead) > 1 or _is_link(at, ahead[0]):
            name = ahead.pop()
            found = os.stat(name, dir_fd=at, follow_symlinks=False)
            if not stat.S_ISLNK(found.st_mode):
                below = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at, there = below, os.fstat(below)
                is_safe = is_safe and there.st_uid == 0 and not _is_open_to_others(there)
                continue
            links += 1
            if found.st_uid != 0 or not is_safe or links > _LINKS:
                raise OSError(
                    errno.ELOOP, "a link is on the way that another user can have made: name where it leads", path
                )
            target = os.readlink(name, dir_fd=at)
            if target.startswith("/"):
                os.close(at)
                at = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            ahead += [step for step in _steps(target) if step != "/"]
        return os.open(ahead[0], flags | os.O_NOFOLLOW, dir_fd=at)
    finally:
        os.close(at)


def _is_link(folder: int, name: str) -> bool:
    try:
        return name != "." and stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
