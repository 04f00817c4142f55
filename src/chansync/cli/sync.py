"""``chansync sync``: one sync of channels, in this process or by the daemon."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import clean, mode, note, print_json, print_line, say_error, table
from chansync.cli.support.session import Session, user_name
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    import asyncio

    from chansync.db.connection import Store
    from chansync.store.runs import RunCounts
    from chansync.sync.run_result import OrderPlan, PushPlan, RunResult
    from chansync.sync.runner import SyncRequest

#: How many channels are synced at the same time, most of them waiting for their sites, and how many of those that
#: bring more than a page.
AT_ONCE = 100
BULKS = 8


@command(
    "chansync sync",
    "chansync sync shop-de --dry-run",
    "chansync sync shop-de --order 1001",
    "chansync sync shop-de --since 2026-01-01",
    "chansync sync shop-de --statuses --quantities",
)
@click.argument("codes", shell_complete=completing.channels, metavar="[CODE]...", nargs=-1)
@click.option("--orders", is_flag=True, help="Pull orders, and nothing else that is not asked for too.")
@click.option("--lookups", is_flag=True, help="Pull statuses, payment and delivery methods and the like.")
@click.option("--compare", "comparison", is_flag=True, help="Compare orders with the site's; fetch what is missing.")
@click.option("--returns", is_flag=True, help="Read what buyers send back to the marketplace or to you.")
@click.option("--settlements", is_flag=True, help="Read what the marketplace has paid out.")
@click.option("--statuses", is_flag=True, help="Send statuses to the site; what failed before is tried again now.")
@click.option("--quantities", is_flag=True, help="Send stock to the site; what failed before is tried again now.")
@click.option("--since", metavar="DATE", help="All that changed from that day on: 2026-01-31, yesterday, 30d.")
@click.option("--order", "numbers", metavar="NUMBER", multiple=True, help="Just this order; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
def sync(
    session: Session, codes: tuple[str, ...], since: str | None, numbers: tuple[str, ...], dry_run: bool, as_json: bool,
    **kinds: Any,
) -> int:  # fmt: skip
    """Sync channels once, now: those named, or every channel that is used.

    Without options it pulls orders, and sends the statuses and the stock that the channel is set to send. Who may not
    open the keys of the channels has it done by the daemon.

    Exit code 1: problems were found; 4: a site cannot be reached or refused.
    """
    from chansync.model.times import parse_date
    from chansync.store import channels
    from chansync.sync.runner import SyncRequest

    others = [name for name, given in kinds.items() if given and name != "orders"]
    named = "compare" if others[:1] == ["comparison"] else others[0] if others else "since"
    if numbers and (since or others):
        raise UsageError(f"--order does not go with --{named}.")
    if since and others and not kinds["orders"]:
        raise UsageError(f"--since is about orders: give --orders too, or leave --{named} out.")
    request = SyncRequest(
        **kinds | {"orders": kinds["orders"] or not others},
        configured_pushes=not (any(kinds.values()) or since or numbers),
        since=parse_date(since) if since else None,
        order_numbers=numbers,
        dry_run=dry_run,
    )
    chosen = [channels.channel(session.db, code).code for code in dict.fromkeys(codes)] or [
        channel.code for channel in channels.all_channels(session.db) if channel.values["used"]
    ]
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

    by_daemon = is_by_daemon(session)
    with BarProgress() if sys.stderr.isatty() and not mode.quiet else Progress() as progress:
        if by_daemon:
            results, interrupted = _sync_by_daemon(session, requests, progress), False
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


#: How often at most a line of progress is written for a channel, in seconds.
LINE_EVERY = 5.0

#: With more channels than that, those that are done make room for those that still run.
FINISHED_SHOWN = 20


class Progress:
    """Is told how far each channel is: a line for each every few seconds, for logs; nothing with ``--quiet``."""

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *failure: object) -> None:
        pass

    def of(self, code: str) -> Callable[[RunCounts], None]:
        """The function that a channel's run calls."""
        last = time.monotonic()

        def tell(counts: RunCounts) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_EVERY:
                last = time.monotonic()
                of = f" of {counts.expected}" if counts.expected else ""
                note(f"{code}: {counts.fetched}{of} orders, {counts.created} new, {counts.problems} with problems")

        return tell

    def done(self, code: str) -> None:
        """The channel has ended."""


class BarProgress(Progress):
    """A bar for each channel, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[found]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=5,
        )

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._bars.stop()

    def of(self, code: str) -> Callable[[RunCounts], None]:
        task = self._bars.add_task(code, total=None, found="")

        def tell(counts: RunCounts) -> None:
            found = f"{counts.created} new" + (f", {counts.problems} problems" if counts.problems else "")
            self._bars.update(task, completed=counts.fetched, total=counts.expected, found=found)

        return tell

    def done(self, code: str) -> None:
        for task in self._bars.tasks:
            if task.description == code:
                self._bars.update(task.id, total=task.completed, visible=len(self._bars.tasks) <= FINISHED_SHOWN)


def _sync_by_daemon(session: Session, requests: Mapping[str, SyncRequest], progress: Progress) -> list[RunResult]:
    """Ask the daemon, show how far it is, and wait for all results. Who stops waiting does not stop the daemon."""
    from chansync.cli.support.jobs import EVERY
    from chansync.job_runner import request_args, runs_of
    from chansync.store import channels, jobs
    from chansync.store.runs import RunCounts
    from chansync.sync.run_result import RunResult

    # A bar or a line's clock for each channel, and not for each look at its job.
    db, tell = session.db, cache(progress.of)
    waiting = {
        jobs.ask(db, "sync", channels.channel(db, code).id, request_args(request), user_name()): code
        for code, request in requests.items()
    }
    results: list[RunResult] = []
    while waiting:
        for job_id, code in list(waiting.items()):
            job = jobs.job(db, job_id)
            if job is not None and job.state in ("queued", "running"):
                if job.progress:
                    tell(code)(RunCounts(**job.progress))
                continue
            del waiting[job_id]
            progress.done(code)
            told = (job.result if job else None) or {}
            if "runs" in told:
                results += runs_of(told)
            else:
                sentence = str(told.get("sentence") or f"{code}: the daemon did not say what came of it.")
                failure = str(told.get("code") or "site_bug")
                results.append(RunResult(code, "orders", "failed", RunCounts(), sentence, failure))
        time.sleep(EVERY)
    return results


async def _sync_all(
    store: Store, requests: Mapping[str, SyncRequest], progress: Progress
) -> tuple[list[RunResult], bool]:
    # Imported here: help and completion have no use for it.
    import asyncio

    from chansync.concurrency import all_or_cancel
    from chansync.sync.runner import sync_channel

    stop = asyncio.Event()
    turns, bulks = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(BULKS)
    _stop_on_signals(asyncio.get_running_loop(), stop)

    async def one(code: str) -> list[RunResult]:
        async with turns:
            if stop.is_set():
                return []
            results = await sync_channel(
                store, code, requests[code], trigger="command", progress=progress.of(code), stop=stop, place=bulks
            )
            progress.done(code)
            return results

    everything = await all_or_cancel(map(one, requests))
    return [result for results in everything for result in results], stop.is_set()


def _stop_on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """The first ctrl+c finishes the orders in hand; the second breaks off."""

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
    from chansync.sync.run_result import OrderPlan

    for result in results if dry_run else ():
        for plan in result.plans:
            if isinstance(plan, OrderPlan):
                _show_order_plan(result.channel_code, plan)
            else:
                _show_push_plan(result.channel_code, plan)
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
