"""``chansync system``: integration systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing
from chansync.cli.support.kinds import change as save_changes
from chansync.cli.support.kinds import exit_code, read_fields, show_kinds
from chansync.cli.support.lazy import LazyGroup, examples
from chansync.cli.support.named_files import TextType
from chansync.cli.support.output import add_facts, note, print_json, say, say_error, table, when
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.setup.systems import SystemReport

_TABLE = {
    "list": ("system:list_systems", "List them."),
    "show": ("system:show", "Show one with its fields and where it sells."),
    "kinds": ("system:kinds", "List the platforms and the fields of their systems."),
    "add": ("system:add", "Add one."),
    "set": ("system:change", "Change fields of one."),
    "test": ("system:test", "Connect to one and say as what."),
    "rename": ("system:rename", "Give one another name."),
    "remove": ("system:remove", "Remove one that has no channels."),
}

#: How long the daemon is waited for, in seconds.
WAIT = 90

_FORM = "field=value; chansync system kinds lists the fields of a system"


@click.group(cls=LazyGroup, table=_TABLE, epilog=examples('chansync system add woo --name "Our shops"'))
def system() -> None:
    """Integration systems: outside platform accounts, which group sales channels."""


@click.command("list", epilog=examples("chansync system list"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def list_systems(session: Session, as_json: bool) -> None:
    """List the integration systems and how many channels each has."""
    from chansync.store import channels, systems

    counts: dict[str, int] = {}
    for channel in channels.all_channels(session.db):
        counts[channel.system.code] = counts.get(channel.system.code, 0) + 1
    found = systems.systems(session.db)
    if as_json:
        print_json(
            [{"system": s.code, "name": s.name, "kind": s.kind, "channels": counts.get(s.code, 0)} for s in found]
        )
        return
    rows = [(s.code, s.name, s.kind, counts.get(s.code, 0)) for s in found]
    table(("code", "name", "kind", "channels"), rows, right=("channels",), flexible="name")


@click.command(epilog=examples("chansync system show woo", "chansync system show woo --json"))
@click.argument("code", shell_complete=completing.systems)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def show(session: Session, code: str, as_json: bool) -> None:
    """Show a system with its fields, and where it sells as far as it told. Secrets are never shown."""
    from chansync.model.times import utc_text
    from chansync.setup.systems import expiring, parameters, values_of
    from chansync.store import systems

    found = systems.system(session.db, code)
    values = values_of(found)
    places = systems.lookups(session.db, found.id, "place")
    if as_json:
        print_json(
            {
                "system": found.code, "name": found.name, "kind": found.kind, "version": found.version,
                "connected_at": utc_text(found.connected_at), "values": values,
                "secrets": {p.name: utc_text(found.secrets.get(p.name)) for p in parameters(found.kind) if p.is_secret},
                "places": [{"code": place, "title": title} for place, title in places],
            }
        )  # fmt: skip
        return
    connected = f", connected {when(found.connected_at)}" if found.connected_at else ""
    say(f"{found.code}: {found.name} ({found.kind}{connected})")
    for parameter in parameters(found.kind):
        if parameter.is_secret:
            set_at = found.secrets.get(parameter.name)
            text = f"(set {when(set_at)})" if set_at else ""
        else:
            text = parameter.type.show(values.get(parameter.name))
        missing = "  needed" if parameter.needed and not text else ""
        say(f"  {parameter.name:<24} {text}{missing}".rstrip())
    if places:
        say("It sells in:")
        for place, title in places:
            say(f"  {place:<24} {title}")
    for sentence in expiring(found):
        note(sentence)


@click.command(epilog=examples("chansync system kinds"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def kinds(as_json: bool) -> None:
    """List the installed platforms, and the fields that their systems have."""
    from chansync.platforms import registry

    found = [registry.platform(kind) for kind in registry.kinds()]
    show_kinds(((each.kind, each.label, each.system_parameters, {}) for each in found), as_json)


@click.command(epilog=examples('chansync system add shops --name "Our shops" --kind KIND'))
@click.argument("code")
@click.argument("pairs", metavar="[FIELD=VALUE]...", nargs=-1, type=TextType(), shell_complete=completing.system_fields)
@click.option("--name", required=True, help="The name for people.")
@click.option(
    "--kind",
    shell_complete=completing.platform_kinds,
    help="The platform; chansync system kinds lists them. Needed where more than one is installed.",
)
@pass_session
def add(session: Session, code: str, pairs: tuple[str, ...], name: str, kind: str | None) -> None:
    """Add an integration system, with the fields that its platform has for systems.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE.
    """
    from chansync.setup import systems

    chosen = _kind(kind)
    texts = read_fields(pairs, _FORM, systems.parameters(chosen))
    added = systems.add_system(session.store, code, name, chosen, texts)
    add_facts(changed=True, system=added.code)
    say(f"Added the system {added.code}.")
    if systems.can_be_tested(chosen):
        note(f"Connect to it, so that channels can be chosen from it: chansync system test {added.code}")


def _kind(given: str | None) -> str:
    from chansync.platforms import registry

    installed = registry.kinds()
    if given:
        return given
    if len(installed) == 1:
        return installed[0]
    raise UsageError(f"Say of which platform it is: --kind {' or --kind '.join(installed)}.")


@click.command("set", epilog=examples("chansync system set woo client_secret=-"))
@click.argument("code", shell_complete=completing.systems)
@click.argument(
    "pairs", metavar="FIELD=VALUE...", nargs=-1, required=True, type=TextType(), shell_complete=completing.system_fields
)
@pass_session
def change(session: Session, code: str, pairs: tuple[str, ...]) -> None:
    """Change fields of a system; an empty value empties the field. The field name is its name for people.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE.
    """
    from chansync.setup import systems
    from chansync.store.systems import system as stored

    before = stored(session.db, code)
    texts = read_fields(pairs, _FORM, systems.parameters(before.kind))
    save_changes(
        before, texts, lambda texts, name: systems.change_system(session.store, code, texts, name=name),
        systems.values_of,
    )  # fmt: skip


@click.command(epilog=examples("chansync system test woo"))
@click.argument("code", shell_complete=completing.systems)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def test(session: Session, code: str, as_json: bool) -> int:
    """Connect to a system, say as what, and keep where it sells. Exit code 4 when that fails."""
    from chansync.store.systems import system as stored

    stored(session.db, code)
    report = _tested(session, code)
    if as_json:
        data: dict[str, Any] = {
            "ok": report.ok, "system": code, "sentence": report.sentence, "code": report.code, "notes": report.notes,
            "places": [{"code": place, "title": title} for place, title in report.places],
        }  # fmt: skip
        print_json(data if report.ok else data | {"error": report.sentence})
    else:
        (say if report.ok else say_error)(report.sentence)
        for remark in report.notes:
            say(f"  {remark}")
        for place, title in report.places:
            say(f"  store_domain={place}  {title}")
    return exit_code(report)


def _tested(session: Session, code: str) -> SystemReport:
    from chansync.cli.support.jobs import ask_and_wait, is_by_daemon
    from chansync.setup.systems import SystemReport, test_system

    if not is_by_daemon(session):
        return session.run_async(lambda store: test_system(store, code))
    job = ask_and_wait(session.db, "system", None, {"code": code}, seconds=WAIT)
    if job is None or job.result is None:
        return SystemReport(False, "The daemon has not answered yet. See: chansync log --follow", code="daemon")
    told = job.result
    places = [(place, title) for place, title in told.get("places") or ()]
    sentence, notes = str(told.get("sentence", "")), list(told.get("notes") or [])
    return SystemReport(job.state == "done", sentence, places, notes, str(told.get("code") or ""))


@click.command(epilog=examples('chansync system rename woo "Shops in Germany"'))
@click.argument("code", shell_complete=completing.systems)
@click.argument("name")
@pass_session
def rename(session: Session, code: str, name: str) -> None:
    """Give an integration system another name."""
    from chansync.setup import systems
    from chansync.store.systems import system as stored

    before = stored(session.db, code)
    renamed = systems.change_system(session.store, code, {}, name=name)
    add_facts(changed=renamed.name != before.name)
    already = "" if renamed.name != before.name else " already"
    say(f"The system {code} is named {renamed.name}{already}.")


@click.command(epilog=examples("chansync system remove woo"))
@click.argument("code", shell_complete=completing.systems)
@pass_session
def remove(session: Session, code: str) -> None:
    """Remove an integration system that has no channels."""
    from chansync.store import systems

    systems.remove_system(session.db, code)
    add_facts(changed=True)
    say(f"Removed the system {code}.")
