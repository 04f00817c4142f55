"""The database's files: who may read and write them, the private key, and what killed programs left behind."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from chansync.doctor.findings import Finding, ok, problem, warning
from chansync.store.sharing import group_of, is_shared, name_of

#: A write-ahead log that is larger was not taken into the database for long, in bytes.
LARGE_WAL = 256 * 1024 * 1024

# What belongs to a database and is for the whole group.
_COMPANIONS = ("", "-wal", "-shm")


def files(database: Path) -> Iterator[Finding]:
    """Owners, groups and modes of the folder and what is in it; what was left behind."""
    folder = database.parent
    if is_shared(folder):
        yield from _shared(database)
    else:
        yield from _own(database)
    yield from _log(database)


def _shared(database: Path) -> Iterator[Finding]:
    folder = database.parent
    owner, group = folder.stat().st_uid, folder.stat().st_gid
    if database.is_symlink():
        yield problem(
            "permissions", f"{database} is a link, and the whole group may put links there: no program follows it.",
            f"See who made it (ls -l {database}), remove it, and put the database itself there.",
        )  # fmt: skip
        return
    wrong = []
    for name in _COMPANIONS:
        file = Path(f"{database}{name}")
        found = _stat(file)
        if found and (found.st_gid != group or stat.S_IMODE(found.st_mode) & 0o660 != 0o660):
            wrong.append(str(file))
    if wrong:
        yield problem(
            "permissions", f"{' and '.join(wrong)} cannot be written by the whole group {group_of(folder)}.",
            f"As root: chgrp {group_of(folder)} {' '.join(wrong)}; chmod 660 {' '.join(wrong)}",
        )  # fmt: skip
    if folder.stat().st_mode & 0o007:
        yield warning("permissions", f"{folder} is open to every user.", f"As root: chmod o= {folder}")
    if os.geteuid() not in (0, owner) and group not in (os.getegid(), *os.getgroups()):
        yield problem(
            "permissions", f"You are not in the group {group_of(folder)}.",
            f"As root: usermod -aG {group_of(folder)} {name_of(os.geteuid())}; then log in anew.",
        )  # fmt: skip
    if not wrong:
        yield ok("permissions", f"{folder} is {name_of(owner)}'s and shared by the group {group_of(folder)}.")


def _own(database: Path) -> Iterator[Finding]:
    folder, found = database.parent, _stat(database)
    mode = folder.stat().st_mode
    if mode & stat.S_IWOTH:
        yield warning(
            "permissions", f"{folder} may be written by every user.", "Move the database to a folder of its own (2770)."
        )
    elif found and mode & stat.S_IWGRP and found.st_mode & stat.S_IWGRP and os.getgid() != folder.stat().st_gid:
        yield warning(
            "permissions",
            f"{folder} may be written by its group but is not setgid: what one leaves behind shuts others out.",
            f"chmod 2770 {folder}",
        )
    elif found and found.st_mode & 0o007 and mode & stat.S_IXOTH:
        yield warning("permissions", f"{database} is open to every user.", f"chmod o= {database}")
    else:
        yield ok("permissions", f"{folder} is {name_of(folder.stat().st_uid)}'s alone.")
    if found and not os.access(database, os.W_OK):
        yield problem(
            "permissions", f"{database} belongs to {name_of(found.st_uid)} and may not be written by you.",
            f"Run this as {name_of(found.st_uid)}, or share the folder: docs/operations.md, users and groups.",
        )  # fmt: skip


def _log(database: Path) -> Iterator[Finding]:
    found = _stat(Path(f"{database}-wal"))
    if found and found.st_size > LARGE_WAL:
        yield warning(
            "write-ahead log", f"{database}-wal has {found.st_size // 2**20} MB: a program keeps an old state open.",
            "See who has it open (fuser -v FILE), and end that program.",
        )  # fmt: skip


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
