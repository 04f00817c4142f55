"""What a service that tells of problems may do on this machine: send, and nothing else.

Its address is typed by a member of the group, and works in the daemon, who alone may read the private key. Some of
apprise's services read files that their address names (templates, key files) and could send them anywhere; some act on
the machine itself. Python tells of every file that is opened and every program that is started (``sys.addaudithook``);
in the threads of notices, what does not belong to Python itself is refused.
"""

from __future__ import annotations

import contextlib
import functools
import mimetypes
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

#: Services that act on this machine instead of sending: its desktop, its log, its lamps, and files of settings.
LOCAL = frozenset({
    "blink1", "blink1s", "dbus", "file", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows",
})  # fmt: skip

_confined = threading.local()
_hooks: list[bool] = []

_FORBIDDEN = frozenset({
    "ctypes.dlopen", "os.chmod", "os.chown", "os.exec", "os.fork", "os.forkpty", "os.kill", "os.link", "os.listdir",
    "os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "os.spawn", "os.startfile", "os.symlink",
    "os.system", "pty.spawn", "shutil.copyfile", "shutil.move", "shutil.rmtree", "subprocess.Popen",
})  # fmt: skip

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class NotAllowed(PermissionError):
    """A service tried to do something else than sending."""


@contextlib.contextmanager
def confined() -> Iterator[None]:
    """Nothing that this thread does meanwhile opens a file of the machine or starts a program."""
    if not _hooks:
        # For the life of the process: Python knows no way to take one back.
        sys.addaudithook(_look)
        _hooks.append(True)
    _confined.here = True
    try:
        yield
    finally:
        _confined.here = False


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if not getattr(_confined, "here", False):
        return
    if event == "open":
        path, _, flags = arguments
        if not isinstance(path, int) and not _is_pythons(path, flags or 0):
            raise NotAllowed("a notice reads and writes no file of this machine: leave out what names one")
    elif event in _FORBIDDEN and not _is_of_import(event, arguments):
        raise NotAllowed("a notice starts and changes nothing on this machine")


def _is_of_import(event: str, arguments: tuple[Any, ...]) -> bool:
    """Python's search for a module lists the folders that modules are in."""
    return event == "os.listdir" and bool(arguments) and _is_pythons(arguments[0] or ".", 0)


def _is_pythons(path: Any, flags: int) -> bool:
    if flags & _WRITING:
        return False
    real = os.path.realpath(os.fsdecode(path))
    return real in _known_files() or any(
        real == folder or real.startswith(f"{folder}{os.sep}") for folder in _folders()
    )


@functools.cache
def _folders() -> tuple[str, ...]:
    """Where Python and its packages are: nothing secret is there."""
    named = {sys.prefix, sys.base_prefix, *(entry for entry in sys.path if os.path.isabs(entry))}
    # A program that was put at the root of the disk would allow everything.
    return tuple(folder for folder in map(os.path.realpath, named) if folder != os.sep)


@functools.cache
def _known_files() -> frozenset[str]:
    """Files that libraries look into on their way: types of files, and certificates."""
    return frozenset(map(os.path.realpath, [*mimetypes.knownfiles, "/etc/ssl/openssl.cnf"]))
