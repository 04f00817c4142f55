"""``chansync channel``: list, show, remove, and the table of fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import add_facts, is_agreed, note, paint, print_json, print_line, say, table, when
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError
from chansync.model.safe_text import escaped, width
from chansync.secrets.key_file import KeyUnreadable

if TYPE_CHECKING:
    import apsw

    from chansync.model.channel import Channel
    from chansync.model.channel_parameters import ChannelParameter


#: The colours of system types that are not production; the word is always there too.
_COLOURS = {"working": "yellow", "test": "cyan"}


@command("chansync channel list", "chansync channel list --json")
def list_channels(session: Session, as_json: bool) -> None:
    """List the channels."""
    from chansync.cli.status import line_data
    from chansync.store import overview

    lines = overview.channel_lines(session.db)
    if as_json:
        print_json([line_data(line) for line in lines])
        return
    rows = [
        (
            "yes" if line.used else "no", line.code, line.name, line.system, line.system_type, line.pos,
            when(line.last_ok_at), line.problems or "",
        )
        for line in lines
    ]  # fmt: skip
    headers = ("used", "code", "name", "system", "type", "POS", "last sync", "problems")
    colours = [_COLOURS.get(line.system_type, "") for line in lines]
    table(headers, rows, right=("problems",), flexible="name", colours=colours)


@command("chansync channel show shop-de", "chansync channel show shop-de --json")
@click.argument("code", shell_complete=completing.channels)
def show(session: Session, code: str, as_json: bool) -> None:
    """Show a channel with all its fields. Secrets are never shown."""
    from chansync.store import channels

    found = channels.channel(session.db, code)
    if as_json:
        print_json(_data(session.db, found))
        return
    _show(session.db, found)


def _data(db: apsw.Connection, found: Channel) -> dict[str, Any]:
    from chansync.model.channel_parameters import PARAMETERS
    from chansync.model.times import utc_text
    from chansync.store import mappings, webhooks

    tables = {
        kind: [
            {"site_code": row.site_code, "title": row.title, "on_site": row.on_site, "target": row.target}
            for row in mappings.mappings(db, found.id, kind)
        ]
        for kind in ("payment", "delivery", "item", "tax")
    }
    return {
        "channel": found.code,
        "system": found.system.code,
        "kind": found.system.kind,
        "version": found.version,
        "connected_at": utc_text(found.connected_at),
        "values": found.values,
        "secrets": {p.name: p.name in found.secrets for p in PARAMETERS if p.is_secret},
        "webhooks": [
            {"topic": each.topic, "state": each.state, "url": each.url, "checked_at": utc_text(each.checked_at)}
            for each in webhooks.of_channel(db, found.id)
        ],
        "mappings": tables,
    }


def _show(db: apsw.Connection, found: Channel) -> None:
    from chansync.model.channel_parameters import PARAMETERS, SECTIONS
    from chansync.model.times import now_ms
    from chansync.setup.confirm import vanished_values
    from chansync.store import webhooks

    values = found.values
    kind = values["system_type"]
    used = "used" if values["used"] else "not used"
    connected = f"connected {when(found.connected_at)}" if found.connected_at else "never connected"
    say(f"{found.code}: {values['name'] or ''} ({found.system.kind}, {kind}, {used}, {connected})")
    if sentence := webhooks.sentence(db, found.id, found.code, now_ms()):
        say(sentence)
    able = _capabilities(found)
    # Field → its values that the site no longer has.
    lost = dict(sentence.split(" ", 1) for sentence in vanished_values(db, found))
    titles = _titles(db, found)
    for section, title in SECTIONS.items():
        print_line()
        print_line(paint(f"{section} {title}", "bold"))
        if section in (4, 5):
            _show_mapping(db, found, "payment" if section == 4 else "delivery")
            continue
        for parameter in PARAMETERS:
            if parameter.section == section:
                _show_field(parameter, found, able, lost.get(parameter.name, ""), titles.get(parameter.name, ""))


def _capabilities(found: Channel) -> frozenset[str]:
    from chansync.setup import channel_settings

    try:
        return channel_settings.capabilities(found.system.kind)
    except UsageError as error:
        note(str(error))
        return frozenset()


def _titles(db: apsw.Connection, found: Channel) -> dict[str, str]:
    """Field → what its value is called, where the channel's system offers it."""
    from chansync.model.channel_parameters import PARAMETERS
    from chansync.setup import channel_settings

    return {
        parameter.name: title
        for parameter in PARAMETERS
        if parameter.offered
        for code, title in channel_settings.offered(db, found, parameter.offered)
        if code == found.values.get(parameter.name)
    }


