"""Each step with a sale, as Tryton carries it out."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from chansync.erp.protocol import MissingStock, NotPossible
from chansync.erp.remote import ErpError, ErpRefused, SaleAnswer, SaleSteps
from chansync.erp.tryton.amend import Amendments
from chansync.erp.tryton.closing import Closing
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.documents import Documents
from chansync.erp.tryton.goods import Goods
from chansync.erp.tryton.parameters import NOT_POSSIBLE
from chansync.erp.tryton.parties import Parties
from chansync.erp.tryton.record import Recorded, Recorder, in_halves
from chansync.erp.tryton.records import Records, SaleRecord
from chansync.erp.tryton.refunds import Refunds
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.erp.tryton.views import (
    blocked_of,
    forgotten_documents,
    forgotten_sales,
    missing_of,
    open_document,
    state_of,
    view_of,
)
from chansync.erp.tryton.wizards import process_sale
from chansync.model import steps
from chansync.model.errors import ChansyncError
from chansync.model.message import CODES
from chansync.model.steps import Step, StepResult

#: Steps that can be done with a quotation: the others need goods or invoices, which a sale has once it is processed.
_IN_QUOTATION = (steps.Record, steps.Rewrite, steps.Complete, steps.Amend, steps.Cancel)

#: Steps of a sale that is cancelled or reversed.
_WHEN_CLOSED = (steps.Cancel, steps.Reverse, steps.Complete, steps.Amend, steps.Release)


class Performer:
    """Carries out the steps of sales of one company."""

    def __init__(self, rpc: TrytonRpc, company: Company) -> None:
        self.records = Records(rpc, company)
        self._rpc, self._company = rpc, company
        self._parties = Parties(rpc, company)
        self._recorder = Recorder(rpc, company, self.records, self._parties)
        self._goods = Goods(rpc, company, self.records)
        self._documents = Documents(rpc, company, self.records)
        self._refunds = Refunds(rpc, company, self.records, self._goods, self._documents)
        self._closing = Closing(rpc, self.records, self._goods, self._documents, self._refunds)
        self._amendments = Amendments(rpc, company, self._parties, self._goods)

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        """``Remote.apply``: the new sales of all first, together; then what else is asked for, sale by sale."""
        recorded = await self._record(sales)
        known = await self.records.load([sale.key for sale in sales])
        confirmed = [record for key, record in known.items() if key in recorded and record.state == "confirmed"]
        if confirmed:
            await self._recorder.process_all([record.id for record in confirmed])
            known |= await self.records.load([record.key for record in confirmed])
        known |= await self._catch_up(list(known.values()))
        done = {sale.key: _done(sale, recorded) for sale in sales}
        await self._block_together(sales, known, done)
        await self._issue_together(sales, known, done)
        answers: dict[str, tuple[list[StepResult], ErpError | None]] = {}
        touched: set[str] = set()
        for sale in sales:
            before = len(done[sale.key])
            results, error = await self._steps(sale, recorded.get(sale.key), known.get(sale.key), done[sale.key])
            answers[sale.key] = results, error
            if error or any(result.changed or result.refused for result in results[before:]):
                touched.add(sale.key)
        # What was done is known all the same.
        with contextlib.suppress(ErpError):
            await self._documents.close()
        known |= await self.records.load(sorted(touched))
        return [
            SaleAnswer(
                sale.key,
                tuple(answers[sale.key][0]),
                view_of(known[sale.key], self._company) if sale.key in known else None,
                answers[sale.key][1],
            )
            for sale in sales
        ]

    async def _catch_up(self, records: Sequence[SaleRecord]) -> dict[str, SaleRecord]:
        """Have Tryton look at invoices and sales that it forgot, and read them again.

        It looks at an invoice after its payment, and at a sale after its shipment or invoice, in a transaction of its
        own: a server that dies between does not do it later. Where it refuses, the step that needs it says why.
        """
        late: list[str] = []
        for record in records:
            invoices, sales = forgotten_documents(record), forgotten_sales(record)
            with contextlib.suppress(ErpRefused):
                if invoices and await self._documents.look_again(record, invoices):
                    late.append(record.key)
                for sale in sales:
                    late.append(record.key)
                    await process_sale(self._rpc, sale)
        return await self.records.load(late)

    async def _block_together(
        self, sales: Sequence[SaleSteps], known: dict[str, SaleRecord], done: dict[str, list[StepResult]]
    ) -> None:
        """Block the goods of all sales of which that is the next step; a call for each takes far longer."""
        chosen = [record for sale, step, record in _next(sales, known, done) if isinstance(step, steps.Block)]
        blocked = await self._together(chosen, known, self._goods.block_all)
        for record in blocked:
            now = known[record.key]
            changed = blocked_of(now) != blocked_of(record)
            key = steps.Block().key(record.key)
            done[record.key].append(StepResult(key, changed=changed, missing=missing_of(now)))

    async def _issue_together(
        self, sales: Sequence[SaleSteps], known: dict[str, SaleRecord], done: dict[str, list[StepResult]]
    ) -> None:
        """Post the invoices of all sales of which that is the next step, or comes with it."""
        chosen: dict[str, Step] = {}
        for sale, step, record in _next(sales, known, done):
            is_first = isinstance(step, steps.Pay) and _issues_first(step, record)
            if (is_first or isinstance(step, steps.IssueDocument)) and not open_document(record) and not record.sides:
                chosen[sale.key] = step
        issued = await self._together([known[key] for key in chosen], known, self._documents.issue_all)
        for record in issued:
            step, number = chosen[record.key], open_document(known[record.key])
            if isinstance(step, steps.IssueDocument) and number:
                done[record.key].append(StepResult(step.key(record.key), changed=True, number=number))

    async def _together(
        self,
        chosen: Sequence[SaleRecord],
        known: dict[str, SaleRecord],
        act: Callable[[Sequence[SaleRecord]], Awaitable[None]],
    ) -> list[SaleRecord]:
        """Do something with several sales at once; those, as they were before, with which it was done.

        What is refused is tried once more by itself later, and then says why.
        """
        if len(chosen) < 2:
            return []
        refused = {record.key for record, _ in await in_halves(chosen, act)}
        known |= await self.records.load([record.key for record in chosen])
        return [record for record in chosen if record.key not in refused and record.key in known]

    async def _record(self, sales: Sequence[SaleSteps]) -> dict[str, Recorded]:
        drafts = [step.draft for sale in sales for step in sale.steps[:1] if isinstance(step, steps.Record)]
        if not drafts:
            return {}
        process = frozenset(
            sale.key for sale in sales if any(not isinstance(step, _IN_QUOTATION) for step in sale.steps)
        )
        return await self._recorder.record(drafts, process)

    async def _steps(
        self, sale: SaleSteps, recorded: Recorded | None, record: SaleRecord | None, done: Sequence[StepResult]
    ) -> tuple[list[StepResult], ErpError | None]:
        """The results of a sale's steps, after those that are done already, and what stopped them midway."""
        results = list(done)
        refused: set[str] = set()
        is_fresh = True
        for step in sale.steps[len(done) :]:
            if "record" in refused or step.needs & refused:
                refused.add(step.word)
                results.append(StepResult(step.key(sale.key), code="not_tried"))
                continue
            try:
                if isinstance(step, steps.Record):
                    results.append(_of_record(recorded, step, sale.key))
                    continue
                if record is None or not is_fresh:
                    record = await self._load(sale.key)
                result = await self._perform(record, step, step.key(sale.key))
                is_fresh = not result.changed
                results.append(result)
            except ErpRefused as error:
                refused.add(step.word)
                is_fresh = False
                results.append(StepResult(step.key(sale.key), code=error.code, sentence=str(error)))
            except ErpError as error:
                return results, error
            except ChansyncError as error:
                if error.code not in CODES:
                    raise
                refused.add(step.word)
                is_fresh = False
                missing = tuple(error.missing) if isinstance(error, MissingStock) else ()
                results.append(StepResult(step.key(sale.key), code=error.code, sentence=str(error), missing=missing))
        return results, None

    async def _load(self, key: str) -> SaleRecord:
        record = (await self.records.load([key])).get(key)
        if record is None:
            raise NotPossible(f"There is no sale of the key {key:.100} in Tryton.")
        return record

    async def _perform(self, record: SaleRecord, step: Step, key: str) -> StepResult:
        state = state_of(record)
        if state.closed and not isinstance(step, _WHEN_CLOSED):
            word = "cancelled" if state.cancelled else "reversed"
            raise NotPossible(f"The sale {record.number} is {word}: nothing more can be done with it.")
        if not state.closed and not isinstance(step, _IN_QUOTATION) and await self._recorder.process(record):
            record = await self._load(record.key)
        match step:
            case steps.Rewrite():
                await self._recorder.rewrite(record, step.draft)
                return StepResult(key, changed=True)
            case steps.Complete():
                return StepResult(key, changed=await self._complete(record, step))
            case steps.Amend():
                return StepResult(key, changed=await self._amendments.amend(record, step))
            case steps.Block():
                changed, missing = await self._goods.block(record)
                return StepResult(key, changed=changed, missing=missing)
            case steps.Release():
                return StepResult(key, changed=await self._goods.release(record))
            case steps.RequestMissing():
                raise NotPossible(NOT_POSSIBLE["create_request"])
            case steps.IssueDocument():
                changed, number = await self._documents.issue(record)
                return StepResult(key, changed=changed, number=number)
            case steps.Pay():
                if _issues_first(step, record) and not open_document(record):
                    await self._documents.issue(record)
                    record = await self._load(record.key)
                paid = await self._documents.pay(record, step)
                return StepResult(key, changed=bool(paid), amount=paid)
            case steps.WriteOut():
                return StepResult(key, changed=await self._goods.write_out(record, step.carrier, step.tracking))
            case steps.Ship():
                if not state.written_out:
                    raise NotPossible(f"The sale {record.number} is not written out yet.")
                return StepResult(key, changed=await self._goods.ship(record, step.carrier, step.tracking))
            case steps.Cancel():
                return StepResult(key, changed=await self._closing.cancel(record))
            case steps.Reverse():
                return StepResult(key, changed=await self._closing.reverse(record))
            case steps.Refund():
                return StepResult(key, changed=await self._refunds.refund(record, step))
            case steps.WithdrawRefund():
                return StepResult(key, changed=await self._refunds.withdraw(record, step.refund_id))
            case _:
                raise NotPossible(f"Tryton knows no step {step.word}.")

    async def _complete(self, record: SaleRecord, step: steps.Complete) -> bool:
        nameless = view_of(record, self._company).nameless
        if nameless and record.state in ("draft", "quotation"):
            await self._recorder.rewrite(record, step.draft)
            return True
        return await self._amendments.complete(record, step.draft, nameless)


