"""Who holds a lease: a task of a process of a machine, and whether that process still lives.

An owner is ``place:pid:start:task``. The place says which kernel's numbers the rest are: machines can have one name,
containers mostly have the same few process ids, and after a restart of the machine everything may come again, down to
the ticks at which a service starts.
"""

from __future__ import annotations

import functools
import itertools
import os

_counter = itertools.count(1)

_PROC = "/proc"

#: The number of the namespace of process ids that is not a container's (the kernel's ``PROC_PID_INIT_INO``).
_FIRST_NAMESPACE = "4026531836"

#: Tasks of this process that ended and could not say so in the database.
_abandoned: set[str] = set()


class _Place:
    """Where a process runs.

    Attributes:
        name: the machine's, for people; it can be changed while processes run.
        machine: what the system keeps to know a machine by (``/etc/machine-id``), shortened.
        boot: another one each time that the machine starts; empty where a sandbox hides it, as the service's does.
        pids: the namespace of its process ids: a container has its own.
        ticks: the namespace of its clock: the ticks at which processes started differ from one to another.
    """

    __slots__ = ("boot", "machine", "name", "pids", "ticks")

    def __init__(self, text: str) -> None:
        self.name, self.machine, self.boot, self.pids, self.ticks, *_ = [*text.split("/"), "", "", "", ""]

    def is_of_kernel(self, other: _Place) -> bool:
        """Whether it is of the same running kernel; where one of them could not tell, of the same machine."""
        if self.boot and other.boot:
            return self.boot == other.boot
        return (self.name, self.machine) == (other.name, other.machine)

    def was_before_restart_of(self, here: _Place) -> bool:
        """Whether it is the same machine as ``here`` before it was started anew; only outside of containers, whose
        image may give many of them one name and id."""
        return (
            not self.is_of_kernel(here)
            and self.machine != ""
            and (self.name, self.machine) == (here.name, here.machine)
            and self.pids == here.pids == _FIRST_NAMESPACE
        )


def process_owner() -> str:
    """``place:pid:start`` of this process; ``start`` tells it from a later process with the same pid."""
    return f"{_here_text()}:{os.getpid()}:{_own_start(os.getpid())}"


@functools.lru_cache(maxsize=1)
def _own_start(pid: int) -> str:
    # It does not change while the process lives; a fork has another number.
    return _started(pid)


def task_owner() -> str:
    """The process and a number that no other task of it has: two tasks of one process never share a lease."""
    return f"{process_owner()}:{next(_counter)}"


def abandon(owner: str) -> None:
    """Let go of what a task of this process holds, where the database does not take it now: others wait it out."""
    _abandoned.add(owner)


def is_surely_dead(owner: str) -> bool:
    """Whether the process of that lease is known to be gone; False where nobody can tell: on other machines, and in
    other containers."""
    if owner in _abandoned:
        return True
    place, pid, start, *_ = [*owner.split(":"), "", "", ""]
    there, here = _Place(place), _Place(_here_text())
    if there.was_before_restart_of(here):
        return True
    if not _sees(here, there) or not pid.isdigit():
        return False
    started = _started(int(pid))
    # Where /proc hides other users' processes (hidepid, ProtectProc), a process that is there has no start to compare.
    if started == "" or there.ticks != here.ticks:
        return not is_alive(int(pid))
    return started != start


def is_in_sight(owner: str) -> bool:
    """Whether this process would know it if the process of that lease were gone."""
    return _sees(_Place(_here_text()), _Place(owner.partition(":")[0]))


def is_of_this_kernel(owner: str) -> bool:
    """Whether the process of that lease is one of this kernel, perhaps in another container: locks of files hold
    between the two."""
    return _Place(owner.partition(":")[0]).is_of_kernel(_Place(_here_text()))


def _sees(here: _Place, there: _Place) -> bool:
    return there.is_of_kernel(here) and there.pids == here.pids


@functools.cache
def _here_text() -> str:
    name = os.uname().nodename.replace(":", "-").replace("/", "-")
    machine = _first_line("/etc/machine-id")[:12]
    boot = _first_line("/proc/sys/kernel/random/boot_id").replace("-", "")[:16]
    return "/".join((name, machine, boot, _namespace("/proc/self/ns/pid"), _namespace("/proc/self/ns/time")))


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return "".join(letter for letter in file.readline() if letter.isalnum() or letter == "-")
    except OSError:
        return ""


def _namespace(path: str) -> str:
    try:
        return str(os.stat(path).st_ino)
    except OSError:
        return ""


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
