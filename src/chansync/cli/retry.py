"""``chansync retry``: what is open is tried again now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import note, print_json, say
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import apsw

    from chansync.sync.run_result import RunResult

#: How long ``retry`` waits for the daemon, in seconds.
WAIT = 30


@dataclass(slots=True)
class _Target:
    """What to retry. ``channel_id`` and ``order_ids`` None: all of them."""

    channel_id: int | None
    order_ids: list[int] | None


@click.command(
    epilog=examples("chansync retry shop-de", "chansync retry shop-de --order 1001", "chansync retry --message 17")
)
@click.argument("code", shell_complete=completing.channels, required=False)
@click.option("--order", "number", metavar="NUMBER", help="Only this order of the channel.")
@click.option(
    "--message", "message_id", metavar="ID", type=click.IntRange(1, 2**62), help="What this message is about."
)
@click.option("--all", "everything", is_flag=True, help="All problems of all channels.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def retry(
    session: Session, code: str | None, number: str | None, message_id: int | None, everything: bool, as_json: bool
) -> int:
    """Try again now what is open: of a channel, one order, what a message is about, or all.

    Orders that are sales already are looked at too, and what could not be sent to the site is sent again.

    A running daemon does it; otherwise this process. Exit code 1 when problems are left.
    """
    from chansync.store import daemons

    target = _target(session.db, code, number, message_id, everything)
    if daemons.is_running(session.db):
        return _retry_by_daemon(session, target, as_json)
    return _retry_here(session, target, as_json)


def _target(
    db: apsw.Connection, code: str | None, number: str | None, message_id: int | None, everything: bool
) -> _Target:
    from chansync.store import channels, orders

    if (code is not None) + (message_id is not None) + everything != 1:
        raise UsageError("Say what to retry: a channel's CODE, --message ID, or --all.")
    if number is not None and code is None:
        raise UsageError("--order needs the channel's CODE before it.")
    if everything:
        return _Target(None, None)
    if message_id is not None:
        return _of_message(db, message_id)
    channel = channels.channel(db, code or "")
    if number is None:
        return _Target(channel.id, None)
    row = orders.find(db, channel.id, number)
    if row is None:
        raise UsageError(
            f"{channel.code} has not seen an order {number!r:.40}. Fetch it: "
            f"chansync sync {channel.code} --order NUMBER"
        )
    return _Target(channel.id, [row.id])


def _of_message(db: apsw.Connection, message_id: int) -> _Target:
    from chansync.store import messages

    message = messages.message(db, message_id)
    if message is None:
        raise UsageError(f"There is no message {message_id}. See: chansync log")
    if message.channel_id is None:
        raise UsageError(f"Message {message_id} is about no channel: there is nothing to retry.")
    order_ids = None if message.order_id is None else [message.order_id]
    return _Target(message.channel_id, order_ids)


def _retry_here(session: Session, target: _Target, as_json: bool) -> int:
    from chansync.cli.sync.command import report, sync_all
    from chansync.job_runner import summary
    from chansync.sync.runner import retry as make_due

    asked = make_due(session.db, channel_id=target.channel_id, order_ids=target.order_ids)
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
    from chansync.cli.sync.command import run_data

    failure = next((run.error_code for run in runs if run.error_code), "problems")
    told = {} if ok else {"code": failure, "error": sentence}
    return {"ok": ok} | told | {"sentence": sentence, "due": due, "runs": [run_data(run) for run in runs]}


def _retry_by_daemon(session: Session, target: _Target, as_json: bool) -> int:
    from chansync.cli.support.jobs import ask_and_wait
    from chansync.job_runner import runs_of

    args = {} if target.order_ids is None else {"order_ids": target.order_ids}
    job = ask_and_wait(session.db, "retry", target.channel_id, args, seconds=WAIT)
    told = (job.result if job else None) or {"sentence": "The daemon is at it. See: chansync log --follow"}
    runs, sentence = runs_of(told), str(told.get("sentence") or "Done.")
    failed = (job is not None and job.state == "failed") or any(run.counts.problems for run in runs)
    if as_json:
        print_json(_retry_data(not failed, sentence, told.get("due"), runs))
    else:
        say(sentence)
    return exit_codes.PROBLEMS if failed else exit_codes.OK