def _done(sale: SaleSteps, recorded: Mapping[str, Recorded]) -> list[StepResult]:
    """The result of recording a sale, where that was asked for and is done."""
    own = recorded.get(sale.key)
    return [own.result] if own is not None and own.result is not None else []


def _next(
    sales: Sequence[SaleSteps], known: Mapping[str, SaleRecord], done: Mapping[str, Sequence[StepResult]]
) -> Iterator[tuple[SaleSteps, Step, SaleRecord]]:
    """The sales that are open and processed, each with the step that is its next."""
    for sale in sales:
        record = known.get(sale.key)
        place = len(done[sale.key])
        if record is None or record.state != "processing" or place >= len(sale.steps) or state_of(record).closed:
            continue
        yield sale, sale.steps[place], record


def _issues_first(step: steps.Pay, record: SaleRecord) -> bool:
    """Whether a payment issues the document that it needs: one of nothing needs none, and may not make one."""
    return step.issue_first and step.in_all != state_of(record).paid


def _of_record(recorded: Recorded | None, step: steps.Record, key: str) -> StepResult:
    if recorded is None:
        raise NotPossible(f"A sale is recorded first: {key:.100}.")
    if recorded.error is not None:
        raise recorded.error
    assert recorded.result is not None
    return recorded.result
