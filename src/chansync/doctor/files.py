"""Checks of the database's files: owners and modes, the private folder, and files that do not belong there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from chansync.db import private_files
from chansync.db.folders import group_of, is_private, is_shared, name_of, owner_of
from chansync.db.locations import private_folder
from chansync.doctor.findings import Finding, ok, problem, warning

#: A WAL file larger than this had no checkpoint for a long time, in bytes.
LARGE_WAL = 256 * 1024 * 1024

#: The command that repairs owners and modes.
REPAIR = "As root: chansync db repair"

# The files of a database that the whole group may use; and files that other programs keep beside it.
_COMPANIONS = ("", "-wal", "-shm")
_OTHERS = ("{name}.migrating", "{stem}.daemon", "{stem}.lock", ".{name}-litestream")


def files(database: Path) -> Iterator[Finding]:
    """Owners, groups and modes of the folders and what is in them. No link is followed."""
    found = [*_of_folder(database), *_of_files(database), *_of_private(database)]
    yield from found
    if not found:
        folder = database.parent
        shared = f" and shared by the group {group_of(folder)}" if is_shared(folder) else " alone"
        yield ok("permissions", f"{folder} is {name_of(folder.stat().st_uid)}'s{shared}.")
    yield from _log(database)
    yield from _copies(database)


def _of_folder(database: Path) -> Iterator[Finding]:
    folder, mode = database.parent, database.parent.stat().st_mode
    group = folder.stat().st_gid
    if mode & stat.S_IWOTH and not is_shared(folder):
        yield warning(
            "permissions", f"{folder} may be written by every user.", "Move the database to a folder of its own."
        )
    elif mode & stat.S_IWGRP and not mode & stat.S_ISGID and os.getgid() != group:
        yield warning(
            "permissions",
            f"{folder} may be written by its group but is not setgid: what one leaves behind shuts others out.", REPAIR,
        )  # fmt: skip
    elif mode & stat.S_ISGID and mode & stat.S_IRWXG and mode & stat.S_IRWXG != stat.S_IRWXG:
        yield problem("permissions", f"{folder} shuts members of its group {group_of(folder)} out.", REPAIR)
    if not is_shared(folder):
        return
    if mode & stat.S_IRWXO:
        yield warning("permissions", f"{folder} is open to every user.", REPAIR)
    if os.geteuid() not in (0, owner_of(folder)) and group not in (os.getegid(), *os.getgroups()):
        yield problem(
            "permissions", f"You are not in the group {group_of(folder)}.",
            f"As root: usermod -aG {group_of(folder)} {name_of(os.geteuid())}; then log in anew.",
        )  # fmt: skip


def _of_files(database: Path) -> Iterator[Finding]:
    folder = database.parent
    wrong = []
    for end in _COMPANIONS:
        found = _status(file := Path(f"{database}{end}"))
        if found is None or (not is_shared(folder) and stat.S_ISLNK(found.st_mode)):
            continue
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            yield problem(
                "permissions", f"{file} is {_kind(found)}, which chansync has not made: it is not used.", REPAIR
            )
        elif is_shared(folder) and (found.st_gid != folder.stat().st_gid or found.st_mode & 0o660 != 0o660):
            wrong.append(str(file))
        elif found.st_mode & stat.S_IRWXO and folder.stat().st_mode & stat.S_IXOTH:
            yield warning("permissions", f"{file} is open to every user.", "Mend it: chansync db repair")
        elif not end and not os.access(file, os.W_OK):
            yield problem(
                "permissions", f"{file} belongs to {name_of(found.st_uid)} and may not be written by you.",
                f"Run this as {name_of(found.st_uid)}, or share the folder: docs/operations.md, users and groups.",
            )  # fmt: skip
    if wrong:
        yield problem(
            "permissions", f"{' and '.join(wrong)} cannot be written by the whole group {group_of(folder)}.", REPAIR
        )
    if is_shared(folder) and (found := _status(Path(f"{database}-journal"))):
        yield problem(
            "permissions",
            f"{database}-journal, made by {name_of(found.st_uid)}, is not chansync's: a program that believes it would "
            "change the database, or remove files. Do not open the database by another program than chansync.", REPAIR,
        )  # fmt: skip
    if is_shared(folder) and (others := _others(database)):
        yield warning(
            "permissions", f"{folder} is for the database alone, and holds {', '.join(others)}.",
            f"See who put it there (ls -la {folder}), and remove it.",
        )  # fmt: skip


def _others(database: Path) -> list[str]:
    """The entries of the shared folder that are not chansync's, escaped for output."""
    known = {f"{database.name}{end}" for end in (*_COMPANIONS, "-journal")}
    known |= {each.format(name=database.name, stem=database.stem) for each in _OTHERS}
    try:
        names = sorted({*os.listdir(database.parent)} - known)
    except OSError:
        return []
    # A name may contain any characters, or be a temporary file that is just being written.
    shown = [ascii(name)[1:-1] for name in names if not name.startswith(f".{database.name}.")]
    return [*shown[:5], *([f"{len(shown) - 5} more"] if len(shown) > 5 else [])]


def _of_private(database: Path) -> Iterator[Finding]:
    folder = private_folder(database)
    if folder == database.parent:
        return
    found = _status(folder)
    if found is None:
        yield problem("permissions", f"The private folder {folder} is missing: keys and copies belong there.", REPAIR)
    elif not is_private(found, database.parent):
        yield problem(
            "permissions",
            f"The private folder {folder} is not {name_of(owner_of(database.parent))}'s alone ({_kind(found)} of "
            f"{name_of(found.st_uid)}, mode {stat.S_IMODE(found.st_mode):o}): what lies there is not trusted.", REPAIR,
        )  # fmt: skip


def _kind(found: os.stat_result) -> str:
    mode = found.st_mode
    for is_one, name in ((stat.S_ISLNK, "a link"), (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe")):
        if is_one(mode):
            return name
    return "a file with another name too" if stat.S_ISREG(mode) and found.st_nlink != 1 else "no file"


def _log(database: Path) -> Iterator[Finding]:
    found = _status(Path(f"{database}-wal"))
    if found and found.st_size > LARGE_WAL:
        yield warning(
            "write-ahead log", f"{database}-wal has {found.st_size // 2**20} MB: a program keeps an old state open.",
            f"See who has it open (fuser -v {database}), and end that program.",
        )  # fmt: skip


def _copies(database: Path) -> Iterator[Finding]:
    """The automatic copies; nothing if this user may not see them."""
    words = {"before": "from before an upgrade", "replaced": "from before a restore"}
    told = [f"{len(paths)} {words[kind]}" for kind, paths in private_files.copies(database).items() if paths]
    if told:
        paths = [path for paths in private_files.copies(database).values() for path in paths]
        size = sum(found.st_size for path in paths if (found := _status(path)))
        yield ok(
            "copies",
            f"{paths[0].parent} holds copies of the database: {', '.join(told)}, {size // 2**20 + 1} MB in all. "
            f"The newest {private_files.KEPT_COPIES} of each stay, the others for "
            f"{private_files.KEPT_SECONDS // 86_400} days.",
        )


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None
