"""The whole examination, step by step, so that what is known is shown while the rest is looked at. It never prints."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw

from chansync import dns
from chansync.doctor import files, machine, records, schema
from chansync.doctor.findings import Finding, ok, problem
from chansync.doctor.sites import Progress, sites
from chansync.erp.ledger import check as ledger
from chansync.locations import key_path
from chansync.model.errors import StoreError
from chansync.store import channels
from chansync.store.connection import BUSY_TIMEOUT_MS, distrust, explained, open_async
from chansync.store.version import APPLICATION_ID, SCHEMA_VERSION

_HOW_TO_BEGIN = "Make one: chansync db init"


def examine(
    path: Path,
    *,
    only: list[str] | None = None,
    look_at_sites: bool = True,
    look_at_ledger: bool = False,
    asked_by: str = "doctor",
    progress: Progress = lambda done, of: None,
) -> Iterator[Finding]:
    """Look everything over; findings as they come. Nothing is changed, neither here nor at the sites.

    Args:
        only: codes of the channels whose sites are looked at; None: all in use.
        look_at_ledger: prove the ledger's books, too, which takes a while where they are large.

    Raises:
        UsageError: there is no such channel.
    """
    if only:
        _refuse_unknown(path, only)
    yield from machine.machine(path)
    try:
        there = path.exists()
    except OSError as error:
        yield from files.files(path)
        yield problem("database", f"{path} cannot be looked at: {error.strerror}.", "")
        return
    if not there:
        was_there = key_path(path).exists()
        remedy = "Its private key is there: put it back, or restore a backup (chansync db restore)."
        yield problem("database", f"There is no database at {path}.", remedy if was_there else _HOW_TO_BEGIN)
        return
    yield from files.files(path)
    codes: list[str] = []
    try:
        with explained(path), contextlib.closing(_open(path)) as db:
            yield from _schema(db)
            yield from records.soundness(db)
            if db.pragma("user_version") != SCHEMA_VERSION:
                return
            yield from schema.foreign(db, path)
            yield from _records(db, path)
            if look_at_ledger:
                yield from _ledger(db)
            codes = only or [channel.code for channel in channels.all_channels(db) if channel["used"]]
    except StoreError as error:
        yield problem("database", f"{error}.".replace("..", "."), "chansync db check, and see docs/operations.md.")
        return
    if look_at_sites and codes:
        yield from dns.run(_sites(path, codes, asked_by, progress))


def _refuse_unknown(path: Path, codes: list[str]) -> None:
    # What else is wrong with the database is found in its turn.
    with contextlib.suppress(apsw.Error, OSError), contextlib.closing(_open(path)) as db:
        for code in codes:
            channels.channel(db, code)


def _open(path: Path) -> apsw.Connection:
    """As it is: neither upgraded nor set up."""
    db = distrust(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE))
    db.set_busy_timeout(BUSY_TIMEOUT_MS)
    return db


def _schema(db: apsw.Connection) -> Iterator[Finding]:
    application, version = db.pragma("application_id"), db.pragma("user_version")
    if application != APPLICATION_ID:
        yield problem("database", "This is not a database of chansync.", "Name another with --db.")
    elif version > SCHEMA_VERSION:
        yield problem(
            "database", f"A newer chansync wrote it (schema {version}; this program knows {SCHEMA_VERSION}).",
            "Upgrade this program.",
        )  # fmt: skip
    elif version < SCHEMA_VERSION:
        yield problem(
            "database", f"It has schema {version}, this program needs {SCHEMA_VERSION}: the rest was not looked at.",
            "chansync db init brings it up to date, after a backup; so does the daemon when it starts.",
        )  # fmt: skip


def _records(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    yield from records.clock(db)
    yield from records.daemon(db, path)
    yield from records.sealed_secrets(db, path)
    yield from records.streams(db)
    yield from records.open_problems(db)
    yield from records.backups(db)


def _ledger(db: apsw.Connection) -> Iterator[Finding]:
    faults = ledger.check(db)
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        yield problem("ledger", f"{'; '.join(faults[:3])}{more}.", "chansync erp check lists them all.")
    else:
        yield ok("ledger", "The books agree.")


async def _sites(path: Path, codes: list[str], asked_by: str, progress: Callable[[int, int], None]) -> list[Finding]:
    store = await open_async(path, create=False)
    try:
        return await sites(store, codes, asked_by, progress)
    finally:
        await store.aclose()
