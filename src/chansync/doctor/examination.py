"""All checks of ``chansync doctor``, as a generator, so that findings are shown while the rest is checked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import apsw

from chansync import dns
from chansync.db.connection import open_async
from chansync.db.folders import is_shared
from chansync.db.locations import key_path
from chansync.db.opening import limit, open_file, refuse_planted
from chansync.db.sqlite_errors import explained
from chansync.db.upgrade import newer_sentence, older_sentence
from chansync.db.version import APPLICATION_ID, SCHEMA_VERSION
from chansync.doctor import files, machine, records, repair
from chansync.doctor.findings import Finding, ok, problem
from chansync.doctor.sites import Progress, sites
from chansync.erp import registry
from chansync.model.errors import StoreError
from chansync.store import channels

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
    """Check everything; yields the findings one by one. Nothing is changed, neither here nor at the sites.

    Args:
        only: codes of the channels whose sites are checked; None: all used ones.
        look_at_ledger: check the ledger's consistency too, which takes a while if it is large.

    Raises:
        UsageError: there is no such channel.
    """
    if only:
        # Other errors of the database are found by a later check.
        with contextlib.suppress(apsw.Error, OSError), contextlib.closing(open_file(path)) as db:
            for code in only:
                channels.channel(db, code)
    yield from machine.machine(path)
    try:
        there = path.exists()
    except OSError as error:
        yield _closed(path, error)
        return
    if not there:
        was_there = key_path(path).exists()
        remedy = "Its private key is there: put it back, or restore a backup (chansync db restore)."
        yield problem("database", f"There is no database at {path}.", remedy if was_there else _HOW_TO_BEGIN)
        return
    yield from files.files(path)
    codes: list[str] = []
    try:
        with explained(path), contextlib.closing(open_file(path)) as db:
            yield from _schema(db, path)
            yield from records.soundness(db)
            if db.pragma("user_version") != SCHEMA_VERSION:
                return
            yield from repair.triggers_and_views(db)
            yield from _records(db, path)
            if look_at_ledger:
                yield from _ledger(db)
            codes = only or [channel.code for channel in channels.all_channels(db) if channel["used"]]
    except StoreError as error:
        yield problem("database", f"{error}.".replace("..", "."), "chansync db check, and see docs/operations.md.")
        return
    if look_at_sites and codes:
        yield from dns.run(_sites(path, codes, asked_by, progress))


def _closed(path: Path, error: OSError) -> Finding:
    """Why this user cannot open the database, with the message that every command shows."""
    try:
        with explained(path):
            if is_shared(path.parent):
                refuse_planted(str(path))
            raise error
    except StoreError as told:
        return problem("database", f"{told}.", "")


def _schema(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    application, version = db.pragma("application_id"), db.pragma("user_version")
    if application != APPLICATION_ID:
        yield problem("database", "This is not a database of chansync.", "Name another with --db.")
    elif version > SCHEMA_VERSION:
        sentence, _, remedy = newer_sentence(path, version).partition(". ")
        yield problem("database", f"{sentence}.", f"{remedy}.")
    elif version < SCHEMA_VERSION:
        sentence, _, remedy = older_sentence(path, version).partition(": ")
        remedy = f"{remedy[:1].upper()}{remedy[1:]}." if not remedy.startswith("chansync") else remedy
        yield problem("database", f"{sentence}; the rest was not looked at.", remedy)


def _records(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    looks: tuple[Iterator[Finding], ...] = (
        records.clock(db), records.daemon(db), records.sealed_secrets(db, path), records.streams(db),
        records.erps(db), records.webhooks(db), records.open_problems(db), records.backups(db),
    )  # fmt: skip
    for look in looks:
        limit(db)
        try:
            yield from look
        except (ValueError, TypeError, ArithmeticError, LookupError) as error:
            # Another program may have written invalid values.
            yield problem(
                "database", f"It holds nonsense in one of its values ({type(error).__name__}).",
                "Another program has written there: restore a backup from before that (chansync db restore FILE)",
            )  # fmt: skip


def _ledger(db: apsw.Connection) -> Iterator[Finding]:
    faults = [fault for erp in registry.erps(db) for fault in erp.faults(db)]
    if faults:
        more = f", and {len(faults) - 3} more" if len(faults) > 3 else ""
        yield problem("ledger", f"{'; '.join(faults[:3])}{more}.", "chansync erp check lists them all.")
    else:
        yield ok("ledger", "The books agree.")


async def _sites(path: Path, codes: list[str], asked_by: str, progress: Progress) -> list[Finding]:
    async with contextlib.aclosing(await open_async(path, create=False)) as store:
        return await sites(store, codes, asked_by, progress)
