"""``chansync log``: the message log, once or live; and ``chansync why``, which explains an order by it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import apsw
import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import clean, is_coloured, note, paint, print_json, print_line, say, when
from chansync.cli.support.session import Session
from chansync.db.opening import data_version
from chansync.model.errors import UsageError
from chansync.model.message import CODES
from chansync.model.order import bare_number
from chansync.model.times import parse_moment
from chansync.store import messages
from chansync.store.message_search import Filter
from chansync.store.messages import Message

_COLOURS = {"problem": "red", "warning": "yellow", "info": ""}


@command(
    "chansync log --open",
    "chansync log --follow --channel shop-de",
    "chansync log --since 2h --severity problem --json",
    "chansync log --since '2026-11-24 04:00' --until '2026-11-24 06:00' -n 0",
    "chansync log show 17",
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
    from chansync.store import channels

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
    for message in reversed(messages.messages(db, chosen, limit=limit)) if limit else _after(db, chosen):
        _print(message, as_json)
        count += 1
    if not count and not as_json:
        note("No message matches.")


_ALL = 2**62

#: How many messages are in memory at once where all are wanted.
_PAGE = 1000


def _after(db: apsw.Connection, chosen: Filter) -> Iterator[Message]:
    """Every message after ``after_id`` of the filter, oldest first."""
    while page := messages.messages(db, chosen, limit=_PAGE, oldest_first=True):
        yield from page
        chosen = replace(chosen, after_id=page[-1].id)


def _known_code(code: str) -> str:
    if code not in CODES:
        from difflib import get_close_matches

        near = get_close_matches(code, CODES, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(CODES)}."
        raise UsageError(f"There is no message code {code!r:.40}. {hint}")
    return code


#: How often the database is asked whether anything changed, in seconds; asking costs microseconds.
POLL_EVERY = 0.25


def _follow(db: apsw.Connection, chosen: Filter, limit: int, as_json: bool) -> None:
    """Print the last ``limit`` messages, oldest first, and then for ever those that come or change."""
    watch = Watch(db, chosen)
    found = watch.begin(limit)
    while True:
        for message in found:
            _print(message, as_json)
            sys.stdout.flush()
        time.sleep(POLL_EVERY)
        found = watch.changes()


class Watch:
    """What was seen of the log: new and changed messages are found without reading it again and again."""

    def __init__(self, db: apsw.Connection, chosen: Filter) -> None:
        self.db = db
        self.chosen = chosen
        self.version = -1
        self.last_id = 0
        self.open: dict[int, int] = {}

    def begin(self, limit: int) -> list[Message]:
        """The last messages, oldest first; what comes after them is a change."""
        # In this order: what is written between the two shows as a change, and is not lost.
        self.version = data_version(self.db)
        self.last_id = self._newest()
        self.open = self._open_counts()
        found = messages.messages(self.db, self.chosen, limit=limit)
        return [message for message in reversed(found) if message.id <= self.last_id]

    def changes(self) -> list[Message]:
        """New messages, and those whose count grew or whose problem was solved since the last call."""
        version = data_version(self.db)
        if version == self.version:
            return []
        self.version = version
        before, self.open = self.open, self._open_counts()
        touched = sorted(message_id for message_id, count in before.items() if self.open.get(message_id) != count)
        changed = [message for each in touched if (message := messages.message(self.db, each)) and self._fits(message)]
        # A message outside the filter is passed too, so that the next search begins after it.
        newest = self._newest()
        new = list(_after(self.db, replace(self.chosen, after_id=self.last_id)))
        self.last_id = max(newest, new[-1].id if new else 0)
        return changed + new

    def _newest(self) -> int:
        newest: int = self.db.execute("SELECT coalesce(max(id), 0) FROM message").get
        return newest

    def _open_counts(self) -> dict[int, int]:
        """Open problem → how often it came. A partial index holds just these, however long the log is."""
        return dict(self.db.execute("SELECT id, count FROM message WHERE open = 1"))

    def _fits(self, message: Message) -> bool:
        chosen = self.chosen
        text = bare_number(chosen.text).casefold()
        return (
            (chosen.channel_id is None or message.channel_id == chosen.channel_id)
            and (chosen.severity is None or message.severity == chosen.severity)
            and (chosen.code is None or message.code == chosen.code)
            and (chosen.until is None or message.last_at < chosen.until)
            and (text in message.sentence.casefold() or text in message.order_number.casefold())
        )


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


@command("chansync log show 17", "chansync log show 17 --json")
@click.argument("message_id", metavar="ID", type=click.IntRange(1, 2**62))
def show(session: Session, message_id: int, as_json: bool) -> None:
    """Show a message with the data that caused it and what to do."""
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


@command("chansync why shop-de 1001")
@click.argument("code", shell_complete=completing.channels)
@click.argument("number")
def why(session: Session, code: str, number: str, as_json: bool) -> int:
    """Say why an order is as it is. Exit code 1 when it was never seen."""
    from chansync.explain.why import why as explain
    from chansync.store import channels

    told = explain(session.db, channels.channel(session.db, code), number)
    if as_json:
        print_json(told.as_data(code))
    else:
        for sentence in told.sentences:
            say(sentence)
        for message in told.messages:
            print_line(message_line(message))
        if told.sale_number:
            say(f"The sale: chansync erp sale {told.sale_number}")
    return exit_codes.OK if told.found else exit_codes.PROBLEMS
