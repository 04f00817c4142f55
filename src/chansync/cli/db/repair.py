"""``chansync db repair``: what doctor names as its cure."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, note, say
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError


@click.command(epilog=examples("chansync db repair", "chansync db repair --yes"))
@click.option("--yes", is_flag=True, help="Do not ask before foreign triggers and views are removed.")
@pass_session
def repair(session: Session, yes: bool) -> int:
    """Put right what doctor finds: owners and modes of files, a planted journal, triggers and views of others.

    For root, or the daemon's user. Nothing that could be somebody else's file is touched. A trigger or view that
    chansync did not make is shown, and removed after a yes.
    """
    from chansync.doctor import repair as steps

    changed = False
    try:
        # As root, who alone may put files of any user right; the database itself is only looked at as its owner.
        for sentence in steps.files(session.named_path):
            changed = True
            say(sentence)
    except OSError as error:
        raise UsageError(f"{error.filename or session.named_path}: {error.strerror}. Run it as root.") from None
    for sentence in steps.key(session.path):
        changed = True
        say(sentence)
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
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("Nothing of that was removed: there is no terminal to confirm on; give --yes.")
            if not click.confirm("Remove them?", err=True):
                note("Nothing of that was removed.")
                return False
        steps.drop(db, found)
    add_facts(removed=list(found))
    say(f"{len(found)} removed: {', '.join(f'{name!r:.80}' for name in found)}.")
    return True
