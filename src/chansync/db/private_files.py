"""Files of the private folder: the keys, and copies of the database. Only its owner writes there."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Iterator
from pathlib import Path

from chansync.db import folders
from chansync.db.locations import private_folder
from chansync.db.lock_holders import is_alive
from chansync.db.permanent_errors import DatabaseForbidden
from chansync.model.times import from_ms, now_ms

#: How many copies of each kind are kept at any age, and how long others are kept, in seconds.
KEPT_COPIES, KEPT_SECONDS = 3, 30 * 86_400

#: The kinds of automatic copies, by the word in their name: from before an upgrade, and from before a restore.
KINDS = ("before", "replaced")


class PrivateRefused(DatabaseForbidden):
    """The private folder is missing or cannot be trusted, or is not this user's."""


@contextlib.contextmanager
def opened(database: Path) -> Iterator[int]:
    """A descriptor of the private folder of the database, for its owner.

    Raises:
        PrivateRefused: this user is not the owner, or there is no such folder.
    """
    folder = database.parent
    if os.geteuid() != (user := folders.owner_of(folder)):
        name = folders.name_of(user)
        raise PrivateRefused(
            f"Only {name}, the user of the daemon, and root may do this: run the command with sudo, or start the daemon"
        )
    try:
        descriptor = folders.open_private(folder)
    except OSError as error:
        raise PrivateRefused(
            f"The private folder {private_folder(database)} is missing or cannot be trusted "
            f"({error.strerror or error}). Make it, as root: chansync db repair"
        ) from None
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_file(database: Path, name: str, text: str, *, mode: int = 0o600, replace: bool = True) -> None:
    """Write a file of the private folder atomically, and wait until it is on the disk.

    Args:
        mode: 0600, or one that lets the group of the database's folder read it.
        replace: whether it replaces what is there; else what is there stays.

    Raises:
        PrivateRefused: as ``opened``.
    """
    with opened(database) as folder:
        # Always the same name, so that the next call overwrites what a killed process has left.
        unfinished = f".{name.partition('.before-')[0]}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unfinished, dir_fd=folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(unfinished, flags, 0o600, dir_fd=folder), "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            if mode != 0o600:
                group = database.parent.stat().st_gid
                # The service must not call chown; its own group is the folder's.
                if os.fstat(file.fileno()).st_gid != group:
                    os.fchown(file.fileno(), -1, group)
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        if replace:
            os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)
        else:
            with contextlib.suppress(FileExistsError):
                os.link(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            os.unlink(unfinished, dir_fd=folder)
        os.fsync(folder)


@contextlib.contextmanager
def work_file(folder: Path, name: str) -> Iterator[Path]:
    """An empty file ``.NAME.PID`` that nobody else can read, for SQLite; gone at the end, unless it was renamed."""
    path = folder / f".{name}.{os.getpid()}"
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        yield path
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            # On a read-only file system this fails even if the file does not exist.
            with contextlib.suppress(OSError):
                os.unlink(f"{path}{end}")


def sweep(folder: Path, begin: str) -> None:
    """Delete the temporary files of killed processes: ``.BEGIN….PID`` and SQLite's files beside them."""
    for left in folder.glob(f".{glob.escape(begin)}*"):
        pid = left.suffix[1:].partition("-")[0]
        if pid.isdigit() and not is_alive(int(pid)):
            left.unlink(missing_ok=True)


def stamp() -> str:
    """The time for the name of a copy, in UTC."""
    return f"{from_ms(now_ms()):%Y%m%d%H%M%S}"


def copies(database: Path) -> dict[str, list[Path]]:
    """The automatic copies of the database by kind, the newest first."""
    found = {kind: private_folder(database).glob(f"{glob.escape(database.stem)}.{kind}-*.db") for kind in KINDS}
    return {kind: sorted(paths, key=_made_at, reverse=True) for kind, paths in found.items()}


def _made_at(path: Path) -> str:
    found = re.search(r"\d{14}", path.name)
    return found[0] if found else ""


def clear_copies(database: Path) -> None:
    """Delete copies that are older than 30 days, except for the newest three of each kind."""
    oldest = f"{from_ms(now_ms() - KEPT_SECONDS * 1000):%Y%m%d%H%M%S}"
    for found in copies(database).values():
        for path in found[KEPT_COPIES:]:
            if _made_at(path) < oldest:
                with contextlib.suppress(OSError):
                    path.unlink()
