"""Pulling a channel's orders: those due again, those that changed, or some by number.

Pages are fetched ahead by the connector while earlier ones are imported, some orders in a transaction, each whole or
not at all; the cursor moves in the transaction after a page's last order.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import Any

import apsw

from chansync.concurrency import all_of
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.errors import SiteError, SiteRefused, UsageError
from chansync.model.order import Order, Refund, UnreadableOrder
from chansync.model.times import now_ms
from chansync.orders import settings as import_settings
from chansync.orders.import_order import OrderImport
from chansync.orders.outcome import Action, Outcome
from chansync.orders.settings import ImportSettings
from chansync.orders.write_guard import WriteGuard
from chansync.platforms.protocol import Connector, OrderPage
from chansync.store import channels, messages, orders, runs, streams
from chansync.store.leases import Lease
from chansync.store.orders import OrderRow, Version
from chansync.store.runs import RunCounts
from chansync.sync import disk_space
from chansync.sync.item_finder import ItemFinder
from chansync.sync.run_result import OrderPlan, order_plan

#: Of how many orders a pull remembers that it counted them: what comes again comes within minutes.
MOST_COUNTED = 20_000

#: Orders imported before the store's thread is free for others again.
CHUNK = 50

#: Orders fetched by their ids at once.
FETCH = 100

#: Orders whose refunds are looked up by one request, and how many such requests go at once.
REFUNDS_TOGETHER, REFUNDS_AT_ONCE = 50, 4

#: Orders with refunds that are looked up while pages are still to come: a few now and then would keep the places that
#: pages need, and at the end of the pull there are places free.
ENOUGH_REFUNDS = 500

#: With so many orders still to come, the last pages of a pull have been asked for.
NEAR_END = 400

#: New problems one after the other, with no order that goes through among them, after which a run ends: what is wrong
#: is then told, and a site that sends nothing else fills no disk. The next run goes on where this one ended.
MOST_IN_VAIN = 200

#: How long the schedule then leaves the site alone, in seconds.
REST_IN_VAIN = 600

#: When an unreadable order that the site does not give is asked for again, in milliseconds.
LATER = 15 * 60_000

AnyOrder = Order | UnreadableOrder

#: What a pull of more than a page goes through, ``async with place``: a limit of how many are in memory at once.
Place = AbstractAsyncContextManager[Any]


class OnlyProblems(SiteRefused):
    """None of the last ``MOST_IN_VAIN`` new orders went through."""

    code = "only_problems"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What a pull finds in the database when it begins.

    Attributes:
        due: whether orders are due again.
        refunds: whether refunds of sales lack their lines.
        cursor: where it goes on; None for everything.
    """

    due: bool
    refunds: bool
    cursor: dict[str, Any] | None


