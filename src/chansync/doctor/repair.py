"""``chansync db repair``: owners and modes of the files, and triggers and views that are not chansync's."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw

from chansync.db import privileges
from chansync.db.folders import GROUPS_MODE, PRIVATE_MODE, is_private, is_shared, name_of
from chansync.db.locations import key_file, private_folder
from chansync.db.opening import open_file
from chansync.db.process_locks import lock_path
from chansync.db.transaction import transaction
from chansync.db.upgrade import prepare
from chansync.doctor.files import _COMPANIONS
from chansync.doctor.findings import Finding, ok, problem
from chansync.model.errors import StoreError

#: Name → kind and statement of triggers and views.
_Actors = dict[str, tuple[str, str]]

# The first bytes of an SQLite file. No other file is made accessible to the group, whatever its name.
_BEGINNINGS = {
    "": (b"SQLite format 3\0",),
    "-wal": (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"),
    "-shm": (b"\x18\xe2\x2d\x00", b"\x00\x2d\xe2\x18"),
}


def files(database: Path) -> Iterator[str]:
    """Repair the owners and modes of a database's folders and files; returns a sentence for each step.

    Every step uses a descriptor, not a name, because a member of the group could replace a name by a link. Root keeps
    its rights for this, because the files may belong to any user.

    Raises:
        OSError: this user lacks the rights.
        StoreError: others may replace the folder itself.
    """
    folder = privileges.open_folder(str(database.parent))
    try:
        yield from _folder(database, folder)
        if is_shared(database.parent):
            yield from _private(database, folder)
        for end in _COMPANIONS:
            with contextlib.suppress(FileNotFoundError):
                yield from _file(database, end, folder)
        if is_shared(database.parent):
            for path in (Path(f"{database}-journal"), Path(lock_path(database))):
                with contextlib.suppress(FileNotFoundError):
                    yield from _planted(path, folder)
    finally:
        os.close(folder)


def _folder(database: Path, folder: int) -> Iterator[str]:
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    was_meant = mode & stat.S_ISGID and mode & stat.S_IRWXG
    is_half = mode & stat.S_IWGRP and not mode & stat.S_IWOTH
    if mode != GROUPS_MODE and (was_meant or is_half or is_shared(database.parent)):
        os.chmod(_itself(folder), GROUPS_MODE)
        yield f"{database.parent} is {GROUPS_MODE:o} now: its group shares it, and nobody else."


def _private(database: Path, folder: int) -> Iterator[str]:
    """Create the private folder, or give it to the owner of the shared one."""
    path, wanted = private_folder(database), os.fstat(folder)
    if privileges.may_be_replaced(str(path.parent), wanted.st_uid):
        raise StoreError(
            f"{path.parent} may be written by others than root and {name_of(wanted.st_uid)}, who could put another "
            f"folder in the place of {database.parent}: move the database to a folder that lies in one of root's"
        )
    above = privileges.open_folder(str(path.parent))
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path.name, 0o700, dir_fd=above)
        private = os.open(path.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    finally:
        os.close(above)
    try:
        found = os.fstat(private)
        if is_private(found, database.parent) and found.st_gid == wanted.st_gid:
            return
        if found.st_uid not in (os.geteuid(), wanted.st_uid):
            raise StoreError(f"{path} is {name_of(found.st_uid)}'s: see what it is, and move it away")
        os.fchown(private, wanted.st_uid, wanted.st_gid)
        os.fchmod(private, PRIVATE_MODE)
        yield f"{path} is {name_of(wanted.st_uid)}'s alone now ({PRIVATE_MODE:o})."
    finally:
        os.close(private)


def _file(database: Path, end: str, folder: int) -> Iterator[str]:
    name, path = f"{database.name}{end}", f"{database}{end}"
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        found, wanted = os.fstat(descriptor), os.fstat(folder)
        shared = is_shared(database.parent)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            if not shared or not end:
                yield f"{path} is no file of its own, and is left: look at it (ls -l), and restore a backup."
                return
            yield from _remove(Path(path), folder, found)
            return
        mode = (stat.S_IMODE(found.st_mode) | (0o660 if shared else 0)) & ~0o007
        if mode == stat.S_IMODE(found.st_mode) and (not shared or found.st_gid == wanted.st_gid):
            return
        if found.st_size and not _begins_right(descriptor, end):
            yield f"{path} does not hold what SQLite writes there, and is left: look at it, and remove it."
            return
        if shared:
            os.chown(_itself(descriptor), -1, wanted.st_gid)
        os.chmod(_itself(descriptor), mode)
        yield f"{path} is {mode:o} now."
    finally:
        os.close(descriptor)


def _planted(path: Path, folder: int) -> Iterator[str]:
    """Delete a rollback journal, and a lock file that is not an empty file of the group."""
    found = os.stat(path.name, dir_fd=folder, follow_symlinks=False)
    is_lock = stat.S_ISREG(found.st_mode) and not found.st_size and found.st_nlink == 1
    if path.suffix == ".lock" and is_lock and found.st_mode & 0o660 == 0o660:
        return
    yield from _remove(path, folder, found)


def _remove(path: Path, folder: int, found: os.stat_result) -> Iterator[str]:
    if stat.S_ISDIR(found.st_mode):
        yield f"{path} is a folder, which chansync has not made, and is left: look at it (ls -la), and move it away."
        return
    os.unlink(path.name, dir_fd=folder)
    yield f"{path}, which was not chansync's, is removed."


def _begins_right(descriptor: int, end: str) -> bool:
    with open(_itself(descriptor), "rb") as file:
        return file.read(16).startswith(_BEGINNINGS[end])


def _itself(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def key(database: Path) -> Iterator[str]:
    """Let only its owner read the private key."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(key_file(database), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_mode & 0o077:
                os.fchmod(descriptor, 0o600)
                yield f"{key_file(database)} is closed to others now. They may have read it: chansync secrets rotate"
        finally:
            os.close(descriptor)


