"""``chansync db restore``: the way back to a backup."""

from __future__ import annotations

import contextlib
from pathlib import Path

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, InputFile
from chansync.cli.support.output import add_facts, is_agreed, note, say, say_error
from chansync.cli.support.session import Session
from chansync.db import backup
from chansync.db.backup import Contents
from chansync.db.connection import open_store
from chansync.model.errors import UsageError
from chansync.model.times import ago_text, now_ms
from chansync.secrets import rotation, sealing


@command(
    "chansync db restore /backup/chansync-20261124-030000.db --dry-run",
    "chansync db restore /backup/chansync-20261124-030000.db",
)
@click.argument("file", type=FileType(lambda path: InputFile(path, beside="-wal")))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be restored and lost, and restore nothing.")
def restore(session: Session, file: InputFile, yes: bool, dry_run: bool) -> int:
    """Put a backup in the database's place. Daemon and screens must be closed. For the daemon's user, or root.

    The old database is kept in the private folder. The backup is verified first. Afterwards each channel goes on
    from where the backup was: orders changed since are pulled again.
    """
    path = session.path
    session.refuse_as_file(file.path)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(file.open(may_be_pipe=False))
        log = stack.enter_context(file.open("-wal", may_be_pipe=False)) if file.has("-wal") else None
        if not path.parent.exists():
            raise UsageError(f"There is no folder {path.parent}.")
        copy, holds = stack.enter_context(backup.taken_in(file.path, source, log, path))
        return _restore(session, file.path, copy, holds, yes=yes, dry_run=dry_run)


def _restore(session: Session, file: Path, copy: Path, holds: Contents, *, yes: bool, dry_run: bool) -> int:
    path = session.path
    now = backup.contents_now(path) if path.exists() else None
    told = [holds.sentence(file), *_doubts(holds, now), *([now.sentence(path)] if now else ()), *_WHAT_COMES_OF_IT]
    for sentence in told:
        (say if dry_run else note)(sentence)
    if dry_run:
        return exit_codes.OK
    if not is_agreed("Restore it?", "Nothing was restored", yes=yes):
        return exit_codes.PROBLEMS
    kept = backup.restore(copy, path)
    add_facts(changed=True, database=str(path), kept=str(kept) if kept else None)
    say(f"Restored {file} to {path}.")
    if kept is not None:
        say(f"What was there before is kept: {kept}")
    return _after(session)


_WHAT_COMES_OF_IT = (
    "Will be repeated automatically and safely: orders changed since the backup are imported again without "
    "duplicates; open problems are reported again; before anything is sent, the site is checked.",
    "LOST: every manual change since the backup (settings, mappings, keys, ERP data, log). If a POS uses its own "
    "number series, sales may get different numbers.",
)


def _doubts(holds: Contents, now: Contents | None) -> list[str]:
    """What may make it the wrong thing to do: its daemon still works, or it is of another installation."""
    found = []
    is_of_here = now is not None and (now.instance, now.daemon_host) == (holds.instance, holds.daemon_host)
    if holds.daemon_host and not is_of_here and now_ms() - holds.daemon_beat_at < 86_400_000:
        found.append(
            f"WARNING: its daemon was alive {ago_text(holds.daemon_beat_at)} before now on {holds.daemon_host}. Where "
            "that still runs on another copy, both would send to the sites: make sure that it is stopped and disabled."
        )
    if now and holds.instance and now.instance and holds.instance != now.instance:
        found.append("WARNING: it is a backup of another installation's database, not of the one that is here.")
    return found


def _after(session: Session) -> int:
    """Bring an older backup up to date, and say whether its keys open here."""
    open_store(session.path, create=False, upgrades=True).close()
    if elsewhere := rotation.state(session.db, session.path).elsewhere:
        note(elsewhere)
        return exit_codes.OK
    if sentence := sealing.trouble(session.db, session.path):
        say_error(sentence, "secret_unreadable")
        return exit_codes.PROBLEMS
    return exit_codes.OK
