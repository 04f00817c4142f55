"""``chansync sync``: one sync of channels, in this process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import clean, is_quiet, note, print_json, print_line, say_error, table
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.cli.sync.progress import Progress
    from chansync.db.connection import Store
    from chansync.sync.run_result import OrderPlan, PushPlan, RunResult
    from chansync.sync.runner import SyncRequest

#: How many channels are synced at the same time, most of them waiting for their sites, and how many of those that
#: bring more than a page.
AT_ONCE = 100
BULKS = 8


@click.command(
    epilog=examples(
        "chansync sync",
        "chansync sync shop-de --dry-run",
        "chansync sync shop-de --order 1001",
        "chansync sync shop-de --since 2026-01-01",
        "chansync sync shop-de --statuses --quantities",
    )
)
@click.argument("codes", shell_complete=completing.channels, metavar="[CODE]...", nargs=-1)
@click.option("--orders", is_flag=True, help="Pull orders, and nothing else that is not asked for too.")
@click.option("--lookups", is_flag=True, help="Pull statuses, payment and delivery methods and the like.")
@click.option("--compare", is_flag=True, help="Compare orders with the site's; fetch what is missing.")
@click.option("--returns", is_flag=True, help="Read what buyers send back to the marketplace or to you.")
@click.option("--settlements", is_flag=True, help="Read what the marketplace has paid out.")
@click.option("--statuses", is_flag=True, help="Send statuses to the site; what failed before is tried again now.")
@click.option("--quantities", is_flag=True, help="Send stock to the site; what failed before is tried again now.")
@click.option("--since", metavar="DATE", help="All that changed from that day on: 2026-01-31, yesterday, 30d.")
@click.option("--order", "numbers", metavar="NUMBER", multiple=True, help="Just this order; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def sync(
    session: Session,
    codes: tuple[str, ...],
    orders: bool,
    lookups: bool,
    compare: bool,
    returns: bool,
    settlements: bool,
    statuses: bool,
    quantities: bool,
    since: str | None,
    numbers: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> int:
    """Sync channels once, now: those named, or every channel that is used.

    Without options it pulls orders, and sends the statuses and the stock that the channel is set to send. Who may not
    open the keys of the channels has it done by the daemon.

    Exit code 1: problems were found; 4: a site cannot be reached or refused.
    """
    from chansync.model.times import parse_date
    from chansync.store import channels
    from chansync.sync.runner import SyncRequest

    others = [
        name
        for name, given in (
            ("lookups", lookups),
            ("compare", compare),
            ("returns", returns),
            ("settlements", settlements),
            ("statuses", statuses),
            ("quantities", quantities),
        )
        if given
    ]
    if numbers and (since or others):
        raise UsageError(f"--order does not go with --{others[0] if others else 'since'}.")
    if since and others and not orders:
        raise UsageError(f"--since is about orders: give --orders too, or leave --{others[0]} out.")
    request = SyncRequest(
        orders=orders or not others,
        lookups=lookups,
        comparison=compare,
        returns=returns,
        settlements=settlements,
        statuses=statuses,
        quantities=quantities,
        as_set=not (orders or others or since or numbers),
        since=parse_date(since) if since else None,
        order_numbers=numbers,
        dry_run=dry_run,
    )
    every = channels.all_channels(session.db)
    chosen = [channels.channel(session.db, code).code for code in dict.fromkeys(codes)]
    if not chosen:
        chosen = [channel.code for channel in every if channel.values["used"]]
        if not chosen:
            note("No channel is used. Use one: chansync channel set CODE used=yes")
            if as_json:
                print_json([])
            return exit_codes.OK
    results, code = sync_all(session, dict.fromkeys(chosen, request))
    if as_json:
        print_json([run_data(result) for result in results])
    else:
        report(results, dry_run=dry_run)
    return code


def sync_all(session: Session, requests: Mapping[str, SyncRequest]) -> tuple[list[RunResult], int]:
    """Sync the channels, several at once, with progress on stderr; what came of it, and the exit code."""
    from chansync.cli.support.jobs import is_by_daemon
    from chansync.cli.sync.by_daemon import sync_by_daemon

    by_daemon = is_by_daemon(session)
    with _progress() as progress:
        if by_daemon:
            results, interrupted = sync_by_daemon(session, requests, progress), False
        else:
            results, interrupted = session.run_async(lambda store: _sync_all(store, requests, progress))
    if interrupted:
        note("Interrupted: what was done is kept, and the next sync goes on from there.")
        return results, exit_codes.INTERRUPTED
    return results, _exit_code(results)


def run_data(result: RunResult) -> dict[str, Any]:
    """A run for JSON."""
    data = result.data
    return {"channel": data.pop("channel_code")} | data


def _progress() -> Any:
    if is_quiet():
        from chansync.cli.sync.progress import NoProgress

        return nullcontext(NoProgress())
    if sys.stderr.isatty():
        from chansync.cli.sync.progress import BarProgress

        return BarProgress()
    from chansync.cli.sync.progress import LineProgress

    return nullcontext(LineProgress())


async def _sync_all(
    store: Store, requests: Mapping[str, SyncRequest], progress: Progress
) -> tuple[list[RunResult], bool]:
    from chansync.sync.runner import sync_channel

    stop = asyncio.Event()
    turns, bulks = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(BULKS)
    _stop_on_signals(stop)

    async def one(code: str) -> list[RunResult]:
        async with turns:
            if stop.is_set():
                return []
            results = await sync_channel(
                store, code, requests[code], trigger="command", progress=progress.of(code), stop=stop, place=bulks
            )
            progress.done(code)
            return results

    everything = await asyncio.gather(*map(one, requests))
    return [result for results in everything for result in results], stop.is_set()


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first ctrl+c finishes the orders in hand; the second breaks off."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        stop.set()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
        note("Stopping after the orders in hand…")

    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, first)


def _exit_code(results: Sequence[RunResult]) -> int:
    failed = [result for result in results if result.state == "failed"]
    if any(result.error_code == "secret_unreadable" for result in failed):
        return exit_codes.DATABASE
    if any(result.error_code not in ("channel_incomplete", "site_bug") for result in failed):
        return exit_codes.SITE
    busy = any(result.state == "busy" for result in results)
    return exit_codes.PROBLEMS if failed or busy or any(r.counts.problems for r in results) else exit_codes.OK


def report(results: Sequence[RunResult], *, dry_run: bool) -> None:
    """Print what came of a sync."""
    if dry_run:
        for result in results:
            _show_plans(result)
    headers = ("channel", "stream", "state", "fetched", "new", "changed", "same", "skipped", "problems")
    rows = [
        (
            r.channel_code, r.stream, r.state, r.counts.fetched, r.counts.created, r.counts.updated,
            r.counts.unchanged, r.counts.skipped, r.counts.problems,
        )
        for r in results
    ]  # fmt: skip
    colours = ["red" if r.state == "failed" or r.counts.problems else "" for r in results]
    table(headers, rows, right=headers[3:], colours=colours)
    for result in results:
        if result.sentence:
            (say_error if result.state == "failed" else note)(result.sentence)
    if dry_run:
        note("Nothing was written: this was a dry run.")
    elif any(result.counts.problems for result in results):
        note("What is wrong and what to do: chansync log --open")


def _show_plans(result: RunResult) -> None:
    from chansync.sync.run_result import OrderPlan

    for plan in result.plans:
        if isinstance(plan, OrderPlan):
            _show_order_plan(result.channel_code, plan)
        else:
            _show_push_plan(result.channel_code, plan)


def _show_push_plan(code: str, plan: PushPlan) -> None:
    what = "order" if plan.kind == "status" else "item"
    change = f"{plan.before or 'unknown'} → {plan.after}" if plan.after else "nothing is sent"
    print_line(clean(f"{code} {what} {plan.target}: {change}"))
    if plan.reason:
        print_line(f"    {clean(plan.reason)}")


def _show_order_plan(code: str, plan: OrderPlan) -> None:
    number = clean(plan.number or plan.external_id)
    money = f" {plan.total} {plan.currency}".rstrip()
    sale = f" as sale {plan.sale_number}" if plan.sale_number else ""
    customer = f", {plan.customer}" if plan.customer else ""
    print_line(clean(f"{code} order {number}:{money} {plan.action}{sale}{customer}"))
    if plan.reason:
        print_line(f"    {clean(plan.reason)}")
    for line in plan.lines:
        tax = f" + {line.get('tax')} tax" if line.get("tax") else ""
        print_line(
            clean(f"    {line.get('quantity')} × {line.get('item') or line.get('kind')} {line.get('name')}: "
                  f"{line.get('net')}{tax}")
        )  # fmt: skip
    for name, value in plan.details.items():
        # Lists repeat what the reason says; --json has them.
        if value and not isinstance(value, (list, dict)):
            print_line(f"    {clean(name.replace('_', ' '))}: {clean(value)}")
