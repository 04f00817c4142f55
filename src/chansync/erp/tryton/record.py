"""Recording sales, many in one call, and rewriting one that is still a quotation.

Tryton creates, quotes and confirms lists of sales in one transaction each: a sale that it refuses keeps all of its
list back, so a refused list is halved until the refused one is alone. Whatever was done before a call that failed
stays: each call begins with a look at the states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, TypeVar

from chansync.erp.protocol import NotPossible, NumberTaken
from chansync.erp.remote import ErpRefused, ErpRights, ErpUnavailable
from chansync.erp.tryton import parties
from chansync.erp.tryton.company import DEFAULT_RECEIVABLE, Company
from chansync.erp.tryton.failures import RECEIVABLE, RETRY, REVENUE, Refusal
from chansync.erp.tryton.paper import Paper, RefundPaper, message, paper_of, read_paper
from chansync.erp.tryton.parties import Buyer
from chansync.erp.tryton.records import SaleRecord, Tryton
from chansync.erp.tryton.rpc import Row
from chansync.erp.tryton.totals import Line, amounts_of, lines_of, rounding_of
from chansync.erp.tryton.wizards import process_sale
from chansync.model.errors import ChansyncError
from chansync.model.money import format_money
from chansync.model.sale import SaleDraft
from chansync.model.steps import Record, StepResult

T = TypeVar("T")

#: How many seconds the worker of a server's queue is given to process sales.
_WORKER_LOOKS = 10


async def in_halves(items: Sequence[T], act: Callable[[Sequence[T]], Awaitable[None]]) -> list[tuple[T, ErpRefused]]:
    """Do something with all of them at once, or with fewer and fewer until just what is refused is left out.

    Raises:
        ErpError: other than a refusal, or a lack of rights, which is no single one's fault.
    """
    try:
        if items:
            await act(items)
    except ErpRights:
        raise
    except ErpRefused as error:
        if len(items) > 1:
            middle = len(items) // 2
            return [*await in_halves(items[:middle], act), *await in_halves(items[middle:], act)]
        if not (isinstance(error, Refusal) and error.overtaken):
            return [(items[0], error)]
    return []


async def record_all(
    tryton: Tryton, drafts: Sequence[SaleDraft], process: Collection[str]
) -> tuple[dict[str, StepResult], dict[str, ChansyncError]]:
    """Record what is not recorded yet; sale key → what became of it, and of the others why they are not recorded.

    Args:
        process: the keys of the sales that are processed at once; the others stay quotations.

    Raises:
        ErpError: of the whole batch; what was done of it is not known.
    """
    errors: dict[str, ChansyncError] = {}
    if not drafts:
        return {}, errors
    known = await tryton.states([draft.key for draft in drafts])
    rows, buyers = await _create(tryton, [draft for draft in drafts if draft.key not in known], errors)
    known |= rows
    there = [draft for draft in drafts if draft.key in known]
    await _press_each(
        tryton, "quote", [draft for draft in there if known[draft.key]["state"] == "draft"], known, errors
    )
    known = await tryton.states([draft.key for draft in there])
    quoted = [each for each in there if each.key not in errors and known[each.key]["state"] == "quotation"]
    for draft in quoted:
        if off := _off(tryton, draft.total, draft.currency, known[draft.key]):
            errors[draft.key] = off
    ready = [draft for draft in quoted if draft.key in process and draft.key not in errors]
    await _press_each(tryton, "confirm", ready, known, errors)
    done = [draft for draft in there if draft.key not in errors]
    return {draft.key: _result(draft, known[draft.key], buyers.get(draft.key)) for draft in done}, errors


async def process(tryton: Tryton, record: SaleRecord) -> bool:
    """Have a quotation processed, if it is none already: only then goods and invoice can be worked with.

    Raises:
        ErpRefused: Tryton refuses, cannot process it as it is set up, or its total is not the order's any more.
        ErpUnavailable: it is not processed yet, and nobody knows why.
    """
    if record.state not in ("draft", "quotation", "confirmed"):
        return False
    if record.state == "draft":
        await _press(tryton, "quote", [record.id])
    if record.state != "confirmed":
        total = sum(line.net + line.tax for line in record.paper.lines)
        row = (await tryton.states([record.key]))[record.key]
        if record.paper.lines and (off := _off(tryton, total, record.currency, row)):
            raise off
        await _press(tryton, "confirm", [record.id])
    if await _confirmed(tryton, [record.id]) and (failed := await process_all(tryton, [record.id])):
        raise failed[record.id] or ErpUnavailable(
            f"The sale {record.number} stays confirmed in Tryton: the worker of its queue does not run, or it cannot "
            "be processed. Why stands under Administration, Scheduler, Errors there."
        )
    return True


async def process_all(tryton: Tryton, confirmed: Sequence[int]) -> dict[int, ErpRefused | None]:
    """Process what was only confirmed: by a server with a queue of its own, or by one that died or failed. What cannot
    be processed keeps no other back.

    Returns:
        Sale id → why it is not processed; None where nobody knows.
    """
    failed: dict[int, ErpRefused | None] = dict(await in_halves(confirmed, partial(_press_process, tryton)))
    waiting = [own for own in confirmed if own not in failed]
    for _ in range(_WORKER_LOOKS):
        waiting = await _confirmed(tryton, waiting)
        lacks = {own: ErpRefused(lack) for own in waiting if (lack := await _lack(tryton, own))}
        failed |= lacks
        waiting = [own for own in waiting if own not in lacks]
        if not waiting:
            break
        await asyncio.sleep(1.0)
    return failed | dict.fromkeys(waiting)


async def rewrite(tryton: Tryton, record: SaleRecord, draft: SaleDraft) -> None:
    """``steps.Rewrite``.

    Raises:
        NotPossible: the sale is processed already: its lines cannot be changed any more.
    """
    if record.state not in ("draft", "quotation"):
        raise NotPossible(
            f"The sale {record.number} is {record.state} in Tryton, where its lines cannot be changed any more."
        )
    errors: dict[str, ChansyncError] = {}
    prepared = await _prepare(tryton, [draft], errors)
    if errors:
        raise errors[draft.key]
    buyer = (await parties.buyers_of(tryton, [draft]))[draft.key]
    if record.state == "quotation":
        await _press(tryton, "draft", [record.id])
    old = await tryton.rpc.search_read("sale.line", [["sale", "=", record.id]], ["id"])
    values = _values(tryton.company, *prepared[0], buyer)
    for name in ("company", "web_shop", "web_id", "sale_date", "reference", "description"):
        del values[name]
    values["lines"] = [["delete", [row["id"] for row in old]], *values["lines"]]
    await tryton.rpc.write("sale.sale", [record.id], values)
    await _press(tryton, "quote", [record.id])
    if off := _off(tryton, draft.total, draft.currency, (await tryton.states([draft.key]))[draft.key]):
        raise off


def _off(tryton: Tryton, total: int, currency: str, row: Row) -> ErpRefused | None:
    """That Tryton's total is not that one; None where it is."""
    there = int((row["total_amount"] or Decimal(0)).scaleb(tryton.company.digits[currency]))
    if there == total:
        return None
    return ErpRefused(
        f"Tryton comes to {format_money(there, currency)} for the sale {row['number'] or row['web_id']}, the order "
        f"to {format_money(total, currency)}. It waits there as a quotation: compare its taxes and prices.",
        code="total_mismatch",
    )


