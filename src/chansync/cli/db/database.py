"""``chansync db init``, ``upgrade``, ``check``, ``repair``, and how long things are kept: ``retention``, ``prune``."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import apsw
import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.fields import split_pairs
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import (
    add_facts,
    is_agreed,
    note,
    print_json,
    say,
    say_changed,
    say_each,
    say_error,
    table,
)  # fmt: skip
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError


@command("chansync db init", "chansync --db /srv/chansync/chansync.db db init")
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


@command("chansync db upgrade")
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


@command("chansync db check")
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
    found: list[str] = []
    try:
        found += [str(row[0]) for row in db.execute("PRAGMA integrity_check(100)") if row[0] != "ok"]
        for table, row_id, target, _ in db.execute("PRAGMA foreign_key_check"):
            found.append(f"{table} row {row_id} points to a row of {target} that is not there.")
    except apsw.CorruptError as error:
        # Damage that stops the look for more of it.
        found.append(f"The check cannot go on: {error}.")
    return found


@command("chansync db repair", "chansync db repair --yes")
@click.option("--yes", is_flag=True, help="Do not ask before foreign triggers and views are removed.")
def repair(session: Session, yes: bool) -> int:
    """Put right what doctor finds: owners and modes of files, a planted journal, triggers and views of others.

    For root, or the daemon's user. Nothing that could be somebody else's file is touched. A trigger or view that
    chansync did not make is shown, and removed after a yes.
    """
    from chansync.doctor import repair as steps

    try:
        # As root, who alone may put files of any user right; the database itself is only looked at as its owner.
        changed = say_each(steps.files(session.named_path))
    except OSError as error:
        raise UsageError(f"{error.filename or session.named_path}: {error.strerror}. Run it as root.") from None
    changed = say_each(steps.key(session.path)) or changed
    dropped = _drop_foreign(session.path, yes)
    add_facts(changed=changed or bool(dropped))
    if not changed and dropped is None:
        say("There is nothing to repair.")
    return exit_codes.PROBLEMS if dropped is False else exit_codes.OK


def _drop_foreign(path: Path, yes: bool) -> bool | None:
    """Whether foreign triggers and views were removed; None: there are none, or no database."""
    from chansync.db.opening import open_file
    from chansync.db.sqlite_errors import explained
    from chansync.doctor import repair as steps

    if not path.exists():
        return None
    with explained(path), contextlib.closing(open_file(path)) as db:
        found = steps.foreign(db)
        if not found:
            return None
        for name, (kind, statement) in found.items():
            note(f"The {kind} {name!r:.80} is not chansync's: {' '.join(statement.split())!r:.400}")
        if not is_agreed("Remove them?", "Nothing of that was removed", yes=yes):
            return False
        steps.drop(db, found)
    add_facts(removed=list(found))
    say(f"{len(found)} removed: {', '.join(f'{name!r:.80}' for name in found)}.")
    return True


@command("chansync db retention show", "chansync db retention show --json")
def show_retention(session: Session, as_json: bool) -> None:
    """Show how long what is kept; off is for ever."""
    from chansync.setup import retention

    values = retention.values(session.db)
    if as_json:
        print_json(values)
        return
    rows = [(each.name, values[each.name], each.help) for each in retention.SETTINGS]
    table(("setting", "kept", "what"), rows, flexible="what")


@command("chansync db retention set keep_messages=90d", "chansync db retention set keep_runs=off")
@pairs("SETTING=DURATION", completing.retention_settings, may_name_files=False)
def change_retention(session: Session, pairs: tuple[str, ...]) -> None:
    """Change how long something is kept: at least 1d, or off for ever; an empty value is the default."""
    from chansync.setup import retention

    texts = split_pairs(pairs, "setting=duration")
    changed = retention.change(session.db, texts)
    say_changed("the retention", changed, texts)
    if changed:
        say("The daemon clears away at night; to do it now: chansync db prune")


@command("chansync db prune")
def prune(session: Session, as_json: bool) -> None:
    """Clear away what is older than the settings say. Others go on working meanwhile."""
    from chansync.sync import retention

    cleared = session.run_async(retention.prune)
    if as_json:
        print_json(cleared)
        return
    told = [f"{kind.replace('_', ' ')} {count}" for kind, count in cleared.items() if count]
    say(f"Cleared away: {', '.join(told) or 'nothing'}.")


@command("chansync db vacuum", "chansync db vacuum --full")
@click.option("--full", is_flag=True, help="Write the whole file anew. Nobody can write meanwhile.")
def vacuum(session: Session, full: bool) -> None:
    """Give free room back to the disk, a little at a time, while others go on working."""
    from chansync.db import pruning
    from chansync.store import daemons
    from chansync.sync import retention

    before = session.path.stat().st_size
    if full:
        if daemons.is_running(session.db):
            raise UsageError("The daemon could not write meanwhile: stop it first, or leave --full out.")
        pruning.rebuild(session.db)
    elif not pruning.gives_back(session.db):
        note("This file was made by an older version, which laid it out otherwise.")
        raise UsageError("Once, while nobody works with it, run: chansync db vacuum --full")
    else:
        session.run_async(retention.give_back)
    pruning.shorten_log(session.db)
    after = session.path.stat().st_size
    add_facts(bytes=after, given_back=max(0, before - after))
    say(f"The database takes {_megabytes(after)}; {_megabytes(max(0, before - after))} were given back.")


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
