"""``chansync channel add``, ``set``, ``pause``, ``resume`` and ``test``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.named_files import TextType
from chansync.cli.support.output import add_facts, print_json, say, say_changed, say_error
from chansync.cli.support.secret_input import read_secrets
from chansync.cli.support.session import Session, pass_session, split_pairs, user_name
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chansync.model.channel import Channel
    from chansync.setup.confirm import ConnectionReport

_FORM = "field=value; chansync channel fields lists the fields"


@click.command(
    epilog=examples(
        "chansync channel add shop-de name=Shop integration_system=woo pos=web \\",
        "    store_domain=https://shop.example consumer_key=- consumer_secret=@secret.txt used=yes",
    )
)
@click.argument("code")
@click.argument(
    "pairs", metavar="[FIELD=VALUE]...", nargs=-1, type=TextType(), shell_complete=completing.channel_fields
)
@pass_session
def add(session: Session, code: str, pairs: tuple[str, ...]) -> int:
    """Add a channel.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE. With used=yes, chansync connects to
    the site first and fills in what it can.
    """
    from chansync.setup import channel_settings

    texts = read_secrets(split_pairs(pairs, _FORM)) | {"code": code}
    uses = _asks_for_use(texts)
    if uses:
        del texts["used"]
    added = channel_settings.add_channel(session.store, texts)
    add_facts(changed=True, channel=added.code)
    say(f"Added the channel {added.code}.")
    if uses:
        return _first_use(session, added)
    return exit_codes.OK


@click.command(
    "set",
    epilog=examples(
        "chansync channel set shop-de order_statuses=processing,completed start_date=2026-01-01",
        "chansync channel set shop-de consumer_secret=-",
        "chansync channel set shop-de used=yes",
    ),
)
@click.argument("code", shell_complete=completing.channels)
@click.argument(
    "pairs",
    metavar="FIELD=VALUE...",
    nargs=-1,
    required=True,
    type=TextType(),
    shell_complete=completing.channel_fields,
)
@pass_session
def change(session: Session, code: str, pairs: tuple[str, ...]) -> int:
    """Change fields of a channel; an empty value empties the field.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE. The first used=yes connects to the
    site and fills in what it can.
    """
    from chansync.store import channels

    current = channels.channel(session.db, code)
    texts = read_secrets(split_pairs(pairs, _FORM))
    if not _asks_for_use(texts) or not _is_first_use(current, texts):
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
    entered_now = sealing.set_times(session.db, before.id)
    say_changed(
        after.code,
        [
            name
            for name in texts
            if before.values.get(name) != after.values.get(name)
            or name in before.unreadable
            or entered.get(name) != entered_now.get(name)
        ],
        texts,
    )
    return after


def _asks_for_use(texts: dict[str, str]) -> bool:
    """Whether ``used`` is to be switched on; a wrong value is left to validation."""
    from chansync.model.channel import parse_field

    try:
        return bool(parse_field("used", texts.get("used", "")))
    except UsageError:
        return False


def _is_first_use(current: Channel, texts: dict[str, str]) -> bool:
    from chansync.setup.channel_settings import parse
    from chansync.setup.first_use import is_first_use

    changes, secrets, _ = parse(texts)
    return is_first_use(current, changes, secrets)


def _first_use(session: Session, current: Channel) -> int:
    """The first confirm: connect, say as what, fill in, and only then use the channel."""
    from chansync.setup.first_use import check_first_use, use_channel
    from chansync.setup.typed_fields import InvalidFields

    check_first_use(session.db, current)
    report = _by_daemon(session, current, "confirm", {"use": True}) or session.run_async(
        lambda store: use_channel(store, current.code)
    )
    _show_report(report)
    add_facts(used=report.used, filled=report.filled, vanished=report.vanished)
    if not report.ok:
        say_error(
            f"{current.code} keeps its values and is not used yet. Try again: chansync channel set {current.code} "
            "used=yes",
            report.code,
        )
        return _code_of(report)
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


def _code_of(report: ConnectionReport) -> int:
    if report.ok:
        return exit_codes.OK
    if report.code in ("secret_unreadable", "database"):
        return exit_codes.DATABASE
    return exit_codes.USAGE if report.code == "usage" else exit_codes.SITE


@click.command(epilog=examples("chansync channel pause shop-de", "chansync channel pause shop-de shop-fr"))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True, shell_complete=completing.channels)
@pass_session
def pause(session: Session, codes: tuple[str, ...]) -> None:
    """Let nothing of channels run by itself until they are resumed. Who paused them, and when, is shown."""
    from chansync.setup import pausing

    _switch(codes, "Paused {}. To go on: chansync channel resume {}", "{} was not used.",
            lambda code: pausing.pause(session.store, code, user_name()))  # fmt: skip


@click.command(epilog=examples("chansync channel resume shop-de"))
@click.argument("codes", metavar="CODE...", nargs=-1, required=True, shell_complete=completing.channels)
@pass_session
def resume(session: Session, codes: tuple[str, ...]) -> None:
    """Let channels that are paused, or not used, run by themselves again."""
    from chansync.setup import pausing

    _switch(codes, "Resumed {}.", "{} is used already.", lambda code: pausing.resume(session.store, code))


def _switch(codes: tuple[str, ...], done: str, not_done: str, switch: Callable[[str], bool]) -> None:
    changed = []
    for code in dict.fromkeys(codes):
        if switch(code):
            changed.append(code)
        say((done if code in changed else not_done).format(code, code))
        add_facts(changed=bool(changed), channels=list(changed))


@click.command(epilog=examples("chansync channel test shop-de", "chansync channel test shop-de --fill"))
@click.argument("code", shell_complete=completing.channels)
@click.option("--fill", is_flag=True, help="Also pull the lookups and fill empty fields, as the first connection does.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def test(session: Session, code: str, fill: bool, as_json: bool) -> int:
    """Connect to the channel's site and say as what. Exit code 4 when that fails.

    The first connection of a channel also fills its empty fields.
    """
    from chansync.store import channels

    found = channels.channel(session.db, code)
    report = _connect(session, found, fill=fill or found.connected_at is None)
    if as_json:
        print_json(
            {
                "ok": report.ok,
                "channel": code,
                "sentence": report.sentence,
                "code": report.code,
                "filled": report.filled,
                "vanished": report.vanished,
                "notes": report.notes,
            }
            | ({} if report.ok else {"error": report.sentence})
        )
    else:
        _show_report(report)
    return _code_of(report)


def _connect(session: Session, found: Channel, *, fill: bool) -> ConnectionReport:
    from chansync.setup.confirm import confirm_channel

    return _by_daemon(session, found, "confirm" if fill else "test", {}) or session.run_async(
        lambda store: confirm_channel(store, found.code, fill=fill)
    )


#: How long the daemon is waited for, in seconds.
WAIT = 90


def _by_daemon(session: Session, found: Channel, kind: str, args: dict[str, Any]) -> ConnectionReport | None:
    """What the daemon says of the connection, where this user may not open the keys; None: this process connects."""
    from chansync.cli.support.jobs import ask_and_wait, is_by_daemon
    from chansync.job_runner import report_of
    from chansync.setup.confirm import ConnectionReport

    if not is_by_daemon(session):
        return None
    job = ask_and_wait(session.db, kind, found.id, args, seconds=WAIT)
    if job is None or job.result is None:
        return ConnectionReport(False, "The daemon has not answered yet. See: chansync log --follow", code="daemon")
    return report_of(job)
