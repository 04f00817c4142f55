"""One run of the stream ``erp`` of a connected ERP: its reference data, the steps that it was asked for, what people
have changed there, and its stock.

Before steps are sent they are marked as sent, and what they came to is written in the transaction that keeps the sale's
view. So a run that is killed leaves steps of which nobody knows whether they arrived: the next one looks at their
sales, once nothing that was sent can still be under way there, and sends again what is not done.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apsw

from chansync.concurrency import finish_even_if_cancelled
from chansync.db.connection import Store
from chansync.db.process_locks import abandon, task_owner
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.abilities import capabilities
from chansync.erp.outside import connected, sales
from chansync.erp.outside.connected import ConnectedErp
from chansync.erp.outside.sales import DueSale, StepRow
from chansync.erp.remote import (
    ErpCapability,
    ErpError,
    ErpRefused,
    ErpRights,
    ErpUnavailable,
    Remote,
    SaleAnswer,
    SaleSteps,
)
from chansync.model import steps
from chansync.model.errors import ChansyncError, StoreError, UsageError
from chansync.model.message import CODES
from chansync.model.sale import SaleView
from chansync.model.steps import StepResult
from chansync.model.times import next_try, now_ms
from chansync.orders.status_to_send import note_sale
from chansync.secrets.key_file import KeyUnreadable
from chansync.secrets.redaction import scrub
from chansync.setup import erps
from chansync.store import messages, sale_links, streams
from chansync.store.leases import LeaseLost
from chansync.store.runs import RunCounts
from chansync.sync.deciding_again import DecidingAgain
from chansync.sync.renewing import HOLD_EVERY, time_to_renew, work_until_stopped
from chansync.sync.run_result import RunResult

#: How old reference data and stock get before they are read whole again, in milliseconds.
DAY = 24 * 3600 * 1000

#: How long the next run waits after one that failed, in minutes, by how often it failed in a row before.
RETRY_MINUTES = (1, 5, 15)

#: Sales that are looked at together.
LOOK = 200

#: How long a run is waited for that is under way already, in seconds, and how often it is looked at.
PATIENCE = 60.0
LOOK_AGAIN = 0.3

#: The problems of channels that say how the stream of their ERP fails.
TROUBLES = ("erp_unavailable", "erp_rights", "erp_refused", "erp_bug", "secret_unreadable")

#: The steps after which the stock of what the sale holds is another.
_MOVES = frozenset({"record", "rewrite", "block", "release", "write_out", "pack", "cancel", "reverse", "refund"})


@dataclass(slots=True)
class ErpRequest:
    """What a run is asked for beside the steps that are due.

    Attributes:
        reference: read all reference data and all stock.
        again: a person asked: steps that wait for their next try are sent at once.
        refused: what the ERP has refused is asked for again, where the orders still call for it.
    """

    reference: bool = False
    again: bool = False
    refused: bool = False


async def run_erp(
    store: Store, code: str, request: ErpRequest | None = None, *, stop: asyncio.Event | None = None
) -> RunResult:
    """Run the stream of one ERP; never raises for what goes wrong there.

    Raises:
        UsageError: there is no such ERP.
        StoreError, apsw.Error: the database failed.
    """
    await store.run(connected.get, code)
    return await _ErpRun(store, code, request or ErpRequest(), stop or asyncio.Event()).go()


async def run_with_turn(
    store: Store, code: str, request: ErpRequest, *, stop: asyncio.Event | None = None
) -> RunResult:
    """``run_erp``; where another run is under way, its end is waited for, for ``PATIENCE`` at most.

    One that has done meanwhile what was to be done is enough.
    """
    until = time.monotonic() + PATIENCE
    while True:
        result = await run_erp(store, code, request, stop=stop)
        if result.state != "busy" or time.monotonic() >= until or (stop is not None and stop.is_set()):
            return result
        await asyncio.sleep(LOOK_AGAIN)
        if not (request.reference or request.refused) and await store.run(_is_idle, code):
            return RunResult(code, "erp", "done", RunCounts())


def _is_idle(db: apsw.Connection, code: str) -> bool:
    """Whether nothing is to be sent, nobody is at it, and the last run went through."""
    if connected.get(db, code).failures or sales.has_work(db, code, now_ms()):
        return False
    return not streams.is_erp_running(db, code)


class _ErpRun:
    """Lease, connection, what is done, and what becomes of errors."""

    def __init__(self, store: Store, code: str, request: ErpRequest, stop: asyncio.Event) -> None:
        self.store = store
        self.code = code
        self.request = request
        self.stop = stop
        self.lease = streams.erp_lease(code, task_owner())
        self.counts = RunCounts()
        self.trace = ""
        self.settles_after = 0.0
        #: Codes of items of which the stock may be another.
        self._moved: set[str] = set()
        self._deciding = DecidingAgain(store)

    async def go(self) -> RunResult:
        if not await self.store.run(self.lease.take, "last_started_at"):
            return RunResult(self.code, "erp", "busy", self.counts, f"{self.code}: another run of it is under way.")
        result = RunResult(self.code, "erp", "failed", self.counts, "It was broken off.")
        try:
            result = await self._guarded()
        finally:
            try:
                # A cancelled task still gives its lease back.
                await finish_even_if_cancelled(self.store.run(self._close, result))
            except (apsw.Error, StoreError):
                abandon(self.lease.owner)
                raise
        return result

    async def _guarded(self) -> RunResult:
        try:
            await work_until_stopped(self._work(), self.stop, self._hold())
            return RunResult(self.code, "erp", "stopped" if self.stop.is_set() else "done", self.counts)
        except ErpUnavailable as error:
            return self._failed(error, "erp_unavailable", retry_after=error.retry_after)
        except ErpRights as error:
            return self._failed(error, "erp_rights")
        except (ErpError, UsageError) as error:
            return self._failed(error, "erp_refused")
        except (LeaseLost, KeyUnreadable) as error:
            return self._failed(error, error.code)
        except (StoreError, apsw.Error):
            raise
        except Exception as bug:
            self.trace = "".join(traceback.format_exception(bug)[-8:])
            return self._failed(ChansyncError(f"{type(bug).__name__}: {scrub(str(bug))[:200]}"), "erp_bug")

    def _failed(self, error: ChansyncError, code: str, *, retry_after: float | None = None) -> RunResult:
        return RunResult(
            self.code, "erp", "failed", self.counts, str(error), code, code == "erp_unavailable", retry_after,
            trace=self.trace,
        )  # fmt: skip

    async def _hold(self) -> None:
        while True:
            await time_to_renew(HOLD_EVERY)
            await self.store.run(self.lease.renew)

    async def _work(self) -> None:
        remote = await erps.connect(self.store, self.code)
        self.settles_after = remote.settles_after
        try:
            await self._reference(remote)
            if not (await self.store.run(connected.get, self.code)).cursors.get("changes"):
                # Before anything is recorded: what people do with it is told from then on, also if this run is killed.
                await self._changes(remote)
            await self._steps(remote)
            await self._changes(remote)
            await self._stock(remote)
        finally:
            await self._deciding.aclose()
            await remote.aclose()

    # Reference data

    async def _reference(self, remote: Remote) -> None:
        """Read the reference data where they are a day old; a person asks for all of them."""
        erp = await self.store.run(connected.get, self.code)
        is_old = erp.reference_at is None or now_ms() - erp.reference_at >= DAY
        if not is_old and not self.request.reference:
            return
        identity = await remote.check()
        await self.store.run(connected.note_check, self.code, erps.facts_of(remote, identity))
        await erps.read_reference(self.store, self.code, remote)

    # Steps

    async def _steps(self, remote: Remote) -> None:
        if self.request.again:
            await self._write(sales.make_due, self.code)
        await self._look_up(remote)
        if self.request.refused:
            refused = await self.store.run(sales.refused_sales, self.code)
            await self._deciding.run(self.code, self.stop, also=refused)
        while not self.stop.is_set():
            await self._deciding.run(self.code, self.stop)
            due = await self.store.run(sales.due, self.code, now_ms(), limit=max(1, remote.batch))
            if not due:
                return
            await self._send_all(remote, due)

    async def _look_up(self, remote: Remote) -> None:
        """Look at the sales of steps of which nobody knows whether they arrived, once none can be under way."""
        before = now_ms() - int(remote.settles_after * 1000)
        unknown = await self.store.run(sales.on_their_way, self.code, before)
        keys = list(unknown)
        for first in range(0, len(keys), LOOK):
            part = keys[first : first + LOOK]
            views = await remote.views(part)
            await self._write(self._note_looked_up, {key: unknown[key] for key in part}, views)

    def _note_looked_up(
        self, db: apsw.Connection, unknown: dict[str, list[StepRow]], views: dict[str, SaleView]
    ) -> None:
        for key, rows in unknown.items():
            view = views.get(key)
            if view is not None:
                _note_view(db, self.code, view)
            elif sales.open_words(db, key).keys() & {steps.Cancel.word, steps.Reverse.word} - {
                row.word for row in rows
            }:
                # Nothing of it has arrived, and the order was refused meanwhile.
                sales.drop_sent(db, rows)
                continue
            for row in rows:
                if isinstance(row.step, steps.Record) and view is not None:
                    result = StepResult(row.key, changed=True, ref=view.ref, number=view.number)
                    sales.note_answer(db, row, result)
                    self.counts.created += 1
                else:
                    # Once more at once, then after longer and longer waits.
                    wait = next_try(row.tries - 2) if row.tries > 1 else None
                    sales.note_unsent(db, [row], wait)

    async def _send_all(self, remote: Remote, due: list[DueSale]) -> None:
        """Send the steps of sales: together, but each by itself of which sending it with others has failed."""
        together = [sale for sale in due if not sale.is_alone]
        if together:
            await self._send(remote, together)
        for sale in due:
            if sale.is_alone and not self.stop.is_set():
                await self._send(remote, [sale])

    async def _send(self, remote: Remote, batch: list[DueSale]) -> None:
        """Send the steps of sales together. Where all is refused, halves of them, until what is refused is alone.

        Raises:
            ErpError: the ERP failed: nobody knows what was done, but for what it has answered.
        """
        rows = [row for sale in batch for row in sale.rows]
        await self._write(sales.note_sending, rows)
        asked = [SaleSteps(sale.key, sale.pos, tuple(row.step for row in sale.rows), sale.ref) for sale in batch]
        try:
            answers = await remote.apply(asked)
        except ErpRefused as error:
            if error.undelivered or isinstance(error, ErpRights):
                await self._write(sales.note_undelivered, rows, str(error))
                raise
            if len(batch) == 1:
                await self._write(self._note_refused, batch[0], error)
                return
            await self._write(sales.note_unsent, rows)
            middle = len(batch) // 2
            for half in (batch[:middle], batch[middle:]):
                await self._send(remote, half)
            return
        except (LeaseLost, StoreError, apsw.Error):
            raise
        except Exception as error:
            sentence = str(error) if isinstance(error, ChansyncError) else f"{type(error).__name__}: {error}"
            note = sales.note_undelivered if getattr(error, "undelivered", False) else sales.note_trouble
            await self._write(note, rows, scrub(sentence)[:400])
            if isinstance(error, ErpError) or len(batch) > 1 or not batch[0].is_alone:
                raise
            # A sale by which the connector fails over and over keeps no other back.
            await self._write(self._note_bug, batch[0], error)
            return
        await self._write(self._note_answers, batch, {answer.key: answer for answer in answers})

    def _note_refused(self, db: apsw.Connection, sale: DueSale, error: ErpError) -> None:
        """All of one sale's steps were refused: the first says why."""
        code, sentence = _code(error.code), str(error)
        for row in sale.rows:
            sales.note_answer(db, row, StepResult(row.key, code=code, sentence=sentence))
            code, sentence = "not_tried", ""
        self.counts.problems += 1

    def _note_bug(self, db: apsw.Connection, sale: DueSale, bug: Exception) -> None:
        sentence = (
            f"the connector of {self.code} failed by its own fault: {type(bug).__name__}: {scrub(str(bug))[:200]}"
        )
        self._log_sale(db, sale, "erp_bug", sentence, traceback="".join(traceback.format_exception(bug)[-6:]))

    def _log_sale(self, db: apsw.Connection, sale: DueSale, code: str, sentence: str, **data: str) -> None:
        """Open a problem of the sale's order; the next decision on it closes it."""
        order_id = sale_links.order_of(db, sale.key)
        channel_id, number = _order(db, order_id)
        messages.log(
            db, code, f"Order {number or sale.key}: {sentence}", channel_id=channel_id, order_id=order_id,
            order_number=number, data={"erp": self.code} | data,
        )  # fmt: skip
        self.counts.problems += 1

    def _note_answers(self, db: apsw.Connection, batch: list[DueSale], answers: dict[str, SaleAnswer]) -> None:
        for sale in batch:
            answer = answers.get(sale.key)
            if answer is None:
                sales.note_trouble(db, sale.rows, "The ERP's connector has not answered for this sale.")
                continue
            self._note_answer(db, sale, answer)
        self.counts.fetched += len(batch)

    def _note_answer(self, db: apsw.Connection, sale: DueSale, answer: SaleAnswer) -> None:
        """Keep the view and what became of each step. What has no result stays on its way: it is looked up."""
        told = {result.key: result for result in answer.results}
        if answer.error is not None and not isinstance(answer.error, ErpUnavailable):
            code = "erp_rights" if isinstance(answer.error, ErpRights) else _code(answer.error.code)
            self._log_sale(db, sale, code, str(answer.error))
        if answer.view is not None:
            _note_view(db, self.code, answer.view)
        for row in sale.rows:
            result = told.get(row.key)
            if result is None:
                sentence = str(answer.error) if answer.error else "The ERP's connector has not answered for this step."
                sales.note_trouble(db, [row], sentence)
                continue
            result = self._understood(row, result, answer)
            sales.note_answer(db, row, result)
            if result.refused:
                self.counts.problems += bool(result.sentence)
            elif row.word == "record":
                self.counts.created += 1
            else:
                self.counts.updated += result.changed
            if answer.view is not None and row.word in _MOVES:
                self._moved |= {line.item_code for line in answer.view.lines if line.item_code}

    def _understood(self, row: StepRow, result: StepResult, answer: SaleAnswer) -> StepResult:
        """The result by the codes that the message log knows."""
        if not result.refused and row.word == "record" and answer.view is None:
            return StepResult(row.key, code="erp_bug", sentence="The ERP has recorded the sale, and shows none.")
        if result.refused and answer.view is None and isinstance(row.step, (steps.Cancel, steps.Reverse)):
            # There is no sale: it is as if it were cancelled.
            return StepResult(row.key)
        if result.refused and result.code != "not_tried" and result.code not in CODES:
            return StepResult(row.key, code="erp_refused", sentence=result.sentence, missing=result.missing)
        return result

    # What people do in the ERP

    async def _changes(self, remote: Remote) -> None:
        """Take over what has changed in the ERP since the last look."""
        erp = await self.store.run(connected.get, self.code)
        async for page in remote.changes(dict(erp.cursors.get("changes") or {})):
            self._moved |= page.items
            await self._write(self._keep_changes, list(page.views), dict(page.cursor))
            if page.last or self.stop.is_set():
                return

    def _keep_changes(self, db: apsw.Connection, views: list[SaleView], cursor: dict[str, object]) -> None:
        for view in views:
            if view != sales.view(db, view.key) and _note_view(db, self.code, view):
                self.counts.updated += 1
                self._moved |= {line.item_code for line in view.lines if line.item_code}
        connected.store_cursor(db, self.code, "changes", cursor)

    # Stock

    async def _stock(self, remote: Remote) -> None:
        """Read the stock that channels of the ERP offer: what moved, and all of it once a day."""
        if self.stop.is_set():
            return
        warehouses = await self.store.run(self._warehouses)
        if not warehouses:
            return
        erp = await self.store.run(connected.get, self.code)
        known = (erp.cursors.get("stock") or {}).get("warehouses")
        is_old = erp.stock_at is None or now_ms() - erp.stock_at >= DAY or known != warehouses
        items = None if is_old or self.request.reference else sorted(self._moved)
        if items == []:
            return
        for warehouse in warehouses:
            levels = await remote.stock([warehouse], items)
            await self._write(sales.store_stock, self.code, warehouse, levels, items)
        if items is None:
            await self._write(self._note_stock, warehouses)

    def _warehouses(self, db: apsw.Connection) -> list[str]:
        """The warehouses of which channels of the ERP offer the stock."""
        try:
            able = capabilities(db, self.code)
        except UsageError:
            return []
        if ErpCapability.STOCK not in able:
            return []
        found: set[str] = set()
        for channel in erps.channels_of(db, self.code, used=True):
            if not channel["push_quantities"]:
                continue
            pos = registry.erp(db, self.code).reference.point_of_sale(db, channel["pos"] or "")
            found |= set(channel["quantity_warehouses"]) or ({pos.warehouse} if pos is not None else set())
        return sorted(found - {""})

    def _note_stock(self, db: apsw.Connection, warehouses: list[str]) -> None:
        connected.note_time(db, self.code, "stock_at")
        connected.store_cursor(db, self.code, "stock", {"warehouses": warehouses})

    # Its end

    async def _write(self, function: Callable[..., object], *arguments: object) -> None:
        """Run ``function(db, …)`` in one transaction of a run that still has its lease.

        Raises:
            LeaseLost: another run has taken over; nothing was written.
        """
        await self.store.run(self._in_transaction, function, arguments)

    def _in_transaction(
        self, db: apsw.Connection, function: Callable[..., object], arguments: Sequence[object]
    ) -> None:
        with transaction(db):
            self.lease.renew(db)
            function(db, *arguments)

    def _close(self, db: apsw.Connection, result: RunResult) -> None:
        """Write how the run ended, and open or close the problem of the channels that sell through the ERP."""
        with transaction(db):
            if not self.lease.is_held(db) or result.error_code == LeaseLost.code:
                result.state, result.error_code, result.sentence = "busy", "", str(LeaseLost())
                return
            erp = connected.get(db, self.code)
            if result.state == "failed" and result.error_code:
                self._log_failure(db, result)
            elif result.state == "done":
                _solve(db, self.code)
            streams.release_erp(
                db, self.lease, ok=result.state == "done", next_run_at=self._next_run(db, erp, result),
                code=result.error_code, sentence=scrub(result.sentence),
            )  # fmt: skip

    def _next_run(self, db: apsw.Connection, erp: ConnectedErp, result: RunResult) -> int:
        """When the ERP asked to be left alone until, after a failure later each time, else when its changes are due."""
        now = now_ms()
        if result.retry_after:
            return now + int(result.retry_after * 1000)
        if result.state == "failed":
            return next_try(erp.failures, RETRY_MINUTES)
        sent = sales.first_sent_at(db, self.code)
        usual = now + erp.changes_every_ms
        settled = usual if sent is None else sent + int(self.settles_after * 1000) + 100
        return min(usual, max(settled, now))

    def _log_failure(self, db: apsw.Connection, result: RunResult) -> None:
        data: dict[str, object] = {"error": result.error_code, "stream": "erp", "erp": self.code}
        if self.trace:
            data["traceback"] = self.trace
        sentence = f"{registry.name_of(db, self.code)}: {result.sentence}"
        users = [channel.id for channel in erps.channels_of(db, self.code, used=True)]
        for channel_id in users or [None]:
            messages.log(db, result.error_code, sentence, channel_id=channel_id, data=data)


