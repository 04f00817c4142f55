"""Creation of the database, and its upgrade to this program's schema, with a copy from before each upgrade."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path

import apsw

from chansync.db import lock_holders, private_files
from chansync.db.folders import is_shared, owner_of
from chansync.db.locations import database_path, private_folder
from chansync.db.opening import backup, data_version, open_file, refuse_planted
from chansync.db.permanent_errors import DatabaseDamaged, DatabaseForeign, DatabaseNewer, DatabaseOlder
from chansync.db.process_locks import MIGRATION, locked
from chansync.db.sqlite_errors import explained
from chansync.db.version import APPLICATION_ID, FIRST_SCHEMA, SCHEMA_VERSION
from chansync.model.errors import StoreError
from chansync.systemd_service import is_service

#: Tables that every schema has.
_TABLES = ("channel", "job", "message", "order", "run", "setting", "stream")


def is_of_service(path: Path) -> bool:
    """Whether a service works on the database at ``path``: its folder is shared by a group, or a unit is installed."""
    return is_shared(path.parent) or is_service(str(path))


def older_sentence(path: Path, version: int) -> str:
    """How to upgrade a database that is too old for this program; without a full stop."""
    known = f"{path} has schema {version}, and this program needs {SCHEMA_VERSION}"
    by_hand = f"chansync --db {path} db upgrade" if path != database_path() else "chansync db upgrade"
    if os.geteuid() not in (0, owner_of(path.parent)):
        by_hand = f"sudo {by_hand}"
    if not is_of_service(path):
        return f"{known}: {by_hand}"
    restart = " (systemctl restart chansync)" if is_service(str(path)) else ""
    return f"{known}: restart the daemon, which upgrades it{restart}, or: {by_hand}"


def newer_sentence(database: Path, version: int) -> str:
    """Why a database with a newer schema cannot be used, and what to do; without a full stop."""
    told = (
        f"{database} was written by a newer chansync (schema {version}, this program knows {SCHEMA_VERSION}). Upgrade "
        "this program"
    )
    copy = newest_that_fits(database)
    if copy is None:
        return told
    return f"{told}. Or go back to how it was before the upgrade, with the daemon stopped: chansync db restore {copy}"


def newest_that_fits(database: Path) -> Path | None:
    """The newest copy from before an upgrade that this program can use; None if there is none, or this user may not
    see it."""
    pattern = re.compile(re.escape(database.stem) + r"\.before-\d+-(\d+)-from-(\d+)\.db")
    found = []
    folder = private_folder(database)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            match = pattern.fullmatch(name)
            if match and int(match[2]) <= SCHEMA_VERSION:
                found.append((match[1], folder / name))
    return max(found)[1] if found else None


def prepare(path: Path, *, create: bool, upgrades: bool = False) -> bool:
    """Create the database at ``path`` or upgrade it, if needed; returns whether that was needed.

    Args:
        upgrades: upgrade the database of a service too.

    Raises:
        DatabaseOlder: it is the database of a service, and ``upgrades`` is not set.
        StoreError: as ``open_store``.
    """
    lock_holders.remember(path)
    with explained(path):
        if is_shared(path.parent):
            refuse_planted(str(path))
        if not path.exists():
            if not create:
                raise StoreError(f"There is no database at {path}. Make one with: chansync db init")
            if not path.parent.exists():
                path.parent.mkdir(parents=True, mode=0o700)
        version = _version_of(path) if path.exists() else 0
        if 0 < version < SCHEMA_VERSION and not upgrades and is_of_service(path):
            raise DatabaseOlder(f"{older_sentence(path, version)}.")
        if version == SCHEMA_VERSION:
            return False
        with private_files.opened(path), locked(path, MIGRATION):
            _upgrade(path)
        return True


def _upgrade(path: Path) -> None:
    """Create the database, or upgrade it: a copy in the private folder is migrated and written back in one transaction,
    because Python's own SQLite follows links and journals that members may have put into the shared folder. Nobody can
    write meanwhile."""
    folder = private_folder(path)
    private_files.sweep(folder, f"{path.stem}.")
    if not path.exists() or not path.stat().st_size:
        with private_files.work_file(folder, f"{path.stem}.upgrade") as made:
            _migrate(path, made)
            put_in_place(made, path)
        return
    is_back = False
    while not is_back:
        with contextlib.closing(open_file(path)) as db, private_files.work_file(folder, f"{path.stem}.upgrade") as made:
            # Without WAL nobody could read while the write lock is held.
            db.pragma("journal_mode", "wal")
            db.execute("BEGIN IMMEDIATE")
            version = _version(db, path)
            if version == SCHEMA_VERSION:
                # Another process has upgraded it meanwhile.
                return
            backup(path, made)
            kept = _keep_before(path, made, version)
            try:
                _migrate(path, made)
            except StoreError:
                # Otherwise a service that is restarted again and again would fill the disk with copies.
                if kept:
                    kept.unlink()
                raise
            unchanged = data_version(db)
            db.execute("ROLLBACK")
            is_back = _bring_back(made, path, db, unchanged)
            if kept and not is_back:
                kept.unlink()
    _tell_upgrade(path, version, kept)
    private_files.clear_copies(path)


def _tell_upgrade(path: Path, version: int, kept: Path | None) -> None:
    """Report the upgrade in the daemon's log, or on stderr."""
    import logging

    copy = f" The copy from before is {kept}." if kept else ""
    text = f"The database {path} was upgraded from schema {version} to {SCHEMA_VERSION}.{copy}"
    logging.getLogger("chansync.database").warning("%s", text)