async def _create(
    tryton: Tryton, drafts: Sequence[SaleDraft], errors: dict[str, ChansyncError]
) -> tuple[dict[str, Row], dict[str, Buyer]]:
    """Create the sales of drafts that are not there; their rows, and their buyers."""
    buyers: dict[str, Buyer] = {}
    rows: dict[str, Row] = {}
    prepared = await _prepare(tryton, drafts, errors)

    async def create(part: Sequence[tuple[SaleDraft, list[Line]]]) -> None:
        who = await parties.buyers_of(tryton, [draft for draft, _ in part])
        values = [_values(tryton.company, draft, lines, who[draft.key]) for draft, lines in part]
        ids = await tryton.rpc.create("sale.sale", values)
        rows.update({draft.key: {"id": own, "state": "draft"} for (draft, _), own in zip(part, ids, strict=True)})
        buyers.update(who)

    errors |= {draft.key: error for (draft, _), error in await in_halves(prepared, create)}
    overtaken = [draft.key for draft, _ in prepared if draft.key not in rows and draft.key not in errors]
    if overtaken:
        rows |= await tryton.states(overtaken)
    return rows, buyers


async def _prepare(
    tryton: Tryton, drafts: Sequence[SaleDraft], errors: dict[str, ChansyncError]
) -> list[tuple[SaleDraft, list[Line]]]:
    """The lines of those drafts that can be recorded; the errors of the others are noted."""
    await tryton.company.find_products(tryton.rpc, (line.item_code for draft in drafts for line in draft.lines))
    taken = await _taken(tryton, [draft for draft in drafts if draft.number])
    prepared: list[tuple[SaleDraft, list[Line]]] = []
    for draft in drafts:
        try:
            if taken.get(draft.number, draft.key) != draft.key:
                raise NumberTaken(f"There is a sale {draft.number} in Tryton already, of another order.")
            prepared.append((draft, _lines(tryton, draft)))
        except ChansyncError as error:
            errors[draft.key] = error
    return prepared