def _note_view(db: apsw.Connection, erp: str, view: SaleView) -> bool:
    """Keep how the ERP shows a sale now; False where it is none of ours. Call it inside a transaction.

    The status that goes back to the site follows from the view, whoever has changed the sale.
    """
    order_id = sale_links.order_of(db, view.key)
    if order_id is None and sales.erp_of(db, view.key) != erp:
        return False
    sales.store_view(db, erp, view)
    if order_id is not None:
        sale_links.set_number(db, view.key, view.ref, view.number)
        note_sale(db, order_id, view)
    return True


def _solve(db: apsw.Connection, code: str) -> None:
    """The ERP works: what said otherwise is closed, at its channels and where there was none."""
    for channel in erps.channels_of(db, code):
        messages.solve_channel(db, channel.id, "its ERP answered", stream="erp")
    for trouble in TROUBLES:
        known = messages.open_problem(db, None, None, trouble)
        if known is not None and known[1].get("erp") == code:
            messages.solve_code(db, None, None, trouble, "the ERP answered")


def _code(code: str) -> str:
    return code if code in CODES else "erp_refused"


def _order(db: apsw.Connection, order_id: int | None) -> tuple[int | None, str]:
    row = db.execute('SELECT channel_id, number FROM "order" WHERE id = ?', (order_id,)).fetchone()
    return (row[0], row[1]) if row else (None, "")
