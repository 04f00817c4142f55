"""Recording sales, many in one call, and rewriting one that is still a quotation.

Tryton creates, quotes and confirms lists of sales in one transaction each: a sale that it refuses keeps all of its
list back, so a refused list is halved until the refused one is alone. Whatever was done before a call that failed
stays: each call begins with a look at the states.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from chansync.erp.protocol import NotPossible, NumberTaken
from chansync.erp.remote import ErpRefused, ErpRights, ErpUnavailable
from chansync.erp.tryton.company import DEFAULT_RECEIVABLE, Company
from chansync.erp.tryton.failures import RECEIVABLE, RETRY, REVENUE, Refusal
from chansync.erp.tryton.paper import message, paper_of, read_papers, read_sale
from chansync.erp.tryton.parties import Buyer, Parties
from chansync.erp.tryton.records import Records, SaleRecord
from chansync.erp.tryton.rpc import Row, TrytonRpc
from chansync.erp.tryton.totals import Line, TotalMismatch, amounts_of, lines_of, rounding_of
from chansync.erp.tryton.wizards import process_sale
from chansync.model.errors import ChansyncError
from chansync.model.money import format_money
from chansync.model.sale import SaleDraft
from chansync.model.steps import Record, StepResult

T = TypeVar("T")

#: How many seconds the worker of a server's queue is given to process sales.
_WORKER_LOOKS = 10


@dataclass(slots=True)
class Recorded:
    """What became of recording one sale: what went wrong, or its result."""

    result: StepResult | None = None
    error: ChansyncError | None = None


async def in_halves(items: Sequence[T], act: Callable[[Sequence[T]], Awaitable[None]]) -> list[tuple[T, ErpRefused]]:
    """Do something with all of them at once, or with fewer and fewer until just what is refused is left out.

    Raises:
        ErpError: other than a refusal, or a lack of rights, which is no single one's fault.
    """
    if not items:
        return []
    try:
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


class Recorder:
    """Records sales of one company."""

    def __init__(self, rpc: TrytonRpc, company: Company, records: Records, parties: Parties) -> None:
        self._rpc, self._company, self._records, self._parties = rpc, company, records, parties

    async def record(self, drafts: Sequence[SaleDraft], process: frozenset[str]) -> dict[str, Recorded]:
        """Record what is not recorded yet; sale key → what became of it.

        Args:
            process: the keys of the sales that are processed at once; the others stay quotations.

        Raises:
            ErpError: of the whole batch; what was done of it is not known.
        """
        found = {draft.key: Recorded() for draft in drafts}
        known = await self._records.states([draft.key for draft in drafts])
        new = [draft for draft in drafts if draft.key not in known]
        rows, buyers = await self._create(new, found)
        known |= rows
        there = [draft for draft in drafts if draft.key in known]
        await self._quote([draft for draft in there if known[draft.key]["state"] == "draft"], known, found)
        known = await self._records.states([draft.key for draft in there])
        for draft in there:
            if not found[draft.key].error and known[draft.key]["state"] == "quotation":
                found[draft.key].error = self._off(draft.total, draft.currency, known[draft.key])
        ready = [draft for draft in there if draft.key in process and not found[draft.key].error]
        await self._confirm(ready, known, found)
        for draft in there:
            if not found[draft.key].error:
                found[draft.key].result = _result(draft, known[draft.key], buyers.get(draft.key))
        return found

    async def process(self, record: SaleRecord) -> bool:
        """Have a quotation processed, if it is none already: only then goods and invoice can be worked with.

        Raises:
            TotalMismatch: Tryton's total is not the order's any more.
            ErpRefused: Tryton refuses, or cannot process it as it is set up.
            ErpUnavailable: it is not processed yet, and nobody knows why.
        """
        if record.state not in ("draft", "quotation", "confirmed"):
            return False
        if record.state == "draft":
            await self._press("quote", [record.id])
        if record.state != "confirmed":
            total = sum(line.net + line.tax for line in record.paper.lines)
            row = (await self._records.states([record.key]))[record.key]
            if record.paper.lines and (off := self._off(total, record.currency, row)):
                raise off
            await self._press("confirm", [record.id])
        if await self._confirmed([record.id]):
            await self._press_process([record.id])
            await self._await_processed(record)
        return True

    async def _await_processed(self, record: SaleRecord) -> None:
        for _ in range(_WORKER_LOOKS):
            if not await self._confirmed([record.id]):
                return
            if lack := await self._lack(record.id):
                raise ErpRefused(lack)
            await asyncio.sleep(1.0)
        raise ErpUnavailable(
            f"The sale {record.number} stays confirmed in Tryton: the worker of its queue does not run, or it cannot "
            "be processed. Why stands under Administration, Scheduler, Errors there."
        )

    async def rewrite(self, record: SaleRecord, draft: SaleDraft) -> None:
        """``steps.Rewrite``.

        Raises:
            NotPossible: the sale is processed already: its lines cannot be changed any more.
        """
        if record.state not in ("draft", "quotation"):
            raise NotPossible(
                f"The sale {record.number} is {record.state} in Tryton, where its lines cannot be changed any more."
            )
        (prepared,) = await self._prepare([draft], {draft.key: Recorded()}, only_raise=True)
        buyer = (await self._parties.of_drafts([draft]))[draft.key]
        if record.state == "quotation":
            await self._press("draft", [record.id])
        old = await self._rpc.search_read("sale.line", [["sale", "=", record.id]], ["id"])
        values = self._values(draft, prepared[1], buyer)
        for name in ("company", "web_shop", "web_id", "sale_date", "reference", "description"):
            values.pop(name, None)
        values["lines"] = [["delete", [row["id"] for row in old]], *values["lines"]]
        await self._rpc.write("sale.sale", [record.id], values)
        await self._press("quote", [record.id])
        off = self._off(draft.total, draft.currency, (await self._records.states([draft.key]))[draft.key])
        if off:
            raise off

    def _off(self, total: int, currency: str, row: Row) -> TotalMismatch | None:
        """That Tryton's total is not that one; None where it is."""
        there = int((row["total_amount"] or Decimal(0)).scaleb(self._company.digits[currency]))
        if there == total:
            return None
        return TotalMismatch(
            f"Tryton comes to {format_money(there, currency)} for the sale {row['number'] or row['web_id']}, the order "
            f"to {format_money(total, currency)}. It waits there as a quotation: compare its taxes and prices."
        )

    async def _create(
        self, drafts: Sequence[SaleDraft], found: dict[str, Recorded]
    ) -> tuple[dict[str, Row], dict[str, Buyer]]:
        """Create the sales of drafts that are not there; their rows, and their buyers."""
        buyers: dict[str, Buyer] = {}
        rows: dict[str, Row] = {}
        prepared = await self._prepare(drafts, found)

        async def create(part: Sequence[tuple[SaleDraft, list[Line]]]) -> None:
            who = await self._parties.of_drafts([draft for draft, _ in part])
            values = [self._values(draft, lines, who[draft.key]) for draft, lines in part]
            ids = await self._rpc.create("sale.sale", values)
            rows.update({draft.key: {"id": own, "state": "draft"} for (draft, _), own in zip(part, ids, strict=True)})
            buyers.update(who)

        for (draft, _), error in await in_halves(prepared, create):
            found[draft.key].error = error
        overtaken = [draft.key for draft, _ in prepared if draft.key not in rows and not found[draft.key].error]
        if overtaken:
            rows |= await self._records.states(overtaken)
        return rows, buyers

    async def _prepare(
        self, drafts: Sequence[SaleDraft], found: dict[str, Recorded], *, only_raise: bool = False
    ) -> list[tuple[SaleDraft, list[Line]]]:
        """The lines of those drafts that can be recorded; the errors of the others are noted, or raised."""
        codes = {line.item_code for draft in drafts for line in draft.lines}
        await self._company.find_products(self._rpc, codes | {self._company.options.rounding})
        taken = await self._taken([draft for draft in drafts if draft.number])
        prepared: list[tuple[SaleDraft, list[Line]]] = []
        for draft in drafts:
            try:
                if taken.get(draft.number, draft.key) != draft.key:
                    raise NumberTaken(f"There is a sale {draft.number} in Tryton already, of another order.")
                prepared.append((draft, self._lines(draft)))
            except ChansyncError as error:
                if only_raise:
                    raise
                found[draft.key].error = error
        return prepared

    async def _taken(self, drafts: Sequence[SaleDraft]) -> dict[str, str]:
        """Number → key of the sale that has it. The batch's own are held to each other too."""
        if not drafts:
            return {}
        domain = [
            ["reference", "in", [draft.number for draft in drafts]], ["web_shop", "in", self._company.shop_ids],
        ]  # fmt: skip
        rows = await self._rpc.search_read("sale.sale", domain, ["reference", "web_id"])
        papers = await read_papers(self._rpc, [row["id"] for row in rows]) if rows else {}
        taken = {
            row["reference"]: row["web_id"]
            for row in rows
            if read_sale(papers.get(row["id"], "")).number == row["reference"]
        }
        for draft in drafts:
            taken.setdefault(draft.number, draft.key)
        return taken

    def _lines(self, draft: SaleDraft) -> list[Line]:
        company = self._company
        if draft.currency not in company.digits:
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
                f"{draft.merchant:.60} is no employee that the user {self._rpc.user} may act for: add them to the user "
                f"in Tryton (Administration, Users). {RETRY}"
            )
        amounts = amounts_of(company, draft.lines)
        return lines_of(company, amounts, draft.total, draft.currency, rounding_of(draft.lines))

    def _values(self, draft: SaleDraft, lines: Sequence[Line], buyer: Buyer) -> dict[str, Any]:
        company = self._company
        carrier = company.carriers.get(draft.delivery_method)
        paper = paper_of(draft)
        paper.has_own_taxes = not all(line.is_usual for line in lines)
        values: dict[str, Any] = {
            "company": company.id,
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
            "invoice_method": "order",
            "shipment_method": "order",
            "comment": comment_of(draft.note, "" if carrier else draft.delivery_method),
            "lines": [["create", [line.values(1, place) for place, line in enumerate(lines, 1)]]],
            "notes": [["create", [{"message": message(paper)}]]],
        }
        if company.has_carriers:
            # The order says what its delivery costs, so Tryton must not add a cost of its own.
            values |= {"carrier": carrier, "shipment_cost_method": None}
        return values

    async def _quote(self, drafts: Sequence[SaleDraft], known: dict[str, Row], found: dict[str, Recorded]) -> None:
        await self._each_merchant("quote", drafts, known, found)

    async def _confirm(self, drafts: Sequence[SaleDraft], known: dict[str, Row], found: dict[str, Recorded]) -> None:
        waiting = [draft for draft in drafts if known[draft.key]["state"] == "quotation"]
        await self._each_merchant("confirm", waiting, known, found)

    async def _each_merchant(
        self, button: str, drafts: Sequence[SaleDraft], known: dict[str, Row], found: dict[str, Recorded]
    ) -> None:
        """Press a button of sales, as the employee that each names."""
        for merchant in sorted({draft.merchant for draft in drafts}):

            async def press(part: Sequence[SaleDraft], merchant: str = merchant) -> None:
                await self._press(button, [known[draft.key]["id"] for draft in part], merchant)

            own = [draft for draft in drafts if draft.merchant == merchant]
            for draft, error in await in_halves(own, press):
                found[draft.key].error = error

    async def process_all(self, confirmed: Sequence[int]) -> None:
        """Process what was only confirmed: by a server with a queue of its own, or by one that died or failed.

        What cannot be processed keeps no other back: the step that needs it says why (``process``).
        """
        waiting = list(confirmed)
        for own, _ in await in_halves(waiting, self._press_process):
            waiting.remove(own)
        for _ in range(_WORKER_LOOKS):
            waiting = [own for own in await self._confirmed(waiting) if not await self._lack(own)]
            if not waiting:
                return
            await asyncio.sleep(1.0)

    async def _confirmed(self, ids: Sequence[int]) -> list[int]:
        return [row["id"] for row in await self._rpc.read("sale.sale", ids, ["state"]) if row["state"] == "confirmed"]

    async def _press_process(self, ids: Sequence[int]) -> None:
        try:
            await self._press("process", ids)
        except ErpRights:
            for own in ids:
                await process_sale(self._rpc, own)

    async def _lack(self, sale: int) -> str:
        """What keeps a sale from being processed: Tryton fails at it in the background, and tells only administrators
        why. Empty where it is nothing that is known."""
        names = ("number", "party.name", "party.account_receivable", "lines")
        (row,) = await self._rpc.read("sale.sale", [sale], names)
        (books,) = await self._rpc.read("account.configuration", [1], [DEFAULT_RECEIVABLE])
        lack = ""
        if not (row["party."]["account_receivable"] or books[DEFAULT_RECEIVABLE]):
            lack = f"receivable account for the party {row['party.']['name']:.60} in Tryton. {RECEIVABLE}"
        elif code := await self._without_account(row["lines"]):
            lack = f"revenue account for the product {code:.60} in Tryton. {REVENUE}"
        return f"The sale {row['number']} cannot be processed: there is no {lack} {RETRY}" if lack else ""

    async def _without_account(self, lines: Sequence[int]) -> str:
        """The code of the first product in those lines that its category books to no account; empty: there is none."""
        rows = await self._rpc.read("sale.line", lines, ["product.code", "product.account_category"])
        products = {row["product."]["code"]: row["product."]["account_category"] for row in rows if row["product."]}
        ids = sorted({own for own in products.values() if own})
        found = await self._rpc.read("product.category", ids, ["account_revenue", "account_parent"])
        booked = {row["id"] for row in found if row["account_revenue"] or row["account_parent"]}
        return next((code for code, category in products.items() if category not in booked), "")

    async def _press(self, button: str, ids: Sequence[int], merchant: str = "") -> None:
        employee = self._company.employees.get(merchant)
        context = {"employee": employee} if employee else {}
        try:
            await self._rpc.call(f"model.sale.sale.{button}", list(ids), **context)
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
