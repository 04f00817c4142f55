"""Where a backup goes, and what it may replace."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from chansync.cli.support.named_files import OutputFile
from chansync.cli.support.session import Session
from chansync.db.folders import is_shared, private_folder
from chansync.db.rotation import STAMP
from chansync.model.errors import AlreadyExists, UsageError
from chansync.model.times import here


def backup_target(session: Session, target: str, *, force: bool) -> OutputFile:
    """The file that a backup is written to.

    Raises:
        UsageError: the target is a folder that is not there.
    """
    database, path = session.named_path, Path(target)
    if target.endswith("/") and not path.is_dir():
        raise UsageError(f"There is no folder {target} (is its disk mounted?). Nothing was copied.")
    if path.is_dir():
        path = path / f"{database.stem}-{here():{STAMP}}.db"
    output = OutputFile(path, check=lambda folder, name: _refuse(database, path, folder, name, force))
    output.replaces = force
    return output


def _refuse(database: Path, path: Path, folder: int, name: str, force: bool) -> None:
    """Refuse a target that a copy must not stand at: before it is made, which may take a while."""
    if _is_own(database, path, folder, name):
        raise UsageError(f"{path} is a file that belongs to the database. Name another file, in a folder of your own.")
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError):
        if path.samefile(database):
            raise UsageError(f"{path} is the database itself.")
    if not force:
        raise AlreadyExists(f"{path} is there already. Name another file, or give --force.")
    if stat.S_ISLNK(found.st_mode):
        return
    # Somebody who mistypes a name as root loses no device, no key and no document.
    if not stat.S_ISREG(found.st_mode) or (found.st_size and not _begins_as_database(folder, name)):
        raise UsageError(f"{path} is no database, and a copy replaces nothing else. Name another file.")
    try:
        os.stat(f"{name}-wal", dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise UsageError(f"{path} is a database that somebody has open. Name another file.")


def _is_own(database: Path, path: Path, folder: int, name: str) -> bool:
    """Whether the target is one of the installation's own files; its two folders, where they are shared, are for
    nothing else."""
    there = os.fstat(folder)
    for own in {str(database.parent), private_folder(database.parent)}:
        try:
            found = os.stat(own)
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (there.st_dev, there.st_ino):
            stem = database.stem
            names = (*(f"{database.name}{end}" for end in ("-wal", "-shm", "-journal", ".migrating")),
                     *(f"{stem}.{end}" for end in ("daemon", "lock", "key", "pub")))  # fmt: skip
            return is_shared(database.parent) or name in names
    return False


def _begins_as_database(folder: int, name: str) -> bool:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read(16) == b"SQLite format 3\0"