async def _taken(tryton: Tryton, drafts: Sequence[SaleDraft]) -> dict[str, str]:
    """Number → key of the sale that has it. The batch's own are held to each other too."""
    if not drafts:
        return {}
    domain = [
        ["reference", "in", [draft.number for draft in drafts]], ["web_shop", "in", list(tryton.company.shop_names)],
    ]  # fmt: skip
    rows = await tryton.rpc.search_read("sale.sale", domain, ["reference", "web_id", "notes.message"])
    papers = [(row, read_paper(row["notes."], Paper)) for row in rows]
    taken = {row["reference"]: row["web_id"] for row, paper in papers if paper and paper.number == row["reference"]}
    for draft in drafts:
        taken.setdefault(draft.number, draft.key)
    return taken


def _lines(tryton: Tryton, draft: SaleDraft) -> list[Line]:
    company = tryton.company
    if draft.currency not in company.sells_in:
        raise ErpRefused(f"There is no currency {draft.currency} in Tryton: add it there, with its rate. {RETRY}")
    for word, wanted, known in (
        ("web shop", draft.pos, company.shops),
        ("warehouse", draft.warehouse, company.warehouses),
    ):
        if wanted not in known:
            raise ErpRefused(
                f"There is no {word} {wanted:.60} of the company {company.name} in Tryton: add it there. {RETRY}"
            )
    if draft.merchant and draft.merchant not in company.employees:
        raise ErpRefused(
            f"{draft.merchant:.60} is no employee that the user {tryton.rpc.user} may act for: add them to the user "
            f"in Tryton (Administration, Users). {RETRY}"
        )
    amounts = amounts_of(company, draft.lines)
    return lines_of(company, amounts, draft.total, draft.currency, rounding_of(draft.lines))


def _values(company: Company, draft: SaleDraft, lines: Sequence[Line], buyer: Buyer) -> dict[str, Any]:
    carrier = company.carriers.get(draft.delivery_method)
    return sale_values(company, paper_of(draft), lines, 1, carrier) | {
        "web_shop": company.shops[draft.pos]["id"],
        "web_id": draft.key,
        # Tryton numbers its sales itself: a number of the order's own is what it calls the customer's reference.
        "reference": draft.number or draft.order_number,
        "description": draft.mark or None,
        "party": buyer.party,
        "invoice_address": buyer.billing,
        "shipment_address": buyer.delivery,
        "currency": company.currencies[draft.currency],
        "warehouse": company.warehouses[draft.warehouse]["id"],
        "sale_date": draft.sale_date,
        "comment": comment_of(draft.note, "" if carrier else draft.delivery_method),
    }


