"""The daemon's loop: schedule, jobs, heartbeat, and a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import apsw

from chansync.db import process_locks
from chansync.db.connection import Store, leave_as_is
from chansync.db.opening import data_version
from chansync.db.process_locks import task_owner
from chansync.db.version import check_schema
from chansync.http.kept_clients import keeping
from chansync.job_runner import perform, summary
from chansync.model.times import local_text, now_ms
from chansync.notices.notifier import Notifier
from chansync.store import daemons, jobs, runs, streams
from chansync.store.clock import bring_back
from chansync.store.jobs import Job
from chansync.sync import retention
from chansync.sync.due_work import erp_streams_due, pass_over
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from chansync_daemon.hints import PACE, Hints, read_routes
from chansync_daemon.logs import LOG
from chansync_daemon.notify import Manager
from chansync_daemon.timetable import Entry, Timetable, entries, note_next_runs, note_off
from chansync_daemon.troubles import REST, DatabaseFailure, Troubles

K = TypeVar("K")
Work = Coroutine[Any, Any, None]

#: How often the loop checks for jobs and changed channels, in seconds. A check that finds nothing is one pragma.
LOOK_EVERY = 0.2

#: Interval of the heartbeat, in seconds.
BEAT_EVERY = 5.0

#: How often it checks whether a notice is due, in seconds.
TELL_EVERY = 5.0

#: How often it checks whether old rows are to be deleted, in seconds.
CLEAR_EVERY = 300.0

#: How often the timetable is checked, in seconds; with thousands of streams a check takes a millisecond.
START_EVERY = 1.0

#: How many pulls of more than one page run at once, for the schedule and for what users ask for; each needs some 10 MB.
#: A pull that waits for the site's first answer does not count, so sites that do not respond delay nobody.
BULKS = 12
BULKS_BY_HAND = 4

#: The interval by which it is reckoned how long a look because of a delivery waits for its turn at the host.
HINT_CADENCE = 20.0

#: How long no orders of a channel are looked at because of deliveries after such a look failed, in seconds.
HINT_REST = 60.0

#: How many scheduled runs use one host at the same time.
AT_A_HOST = 4

#: How long a run waits for its turn, as a fraction of its interval. Then it starts anyway, because some sites of the
#: host may be down while others work.
HOST_PATIENCE = 0.05

#: How long a stop waits for the current orders, in seconds.
STOP_WITHIN = 15.0


class Hosts:
    """Limits the runs per host, so that many channels on one server do not load it all at once."""

    def __init__(self) -> None:
        #: A host's gate is kept by the runs that use it.
        self._gates: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def place(self, host: str, cadence: float) -> AsyncIterator[None]:
        """The context of a run that uses this host; waits for its turn for ``HOST_PATIENCE`` of the interval at most.

        Args:
            host: empty if unknown: then it does not wait.
            cadence: the interval of the run, in seconds.
        """
        if not host:
            yield
            return
        gate = self._gates.setdefault(host, asyncio.Semaphore(AT_A_HOST))
        is_held = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(cadence * HOST_PATIENCE):
                    is_held = await gate.acquire()
            yield
        finally:
            if is_held:
                gate.release()


class TakenOver(Exception):
    """Another daemon has taken the database over."""


class Service:
    """One daemon on one database.

    Args:
        manager: the service manager to notify.
        hints: where deliveries of webhooks come in; None: none are taken.
    """

    def __init__(self, store: Store, manager: Manager, hints: Hints | None = None) -> None:
        self.store = store
        self.manager = manager
        self.hints = hints
        self.stop = asyncio.Event()
        self.reload = asyncio.Event()
        self._timetable = Timetable(self._start_entry)
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        #: The connected ERPs of which a run is under way here.
        self._erps: dict[str, asyncio.Task[None]] = {}
        #: The channels of which orders are looked at because of deliveries.
        self._hinted: dict[int, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bulks = asyncio.Semaphore(BULKS)
        self._bulks_by_hand = asyncio.Semaphore(BULKS_BY_HAND)
        self._hosts = Hosts()
        self._troubles = Troubles(store.path)
        self._next_start = 0.0
        self._seen: int | None = None
        self._channels: dict[int, tuple[int, int]] = {}

    async def run(self) -> None:
        """Work until ``stop`` is set.

        Raises:
            TakenOver: another daemon took the database over while this one wrote no heartbeat.
            apsw.Error, StoreError: the database is damaged, moved or of another schema. Temporary errors are retried.
        """
        async with keeping():
            await self._work()

    async def _work(self) -> None:
        interrupted = await self.store.run(runs.close_interrupted)
        if interrupted:
            LOG.info("%d runs of a killed process are closed; they go on from their last order", interrupted)
        await self._bring_back()
        await self._look()
        self.manager.ready()
        beat = asyncio.create_task(self._beat())
        turn = Notifier(self.store).turn
        tell = self._regularly(0, TELL_EVERY, turn, "notices could not be sent; they are tried again")
        clear = self._regularly(CLEAR_EVERY, CLEAR_EVERY, self._clear_away, "clearing away failed; it is tried again")
        beside = [asyncio.create_task(work) for work in (tell, clear)]
        try:
            while not self.stop.is_set():
                await self._turn()
                # Fed only here, so that a loop that hangs, or a database that does not respond, is noticed.
                self.manager.alive()
                if beat.done():
                    await beat
                if self._troubles.fatal:
                    raise self._troubles.fatal
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.stop.wait(), REST if self._troubles.sentence else LOOK_EVERY)
        finally:
            self.manager.stopping()
            for task in (beat, *beside):
                task.cancel()
            await asyncio.gather(beat, *beside, return_exceptions=True)
            await self._finish()

    async def _turn(self) -> None:
        """One turn of the loop: start what is due."""
        try:
            self.store.check_place()
            process_locks.hold(str(self.store.path))
            await self._look()
            if time.monotonic() >= self._next_start:
                self._timetable.run_due()
                if moved := self._timetable.take_moved():
                    await self.store.run(note_next_runs, moved)
                await self._start_erps()
                if self.hints:
                    # Not in _look(): what this daemon writes itself is not told by the version of the data.
                    self.hints.routes = await self.store.run(read_routes, self.store.path, self.hints.routes)
                self._next_start = time.monotonic() + START_EVERY
            self._start_hinted()
        except DatabaseFailure as error:
            self._troubles.met(error)
            self._seen = None

    async def _beat(self) -> None:
        while True:
            try:
                if not await self.store.run(daemons.beat, self.hints.taking.text if self.hints else ""):
                    raise TakenOver
                used, problems = await self.store.run(_standing)
                self.manager.status(self._status_text(used, problems))
                # The heartbeat is a write, which a full disk prevents, unlike reading.
                self._troubles.over()
            except DatabaseFailure as error:
                self._troubles.met(error)
                self.manager.status(f"waiting: {self._troubles.sentence or error}")
            await asyncio.sleep(BEAT_EVERY)

    def _status_text(self, used: int, problems: int) -> str:
        """The status line for ``systemctl status``."""
        parts = [
            f"{used} channel{'' if used == 1 else 's'} in use",
            f"{len(self._running)} running",
            f"{problems} open problem{'' if problems == 1 else 's'}",
        ]
        if used:
            parts.append(f"next run {local_text(now_ms() + int(self._timetable.idle_seconds() * 1000))}")
        return ", ".join(parts)

    async def _regularly(self, first: float, every: float, work: Callable[[], Work], failed: str) -> None:
        """Work after ``first`` and then every so many seconds, in a task of its own: a mail server that hangs delays no
        sync."""
        await asyncio.sleep(first)
        while True:
            try:
                await work()
            except DatabaseFailure as error:
                self._troubles.met(error)
            except Exception:
                LOG.exception(failed)
            await asyncio.sleep(every)

    async def _clear_away(self) -> None:
        """Collect garbage at each call; once a day at a quiet time, delete old rows, in portions between the writes of
        the syncs."""
        # httpx leaves reference cycles. With the raised thresholds of ``tune_gc``, a daemon that mostly waits would
        # collect them after days.
        gc.collect()
        if now := await self.store.run(retention.moment):
            cleared = await retention.prune(self.store, now)
            told = ", ".join(f"{kind.replace('_', ' ')} {count}" for kind, count in cleared.items() if count)
            LOG.info("cleared away what is old: %s", told or "nothing")

    async def _look(self) -> None:
        """Read changed channels and start new jobs, if the database has changed."""
        version = await self.store.run(data_version)
        moved = self._timetable.clock_was_moved()
        again = self.reload.is_set() or moved
        if version == self._seen and not again:
            return
        self._seen = version
        await self.store.run(check_schema)
        if moved:
            await self._bring_back(self._timetable.put_back_by)
            # Otherwise this daemon looks as if it hung.
            await self.store.run(daemons.beat, self.hints.taking.text if self.hints else "")
        await self._take_up_channels(again)
        await self._start_erps()
        while job := await self.store.run(jobs.claim, owner := task_owner()):
            self._spawn(self._perform(job, owner))

    async def _bring_back(self, by: int = 0) -> None:
        waited = await self.store.run(bring_back, by)
        if waited:
            LOG.warning("the clock was put back: %d times from its future count from now on", waited)

    async def _take_up_channels(self, again: bool) -> None:
        """Read the channels that changed, or all of them with ``again``."""
        asked = self.reload.is_set()
        self.reload.clear()
        if asked:
            self.manager.reloading()
        versions = await self.store.run(_channel_versions)
        known = {} if again else self._channels
        changed = {channel_id for channel_id, version in versions.items() if known.get(channel_id) != version}
        gone = self._channels.keys() - versions.keys()
        self._channels = versions
        if again:
            self._timetable.clear()
        if changed or gone:
            wanted = await self.store.run(entries, changed)
            self._timetable.replace(changed | gone, wanted)
            await self.store.run(note_off, changed, wanted)
        if asked:
            self.manager.ready()
            LOG.info("the channels are read anew")

    async def _start_erps(self) -> None:
        """Start the streams of connected ERPs that are due, and of those that were asked for something new."""
        for code in await self.store.run(erp_streams_due):
            self._start(self._erps, code, partial(self._ask_erp, code))

    async def _ask_erp(self, code: str) -> None:
        # Imported here: who sells by the ledger has no use for it.
        from chansync.sync.erp_run import run_erp

        result = await run_erp(self.store, code, stop=self.stop)
        log_run(result, "erp")

    def _start_entry(self, entry: Entry) -> None:
        self._start(self._running, entry.key, partial(self._sync, entry))

    def _start(self, running: dict[K, asyncio.Task[None]], key: K, work: Callable[[], Work]) -> None:
        """Start work, unless what has that key is running."""
        if key not in running:
            running[key] = self._spawn(work())
            running[key].add_done_callback(lambda _: running.pop(key, None))

    def _spawn(self, work: Work) -> asyncio.Task[None]:
        task = asyncio.create_task(self._contained(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _contained(self, work: Work) -> None:
        """Run a task; an error in it does not affect other tasks."""
        try:
            await work
        except DatabaseFailure as error:
            self._troubles.met(error)
        except Exception:
            LOG.exception("a task failed; the others go on")
        finally:
            work.close()

    def _start_hinted(self) -> None:
        """Start looking at orders of which deliveries came, except where a pull of the channel runs."""
        for channel_id in self.hints.due() if self.hints else ():
            if (channel_id, "orders") not in self._running:
                self._start(self._hinted, channel_id, partial(self._look_at_hinted, channel_id))

    async def _look_at_hinted(self, channel_id: int) -> None:
        assert self.hints is not None
        order_ids = self.hints.take(channel_id)
        entry = self._timetable.entry(channel_id, "orders")
        # Where no pulls are scheduled, or none went through yet, deliveries mean nothing.
        if entry is None or (await self.store.run(streams.stream, channel_id, "orders")).last_ok_at is None:
            return
        self.hints.rest(channel_id, PACE)
        request = SyncRequest(orders=True, webhook_order_ids=order_ids)
        async with self._hosts.place(entry.host, HINT_CADENCE):
            try:
                result, *beside = await sync_channel(
                    self.store, entry.channel_code, request, trigger="webhook", stop=self.stop, place=self._bulks
                )
            except DatabaseFailure:
                self.hints.add(channel_id, order_ids)
                raise
        for each in (result, *beside):
            log_run(each)
        if result.state == "failed":
            # The schedule's pull finds out what is wrong, and says it.
            self.hints.rest(channel_id, result.retry_after or HINT_REST)
        if result.state == "busy" or result.retryable:
            self.hints.add(channel_id, order_ids)

    async def _sync(self, entry: Entry) -> None:
        if entry.stream == "orders" and (hinted := self._hinted.get(entry.channel_id)):
            await asyncio.wait({hinted})
        if await self.store.run(pass_over, entry.channel_id, entry.stream):
            return
        async with self._hosts.place(entry.host, entry.seconds):
            if self.stop.is_set():
                return
            request = SyncRequest.of([entry.stream])
            results = await sync_channel(
                self.store, entry.channel_code, request, trigger="schedule", stop=self.stop, place=self._bulks
            )
        for result in results:
            log_run(result)
            if result.retry_after:
                self._timetable.postpone(entry, now_ms() + int(result.retry_after * 1000))

    async def _perform(self, job: Job, owner: str) -> None:
        channel = await self.store.run(_channel_code, job.channel_id)
        what = f"job {job.id}: {' '.join(filter(None, (job.kind, channel)))}, asked for by {job.asked_by}"
        LOG.info("%s", what)
        done = await perform(self.store, job, owner, trigger="job", stop=self.stop, place=self._bulks_by_hand)
        # It may have changed channels, and what this process writes is not told by the version of the data.
        self._seen = None
        fields = {"channel": channel, "job": job.id, "user": job.asked_by, "code": done.code, "traceback": done.trace}
        fields["state"] = "done" if done.ok else "failed"
        LOG.log(logging.INFO if done.ok else logging.WARNING, "%s: %s", what, done.sentence, extra=fields)

    async def _finish(self) -> None:
        """Let the current orders be finished, then cancel what still runs.

        If the database is damaged, moved or of another schema, nothing is finished and nothing is written, not even
        SQLite's checkpoint at closing.
        """
        self.stop.set()
        fatal = self._troubles.fatal
        if fatal:
            await self.store.run(leave_as_is)
        if self._tasks:
            _, late = await asyncio.wait(set(self._tasks), timeout=0 if fatal else STOP_WITHIN)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=STOP_WITHIN)
        if not fatal:
            with contextlib.suppress(*DatabaseFailure):
                await self.store.run(daemons.stop)


def _standing(db: apsw.Connection) -> tuple[int, int]:
    """How many channels are in use, and how many problems are open."""
    counted: tuple[int, int] = db.execute(
        "SELECT (SELECT count(*) FROM channel WHERE used = 1), (SELECT count(*) FROM message WHERE open = 1)"
    ).get
    return counted


def _channel_versions(db: apsw.Connection) -> dict[int, tuple[int, int]]:
    return {
        channel_id: (version, used) for channel_id, version, used in db.execute("SELECT id, version, used FROM channel")
    }


def _channel_code(db: apsw.Connection, channel_id: int | None) -> str:
    return str(db.execute("SELECT code FROM channel WHERE id = ?", (channel_id,)).get or "")


def log_run(result: RunResult, whose: str = "channel") -> None:
    """Log a run: at DEBUG if there was nothing new, because a thousand channels would fill the log."""
    counts = result.counts
    moved = counts.created or counts.updated or counts.problems or counts.skipped or result.state != "done"
    level = logging.WARNING if result.state == "failed" else logging.INFO if moved else logging.DEBUG
    fields = {
        whose: result.channel_code, "stream": result.stream, "run": result.run_id, "state": result.state,
        "code": result.error_code, "traceback": result.trace,
    }  # fmt: skip
    LOG.log(level, "%s", summary(result), extra=fields)
