"""``chansync system``: integration systems."""

from __future__ import annotations

from typing import Any

import click

from chansync.cli.support import completing
from chansync.cli.support.fields import change as save_changes
from chansync.cli.support.fields import exit_code, read_fields, show_kinds
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import add_facts, note, print_json, say, say_error, table, when
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError
from chansync.model.times import utc_text
from chansync.store import channels
from chansync.store import systems as stored

_FORM = "field=value; chansync system kinds lists the fields of a system"


@command("chansync system list")
def list_systems(session: Session, as_json: bool) -> None:
    """List the integration systems and how many channels each has."""
    counts: dict[str, int] = {}
    for channel in channels.all_channels(session.db):
        counts[channel.system.code] = counts.get(channel.system.code, 0) + 1
    found = stored.systems(session.db)
    if as_json:
        print_json(
            [{"system": s.code, "name": s.name, "kind": s.kind, "channels": counts.get(s.code, 0)} for s in found]
        )
        return
    rows = [(s.code, s.name, s.kind, counts.get(s.code, 0)) for s in found]
    table(("code", "name", "kind", "channels"), rows, right=("channels",), flexible="name")


@command("chansync system show woo", "chansync system show woo --json")
@click.argument("code", shell_complete=completing.systems)
def show(session: Session, code: str, as_json: bool) -> None:
    """Show a system with its fields, and where it sells as far as it told. Secrets are never shown."""
    from chansync.setup import systems

    found = stored.system(session.db, code)
    values = systems.values_of(found)
    places = stored.lookups(session.db, found.id, "place")
    if as_json:
        print_json(
            {
                "system": found.code, "name": found.name, "kind": found.kind, "version": found.version,
                "connected_at": utc_text(found.connected_at), "values": values,
                "secrets": {
                    p.name: utc_text(found.secrets.get(p.name)) for p in systems.parameters(found.kind) if p.is_secret
                },
                "places": [{"code": place, "title": title} for place, title in places],
            }
        )  # fmt: skip
        return
    connected = f", connected {when(found.connected_at)}" if found.connected_at else ""
    say(f"{found.code}: {found.name} ({found.kind}{connected})")
    for parameter in systems.parameters(found.kind):
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
    for sentence in systems.expiring(found):
        note(sentence)


@command("chansync system kinds")
def kinds(as_json: bool) -> None:
    """List the installed platforms, and the fields that their systems have."""
    from chansync.platforms import registry

    found = [registry.platform(kind) for kind in registry.kinds()]
    show_kinds(((each.kind, each.label, each.system_parameters, {}) for each in found), as_json)


@command('chansync system add shops --name "Our shops" --kind KIND')
@click.argument("code")
@pairs("[FIELD=VALUE]", completing.system_fields)
@click.option("--name", required=True, help="The name for people.")
@click.option(
    "--kind",
    shell_complete=completing.platform_kinds,
    help="The platform; chansync system kinds lists them. Needed where more than one is installed.",
)
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


@command("chansync system set woo client_secret=-")
@click.argument("code", shell_complete=completing.systems)
@pairs("FIELD=VALUE", completing.system_fields)
def change(session: Session, code: str, pairs: tuple[str, ...]) -> None:
    """Change fields of a system; an empty value empties the field. The field name is its name for people.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE.
    """
    from chansync.setup import systems

    before = stored.system(session.db, code)
    texts = read_fields(pairs, _FORM, systems.parameters(before.kind))
    save_changes(
        before, texts, lambda texts, name: systems.change_system(session.store, code, texts, name=name),
        systems.values_of,
    )  # fmt: skip


@command("chansync system test woo")
@click.argument("code", shell_complete=completing.systems)
def test(session: Session, code: str, as_json: bool) -> int:
    """Connect to a system, say as what, and keep where it sells. Exit code 4 when that fails."""
    from chansync.cli.support.jobs import report_of
    from chansync.setup import systems

    stored.system(session.db, code)
    report = report_of(
        session, systems.SystemReport, lambda store: systems.test_system(store, code), "system", None, {"code": code}
    )
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


@command('chansync system rename woo "Shops in Germany"')
@click.argument("code", shell_complete=completing.systems)
@click.argument("name")
def rename(session: Session, code: str, name: str) -> None:
    """Give an integration system another name."""
    from chansync.setup import systems

    before = stored.system(session.db, code)
    renamed = systems.change_system(session.store, code, {}, name=name)
    changed = renamed.name != before.name
    add_facts(changed=changed)
    already = "" if changed else " already"
    say(f"The system {code} is named {renamed.name}{already}.")


@command("chansync system remove woo")
@click.argument("code", shell_complete=completing.systems)
def remove(session: Session, code: str) -> None:
    """Remove an integration system that has no channels."""
    stored.remove_system(session.db, code)
    add_facts(changed=True)
    say(f"Removed the system {code}.")