def sale_values(
    company: Company, paper: Paper | RefundPaper, lines: Sequence[Line], sign: int, carrier: int | None = None
) -> dict[str, Any]:
    """What is created of a sale or a side of one, with its lines and its paper; ``sign`` as for ``Line.values``."""
    paper.has_own_taxes = not all(line.is_usual for line in lines)
    values: dict[str, Any] = {
        "company": company.id,
        "invoice_method": "order",
        "shipment_method": "order",
        "lines": [["create", [line.values(sign, place) for place, line in enumerate(lines, 1)]]],
        "notes": [["create", [{"message": message(paper)}]]],
    }
    # The order says what its delivery costs, so Tryton must not add a cost of its own.
    return values | ({"carrier": carrier, "shipment_cost_method": None} if company.has_carriers else {})


async def _press_each(
    tryton: Tryton, button: str, drafts: Sequence[SaleDraft], known: dict[str, Row], errors: dict[str, ChansyncError]
) -> None:
    """Press a button of sales, as the employee that each names."""
    for merchant in sorted({draft.merchant for draft in drafts}):

        async def press(part: Sequence[SaleDraft], merchant: str = merchant) -> None:
            await _press(tryton, button, [known[draft.key]["id"] for draft in part], merchant)

        own = [draft for draft in drafts if draft.merchant == merchant]
        errors |= {draft.key: error for draft, error in await in_halves(own, press)}


async def _confirmed(tryton: Tryton, ids: Sequence[int]) -> list[int]:
    return [row["id"] for row in await tryton.rpc.read("sale.sale", ids, ["state"]) if row["state"] == "confirmed"]


async def _press_process(tryton: Tryton, ids: Sequence[int]) -> None:
    try:
        await _press(tryton, "process", ids)
    except ErpRights:
        for own in ids:
            await process_sale(tryton.rpc, own)


async def _lack(tryton: Tryton, sale: int) -> str:
    """What keeps a sale from being processed: Tryton fails at it in the background, and tells only administrators
    why. Empty where it is nothing that is known."""
    read = tryton.rpc.read
    (row,) = await read("sale.sale", [sale], ("number", "party.name", "party.account_receivable", "lines"))
    (books,) = await read("account.configuration", [1], [DEFAULT_RECEIVABLE])
    lack = ""
    if not (row["party."]["account_receivable"] or books[DEFAULT_RECEIVABLE]):
        lack = f"receivable account for the party {row['party.']['name']:.60} in Tryton. {RECEIVABLE}"
    else:
        lines = await read("sale.line", row["lines"], ["product.code", "product.account_category"])
        products = [line["product."] for line in lines if line["product."]]
        category_of = {product["code"]: product["account_category"] for product in products}
        wanted = sorted({own for own in category_of.values() if own})
        found = await read("product.category", wanted, ["account_revenue", "account_parent"])
        booked = {each["id"] for each in found if each["account_revenue"] or each["account_parent"]}
        if code := next((code for code, category in category_of.items() if category not in booked), ""):
            lack = f"revenue account for the product {code:.60} in Tryton. {REVENUE}"
    return f"The sale {row['number']} cannot be processed: there is no {lack} {RETRY}" if lack else ""


async def _press(tryton: Tryton, button: str, ids: Sequence[int], merchant: str = "") -> None:
    employee = tryton.company.employees.get(merchant)
    context = {"employee": employee} if employee else {}
    try:
        await tryton.rpc.call(f"model.sale.sale.{button}", list(ids), **context)
    except Refusal as error:
        if len(ids) > 1 or not error.overtaken:
            raise


def comment_of(note: str, delivery_method: str) -> str | None:
    """The sale's comment: the buyer's note, and the delivery method where Tryton has no carrier for it."""
    delivery = f"Delivery: {delivery_method}" if delivery_method else ""
    return "\n\n".join(filter(None, (note, delivery))) or None


def _result(draft: SaleDraft, row: Row, buyer: Buyer | None) -> StepResult:
    return StepResult(
        Record(draft).key(draft.key),
        changed=buyer is not None,
        ref=str(row["id"]),
        number=draft.number or row["number"] or "",
        is_new_customer=buyer is not None and buyer.is_new,
        warnings=buyer.warnings if buyer else (),
    )
