"""``chansync db retention``, ``prune`` and ``vacuum``: how long things are kept, and the room that they take."""

from __future__ import annotations

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import add_facts, note, print_json, say, say_changed, table
from chansync.cli.support.session import Session, split_pairs
from chansync.model.errors import UsageError
from chansync.setup import retention


@command("chansync db retention show", "chansync db retention show --json")
def show(session: Session, as_json: bool) -> None:
    """Show how long what is kept; off is for ever."""
    values = retention.values(session.db)
    if as_json:
        print_json(values)
        return
    rows = [(each.name, values[each.name], each.help) for each in retention.SETTINGS]
    table(("setting", "kept", "what"), rows, flexible="what")


@command("chansync db retention set keep_messages=90d", "chansync db retention set keep_runs=off")
@pairs("SETTING=DURATION", completing.retention_settings, may_name_files=False)
def change(session: Session, pairs: tuple[str, ...]) -> None:
    """Change how long something is kept: at least 1d, or off for ever; an empty value is the default."""
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