def triggers_and_views(db: apsw.Connection) -> Iterator[Finding]:
    """Whether another program has added, changed or removed triggers or views.

    Additional tables are allowed (Litestream has some); a trigger would be executed with the daemon's rights.
    """
    wanted, here = _as_made(), _actors(db)
    added = sorted(here.keys() - wanted.keys())
    for name in added[:5]:
        kind = here[name][0]
        yield problem(
            "database", f"The {kind} {name!r:.80} is not chansync's: it acts with every program that writes.",
            "See what it does, and remove it: sudo chansync db repair",
        )  # fmt: skip
    changed = sorted(name for name, made in wanted.items() if here.get(name) != made)
    if changed:
        yield problem(
            "database", f"Of chansync's own triggers and views, {', '.join(changed[:5])} were changed or removed.",
            "Stop the daemon and restore the last backup from before that: chansync db restore FILE",
        )  # fmt: skip
    if not added and not changed:
        yield ok("schema", "All triggers and views in the database belong to chansync.")


def _as_made() -> _Actors:
    """The triggers and views of a new database."""
    with tempfile.TemporaryDirectory(prefix="chansync-doctor-") as folder:
        path = Path(folder) / "chansync.db"
        prepare(path, create=True)
        with contextlib.closing(open_file(path)) as db:
            return _actors(db)


def _actors(db: apsw.Connection) -> _Actors:
    query = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('trigger', 'view')"
    return {name: (kind, " ".join((sql or "").split())) for name, kind, sql in db.execute(query)}


def foreign(db: apsw.Connection) -> _Actors:
    """The triggers and views that are not chansync's."""
    wanted = _as_made()
    return {name: made for name, made in _actors(db).items() if name not in wanted}


def drop(db: apsw.Connection, found: _Actors) -> None:
    """Remove these triggers and views."""
    with transaction(db):
        for name, (kind, _) in found.items():
            quoted = name.replace('"', '""')
            db.execute(f'DROP {kind.upper()} IF EXISTS "{quoted}"')
