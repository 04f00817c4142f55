"""Performing jobs: in the daemon, or in the process that asks if no daemon runs. The code is the same."""

from __future__ import annotations

import asyncio
import contextlib
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Any

import apsw

from chansync.concurrency import all_of
from chansync.db.connection import Store, open_async
from chansync.db.process_locks import abandon, task_owner
from chansync.model.channel import Channel
from chansync.model.errors import ChansyncError, StoreError, UsageError
from chansync.secrets.key_file import KeyUnreadable
from chansync.secrets.redaction import scrub
from chansync.setup.confirm import confirm_channel
from chansync.setup.probe import look
from chansync.setup.switching import use_channel
from chansync.setup.systems import test_system
from chansync.setup.webhooks import remove_all
from chansync.store import channels, jobs
from chansync.store.jobs import Job
from chansync.store.runs import RunCounts
from chansync.sync.daemon_jobs import is_for_daemon
from chansync.sync.pull import Place
from chansync.sync.renewing import time_to_renew
from chansync.sync.run_result import RunResult, plan_from
from chansync.sync.runner import SyncRequest, retry, sync_channel

#: Syncs the channel of that code as it is asked for.
_Sync = Callable[[str, SyncRequest], Awaitable[list[RunResult]]]

#: The shortest time between two writes of a job's progress, in seconds.
REPORT_EVERY = 0.25

#: How often a job renews its lease, in seconds.
HOLD_EVERY = jobs.LEASE_MS / 1000 / 4

#: How many sites are asked at once. Each that does not respond takes a minute.
SITES_AT_ONCE = 100

#: The maximum number of plans of a dry run in a job's result.
PLANS_AT_MOST = 1000

#: How long a job waits for another run of the same stream to end, and how often it checks, in seconds.
WAIT_FOR_TURN = 60.0
LOOK_AGAIN = 0.3


@dataclass(frozen=True, slots=True)
class Performed:
    """The result of a job.

    Attributes:
        code: of the failure; empty otherwise.
        trace: the traceback of a bug, for logs.
    """

    ok: bool
    sentence: str
    code: str
    trace: str


async def perform(
    store: Store, job: Job, owner: str, *, trigger: str, stop: asyncio.Event | None = None, place: Place | None = None
) -> Performed:
    """Perform a claimed job and write its result; an error is a result too.

    Args:
        place: held by pulls of more than one page: it limits how many are in memory at once.
    """
    holding = asyncio.create_task(_hold(store, job, owner))
    try:
        result = await _do(store, job, stop, partial(_sync, store, job, owner, trigger, stop, place))
    except ChansyncError as error:
        result = {"ok": False, "sentence": str(error), "code": error.code}
    except apsw.Error:
        abandon(owner)
        raise
    except Exception as bug:
        sentence = f"{type(bug).__name__}: {scrub(str(bug))[:200]}"
        trace = "".join(traceback.format_exception(bug)[-8:])
        result = {"ok": False, "sentence": sentence, "code": "site_bug", "trace": trace}
    finally:
        holding.cancel()
    ok, trace = bool(result.pop("ok")), str(result.pop("trace", ""))
    try:
        await store.run(jobs.finish, job.id, owner, ok=ok, result=result)
    except (apsw.Error, StoreError):
        # The job is performed again when the database works again.
        abandon(owner)
        raise
    codes = [result.get("code"), *(run["error_code"] for run in result.get("runs", ()))]
    code = "" if ok else next((str(code) for code in codes if code), "")
    return Performed(ok, str(result.get("sentence", "")), code, trace)


async def _hold(store: Store, job: Job, owner: str) -> None:
    """Renew the job's lease regularly, even while it waits for a slow site."""
    while True:
        await time_to_renew(HOLD_EVERY)
        # The next renewal is soon enough, and the job itself gets the same error.
        with contextlib.suppress(apsw.Error, StoreError):
            await store.run(jobs.renew, job.id, owner)