def _show_field(parameter: ChannelParameter, found: Channel, able: frozenset[str], lost: str, title: str) -> None:
    from chansync.model.channel_parameters import applies

    is_set = parameter.name in found.secrets if parameter.is_secret else found.values.get(parameter.name)
    text = parameter.type.show(is_set)
    marks = [title] if title else []
    if not applies(parameter, found.values, able):
        needs = [name for name in parameter.only_with if not found.values.get(name)]
        marks.append(f"applies only with {' and '.join(needs)}" if needs else "does not apply to this platform")
    if lost:
        marks.append(lost.rstrip("."))
    elif parameter.needed and not text and not marks:
        marks.append("needed before the channel can be used")
    line = f"  {parameter.name:<28} {escaped(text)}".rstrip()
    blanks = " " * max(2, 46 - width(line))
    print_line(line + (paint(f"{blanks}[{escaped('; '.join(marks))}]", "yellow" if lost else "dim") if marks else ""))


def _show_mapping(db: apsw.Connection, found: Channel, kind: str) -> None:
    from chansync.store import mappings

    rows = mappings.mappings(db, found.id, kind)
    if not rows:
        print_line("  none yet; connecting picks them up")
    for row in rows:
        title = f"{row.title}" + ("" if row.on_site else " (not on the site)")
        line = f"  {escaped(row.site_code):<28} {escaped(row.target or 'NOT MAPPED'):<16} {escaped(title)}".rstrip()
        print_line(line if row.target else paint(line, "red"))


@command("chansync channel remove shop-de")
@click.argument("code", shell_complete=completing.channels)
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(session: Session, code: str, yes: bool) -> int:
    """Remove a channel with its settings, known orders, runs and messages, and its webhooks at the site.

    The ERP keeps its sales.
    """
    from chansync.store import channels

    db = session.db
    found = channels.channel(db, code)
    orders = db.execute('SELECT count(*) FROM "order" WHERE channel_id = ?', (found.id,)).get
    messages = db.execute("SELECT count(*) FROM message WHERE channel_id = ?", (found.id,)).get
    note(
        f"With {code} go its settings, keys and mappings, what is known of {orders} orders, and {messages} messages. "
        "The ERP keeps its sales. A channel of this code that is added later would import the orders again."
        if orders
        else f"With {code} go its settings, keys and mappings, and {messages} messages."
    )
    if not is_agreed(f"Remove {code}?", "Nothing was removed", yes=yes):
        return exit_codes.PROBLEMS
    remains = _remove_webhooks(session, found)
    channels.remove_channel(session.db, found.id)
    add_facts(changed=True, webhooks_left=bool(remains))
    say(f"Removed {code}.")
    if remains:
        note(remains)
    return exit_codes.OK


def _remove_webhooks(session: Session, found: Channel) -> str:
    """Remove the channel's webhooks from its site, by the daemon where this user may not read the private key; why they
    stay there, or empty."""
    from chansync.store import webhooks

    if not any(each.site_id for each in webhooks.of_channel(session.db, found.id)):
        return ""
    from chansync.cli.support.jobs import ask_and_wait, is_by_daemon
    from chansync.setup.webhooks import BY_HAND, remove_all

    try:
        if not is_by_daemon(session):
            return session.run_async(lambda store: remove_all(store, found.code))
        ok, told = ask_and_wait(session.db, "webhooks", found.id, {}, seconds=30)
    except KeyUnreadable as error:
        return f"Its webhooks stay at the site, where they do no harm ({str(error).rstrip('.')}); {BY_HAND}."
    if ok is None:
        return f"Its webhooks may still be at the site, where they do no harm: the daemon has not answered; {BY_HAND}."
    return str(told.get("sentence", ""))


@command("chansync channel fields", "chansync channel fields --json")
def fields(as_json: bool) -> None:
    """List every field of a channel: its type, default, and what it does."""
    from chansync.model.channel_parameters import PARAMETERS, SECTIONS

    if as_json:
        print_json([_field_data(parameter) for parameter in PARAMETERS])
        return
    section = 0
    for parameter in PARAMETERS:
        if parameter.section != section:
            section = parameter.section
            print_line(("\n" if section > 1 else "") + paint(f"{section} {SECTIONS[section]}", "bold"))
        default = parameter.type.show(parameter.default) if parameter.default not in (None, ()) else ""
        facts = [parameter.type.word]
        if default:
            facts.append(f"default {default}")
        if parameter.only_with:
            facts.append(f"only with {' and '.join(parameter.only_with)}")
        if parameter.needed:
            facts.append("needed")
        print_line(f"  {parameter.name} ({', '.join(facts)})")
        print_line(f"      {parameter.help}")


def _field_data(parameter: ChannelParameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "label": parameter.label,
        "help": parameter.help,
        "section": parameter.section,
        "type": parameter.type.word,
        "default": list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default,
        "only_with": list(parameter.only_with),
        "capability": parameter.capability or None,
        "needed": parameter.needed,
        "secret": parameter.is_secret,
    }
