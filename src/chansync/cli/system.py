"""``chansync system``: integration systems."""

from __future__ import annotations

import click

from chansync.cli.lazy import LazyGroup, examples
from chansync.cli.output import print_json, say, table
from chansync.cli.session import Session, pass_session

_TABLE = {
    "list": ("system:list_systems", "List them."),
    "add": ("system:add", "Add one."),
    "rename": ("system:rename", "Give one another name."),
    "remove": ("system:remove", "Remove one that has no channels."),
}


@click.group(cls=LazyGroup, table=_TABLE, epilog=examples('chansync system add woo --name "Our shops"'))
def system() -> None:
    """Integration systems: outside platform accounts, which group sales channels."""


@click.command("list", epilog=examples("chansync system list"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def list_systems(session: Session, as_json: bool) -> None:
    """List the integration systems and how many channels each has."""
    from chansync.store import channels

    counts: dict[str, int] = {}
    for channel in channels.all_channels(session.db):
        counts[channel.system.code] = counts.get(channel.system.code, 0) + 1
    found = channels.systems(session.db)
    if as_json:
        print_json([{"code": s.code, "name": s.name, "kind": s.kind, "channels": counts.get(s.code, 0)} for s in found])
        return
    rows = [(s.code, s.name, s.kind, counts.get(s.code, 0)) for s in found]
    table(("code", "name", "kind", "channels"), rows, right=("channels",), flexible="name")


@click.command(epilog=examples('chansync system add woo --name "Our shops" --kind woocommerce'))
@click.argument("code")
@click.option("--name", required=True, help="The name for people.")
@click.option("--kind", default="woocommerce", show_default=True, help="The platform.")
@pass_session
def add(session: Session, code: str, name: str, kind: str) -> None:
    """Add an integration system."""
    from chansync.sync import configuration

    added = configuration.add_system(session.db, code, name, kind)
    say(f"Added the system {added.code}.")


@click.command(epilog=examples('chansync system rename woo "Shops in Germany"'))
@click.argument("code")
@click.argument("name")
@pass_session
def rename(session: Session, code: str, name: str) -> None:
    """Give an integration system another name."""
    from chansync.sync import configuration

    configuration.rename_system(session.db, code, name)
    say(f"The system {code} is now named {name.strip()}.")


@click.command(epilog=examples("chansync system remove woo"))
@click.argument("code")
@pass_session
def remove(session: Session, code: str) -> None:
    """Remove an integration system that has no channels."""
    from chansync.store import channels

    channels.remove_system(session.db, code)
    say(f"Removed the system {code}.")