def put_in_place(made: Path, path: Path) -> None:
    """Copy a database from the private folder to ``path``, where no database is in use."""
    # Imported here, as where a copy is kept: it loads three compressors, and commands that only look copy nothing.
    import shutil

    private_files.sweep(path.parent, f"{path.name}.")
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(unfinished, flags, 0o600), "wb") as file, made.open("rb") as source:
            shutil.copyfileobj(source, file)
            # SQLite gives -wal and -shm the same mode. The umask alone would give 0640.
            os.fchmod(file.fileno(), 0o660)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _keep_before(path: Path, made: Path, version: int) -> Path | None:
    """Keep a copy from before the upgrade; None if the database is still empty."""
    if not version:
        return None
    import shutil

    # The name contains the schema, because an upgrade that was killed may be continued within the same second.
    copy = made.with_name(f"{path.stem}.before-{SCHEMA_VERSION}-{private_files.stamp()}-from-{version}.db")
    with private_files.work_file(made.parent, copy.name) as unfinished:
        shutil.copyfile(made, unfinished)
        unfinished.replace(copy)
    return copy


def _bring_back(made: Path, path: Path, db: apsw.Connection, unchanged: int) -> bool:
    """Write the migrated copy into the database, unless it has changed since ``unchanged``; whether it was written."""
    with (
        contextlib.closing(open_file(path)) as target,
        contextlib.closing(apsw.Connection(str(made))) as source,
        target.backup("main", source, "main") as work,
    ):
        # No page is copied yet: this locks the target.
        work.step(0)
        if data_version(db) != unchanged:
            return False
        work.step(-1)
    return True


def _version_of(path: Path) -> int:
    with contextlib.closing(open_file(path)) as db:
        return _version(db, path)


def _version(db: apsw.Connection, path: Path) -> int:
    """The schema of a database that this program can use.

    Raises:
        DatabaseForeign: it is another program's.
        DatabaseNewer: a newer chansync wrote it.
    """
    application = db.pragma("application_id")
    tables = db.execute("SELECT count(*) FROM sqlite_schema").get
    if application != APPLICATION_ID and tables:
        raise DatabaseForeign(f"{path} is an SQLite database, but not one of chansync's. Name another with --db.")
    version: int = db.pragma("user_version")
    if version > SCHEMA_VERSION:
        raise DatabaseNewer(f"{newer_sentence(path, version)}.")
    if 0 < version < FIRST_SCHEMA:
        raise DatabaseForeign(
            f"{path} is of a development version (schema {version}) that cannot be upgraded. Name another with --db."
        )
    if version:
        there = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if missing := [name for name in _TABLES if name not in there]:
            raise DatabaseDamaged(
                f"{path} has no table {missing[0]}, as another program has changed it: stop the daemon, and restore a "
                "backup"
            )
    return version


def _migrate(path: Path, copy: Path) -> None:
    """Run the migrations on a copy, in a process of their own (``chansync.db.migrations`` says why)."""
    # Imported here: it takes longer to load than a short command runs.
    import subprocess

    done = subprocess.run(
        # -P and -s: no module from the current folder or the user's home is imported.
        [sys.executable, "-P", "-s", "-m", "chansync.db.migrations", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"the migration ended with code {done.returncode}"]
        kind = DatabaseDamaged if "malformed" in last[0] else StoreError
        raise kind(f"{last[0]} ({path})")