def request_args(request: SyncRequest) -> dict[str, Any]:
    """The arguments of a ``sync`` job."""
    args = {name: value for name, value in asdict(request).items() if value != getattr(SyncRequest(), name)}
    if request.since:
        args["since"] = request.since.isoformat()
    return {"request": args | {"orders": request.orders}}


def _request(job: Job) -> SyncRequest:
    try:
        numbers, args, is_sync = job.args.get("order_numbers"), job.args.get("request"), job.kind == "sync"
        if args is None:
            args = {"orders": is_sync, "configured_pushes": is_sync and not numbers, "lookups": not is_sync} | job.args
        since, numbers = args.get("since"), tuple(args.get("order_numbers") or ())
        return SyncRequest(**args | {"since": date.fromisoformat(since) if since else None, "order_numbers": numbers})
    except (AttributeError, TypeError, ValueError):
        raise UsageError("The job asks for something that this program does not know; nothing was done.") from None


async def _do(store: Store, job: Job, stop: asyncio.Event | None, sync: _Sync) -> dict[str, Any]:
    if job.kind == "retry":
        asked = await store.run(retry, channel_id=job.channel_id, order_ids=job.args.get("order_ids"))
        return _results(await _sync_each(asked.syncs, sync)) | {"due": asked.orders}
    if job.kind == "notices":
        # Imported here, because the screens perform jobs too, and Python's e-mail package takes long to load.
        from chansync.notices.notifier import send_test

        tried = await send_test(store, job.args.get("user"))
        failed = [f"{title}: {error}" for title, error in tried if error]
        return {"ok": not failed, "sentence": " ".join(failed) or "The tests were sent.", "tried": tried}
    if job.kind == "erp":
        return await _erp(store, job, stop)
    if job.kind == "system":
        return asdict(await test_system(store, str(job.args.get("code", ""))))
    channel = await store.run(_channel, job.channel_id)
    if job.kind == "look":
        return asdict(await look(store, channel.code))
    if job.kind == "webhooks":
        remains = await remove_all(store, channel.code)
        return {"ok": not remains, "sentence": remains}
    if job.kind in ("test", "confirm"):
        return await _connect(store, job, channel.code)
    if job.kind in ("sync", "lookups"):
        return _results(await sync(channel.code, _request(job)))
    raise UsageError(f"There is no job of the kind {job.kind!r}.")


async def _erp(store: Store, job: Job, stop: asyncio.Event | None) -> dict[str, Any]:
    """Test an ERP, read its reference data, or run its stream (``retry``: with what it has refused)."""
    from chansync.setup import erps

    code, what = str(job.args.get("code", "")), job.args.get("what")
    if what in ("run", "retry"):
        from chansync.sync.erp_run import ErpRequest, run_with_turn

        request = ErpRequest(again=True, refused=what == "retry")
        return _results([await run_with_turn(store, code, request, stop=stop)])
    return asdict(await (erps.test_erp if what == "test" else erps.pull_reference)(store, code))


async def _connect(store: Store, job: Job, code: str) -> dict[str, Any]:
    """Test or confirm a channel, or put it to its first use."""
    if job.kind == "test":
        report = await confirm_channel(store, code, fill=False)
    elif job.args.get("use"):
        asks, start = bool(job.args.get("asks_start")), str(job.args.get("start_date") or "")
        report = await use_channel(store, code, asks_start=asks, start_date=start)
    else:
        report = await confirm_channel(store, code)
    return asdict(report) | {"wrong": {error.name: error.sentence for error in report.wrong}}


def _channel(db: apsw.Connection, channel_id: int | None) -> Channel:
    found = channels.channel_by_id(db, channel_id) if channel_id is not None else None
    if found is None:
        raise UsageError("The channel was removed meanwhile.")
    return found


