"""One sync of one channel: the lookups, the orders that are due again, what changed on the site, and what goes back."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import apsw

from chansync.concurrency import finish_even_if_cancelled
from chansync.db.connection import Store, open_async
from chansync.db.opening import backup
from chansync.db.process_locks import abandon, task_owner
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.http.client import before_change
from chansync.model.channel import Channel
from chansync.model.errors import ChansyncError, SiteError, SiteUnavailable, StoreError, UsageError
from chansync.model.stored_json import DAMAGED
from chansync.model.times import awake_seconds, here, now_ms
from chansync.orders import settings
from chansync.orders.stream_switches import SENDING, why_off
from chansync.platforms.protocol import Connector
from chansync.secrets.redaction import scrub
from chansync.setup import confirm, webhooks
from chansync.setup.connect import connect, keep_facts
from chansync.setup.systems import tell_expiring
from chansync.store import channels, leases, messages, runs, streams
from chansync.store.leases import LeaseLost
from chansync.store.runs import RunCounts
from chansync.sync import clock_doubt
from chansync.sync.comparison import compare
from chansync.sync.disk_space import NoRoom
from chansync.sync.orders_by_id import take_hinted
from chansync.sync.pull import REST_IN_VAIN, OnlyProblems, OrdersPull, Place
from chansync.sync.push_statuses import push_statuses, push_tracking
from chansync.sync.push_stock import is_anything_to_send, push_quantities
from chansync.sync.pushing import Pushing
from chansync.sync.renewing import HOLD_EVERY, time_to_renew, work_until_stopped
from chansync.sync.reports import REPORTS, read_reports
from chansync.sync.run_result import OrderPlan, PushPlan, RunResult


@dataclass(slots=True)
class SyncRequest:
    """What to sync.

    Attributes:
        comparison: compare both sides over a window.
        settlements: read what the marketplace has paid out.
        returns: read what buyers send back.
        statuses, quantities: send them; where the channel does not, the result says why.
        erp: send what waits for the channel's outside ERP, as a sync of orders does too where a person asks for it.
        configured_pushes: also send what the channel is set to send.
        since: pull everything that changed from that day on, whatever was pulled before.
        order_numbers: just these orders.
        webhook_order_ids: just the orders of these ids, because the site's webhooks said that something happened to
            them. Such a run is none of the schedule's pulls: that it works, or fails, says nothing of the stream.
        dry_run: say what would be done and write nothing.
    """

    orders: bool = True
    lookups: bool = False
    comparison: bool = False
    settlements: bool = False
    returns: bool = False
    statuses: bool = False
    quantities: bool = False
    erp: bool = False
    configured_pushes: bool = False
    since: date | None = None
    order_numbers: tuple[str, ...] = ()
    webhook_order_ids: tuple[str, ...] = ()
    dry_run: bool = False

    @classmethod
    def of(cls, streams: Iterable[str]) -> SyncRequest:
        """Just these streams, by their names."""
        wanted: dict[str, Any] = dict.fromkeys(streams, True)
        return cls(**{"orders": False} | wanted)


Progress = Callable[[RunCounts], None]

#: How the folder's name begins with the copy that a dry run works on.
_COPY_PREFIX = "chansync-plan-"


@dataclass(slots=True)
class RunContext:
    """What the runs of one sync share.

    Attributes:
        trigger: who asked, for the runs' records: ``schedule``, ``command``, ``tui``,
            ``webhook``.
        progress: told of the counts of the run under way.
        stop: when set, the order in hand is finished and the run ends.
        place: held by pulls of more than a page: a limit of how many are in memory at once.
    """

    store: Store
    trigger: str
    progress: Progress | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    place: Place | None = None


async def sync_channel(
    store: Store,
    channel_code: str,
    request: SyncRequest,
    *,
    trigger: str,
    progress: Progress | None = None,
    stop: asyncio.Event | None = None,
    place: Place | None = None,
) -> list[RunResult]:
    """Sync one channel; never raises for what goes wrong at its site or in its settings. ``RunContext`` says what the
    arguments are.

    Raises:
        UsageError: there is no such channel.
        StoreError, apsw.Error: the database failed.
    """
    context = RunContext(store, trigger, progress, stop or asyncio.Event(), place)
    if request.dry_run:
        async with _planning_copy(store) as copy:
            return await _sync(replace(context, store=copy), channel_code, request)
    return await _sync(context, channel_code, request)


@asynccontextmanager
async def _planning_copy(store: Store) -> AsyncIterator[Store]:
    """A store on a copy of the database, thrown away at the end.

    Planning on a copy is the only way to show what will happen: a sale takes a number, a customer and stock from the
    next one, and a plan that undid each order before the next would show the same number and piece twice. The copy
    is made online (SQLite's backup), so nobody waits for a plan.

    Raises:
        StoreError: there is no room for the copy.
    """
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_COPY_PREFIX}{os.getpid()}-") as folder:
        target = Path(folder) / "plan.db"
        await asyncio.to_thread(backup, store.path, target)
        copy = await open_async(target, create=False)
        await copy.run(_make_nameless, target)
    # The private key lies beside the database itself.
    copy.path = store.path
    try:
        yield copy
    finally:
        await copy.aclose()


def _make_nameless(db: apsw.Connection, path: Path) -> None:
    """Take the copy's name away: it goes when its connection does, also with a process that is killed."""
    db.pragma("locking_mode", "exclusive")
    db.pragma("journal_mode", "memory")
    path.unlink()


def _sweep() -> None:
    """Remove what a dry run that was killed while it copied has left: it holds customers' data."""
    for left in Path(tempfile.gettempdir()).glob(f"{_COPY_PREFIX}*-*"):
        pid = left.name.removeprefix(_COPY_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)


async def _sync(context: RunContext, channel_code: str, request: SyncRequest) -> list[RunResult]:
    channel = await context.store.run(channels.channel, channel_code)
    results: list[RunResult] = []
    for stream in _streams(channel, request):
        if context.stop.is_set() and results:
            break
        if stream == "erp":
            results += await _ask_erp(context, channel, request)
            continue
        if sentence := why_off(channel, stream):
            results.append(RunResult(channel.code, stream, "off", RunCounts(), sentence))
            continue
        run = _Run(context, channel, stream, request)
        results.append(await run.go())
        if run.news_for and not request.dry_run:
            results += await _pass_on(replace(context, progress=None), channel, run.news_for)
    return results


async def _pass_on(context: RunContext, channel: Channel, places: set[str]) -> list[RunResult]:
    """Pull the other channels of the system for which a search found something new, so that they need not wait."""
    results = []
    for other in await context.store.run(channels.all_channels):
        if other.system.id != channel.system.id or other.id == channel.id:
            continue
        if not other["used"] or other["orders_every"] == "off":
            continue
        if other["store_domain"] not in places or context.stop.is_set():
            continue
        result = await _Run(context, other, "orders", SyncRequest()).go()
        if result.state != "busy":
            results.append(result)
    return results


async def _ask_erp(context: RunContext, channel: Channel, request: SyncRequest) -> list[RunResult]:
    """Send what the channel's ERP was asked for, where it is an outside one.

    The daemon does that by itself, behind what the schedule and deliveries bring: nobody waits for it.
    """
    if request.dry_run or (context.trigger in ("schedule", "webhook") and not request.erp):
        return []
    # Imported here: who sells by the ledger has no use for it.
    from chansync.sync.erp_run import ErpRequest, run_with_turn

    erp = await context.store.run(registry.of_pos, channel.values.get("pos"))
    if not erp.is_outside:
        return []
    return [await run_with_turn(context.store, erp.code, ErpRequest(again=True), stop=context.stop)]


_IN_ORDER = ("lookups", "orders", "comparison", "returns", "settlements", "erp", *SENDING)


def _streams(channel: Channel, request: SyncRequest) -> list[str]:
    """What the request is about, in the order in which it is done: what an order brings can then go back at once."""
    asked = {name for name in _IN_ORDER if getattr(request, name)}
    if request.orders or request.comparison:
        asked.add("erp")
    if request.configured_pushes:
        asked |= {stream for stream in SENDING if not why_off(channel, stream)}
    return [name for name in _IN_ORDER if name in asked]


@dataclass(frozen=True, slots=True)
class Retry:
    """What is tried again: ``orders`` of them are due now, and each channel gets the sync that does it."""

    orders: int
    syncs: list[tuple[str, SyncRequest]]


def retry(db: apsw.Connection, *, channel_id: int | None, order_ids: list[int] | None) -> Retry:
    """Make what is open due now, and say which syncs try it; no sync of a channel in which nothing is open.

    Args:
        channel_id: of one channel; None: of every channel.
        order_ids: just these; None: all of the channel, and what is wrong with the channel itself.
    """
    count, syncs = 0, []
    with transaction(db):
        for channel in channels.all_channels(db):
            if channel_id not in (None, channel.id):
                continue
            due = channels.make_problems_due(db, channel.id, order_ids)
            found = messages.open_streams(db, channel.id, order_ids)
            count += due
            if due or found:
                syncs.append((channel.code, SyncRequest.of({"orders", *found} & {*_IN_ORDER})))
    return Retry(count, syncs)


class _Run:
    """A run of one stream: lease, record, connector, and what becomes of errors."""

    def __init__(self, context: RunContext, channel: Channel, stream: str, request: SyncRequest) -> None:
        self.context = context
        self.store = context.store
        self.stop = context.stop
        self.channel = channel
        self.stream = stream
        self.request = request
        self.lease = streams.lease(channel.id, stream, task_owner())
        self.counts = RunCounts()
        self.run_id: int | None = None
        self.trace = ""
        self.clock_ahead: float | None = None
        self.news_for: set[str] = set()
        self._renewed = awake_seconds()

    async def go(self) -> RunResult:
        store, channel = self.store, self.channel
        if self.request.dry_run:
            return await self._work_guarded()
        if not await store.run(self._begin):
            sentence = f"{channel.code}: another sync of its {self.stream} is running."
            return RunResult(channel.code, self.stream, "busy", self.counts, sentence)
        result = RunResult(channel.code, self.stream, "failed", self.counts, "It was broken off.")
        try:
            result = await self._work_guarded()
        finally:
            result.run_id = self.run_id
            try:
                # A cancelled task still gives its lease back and closes its record.
                await finish_even_if_cancelled(store.run(self._close, result))
            except (apsw.Error, StoreError):
                abandon(self.lease.owner)
                raise
        return result

    def _begin(self, db: apsw.Connection) -> bool:
        """Take the lease and open the record; False when another run has the stream."""
        with transaction(db):
            if not streams.acquire(db, self.channel.id, self.stream, self.lease.owner):
                return False
            self.run_id = runs.start(db, self.channel.id, self.stream, self.context.trigger, self.lease.owner)
            return True

    async def _work_guarded(self) -> RunResult:
        try:
            self._renewed = awake_seconds()
            plans = await work_until_stopped(self._work(), self.stop, self._hold()) or []
            state = "stopped" if self.stop.is_set() else "done"
            return RunResult(self.channel.code, self.stream, state, self.counts, plans=plans)
        except SiteUnavailable as error:
            return self._failed(error, retryable=True, retry_after=error.retry_after)
        except OnlyProblems as error:
            return self._failed(error, retry_after=REST_IN_VAIN)
        except (SiteError, UsageError, LeaseLost, NoRoom) as error:
            return self._failed(error)
        except StoreError as error:
            if error.code not in ("secret_unreadable", DAMAGED):
                raise
            return self._failed(error)
        except apsw.Error:
            raise
        except Exception as bug:
            self.trace = "".join(traceback.format_exception(bug)[-8:])
            return self._failed(ChansyncError(f"{type(bug).__name__}: {scrub(str(bug))[:200]}", code="site_bug"))

    def _failed(self, error: ChansyncError, *, retryable: bool = False, retry_after: float | None = None) -> RunResult:
        return RunResult(
            self.channel.code, self.stream, "failed", self.counts, str(error), error.code, retryable, retry_after,
            trace=self.trace,
        )  # fmt: skip

    async def _hold(self) -> None:
        """Hold the lease for as long as the run takes, however long its site takes to answer.

        Raises:
            LeaseLost: another run has taken over.
        """
        while True:
            await time_to_renew(HOLD_EVERY)
            # A dry run has no lease.
            if self.request.dry_run:
                continue
            began = awake_seconds()
            await self.store.run(self.lease.renew)
            self._renewed = began

    def _may_change(self) -> None:
        """Called just before a request that changes the site.

        Raises:
            LeaseLost: the process slept for so long that another may have done what it had in hand.
        """
        if not self.request.dry_run and awake_seconds() - self._renewed > leases.STREAM_MS / 1000:
            raise LeaseLost

    async def _work(self) -> list[OrderPlan | PushPlan]:
        # In this task alone, which is the run's.
        before_change.set(self._may_change)
        connector = await connect(self.store, self.channel)
        try:
            if self.stream == "lookups":
                await confirm.pull_lookups(self.store, self.channel, connector)
                await self._look_after_webhooks(connector, now=True)
                return []
            if self.stream in SENDING or self.stream in REPORTS:
                return [*await self._push_or_read_reports(connector)]
            if self.stream == "comparison" and not await self._is_comparable(connector):
                return []
            plans = await self._pull(connector)
            if self.stream == "orders":
                await self._look_after_webhooks(connector)
            return [*plans]
        finally:
            traffic = connector.traffic
            self.counts.requests, self.counts.bytes = traffic.requests, traffic.bytes_received
            self.clock_ahead = traffic.clock_ahead
            await connector.aclose()
            if not self.request.dry_run and connector.facts != self.channel.facts:
                await self.store.run(keep_facts, self.channel, connector)

    async def _look_after_webhooks(self, connector: Connector, *, now: bool = False) -> None:
        if self.request.dry_run or self.request.webhook_order_ids or self.stop.is_set():
            return
        if now or await self.store.run(webhooks.is_due, self.channel):
            await webhooks.look_after(self.store, self.channel, connector, anew=now, run_id=self.run_id)

    async def _is_comparable(self, connector: Connector) -> bool:
        """Whether orders were pulled before: else all would seem to be missing, and the first pull brings it.

        The site is asked all the same: one that is dead is not compared with.
        """
        pulled = await self.store.run(streams.stream, self.channel.id, "orders")
        if pulled.last_ok_at is None:
            async with aclosing(connector.headlines(here().date())) as pages:
                await anext(pages, None)
        return pulled.last_ok_at is not None

    async def _pull(self, connector: Connector) -> list[OrderPlan]:
        importing = await self.store.run(settings.load, self.channel)
        lease = None if self.request.dry_run else self.lease
        pull = OrdersPull(self.store, importing, connector, self.counts, self.run_id, lease, self._tell, self.stop)
        pull.place = self.context.place or pull.place
        pull.plans = [] if self.request.dry_run else None
        try:
            if self.stream == "comparison":
                await compare(pull)
            elif self.request.order_numbers:
                await pull.by_number(self.request.order_numbers)
            elif self.request.webhook_order_ids:
                await take_hinted(pull, self.request.webhook_order_ids)
            else:
                await pull.due_and_changed(self.request.since)
        finally:
            self.news_for = pull.news_for
            await pull.aclose()
        return pull.plans or []

    async def _push_or_read_reports(self, connector: Connector) -> list[PushPlan]:
        pushing = Pushing(
            self.store, self.channel, connector, self.counts, self.run_id, self.lease,
            self.context.trigger != "schedule", self._tell, self.stop, [] if self.request.dry_run else None,
        )  # fmt: skip
        if self.stream in REPORTS:
            if not self.request.dry_run:
                await read_reports(pushing, self.stream)
        elif self.stream == "statuses":
            await push_statuses(pushing)
            await push_tracking(pushing)
        else:
            if not self.request.dry_run and await self.store.run(is_anything_to_send, self.channel, pushing.asked):
                await self._pull_before()
            await push_quantities(pushing)
        return pushing.plans or []

    async def _pull_before(self) -> None:
        """Pull the orders first: what they take is not to be offered again.

        Where that is not done here (another run is at it, or pulls are switched off), the numbers are those of the last
        pull; what failed is in the log as that run's.
        """
        if self.channel["orders_every"] == "off":
            return
        run = _Run(replace(self.context, progress=None), self.channel, "orders", SyncRequest())
        await run.go()
        self.news_for |= run.news_for

    def _tell(self) -> None:
        if self.context.progress:
            self.context.progress(self.counts)

    def _close(self, db: apsw.Connection, result: RunResult) -> None:
        """Write how the run ended, and open or solve the channel's own problem.

        One that was taken over says nothing of the channel: what it met, it met in another time.
        """
        with transaction(db):
            assert self.run_id is not None
            is_lost = not self.lease.is_held(db) or result.error_code == LeaseLost.code
            if is_lost:
                result.state, result.error_code, result.sentence = "busy", "", str(LeaseLost())
            runs.finish(db, self.run_id, self.counts, "stopped" if is_lost else result.state, result.sentence)
            if is_lost:
                self._release(db, ok=False)
                return
            if self.request.webhook_order_ids:
                self.lease.give_back(db)
                return
            clock_doubt.note(db, self.channel.id, self.clock_ahead)
            if self.stream == "orders":
                tell_expiring(db, self.channel)
            # That the site has no such order is an answer to whoever asked, not a problem of the channel.
            answered = result.error_code == "order_not_found"
            if result.state == "failed" and result.error_code and not answered:
                self._log_failure(db, result)
            elif result.state == "done":
                messages.solve_channel(db, self.channel.id, "a sync went through", stream=self.stream)
            self._release(db, ok=result.state == "done" or answered, rest=result.retry_after)

    def _release(self, db: apsw.Connection, *, ok: bool, rest: float | None = None) -> None:
        """Give the lease back; where the site asked to be left alone for ``rest`` seconds, for so long."""
        next_run_at = now_ms() + int(rest * 1000) if rest else None
        streams.release(db, self.channel.id, self.stream, self.lease.owner, ok=ok, next_run_at=next_run_at)

    def _log_failure(self, db: apsw.Connection, result: RunResult) -> None:
        known = {"channel_incomplete", "secret_unreadable", "site_bug", "only_problems", NoRoom.code}
        code = "site_unavailable" if result.retryable else "site_refused"
        code = result.error_code if result.error_code in known else code
        data: dict[str, Any] = {"error": result.error_code, "stream": self.stream}
        if self.trace:
            data["traceback"] = self.trace
        if "notice_user" in self.channel.unreadable:
            channels.drop_unreadable_notice_user(db, self.channel.id)
        # The disk is everybody's, and one message says so for all channels.
        channel_id = None if code == NoRoom.code else self.channel.id
        messages.log(db, code, result.sentence, channel_id=channel_id, run_id=self.run_id, data=data)
