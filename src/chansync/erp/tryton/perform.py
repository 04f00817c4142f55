"""Each step with a sale, as Tryton carries it out."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial

from chansync.erp.protocol import MissingStock, NotPossible
from chansync.erp.remote import ErpError, ErpRefused, SaleAnswer, SaleSteps
from chansync.erp.tryton import TRYTON, amend, documents, goods, refunds, views
from chansync.erp.tryton.record import in_halves, process, process_all, record_all, rewrite
from chansync.erp.tryton.records import ISSUED, SaleRecord, Tryton
from chansync.erp.tryton.wizards import process_sale
from chansync.model import steps
from chansync.model.errors import ChansyncError
from chansync.model.message import CODES
from chansync.model.steps import Step, StepResult

#: Steps that can be done with a quotation: the others need goods or invoices, which a sale has once it is processed.
_IN_QUOTATION = (steps.Record, steps.Rewrite, steps.Complete, steps.Amend, steps.Cancel)

#: Steps of a sale that is cancelled or reversed.
_WHEN_CLOSED = (steps.Cancel, steps.Reverse, steps.Complete, steps.Amend, steps.Release)


async def apply(tryton: Tryton, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
    """``Remote.apply``: the new sales of all first, together; then what else is asked for, sale by sale."""
    drafts = [step.draft for sale in sales for step in sale.steps[:1] if isinstance(step, steps.Record)]
    processed = {sale.key for sale in sales if any(not isinstance(step, _IN_QUOTATION) for step in sale.steps)}
    recorded, unrecorded = await record_all(tryton, drafts, processed)
    known = await tryton.load([sale.key for sale in sales])
    confirmed = [own for draft in drafts if (own := known.get(draft.key)) and own.state == "confirmed"]
    if confirmed:
        await process_all(tryton, [record.id for record in confirmed])
        known |= await tryton.load([record.key for record in confirmed])
    known |= await _catch_up(tryton, list(known.values()))
    done = {sale.key: [recorded[sale.key]] if sale.key in recorded else [] for sale in sales}
    await _block_together(tryton, sales, known, done)
    await _issue_together(tryton, sales, known, done)
    errors: dict[str, ErpError | None] = {}
    touched: set[str] = set()
    for sale in sales:
        results = done[sale.key]
        before = len(results)
        errors[sale.key] = await _steps(tryton, sale, known.get(sale.key), unrecorded.get(sale.key), results)
        if errors[sale.key] or any(result.changed or result.refused for result in results[before:]):
            touched.add(sale.key)
    # What was done is known all the same.
    with contextlib.suppress(ErpError):
        await tryton.payments.close()
    known |= await tryton.load(sorted(touched))
    after = {key: views.view_of(record, tryton.company) for key, record in known.items()}
    return [SaleAnswer(sale.key, tuple(done[sale.key]), after.get(sale.key), errors[sale.key]) for sale in sales]


async def _catch_up(tryton: Tryton, records: Sequence[SaleRecord]) -> dict[str, SaleRecord]:
    """Have Tryton look at invoices and sales that it forgot, and read them again.

    It looks at an invoice after its payment, and at a sale after its shipment or invoice, in a transaction of its own:
    a server that dies between does not do it later. Where it refuses, the step that needs it says why.
    """
    late: list[str] = []
    for record in records:
        invoices, sales = views.forgotten_documents(record), views.forgotten_sales(record)
        with contextlib.suppress(ErpRefused):
            if invoices and await documents.look_again(tryton, record, invoices):
                late.append(record.key)
            for sale in sales:
                late.append(record.key)
                await process_sale(tryton.rpc, sale)
    return await tryton.load(late)


async def _block_together(
    tryton: Tryton, sales: Sequence[SaleSteps], known: dict[str, SaleRecord], done: dict[str, list[StepResult]]
) -> None:
    """Block the goods of all sales of which that is the next step; a call for each takes far longer."""
    chosen = [record for sale, step, record in _next(sales, known, done) if isinstance(step, steps.Block)]
    for record in await _together(tryton, chosen, known, partial(goods.block, tryton)):
        done[record.key].append(_blocked(steps.Block().key(record.key), record, known[record.key]))


async def _issue_together(
    tryton: Tryton, sales: Sequence[SaleSteps], known: dict[str, SaleRecord], done: dict[str, list[StepResult]]
) -> None:
    """Post the invoices of all sales of which that is the next step, or comes with it."""
    chosen: dict[str, Step] = {}
    for sale, step, record in _next(sales, known, done):
        is_first = isinstance(step, steps.Pay) and _issues_first(step, record)
        if (is_first or isinstance(step, steps.IssueDocument)) and not views.open_document(record) and not record.sides:
            chosen[sale.key] = step
    records = [known[key] for key in chosen]
    for record in await _together(tryton, records, known, partial(documents.issue_all, tryton)):
        step, number = chosen[record.key], views.open_document(known[record.key])
        if isinstance(step, steps.IssueDocument) and number:
            done[record.key].append(StepResult(step.key(record.key), changed=True, number=number))


async def _together(
    tryton: Tryton,
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
    known |= await tryton.load([record.key for record in chosen])
    return [record for record in chosen if record.key not in refused and record.key in known]


async def _steps(
    tryton: Tryton,
    sale: SaleSteps,
    record: SaleRecord | None,
    unrecorded: ChansyncError | None,
    results: list[StepResult],
) -> ErpError | None:
    """Carry out a sale's steps after those that have results already, and add theirs; what stopped them midway.

    Args:
        record: the sale as it is; None: it is to be read.
        unrecorded: why it could not be recorded, where that was tried.
    """
    refused: set[str] = set()
    for step in sale.steps[len(results) :]:
        key = step.key(sale.key)
        if "record" in refused or step.needs & refused:
            refused.add(step.word)
            results.append(StepResult(key, code="not_tried"))
            continue
        try:
            if isinstance(step, steps.Record):
                # Had it been done, its result would be there.
                raise unrecorded or NotPossible(f"A sale is recorded first: {sale.key:.100}.")
            record = record or await tryton.sale(sale.key)
            results.append(await _perform(tryton, record, step, key))
            if results[-1].changed:
                record = None
        except ChansyncError as error:
            if isinstance(error, ErpError) and not isinstance(error, ErpRefused):
                return error
            if error.code not in CODES:
                raise
            record = None
            refused.add(step.word)
            missing = tuple(error.missing) if isinstance(error, MissingStock) else ()
            results.append(StepResult(key, code=error.code, sentence=str(error), missing=missing))
    return None


async def _perform(tryton: Tryton, record: SaleRecord, step: Step, key: str) -> StepResult:
    state = views.state_of(record)
    if state.closed and not isinstance(step, _WHEN_CLOSED):
        word = "cancelled" if state.cancelled else "reversed"
        raise NotPossible(f"The sale {record.number} is {word}: nothing more can be done with it.")
    if not state.closed and not isinstance(step, _IN_QUOTATION) and await process(tryton, record):
        record = await tryton.sale(record.key)
    match step:
        case steps.Rewrite():
            await rewrite(tryton, record, step.draft)
            changed = True
        case steps.Complete():
            changed = await amend.complete(tryton, record, step.draft)
        case steps.Amend():
            changed = await amend.amend(tryton, record, step)
        case steps.Block():
            await goods.block(tryton, [record])
            return _blocked(key, record, await tryton.sale(record.key))
        case steps.Release():
            changed = await goods.release(tryton, record)
        case steps.RequestMissing():
            raise NotPossible(TRYTON.not_possible["create_request"])
        case steps.IssueDocument():
            now = await documents.issue(tryton, record)
            return StepResult(key, changed=now is not record, number=views.open_document(now))
        case steps.Pay():
            if _issues_first(step, record):
                record = await documents.issue(tryton, record)
            paid = await documents.pay(tryton, record, step)
            return StepResult(key, changed=bool(paid), amount=paid)
        case steps.WriteOut():
            changed = await goods.write_out(tryton, record, step.carrier, step.tracking)
        case steps.Ship():
            if not state.written_out:
                raise NotPossible(f"The sale {record.number} is not written out yet.")
            changed = await goods.ship(tryton, record, step.carrier, step.tracking)
        case steps.Cancel():
            changed = await _cancel(tryton, record)
        case steps.Reverse():
            changed = await _reverse(tryton, record)
        case steps.Refund():
            changed = await refunds.refund(tryton, record, step)
        case steps.WithdrawRefund():
            changed = await refunds.withdraw(tryton, record, step.refund_id)
        case _:
            raise NotPossible(f"Tryton knows no step {step.word}.")
    return StepResult(key, changed=changed)


async def _cancel(tryton: Tryton, record: SaleRecord) -> bool:
    """``steps.Cancel``; False where the sale is cancelled already."""
    if views.is_cancelled(record) and not views.state_of(record).paid:
        return False
    if views.is_written_out(record) or views.is_partly_written_out(record):
        raise NotPossible(
            f"Goods of the sale {record.number} have left: reverse it (chansync erp reverse {record.number})."
        )
    if record.state in ("draft", "quotation", "confirmed"):
        if record.state == "confirmed":
            await tryton.rpc.press("sale.sale", "draft", [record.id])
        await tryton.rpc.press("sale.sale", "cancel", [record.id])
        return True
    waiting = [each["id"] for each in record.all_shipments() if each["state"] not in ("cancelled", "done")]
    await tryton.rpc.press("stock.shipment.out", "cancel", waiting)
    record = await tryton.sale(record.key)
    await documents.drop_unissued(tryton, record)
    record = await tryton.sale(record.key)
    if any(each["state"] in ISSUED for each in record.invoices):
        # Whole invoices are credited, or what refunds have left of them.
        credit = refunds.reverse if any(each.total for each in views.refunds_of(record)) else documents.credit_all
        record = await credit(tryton, record)
    # Tryton makes nothing again of what was cancelled, for the sale and its sides.
    for row in (record.row, *(side.row for side in record.sides)):
        (now,) = await tryton.rpc.read("sale.sale", [row["id"]], ["shipment_state", "invoice_state"])
        for what, of in (("shipment", "moves"), ("invoice", "invoices")):
            if now[f"{what}_state"] == "exception":
                await goods.ignore(tryton, row["id"], what, of)
    await documents.settle(tryton, await tryton.sale(record.key), 0)
    return True


async def _reverse(tryton: Tryton, record: SaleRecord) -> bool:
    """``steps.Reverse``; False where the sale is reversed already."""
    if views.is_reversed_sale(record) and not views.state_of(record).paid:
        return False
    if views.is_partly_written_out(record):
        record = await refunds.keep_rest(tryton, record)
    if not views.is_written_out(record):
        raise NotPossible(
            f"The sale {record.number} is not written out: cancel it (chansync erp cancel {record.number})."
        )
    await refunds.reverse(tryton, record)
    return True


def _blocked(key: str, before: SaleRecord, now: SaleRecord) -> StepResult:
    return StepResult(key, changed=views.blocked_of(now) != views.blocked_of(before), missing=views.missing_of(now))


def _next(
    sales: Sequence[SaleSteps], known: Mapping[str, SaleRecord], done: Mapping[str, Sequence[StepResult]]
) -> Iterator[tuple[SaleSteps, Step, SaleRecord]]:
    """The sales that are open and processed, each with the step that is its next."""
    for sale in sales:
        record = known.get(sale.key)
        place = len(done[sale.key])
        if record is None or record.state != "processing" or place >= len(sale.steps) or views.state_of(record).closed:
            continue
        yield sale, sale.steps[place], record


def _issues_first(step: steps.Pay, record: SaleRecord) -> bool:
    """Whether a payment issues the document that it needs: one of nothing needs none, and may not make one."""
    return step.issue_first and step.in_all != views.state_of(record).paid
