"""Which processes hold a lock on a file, as the kernel tells it; nothing where it does not."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: The byte of the file of shared memory that a writer locks (SQLite's ``WAL_WRITE_LOCK``).
_WRITE_LOCK = 120

_databases: set[Path] = set()


def holders(found: os.stat_result, locks: str = "/proc/locks", byte: int | None = None) -> list[int]:
    """Processes of this machine that hold a lock on a file.

    Args:
        found: the file's status.
        byte: only locks for writing on that byte.
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


def remember(database: Path) -> None:
    """Look at this database's writers from now on. It may be closed again when a failure is put into a sentence."""
    _databases.add(database)


def who_writes() -> str:
    """Who holds the databases that this process has opened, for a sentence: `` (process 12 …)``; empty where nobody
    knows."""
    for database in _databases:
        with contextlib.suppress(OSError):
            # By its name alone: opening and closing the file itself would lose SQLite's locks.
            found = os.stat(f"{database}-shm")
            for pid in holders(found, byte=_WRITE_LOCK):
                # Of another container no number is told.
                if pid > 0 and pid != os.getpid():
                    stopped = f", which is stopped: kill -CONT {pid} lets it go on" if is_stopped(pid) else ""
                    return f" (process {pid}{stopped})"
    return ""


def is_stopped(pid: int) -> bool:
    """Whether the process was stopped by a signal or a debugger and does nothing until it is told to go on."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return False
    return text[text.rindex(")") + 2 :][:1] in ("T", "t")
