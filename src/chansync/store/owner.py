"""Who holds a lease: a task of a process of a machine, and whether that process still lives."""

from __future__ import annotations

import functools
import itertools
import os

_counter = itertools.count(1)

_PROC = "/proc"

#: The number of the namespace of process ids that is not a container's (the kernel's ``PROC_PID_INIT_INO``).
_FIRST_NAMESPACE = 0xEFFFFFFC

#: Tasks of this process that ended and could not say so in the database.
_abandoned: set[str] = set()


def process_owner() -> str:
    """``host:pid:start`` of this process; ``start`` tells it from a later process with the same pid."""
    return f"{_host()}:{os.getpid()}:{_started(os.getpid())}"


def task_owner() -> str:
    """The process and a number that no other task of it has: two tasks of one process never share a lease."""
    return f"{process_owner()}:{next(_counter)}"


def abandon(owner: str) -> None:
    """Let go of what a task of this process holds, where the database does not take it now: others wait it out."""
    _abandoned.add(owner)


def is_surely_dead(owner: str) -> bool:
    """Whether the process of that lease is known to be gone; False for other machines, where nobody can tell."""
    if owner in _abandoned:
        return True
    host, pid, start, *_ = [*owner.split(":"), "", "", ""]
    if host != _host() or not pid.isdigit():
        return False
    started = _started(int(pid))
    # Where /proc hides other users' processes (hidepid, ProtectProc), a process that is there has no start to compare.
    return started != start and (started != "" or not _is_there(int(pid)))


@functools.cache
def _host() -> str:
    """The machine, and in a container which one: two of one name do not see each other's processes."""
    name = os.uname().nodename
    try:
        namespace = os.stat(f"{_PROC}/self/ns/pid").st_ino
    except OSError:
        return name
    return name if namespace == _FIRST_NAMESPACE else f"{name}@{namespace}"


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number, hidden from this user or not."""
    return _started(pid) != "" or _is_there(pid)


def _is_there(pid: int) -> bool:
    """Whether /proc hides a process of that number from this user."""
    if os.path.exists(f"{_PROC}/{pid}/stat"):
        # It ended and waits for its parent: nothing is hidden.
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def _started(pid: int) -> str:
    """When the process started, in the kernel's ticks since boot (``/proc/PID/stat``, field 22); empty when gone."""
    try:
        with open(f"{_PROC}/{pid}/stat") as file:
            text = file.read()
    except OSError:
        return ""
    # The second field is the command in brackets and may hold anything, brackets and blanks included.
    fields = text[text.rindex(")") + 2 :].split()
    return "" if fields[0] in ("Z", "X") else fields[19]