class OrdersPull:
    """One run's work on the orders of a channel. With ``plans`` set to a list, it notes there what it does; the
    store is then a copy of which nothing is kept."""

    def __init__(
        self,
        store: Store,
        settings: ImportSettings,
        connector: Connector,
        counts: RunCounts,
        run_id: int | None,
        lease: Lease | None,
        tell: Callable[[], None],
        stop: asyncio.Event,
    ) -> None:
        self.store = store
        self.settings = settings
        self.connector = connector
        self.counts = counts
        self.run_id = run_id
        #: The run's hold on its stream; None on a copy that nobody else has.
        self.lease = lease
        self.tell = tell
        self.stop = stop
        #: Held while there is more than a page.
        self.place: Place = nullcontext()
        self.plans: list[OrderPlan] | None = None
        #: Other places of the system for which this pull found something new.
        self.news_for: set[str] = set()
        self._in_vain = 0
        #: The orders that were counted, by id, the last of them last; how many came again, and how many came in all
        #: before the pages of what changed.
        self._counted: OrderedDict[str, str] = OrderedDict()
        self._repeats = 0
        self._before = 0
        #: Asks an outside ERP for items that are not known here.
        self._finder = ItemFinder(store)
        #: What the site does oddly: said once a run.
        self._noted: set[str] = set()

    async def aclose(self) -> None:
        """Close what was opened beside the connector."""
        await self._finder.aclose()

    @property
    def _channel_id(self) -> int:
        return self.settings.channel.id

    async def due_and_changed(self, since: date | None) -> None:
        """What is due again, then everything that changed since the cursor; with ``since``, since that day, leaving
        the cursor alone.

        What has more than a page takes its place before the rest is fetched. One page takes none, so whoever waits
        for a site that does not answer is in nobody's way.

        Raises:
            SiteError: the site failed; what was taken in before stays, and the cursor with it.
        """
        disk_space.check(self.store.path)
        # One look for all that may be waiting: mostly nothing is, and each look costs a change of threads.
        waiting = await self.store.run(self._waiting)
        if waiting.due:
            await self._due_again()
        await self._changed(since, waiting)

    def _waiting(self, db: apsw.Connection) -> _Waiting:
        disk_space.note_room(db)
        self._wake_short(db)
        return _Waiting(
            due=bool(orders.due(db, self._channel_id, now_ms(), limit=1) or self._newly_selected(db, 0, limit=1)),
            refunds=bool(orders.lacking_refund_lines(db, self._channel_id, limit=1)),
            cursor=self._cursor(db),
        )

    def _wake_short(self, db: apsw.Connection) -> None:
        """Let sales that are blocked in part be tried again where pieces of what they lacked have come in."""
        if self.plans is not None:
            return
        fillable = []
        for order_id, link, items in orders.short_of_goods(db, self._channel_id):
            erp = registry.erp(db, link.erp)
            sale = erp.view(db, link.key)
            if sale is None or erp.blockable(db, sale.warehouse, items):
                fillable.append(order_id)
        if fillable:
            with transaction(db):
                orders.make_due(db, fillable)

    # What changed on the site

    async def _changed(self, since: date | None, waiting: _Waiting) -> None:
        start = self.settings.channel.start_date
        self._before = self.counts.fetched + self._repeats
        cursor = None if since else waiting.cursor
        keeps_cursor = since is None and self.plans is None
        refunds = _Behind(self.complete_refunds)
        # What is due again may have brought some, too.
        is_any_refund = waiting.refunds or waiting.due
        try:
            async with AsyncExitStack() as held, aclosing(self.connector.orders(cursor, since or start)) as pages:
                is_held = False
                async for page in pages:
                    await self._take_page(page, keeps_cursor)
                    if self.stop.is_set():
                        return
                    if not page.last and not is_held:
                        await held.enter_async_context(self.place)
                        is_held = True
                    found = sum(isinstance(order, Order) and bool(order.refunds) for order in page.orders)
                    is_any_refund |= found > 0
                    refunds.more(found, enough=1 if self._is_near_end(page) else ENOUGH_REFUNDS)
            if is_any_refund:
                await refunds.finish()
        finally:
            await refunds.break_off()

    def _is_near_end(self, page: OrderPage) -> bool:
        """Whether the last pages that are known of are on their way, and nothing else is waiting for a place."""
        return not page.last and page.expected is not None and self._left(page) <= NEAR_END

    def _left(self, page: OrderPage) -> int:
        """How many orders are still to come, as far as the site says."""
        return (page.expected or 0) + self._before - self._repeats - self.counts.fetched

    def _cursor(self, db: apsw.Connection) -> dict[str, Any] | None:
        """The stored cursor; none when the start date was moved back, so that older orders are brought in."""
        cursor, start = streams.cursor(db, self._channel_id, "orders")
        return None if cursor is not None and self.settings.start < (start or "") else cursor

    async def _take_page(self, page: OrderPage, keeps_cursor: bool) -> None:
        self.news_for |= page.news_for
        if page.orders:
            await self._refresh_settings()
            await self.take(page.orders)
        # What came before the pages and is not among them counts too; what is, came again.
        self.counts.expected = None if page.expected is None else self.counts.fetched + max(0, self._left(page))
        if self.plans is None:
            # A stop in the middle of the page leaves the cursor before it: the page comes again, and its first
            # orders are then known.
            whole = not self.stop.is_set()
            await self.store.run(self._finish_page, page, keeps_cursor and whole)
        self.tell()
        self._end_if_in_vain()

    def _end_if_in_vain(self) -> None:
        if self._in_vain >= MOST_IN_VAIN and self.plans is None:
            code = self.settings.channel.code
            raise OnlyProblems(
                f"The last {self._in_vain} new orders all failed, so the sync stopped. It goes on in "
                f"{REST_IN_VAIN // 60} minutes, or now with: chansync sync {code}. See the problems: chansync log "
                f"--open --channel {code}"
            )

    def _finish_page(self, db: apsw.Connection, page: OrderPage, moves_cursor: bool) -> None:
        with transaction(db):
            if moves_cursor:
                start = self.settings.start
                streams.store_cursor(db, self._channel_id, "orders", page.cursor, start)
            for note in page.notes:
                if note not in self._noted:
                    self._noted.add(note)
                    messages.log_habit(db, "site_odd", note, channel_id=self._channel_id, run_id=self.run_id)
            self._progress(db)
            if self.lease is not None:
                self.lease.renew(db)

    def _progress(self, db: apsw.Connection) -> None:
        traffic = self.connector.traffic
        self.counts.requests, self.counts.bytes = traffic.requests, traffic.bytes_received
        if self.run_id is not None:
            runs.progress(db, self.run_id, self.counts)

    async def _refresh_settings(self) -> None:
        """Take up an edit of the channel without a restart."""
        version = await self.store.run(channels.version_of, self._channel_id)
        if version == self.settings.version:
            return
        channel = await self.store.run(channels.channel_by_id, self._channel_id)
        if channel is None:
            raise UsageError("The channel was removed while it was syncing.")
        self.settings = await self.store.run(import_settings.load, channel)

    # Taking orders in

    async def take(
        self, found: list[AnyOrder], *, again: bool = False, versions: Mapping[str, Version | None] | None = None
    ) -> None:
        """Import orders.

        Args:
            again: also those with which nothing changed since they failed.
            versions: what was known of them before they were fetched, by id.
        """
        disk_space.check(self.store.path)
        came = dict.fromkeys(order.external_id for order in found)
        new = [own for own in came if own not in self._counted]
        self.counts.fetched += len(new)
        self._repeats += len(found) - len(new)
        if self.settings.erp.is_outside:
            await self._finder.find(self.settings, found)
        guard = WriteGuard(self.lease, versions)
        for begin in range(0, len(found), CHUNK):
            chunk = found[begin : begin + CHUNK]
            run = self.store.run_long if len(chunk) == CHUNK else self.store.run
            await run(self._take_chunk, chunk, again, guard)
            if self.stop.is_set():
                return

    def _take_chunk(self, db: apsw.Connection, chunk: list[AnyOrder], again: bool, guard: WriteGuard) -> None:
        importer = OrderImport(db, self.settings, self.run_id, guard)
        waiting = deque(chunk)
        while waiting and not self.stop.is_set():
            # Counted when it is committed: what is undone with its transaction comes again.
            for order, outcome in importer.import_together(waiting, again=again, stopped=self.stop.is_set):
                if self.plans is not None:
                    self.plans.append(order_plan(order, outcome))
                self._count(order, outcome)
                if outcome.action is Action.PROBLEM:
                    self._in_vain += not again
                elif outcome.action in (Action.CREATE, Action.UPDATE):
                    self._in_vain = 0

    def _count(self, order: AnyOrder, outcome: Outcome) -> None:
        """Count an order once, however often the pull fetches it: by what came of it that was more than nothing."""
        name = {
            Action.CREATE: "created",
            Action.UPDATE: "updated",
            Action.UNCHANGED: "unchanged",
            Action.SKIP: "skipped",
            Action.PROBLEM: "problems",
        }[outcome.action]
        before = self._counted.get(order.external_id, "")
        if before and (name == "unchanged" or before in ("created", "updated")):
            return
        if before:
            setattr(self.counts, before, getattr(self.counts, before) - 1)
        setattr(self.counts, name, getattr(self.counts, name) + 1)
        self._counted[order.external_id] = name
        if len(self._counted) > MOST_COUNTED:
            self._counted.popitem(last=False)

    async def complete_refunds(self, *, batches: int | None = None) -> None:
        """Look up the lines of refunds that sales still lack, many orders in a request, and take them over.

        It comes after the orders themselves, so that a pull waits for no refund; a run that ends before leaves them
        to the next.

        Args:
            batches: how many times to ask for ``ENOUGH_REFUNDS`` of them at the most; None: until no sale lacks any.
        """
        last = 0
        for _ in count() if batches is None else range(batches):
            if self.stop.is_set():
                return
            rows = await self.store.run(
                orders.lacking_refund_lines, self._channel_id, limit=ENOUGH_REFUNDS, after_id=last
            )
            if not rows:
                return
            last = rows[-1].id
            places = asyncio.Semaphore(REFUNDS_AT_ONCE)
            parts = (rows[begin : begin + REFUNDS_TOGETHER] for begin in range(0, len(rows), REFUNDS_TOGETHER))
            await all_of(self._complete_part(part, places) for part in parts)

    async def _complete_part(self, rows: list[OrderRow], places: asyncio.Semaphore) -> None:
        async with places:
            if not self.stop.is_set():
                await self._complete_refunds_of(rows)

    async def _complete_refunds_of(self, rows: list[OrderRow]) -> None:
        kept = await self.store.run(self._read_kept, rows)
        # What was too large to be kept is fetched again.
        lacking = {row.external_id for row in rows} - {order.external_id for order in kept}
        if lacking:
            kept += await self.connector.several(sorted(lacking))
        found = [order for order in kept if isinstance(order, Order)]
        unreadable: list[tuple[Order, str]] = []
        for order, refunds in zip(found, await self.connector.refunds(found), strict=True):
            if isinstance(refunds, SiteError):
                unreadable.append((order, str(refunds)))
                continue
            given = {refund.external_id: refund for refund in refunds}
            order.refunds = [_looked_up(refund, given.get(refund.external_id)) for refund in order.refunds]
            lacking_ids = [refund.external_id for refund in order.refunds if refund.lines is None]
            if lacking_ids:
                named = ", ".join(lacking_ids)
                unreadable.append((order, f"the order names {named:.200}, and the site does not give it by itself"))
        # Also those that cannot be looked up: a person may have entered what they lack.
        await self.store.run(self._import_refunds, found, WriteGuard(self.lease, _versions(rows)))
        if self.plans is None:
            # Every run tries them again.
            await self.store.run(self._note_unreadable_refunds, unreadable)

    def _note_unreadable_refunds(self, db: apsw.Connection, unreadable: list[tuple[Order, str]]) -> None:
        importer = OrderImport(db, self.settings, self.run_id)
        for order, sentence in unreadable:
            importer.note_unreadable_refunds(order, sentence)

    def _import_refunds(self, db: apsw.Connection, found: list[Order], guard: WriteGuard) -> None:
        importer = OrderImport(db, self.settings, self.run_id, guard)
        waiting = deque(found)
        while waiting:
            done = importer.import_refunds(waiting)
            if self.plans is not None:
                self.plans += [order_plan(order, outcome) for order, outcome in done]

    # Orders that are due again

    async def _due_again(self) -> None:
        """Problem orders whose next try is due, and skipped ones that the selection now takes in."""
        await self._retry_problems()
        await self._take_newly_selected()
        await self.note_progress()

    async def note_progress(self) -> None:
        """Write how far the run is."""
        if self.plans is None:
            await self.store.run(self._note_progress)

    def _note_progress(self, db: apsw.Connection) -> None:
        with transaction(db):
            self._progress(db)

    async def _retry_problems(self) -> None:
        now = now_ms()
        last = 0
        while not self.stop.is_set():
            rows = await self.store.run(orders.due, self._channel_id, now, limit=FETCH, after_id=last)
            if not rows:
                return
            last = rows[-1].id
            kept = await self.store.run(self._read_kept, [row for row in rows if not _is_asked_for(row)])
            await self.take(kept, again=True, versions=_versions(rows))
            await self._fetch_unreadable(await self.store.run(self._unreadable, rows))

    def _read_kept(self, db: apsw.Connection, rows: list[OrderRow]) -> list[AnyOrder]:
        """Orders from the data that was kept of them: a retry needs no site, and a later change comes by the pull."""
        kept = ((row, orders.raw(db, row.id)) for row in rows)
        return [self.connector.read(raw) for _, raw in kept if raw]

    def _unreadable(self, db: apsw.Connection, rows: list[OrderRow]) -> list[OrderRow]:
        return [row for row in rows if _is_asked_for(row) or not orders.raw(db, row.id)]

    async def _fetch_unreadable(self, rows: list[OrderRow]) -> None:
        """Ask the site anew: what was kept of them, if anything, does not get better."""
        if not rows or self.stop.is_set():
            return
        # A wish stands until the site was asked.
        await self.store.run(self._postpone, [row.id for row in rows if not _is_wished(row)])
        versions = await self.store.run(orders.versions, self._channel_id, [row.external_id for row in rows])
        found = await self.connector.several([row.external_id for row in rows if row.external_id])
        await self.take(found, again=True, versions=versions)
        if self.plans is None:
            await self.store.run(self._leave_sales, rows)

    def _leave_sales(self, db: apsw.Connection, rows: list[OrderRow]) -> None:
        """A sale is asked about once, at a person's wish: what is open of it then stays so until the next wish, but
        that its order is gone matters no more once the sale has ended."""
        with transaction(db):
            WriteGuard(self.lease).check(db)
            for row in rows:
                if row.sale is None or row.reason:
                    continue
                orders.leave(db, row.id)
                sale = registry.erp(db, row.sale.erp).view(db, row.sale.key)
                if sale is None or sale.state.closed:
                    messages.solve_codes(db, row.id, ["order_gone"], "its sale has ended")

    def _postpone(self, db: apsw.Connection, order_ids: list[int]) -> None:
        """Whatever the site does not give now is asked for later; the rest is written anew when it is taken in."""
        if self.plans is None:
            with transaction(db):
                WriteGuard(self.lease).check(db)
                orders.postpone(db, order_ids, now_ms() + LATER)

    async def _take_newly_selected(self) -> None:
        last = 0
        while not self.stop.is_set():
            rows = await self.store.run(self._newly_selected, last)
            if not rows:
                return
            last = rows[-1].id
            await self.take_by_id([row.external_id for row in rows])

    async def take_by_id(self, external_ids: list[str]) -> list[str]:
        """Fetch and take in orders by the platform's ids, at most ``FETCH``; the ids of those that the site gave."""
        versions = await self.store.run(orders.versions, self._channel_id, external_ids)
        found = await self.connector.several(external_ids)
        await self.take(found, versions=versions)
        self._end_if_in_vain()
        return [order.external_id for order in found]

    def _newly_selected(self, db: apsw.Connection, last: int, limit: int = FETCH) -> list[OrderRow]:
        statuses = sorted(self.settings.order_statuses - self.settings.refused_statuses)
        return orders.newly_selected(db, self._channel_id, statuses, self.settings.start, limit=limit, after_id=last)

    # Single orders

    async def by_number(self, numbers: tuple[str, ...]) -> None:
        """Fetch and take in just these orders, whatever was known of them.

        Raises:
            SiteRefused: the site has no order of one of the numbers; the others are taken in.
        """
        missing = []
        for number in numbers:
            order = await self._find(number)
            if order is None:
                missing.append(number)
                continue
            await self.take([order], again=True)
        await self.complete_refunds()
        await self.note_progress()
        if missing:
            raise SiteRefused(f"The site has no order {', '.join(missing)}.", code="order_not_found")

    async def _find(self, typed: str) -> AnyOrder | None:
        """The order that a person means: a number that is known here need not be known to the site's search."""
        known = await self.store.run(orders.find, self._channel_id, typed)
        found = await self.connector.order(known.external_id) if known is not None and known.external_id else None
        return found if found is not None else await self.connector.find(typed)


