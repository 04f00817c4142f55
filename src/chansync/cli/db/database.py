"""``chansync db``: make, check and back up the database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import LazyGroup, examples
from chansync.cli.support.output import add_facts, say, say_error
from chansync.cli.support.session import Session, pass_session

if TYPE_CHECKING:
    import apsw

_TABLE = {
    "init": ("db.database:init", "Make the database, or bring it up to date."),
    "upgrade": ("db.database:upgrade", "Bring an older one up to date."),
    "check": ("db.database:check", "Look for damage."),
    "backup": ("db.backup:backup_to", "Copy it while others use it."),
    "verify": ("db.backup:verify", "Look backups through."),
    "drill": ("db.backup:drill", "See whether a backup could be restored."),
    "restore": ("db.restore:restore", "Put a backup in its place."),
    "repair": ("db.repair:repair", "Put right what doctor finds in files, triggers and views."),
    "export": ("db.exchange:export", "Mappings, messages or orders as CSV or JSON."),
    "import": ("db.exchange:import_mappings", "Mappings from CSV, TSV or JSON."),
    "retention": ("db.retention:retention", "How long what is kept."),
    "prune": ("db.retention:prune", "Clear away what is older than that."),
    "vacuum": ("db.retention:vacuum", "Give free room back to the disk."),
}


@click.group(cls=LazyGroup, table=_TABLE, epilog=examples("chansync db init"))
def database() -> None:
    """The database: make it, check it, back it up."""


@click.command(epilog=examples("chansync db init", "chansync --db /srv/chansync/chansync.db db init"))
@pass_session
def init(session: Session) -> None:
    """Make the database, or bring it up to date; an older one is backed up first.

    The database of a service is brought up to date by its daemon alone, or by chansync db upgrade.
    """
    from chansync.db.connection import open_store
    from chansync.db.upgrade import prepare

    existed = os.path.lexists(session.path)
    changed = prepare(session.path, create=True)
    open_store(session.path, create=False).close()
    add_facts(changed=changed, database=str(session.path))
    say(f"The database {session.path} is {'up to date' if existed else 'made'}.")


@click.command(epilog=examples("chansync db upgrade"))
@pass_session
def upgrade(session: Session) -> None:
    """Bring a database that an older chansync made up to date. It is copied first, and the copy is named.

    The daemon does so when it starts. Programs that have the database open then say that they must be restarted.
    """
    from chansync.db.connection import open_store
    from chansync.db.upgrade import prepare

    changed = prepare(session.path, create=False, upgrades=True)
    open_store(session.path, create=False).close()
    add_facts(changed=changed, database=str(session.path))
    say(f"The database {session.path} is up to date.")


@click.command(epilog=examples("chansync db check"))
@pass_session
def check(session: Session) -> int:
    """Look for damage: SQLite's integrity check, and rows that point nowhere. Exit code 1 when some is found."""
    found = _damage(session.db)
    add_facts(database=str(session.path), damage=found)
    if not found:
        say(f"{session.path} is sound.")
        return exit_codes.OK
    for sentence in found:
        say(sentence)
    say_error(f"{session.path} is damaged. Restore a backup: chansync db restore FILE", "database_damaged")
    return exit_codes.PROBLEMS


def _damage(db: apsw.Connection) -> list[str]:
    import apsw

    found: list[str] = []
    try:
        found += [str(row[0]) for row in db.execute("PRAGMA integrity_check(100)") if row[0] != "ok"]
        for table, row_id, target, _ in db.execute("PRAGMA foreign_key_check"):
            found.append(f"{table} row {row_id} points to a row of {target} that is not there.")
    except apsw.CorruptError as error:
        # Damage that stops the look for more of it.
        found.append(f"The check cannot go on: {error}.")
    return found
