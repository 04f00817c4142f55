"""``chansync why``, ``retry`` and ``solve``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from chansync.cli import completing, exit_codes
from chansync.cli.lazy import examples
from chansync.cli.output import note, print_json, say
from chansync.cli.session import Session, pass_session, user_name
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import apsw

#: How long ``retry`` waits for the daemon, in seconds.
WAIT = 30


@click.command(epilog=examples("chansync why shop-de 1001"))
@click.argument("code", shell_complete=completing.channels)
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def why(session: Session, code: str, number: str, as_json: bool) -> int:
    """Say why an order is as it is. Exit code 1 when it was never seen."""
    from chansync.cli.log import message_data, message_line
    from chansync.explain.why import why as explain
    from chansync.store import channels

    told = explain(session.db, channels.channel(session.db, code), number.strip().lstrip("#"))
    if as_json:
        print_json(
            {
                "found": told.found,
                "sentences": told.sentences,
                "order": asdict(told.order) if told.order else None,
                "sale": told.sale_number or None,
                "messages": [message_data(message) for message in told.messages],
            }
        )
    else:
        for sentence in told.sentences:
            say(sentence)
        for message in told.messages:
            print(message_line(message))
        if told.sale_number:
            say(f"The sale: chansync erp sale {told.sale_number}")
    return exit_codes.OK if told.found else exit_codes.PROBLEMS


@click.command(epilog=examples("chansync solve 17 18"))
@click.argument("ids", metavar="ID...", type=click.IntRange(1, 2**62), nargs=-1, required=True)
@pass_session
def solve(session: Session, ids: tuple[int, ...]) -> int:
    """Mark messages as solved. A problem that is still there comes back with the next try."""
    from chansync.store import messages

    code = exit_codes.OK
    for message_id in ids:
        if messages.solve(session.db, message_id, user_name()):
            say(f"Message {message_id} is marked as solved.")
            continue
        code = exit_codes.PROBLEMS
        there = messages.message(session.db, message_id) is not None
        note(f"Message {message_id} {'is not open' if there else 'does not exist'}.")
    return code


@dataclass(slots=True)
class _Target:
    """What to retry. ``channel_id`` and ``order_ids`` None: all of them."""

    channel_id: int | None
    order_ids: list[int] | None
    codes: list[str]


@click.command(
    epilog=examples("chansync retry shop-de", "chansync retry shop-de --order 1001", "chansync retry --message 17")
)
@click.argument("code", shell_complete=completing.channels, required=False)
@click.option("--order", "number", metavar="NUMBER", help="Only this order of the channel.")
@click.option(
    "--message", "message_id", metavar="ID", type=click.IntRange(1, 2**62), help="What this message is about."
)
@click.option("--all", "everything", is_flag=True, help="All problems of all channels.")
@pass_session
def retry(session: Session, code: str | None, number: str | None, message_id: int | None, everything: bool) -> int:
    """Try failed orders again now: of a channel, one order, what a message is about, or all.

    A running daemon does it; otherwise this process. Exit code 1 when problems are left.
    """
    from chansync.store import daemons

    target = _target(session.db, code, number, message_id, everything)
    if daemons.is_running(session.db):
        return _retry_by_daemon(session, target)
    return _retry_here(session, target)


def _target(
    db: apsw.Connection, code: str | None, number: str | None, message_id: int | None, everything: bool
) -> _Target:
    from chansync.store import channels, orders

    if (code is not None) + (message_id is not None) + everything != 1:
        raise UsageError("Say what to retry: a channel's CODE, --message ID, or --all.")
    if number is not None and code is None:
        raise UsageError("--order needs the channel's CODE before it.")
    if everything:
        return _Target(None, None, [channel.code for channel in channels.all_channels(db)])
    if message_id is not None:
        return _of_message(db, message_id)
    channel = channels.channel(db, code or "")
    if number is None:
        return _Target(channel.id, None, [channel.code])
    row = orders.by_number(db, channel.id, number) or orders.by_external_id(db, channel.id, number)
    if row is None:
        raise UsageError(
            f"{channel.code} has not seen an order {number!r:.40}. Fetch it: "
            f"chansync sync {channel.code} --order NUMBER"
        )
    return _Target(channel.id, [row.id], [channel.code])


def _of_message(db: apsw.Connection, message_id: int) -> _Target:
    from chansync.store import messages

    message = messages.message(db, message_id)
    if message is None:
        raise UsageError(f"There is no message {message_id}. See: chansync log")
    if message.channel_id is None:
        raise UsageError(f"Message {message_id} is about no channel: there is nothing to retry.")
    order_ids = None if message.order_id is None else [message.order_id]
    return _Target(message.channel_id, order_ids, [message.channel_code])


def _retry_here(session: Session, target: _Target) -> int:
    from chansync.cli.sync import sync_and_report
    from chansync.sync.retry import retry as make_due
    from chansync.sync.runner import SyncRequest

    count = make_due(session.db, channel_id=target.channel_id, order_ids=target.order_ids)
    codes = _with_problems(session.db, target)
    if not codes:
        say("There is nothing to retry.")
        return exit_codes.OK
    note(f"Trying {count} order{'' if count == 1 else 's'} again.")
    return sync_and_report(session, codes, SyncRequest(), as_json=False)


def _with_problems(db: apsw.Connection, target: _Target) -> list[str]:
    """Those of the target's channels that have an order due or an open problem of their own."""
    rows = db.execute(
        """SELECT c.code FROM channel c WHERE EXISTS (SELECT 1 FROM "order" o WHERE o.channel_id = c.id
               AND o.next_try_at = 0)
           OR EXISTS (SELECT 1 FROM message m WHERE m.open = 1 AND m.channel_id = c.id AND m.order_id IS NULL)"""
    )
    waiting = {row[0] for row in rows}
    return [code for code in target.codes if code in waiting]


def _retry_by_daemon(session: Session, target: _Target) -> int:
    from chansync.cli.jobs import ask_and_wait

    args = {} if target.order_ids is None else {"order_ids": target.order_ids}
    job = ask_and_wait(session.db, "retry", target.channel_id, args, seconds=WAIT)
    if job is None or job.result is None:
        say("The daemon is at it. See: chansync log --follow")
        return exit_codes.OK
    say(str(job.result.get("sentence") or "Done."))
    failed = job.state == "failed" or any(run["counts"]["problems"] for run in job.result.get("runs") or ())
    return exit_codes.PROBLEMS if failed else exit_codes.OK