def _is_asked_for(row: OrderRow) -> bool:
    """Whether an order is tried again with the site's data of now: what was kept of it is no help, or is no cause of
    what is open."""
    return not row.digest or _is_wished(row)


def _is_wished(row: OrderRow) -> bool:
    """Whether it is a person's wish that the order of a sale is tried again; nothing of the sale itself asks for it."""
    return row.sale is not None and row.next_try_at == 0 and not row.reason and not row.todo


def _versions(rows: list[OrderRow]) -> dict[str, Version | None]:
    return {row.external_id: orders.version_of(row) for row in rows}


def _looked_up(refund: Refund, given: Refund | None) -> Refund:
    """A refund of an order's summary, with what the site gives of it by itself."""
    return refund if given is None else replace(refund, lines=given.lines, amount=given.amount)


class _Behind:
    """Looks refunds up behind the pull, many at a time: a request for each page would cost the pull its pace."""

    def __init__(self, work: Callable[..., Coroutine[Any, Any, None]]) -> None:
        self._work = work
        self._waiting = 0
        self._task: asyncio.Task[None] | None = None

    def more(self, found: int, *, enough: int) -> None:
        """So many orders with refunds were taken in; start looking when there are enough for a request."""
        self._waiting += found
        # After a failure the orders still come in; ``finish`` then says what went wrong.
        is_free = self._task is None or (self._task.done() and self._task.exception() is None)
        if self._waiting >= enough and is_free:
            self._waiting = 0
            self._task = asyncio.create_task(self._work(batches=1))

    async def finish(self) -> None:
        """Look up what is left; raises what went wrong on the way."""
        if self._task is not None:
            await self._task
        await self._work()

    async def break_off(self) -> None:
        """End it; what was not looked up is left to the next run, and what went wrong was said by the pull itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