async def _sync(
    store: Store,
    job: Job,
    owner: str,
    trigger: str,
    stop: asyncio.Event | None,
    place: Place | None,
    code: str,
    request: SyncRequest,
) -> list[RunResult]:
    pending: set[asyncio.Task[None]] = set()
    reported_at = 0.0

    def report(counts: RunCounts) -> None:
        nonlocal reported_at
        if time.monotonic() - reported_at < REPORT_EVERY:
            return
        reported_at = time.monotonic()
        task = asyncio.create_task(store.run(jobs.renew, job.id, owner, asdict(counts)))
        pending.add(task)
        task.add_done_callback(reported)

    def reported(task: asyncio.Task[None]) -> None:
        pending.discard(task)
        # Where progress cannot be written, neither can the result, which says it.
        _ = task.cancelled() or task.exception()

    deadline = time.monotonic() + WAIT_FOR_TURN
    while True:
        results = await sync_channel(store, code, request, trigger=trigger, progress=report, stop=stop, place=place)
        stopping = stop is not None and stop.is_set()
        # If a scheduled run is active, the user wants another run after it, not an error.
        if stopping or time.monotonic() > deadline or all(result.state != "busy" for result in results):
            break
        await asyncio.sleep(LOOK_AGAIN)
    await asyncio.gather(*pending, return_exceptions=True)
    return results


async def _sync_each(asked: Iterable[tuple[str, SyncRequest]], sync: _Sync) -> list[RunResult]:
    """Sync channels in parallel, so that sites that do not respond do not delay the others."""
    turns = asyncio.Semaphore(SITES_AT_ONCE)

    async def one(code: str, request: SyncRequest) -> list[RunResult]:
        async with turns:
            return await sync(code, request)

    return [result for results in await all_of(starmap(one, asked)) for result in results]


def _results(results: list[RunResult]) -> dict[str, Any]:
    for result in results:
        if len(result.plans) > PLANS_AT_MOST:
            result.sentence = (
                f"Of {len(result.plans)} plans only the first {PLANS_AT_MOST} are shown: a dry run by the daemon's "
                "user shows them all."
            )
            del result.plans[PLANS_AT_MOST:]
    return {
        "ok": all(result.state in ("done", "stopped") for result in results),
        "sentence": " ".join(map(summary, results)) or "Nothing was due.",
        "runs": [result.data for result in results],
        "trace": "\n".join(result.trace for result in results if result.trace),
    }


def summary(result: RunResult) -> str:
    """A run's result as one sentence."""
    if result.sentence:
        return result.sentence
    counts = result.counts
    parts = [
        f"{number} {word}"
        for number, word in (
            (counts.created, "new"),
            (counts.updated, "changed"),
            (counts.unchanged, "unchanged"),
            (counts.skipped, "skipped"),
            (counts.problems, "with problems"),
        )
        if number
    ]
    stopped = " (stopped early)" if result.state == "stopped" else ""
    return f"{result.channel_code} {result.stream}: {', '.join(parts) or 'nothing new'}{stopped}."


def runs_of(result: dict[str, Any]) -> list[RunResult]:
    """The runs in a job's result."""
    return [
        RunResult(**run | {"counts": RunCounts(**run["counts"]), "plans": [plan_from(plan) for plan in run["plans"]]})
        for run in result.get("runs") or ()
    ]


def work_off(path: Path, job_id: int) -> None:
    """Perform one queued job in this process and thread; returns when its result is written."""
    asyncio.run(_work_off(path, job_id))


async def _work_off(path: Path, job_id: int) -> None:
    store = await open_async(path, create=False)
    try:
        owner = task_owner()
        job = await store.run(jobs.claim, owner, job_id)
        if job is None:
            return
        try:
            await store.run(is_for_daemon, path)
        except KeyUnreadable as error:
            told = {"sentence": str(error), "code": error.code}
            await store.run(jobs.finish, job.id, owner, ok=False, result=told)
        else:
            await perform(store, job, owner, trigger="tui")
    finally:
        await store.aclose()
