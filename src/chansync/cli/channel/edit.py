"""``chansync channel add``, ``set``, ``pause``, ``resume`` and ``test``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.fields import exit_code, read_secrets, split_pairs
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import add_facts, print_json, say, say_changed, say_error
from chansync.cli.support.session import Session, user_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from chansync.model.channel import Channel
    from chansync.setup.confirm import ConnectionReport

_FORM = "field=value; chansync channel fields lists the fields"


@command(
    "chansync channel add shop-de name=Shop integration_system=woo pos=web \\",
    "    store_domain=https://shop.example consumer_key=- consumer_secret=@secret.txt used=yes",
)
@click.argument("code")
@pairs("[FIELD=VALUE]", completing.channel_fields)
def add(session: Session, code: str, pairs: tuple[str, ...]) -> int:
    """Add a channel.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE. With used=yes, chansync connects to
    the site first and fills in what it can.
    """
    from chansync.model.channel_parameters import BY_NAME
    from chansync.setup import channel_settings

    texts = read_secrets(split_pairs(pairs, _FORM), BY_NAME) | {"code": code}
    uses = _is_first_use(None, texts)
    if uses:
        del texts["used"]
    added = channel_settings.add_channel(session.store, texts)
    add_facts(changed=True, channel=added.code)
    say(f"Added the channel {added.code}.")
    return _first_use(session, added) if uses else exit_codes.OK


@command(
    "chansync channel set shop-de order_statuses=processing,completed start_date=2026-01-01",
    "chansync channel set shop-de consumer_secret=-",
    "chansync channel set shop-de used=yes",
)
@click.argument("code", shell_complete=completing.channels)
@pairs("FIELD=VALUE", completing.channel_fields)
def change(session: Session, code: str, pairs: tuple[str, ...]) -> int:
    """Change fields of a channel; an empty value empties the field.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE. The first used=yes connects to the
    site and fills in what it can.
    """
    from chansync.model.channel_parameters import BY_NAME
    from chansync.store import channels

    current = channels.channel(session.db, code)
    texts = read_secrets(split_pairs(pairs, _FORM), BY_NAME)
    if not _is_first_use(current, texts):
        _change(session, current, texts)
        return exit_codes.OK
    del texts["used"]
    if texts:
        current = _change(session, current, texts)
    add_facts(changed=True)
    return _first_use(session, current)


def _change(session: Session, before: Channel, texts: dict[str, str]) -> Channel:
    from chansync.secrets import sealing
    from chansync.setup import channel_settings

    entered = sealing.set_times(session.db, before.id)
    after = channel_settings.change_channel(session.store, before.code, texts)
    # Of a secret, when it was entered.
    old, new = before.values | entered, after.values | sealing.set_times(session.db, before.id)
    changed = [name for name in texts if name in before.unreadable or old.get(name) != new.get(name)]
    say_changed(after.code, changed, texts)
    return after


def _is_first_use(current: Channel | None, texts: dict[str, str]) -> bool:
    from chansync.setup.channel_settings import parse
    from chansync.setup.switching import is_first_use

    changes, secrets, _ = parse(texts)
    return is_first_use(current, changes, secrets)


def _first_use(session: Session, current: Channel) -> int:
    """The first confirm: connect, say as what, fill in, and only then use the channel."""
    from chansync.cli.support.jobs import report_of
    from chansync.setup.confirm import ConnectionReport
    from chansync.setup.switching import check_first_use, use_channel
    from chansync.setup.typed_fields import InvalidFields

    check_first_use(session.db, current)
    report = report_of(
        session, ConnectionReport, lambda store: use_channel(store, current.code), "confirm", current.id, {"use": True}
    )
    _show_report(report)
    add_facts(used=report.used, filled=report.filled, vanished=report.vanished)
    if not report.ok:
        say_error(
            f"{current.code} keeps its values and is not used yet. Try again: chansync channel set {current.code} "
            "used=yes",
            report.code,
        )
        return exit_code(report)
    if report.wrong:
        raise InvalidFields(report.wrong)
    say(f"{current.code} is used.")
    return exit_codes.OK


def _show_report(report: ConnectionReport) -> None:
    if report.ok:
        say(report.sentence)
    else:
        say_error(report.sentence, report.code)
    for remark in report.notes:
        say(f"  {remark}")
    for name, text in report.filled.items():
        say(f"  filled in {name}: {text}")
    for sentence in report.vanished:
        say(f"  {sentence}")


@command("chansync channel pause shop-de", "chansync channel pause shop-de shop-fr")
@click.argument("codes", metavar="CODE...", nargs=-1, required=True, shell_complete=completing.channels)
def pause(session: Session, codes: tuple[str, ...]) -> None:
    """Let nothing of channels run by itself until they are resumed. Who paused them, and when, is shown."""
    from chansync.setup import switching

    _switch(codes, "Paused {}. To go on: chansync channel resume {}", "{} was not used.",
            lambda code: switching.pause(session.store, code, user_name()))  # fmt: skip


@command("chansync channel resume shop-de")
@click.argument("codes", metavar="CODE...", nargs=-1, required=True, shell_complete=completing.channels)
def resume(session: Session, codes: tuple[str, ...]) -> None:
    """Let channels that are paused, or not used, run by themselves again."""
    from chansync.setup import switching

    _switch(codes, "Resumed {}.", "{} is used already.", lambda code: switching.resume(session.store, code))


def _switch(codes: tuple[str, ...], done: str, not_done: str, switch: Callable[[str], bool]) -> None:
    changed = []
    for code in dict.fromkeys(codes):
        if switch(code):
            changed.append(code)
        say((done if code in changed else not_done).format(code, code))
        add_facts(changed=bool(changed), channels=list(changed))


@command("chansync channel test shop-de", "chansync channel test shop-de --fill")
@click.argument("code", shell_complete=completing.channels)
@click.option("--fill", is_flag=True, help="Also pull the lookups and fill empty fields, as the first connection does.")
def test(session: Session, code: str, fill: bool, as_json: bool) -> int:
    """Connect to the channel's site and say as what. Exit code 4 when that fails.

    The first connection of a channel also fills its empty fields.
    """
    from chansync.cli.support.jobs import report_of
    from chansync.setup.confirm import ConnectionReport, confirm_channel
    from chansync.store import channels

    found = channels.channel(session.db, code)
    fill = fill or found.connected_at is None
    kind = "confirm" if fill else "test"
    report = report_of(
        session, ConnectionReport, lambda store: confirm_channel(store, code, fill=fill), kind, found.id, {}
    )
    if as_json:
        data = {
            "ok": report.ok, "channel": code, "sentence": report.sentence, "code": report.code,
            "filled": report.filled, "vanished": report.vanished, "notes": report.notes,
        }  # fmt: skip
        print_json(data if report.ok else data | {"error": report.sentence})
    else:
        _show_report(report)
    return exit_code(report)
