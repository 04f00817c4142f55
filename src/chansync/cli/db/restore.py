"""``chansync db restore``: the way back to a backup."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, note, say, say_error, when
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.store.copies import Contents


@click.command(epilog=examples("chansync db restore /backup/chansync-20261124-030000.db"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def restore(session: Session, file: Path, yes: bool) -> int:
    """Put a backup in the database's place. Daemon and screens must be closed; the old database is kept beside it.

    The backup is looked through first. Afterwards each channel goes on from where the backup was: orders changed since
    are pulled again.
    """
    from chansync.store import copies

    path = session.path
    session.refuse_as_file(file)
    holds = copies.look_through(file)
    note(_said(file, holds))
    now = copies.contents_now(path) if path.exists() else None
    if now is not None:
        note(_said(path, now))
    for sentence in _WHAT_COMES_OF_IT:
        note(sentence)
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("Nothing was restored: there is no terminal to confirm on; give --yes.")
        if not click.confirm("Restore it?", err=True):
            note("Nothing was restored.")
            return exit_codes.PROBLEMS
    kept = copies.restore(file, path)
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


def _said(path: Path, holds: Contents) -> str:

    last = f"the last run ended {when(holds.last_run_at)}" if holds.last_run_at else "nothing ran yet"
    counts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((holds.channels, "channel"), (holds.orders, "order"), (holds.sales, "sale"))
    ]
    return f"{path} has {counts[0]}, {counts[1]} and {counts[2]}; {last}."


def _after(session: Session) -> int:
    """Bring an older backup up to date, and say whether its keys open here."""
    from chansync.store import secrets

    sentence = secrets.trouble(session.db, session.path)
    if sentence:
        say_error(sentence, "secret_unreadable")
        return exit_codes.PROBLEMS
    return exit_codes.OK
