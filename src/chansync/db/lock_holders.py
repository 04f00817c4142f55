"""Which processes hold a lock on a file, from ``/proc/locks``; none where it cannot be read."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: The byte of the -shm file that a writer locks (SQLite's ``WAL_WRITE_LOCK``).
_WRITE_LOCK = 120

_databases: set[str] = set()


def holders(found: os.stat_result, locks: str = "/proc/locks", byte: int | None = None) -> list[int]:
    """Processes of this machine that hold a lock on a file.

    Args:
        found: the file's status.
        byte: only write locks on that byte.
    """
    wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    try:
        with open(locks, encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    # "1: FLOCK  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"; a waiting one has "->" after its number.
    held = [fields for line in lines if "->" not in line and len(fields := line.split()) > 7 and fields[5] == wanted]
    if byte is not None:
        held = [fields for fields in held if fields[3] == "WRITE" and fields[6].isdigit() and _covers(fields, byte)]
    return sorted({int(fields[4]) for fields in held})


def _covers(fields: list[str], byte: int) -> bool:
    return int(fields[6]) <= byte and (not fields[7].isdigit() or byte <= int(fields[7]))


def remember(database: str | Path) -> None:
    """Include this database in ``who_writes`` from now on, also after it was closed."""
    _databases.add(str(database))


def who_writes() -> str:
    """Which process is writing to a database that this process has opened, for a message: `` (process 12 …)``; empty
    if unknown."""
    for database in _databases:
        with contextlib.suppress(OSError):
            # stat by name: opening and closing the file would release SQLite's locks on it.
            found = os.stat(f"{database}-shm")
            for pid in holders(found, byte=_WRITE_LOCK):
                # A process of another container has no number here.
                if pid > 0 and pid != os.getpid():
                    is_stopped = _state(pid) in ("T", "t")
                    stopped = f", which is stopped: kill -CONT {pid} lets it go on" if is_stopped else ""
                    return f" (process {pid}{stopped})"
    return ""


def who_has_open(database: str | Path) -> str:
    """Which process has a database open, for a message: `` (process 12)``; empty if unknown."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        found = [pid for pid in holders(os.stat(f"{database}-shm")) if pid > 0 and pid != os.getpid()]
    one = len(found) == 1
    return f" (process{'' if one else 'es'} {', '.join(map(str, found))})" if found else ""


def process_state(database: str, pid: int) -> str:
    """The state of a process that has the database open, as a letter of proc(5): ``T`` stopped by a signal, ``t`` by a
    debugger, ``D`` waiting for the disk. Empty if that process does not have it open or cannot be seen from here, for
    example from another container."""
    with contextlib.suppress(OSError):
        if pid in holders(os.stat(f"{database}-shm")):
            return _state(pid)
    return ""


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ""
    return text[text.rindex(")") + 2 :][:1]


def is_alive(pid: int) -> bool:
    """Whether a process with that number exists in this namespace, of any user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
