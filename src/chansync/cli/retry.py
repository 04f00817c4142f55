"""``chansync retry``: what is open is tried again now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import note, print_json, say
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from chansync.sync.run_result import RunResult

#: How long ``retry`` waits for the daemon, in seconds.
WAIT = 30

#: The id of a channel and those of its orders; None: all of them.
_Target = tuple[int | None, list[int] | None]


@command("chansync retry shop-de", "chansync retry shop-de --order 1001", "chansync retry --message 17")
@click.argument("code", shell_complete=completing.channels, required=False)
@click.option("--order", "number", metavar="NUMBER", help="Only this order of the channel.")
@click.option(
    "--message", "message_id", metavar="ID", type=click.IntRange(1, 2**62), help="What this message is about."
)
@click.option("--all", "everything", is_flag=True, help="All problems of all channels.")
def retry(
    session: Session, code: str | None, number: str | None, message_id: int | None, everything: bool, as_json: bool
) -> int:
    """Try again now what is open: of a channel, one order, what a message is about, or all.

    Orders that are sales already are looked at too, and what could not be sent to the site is sent again.

    A running daemon does it; otherwise this process. Exit code 1 when problems are left.
    """
    from chansync.store import daemons

    target = _target(session.db, code, number, message_id, everything)
    again = _retry_by_daemon if daemons.is_running(session.db) else _retry_here
    return again(session, target, as_json)


def _target(
    db: apsw.Connection, code: str | None, number: str | None, message_id: int | None, everything: bool
) -> _Target:
    from chansync.store import channels, messages, orders

    if (code is not None) + (message_id is not None) + everything != 1:
        raise UsageError("Say what to retry: a channel's CODE, --message ID, or --all.")
    if number is not None and code is None:
        raise UsageError("--order needs the channel's CODE before it.")
    if everything:
        return None, None
    if message_id is not None:
        message = messages.message(db, message_id)
        if message is None:
            raise UsageError(f"There is no message {message_id}. See: chansync log")
        if message.channel_id is None:
            raise UsageError(f"Message {message_id} is about no channel: there is nothing to retry.")
        return message.channel_id, None if message.order_id is None else [message.order_id]
    channel = channels.channel(db, code or "")
    if number is None:
        return channel.id, None
    row = orders.find(db, channel.id, number)
    if row is None:
        raise UsageError(
            f"{channel.code} has not seen an order {number!r:.40}. Fetch it: "
            f"chansync sync {channel.code} --order NUMBER"
        )
    return channel.id, [row.id]


def _retry_here(session: Session, target: _Target, as_json: bool) -> int:
    from chansync.cli.sync import report, sync_all
    from chansync.job_runner import summary
    from chansync.sync.runner import retry as make_due

    asked = make_due(session.db, channel_id=target[0], order_ids=target[1])
    if not asked.syncs:
        if as_json:
            print_json(_retry_data(True, "There is nothing to retry.", 0, []))
        else:
            say("There is nothing to retry.")
        return exit_codes.OK
    note(f"Trying {asked.orders} order{'' if asked.orders == 1 else 's'} again.")
    results, code = sync_all(session, dict(asked.syncs))
    if as_json:
        print_json(_retry_data(code == exit_codes.OK, " ".join(map(summary, results)), asked.orders, results))
    else:
        report(results, dry_run=False)
    return code


def _retry_data(ok: bool, sentence: str, due: int | None, runs: list[RunResult]) -> dict[str, Any]:
    from chansync.cli.sync import run_data

    failure = next((run.error_code for run in runs if run.error_code), "problems")
    told = {} if ok else {"code": failure, "error": sentence}
    return {"ok": ok} | told | {"sentence": sentence, "due": due, "runs": [run_data(run) for run in runs]}


def _retry_by_daemon(session: Session, target: _Target, as_json: bool) -> int:
    from chansync.cli.support.jobs import AT_IT, ask_and_wait
    from chansync.job_runner import runs_of

    channel_id, order_ids = target
    args = {} if order_ids is None else {"order_ids": order_ids}
    ok, told = ask_and_wait(session.db, "retry", channel_id, args, seconds=WAIT)
    runs, sentence = runs_of(told), str(told.get("sentence") or ("Done." if told else AT_IT))
    failed = ok is False or any(run.counts.problems for run in runs)
    if as_json:
        print_json(_retry_data(not failed, sentence, told.get("due"), runs))
    else:
        say(sentence)
    return exit_codes.PROBLEMS if failed else exit_codes.OK
