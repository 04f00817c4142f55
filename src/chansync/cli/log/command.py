"""``chansync log``: the message log, once or live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import DefaultGroup, examples
from chansync.cli.support.output import clean, is_coloured, note, paint, print_json, print_line, say, when
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from chansync.store.message_search import Filter
    from chansync.store.messages import Message

_COLOURS = {"problem": "red", "warning": "yellow", "info": ""}


@click.group(
    cls=DefaultGroup,
    default="list",
    table={
        "list": ("log.command:list_messages", "List messages."),
        "show": ("log.command:show", "Show a message with its data and what to do."),
    },
)
def log() -> None:
    """Show or follow the message log."""


@click.command(
    epilog=examples(
        "chansync log --open",
        "chansync log --follow --channel shop-de",
        "chansync log --since 2h --severity problem --json",
        "chansync log --since '2026-11-24 04:00' --until '2026-11-24 06:00' -n 0",
        "chansync log show 17",
    )
)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what comes and what changes.")
@click.option("--open", "open_only", is_flag=True, help="Only problems that are not solved.")
@click.option("--channel", shell_complete=completing.channels, metavar="CODE", help="Only of this channel.")
@click.option(
    "--since", metavar="TIME", help="Only from then on: 2h, 2026-01-31, '2026-01-31 04:00', yesterday, 30d, now."
)
@click.option("--until", metavar="TIME", help="Only what came last before then; a day is meant to its end.")
@click.option("--severity", type=click.Choice(["problem", "warning", "info"]), help="Only of this severity.")
@click.option(
    "--code", shell_complete=completing.message_codes, metavar="X", help="Only of this code, such as item_unknown."
)
@click.option("--text", metavar="T", default="", help="Only with this in the sentence or order number.")
@click.option(
    "-n", "limit", type=click.IntRange(0), default=50, show_default=True, help="At most the last that many; 0: all."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@pass_session
def list_messages(
    session: Session,
    follow: bool,
    open_only: bool,
    channel: str | None,
    since: str | None,
    until: str | None,
    severity: str | None,
    code: str | None,
    text: str,
    limit: int,
    as_json: bool,
) -> None:
    """Show the message log, oldest first; a problem stays open until it is solved."""
    from chansync.model.times import parse_moment
    from chansync.store import channels
    from chansync.store.message_search import Filter

    db = session.db
    chosen = Filter(
        channel_id=channels.channel(db, channel).id if channel else None,
        severity=severity,
        code=_known_code(code) if code else None,
        open_only=open_only,
        since=parse_moment(since) if since else None,
        until=parse_moment(until, end=True) if until else None,
        text=text,
    )
    if follow:
        _follow(db, chosen, limit or _ALL, as_json)
        return
    count = 0
    for message in _found(db, chosen, limit):
        _print(message, as_json)
        count += 1
    if not count and not as_json:
        note("No message matches.")


_ALL = 2**62

#: How many messages are in memory at once where all are wanted.
_PAGE = 1000


def _found(db: apsw.Connection, chosen: Filter, limit: int) -> Iterator[Message]:
    """The last ``limit`` messages (0: all of them), oldest first."""
    from dataclasses import replace

    from chansync.store import messages

    if limit:
        yield from reversed(messages.messages(db, chosen, limit=limit))
        return
    page = messages.messages(db, chosen, limit=_PAGE, oldest_first=True)
    while page:
        yield from page
        page = messages.messages(db, replace(chosen, after_id=page[-1].id), limit=_PAGE, oldest_first=True)


def _known_code(code: str) -> str:
    from difflib import get_close_matches

    from chansync.model.message import CODES

    if code not in CODES:
        near = get_close_matches(code, CODES, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(CODES)}."
        raise UsageError(f"There is no message code {code!r:.40}. {hint}")
    return code


def _follow(db: apsw.Connection, chosen: Filter, limit: int, as_json: bool) -> None:
    import sys

    from chansync.cli.log.follow import follow

    for message in follow(db, chosen, limit):
        _print(message, as_json)
        sys.stdout.flush()


def _print(message: Message, as_json: bool) -> None:
    if as_json:
        print_json(message.as_data(), indent=None)
        return
    print_line(message_line(message))


def message_line(message: Message) -> str:
    """A message on one line."""

    order = f" #{clean(message.order_number)}" if message.order_number else ""
    times = f" ({message.count} times)" if message.count > 1 else ""
    state = " [open]" if message.open else f" [solved by {clean(message.solved_by)}]" if message.solved_at else ""
    severity = f"{message.severity:<7}"
    if is_coloured():
        severity = paint(severity, _COLOURS.get(message.severity, ""))
    place = f"{clean(message.channel_code) or '-'}{order}"
    said = f"{message.code}: {clean(message.sentence)}{times}{state}"
    return f"{message.id:>6}  {when(message.last_at, seconds=True)}  {severity}  {place}  {said}"


@click.command(epilog=examples("chansync log show 17", "chansync log show 17 --json"))
@click.argument("message_id", metavar="ID", type=click.IntRange(1, 2**62))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def show(session: Session, message_id: int, as_json: bool) -> None:
    """Show a message with the data that caused it and what to do."""
    import json

    from chansync.model.message import CODES
    from chansync.store import messages

    message = messages.message(session.db, message_id)
    if message is None:
        raise UsageError(f"There is no message {message_id}. See: chansync log")
    if as_json:
        print_json(message.as_data())
        return
    known = CODES.get(message.code)
    # Clean already, and coloured: not to be escaped.
    print_line(message_line(message))
    rows = {
        "what": known.title if known else message.code,
        "what to do": message.remedy,
        "mend it": f"chansync mend {message.id}",
        "who can mend it": str(known.error_class) if known else "",
        "first": when(message.first_at, seconds=True),
        "last": when(message.last_at, seconds=True),
        "solved": when(message.solved_at, seconds=True),
    }
    for name, value in rows.items():
        if value:
            say(f"  {name:<16} {value}")
    if message.data:
        print_line("  data")
        for line in json.dumps(message.data, ensure_ascii=False, indent=2).splitlines():
            print_line(f"    {clean(line)}")
