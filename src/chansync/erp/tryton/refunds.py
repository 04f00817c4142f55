"""Parts of a sale that are given back: a sale of negative quantities, whose origin is the sale.

It brings its return shipment and its credit note. Its id is the sale's with the refund's behind it, so it is made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chansync.erp.protocol import NotPossible
from chansync.erp.tryton.company import Company, Product
from chansync.erp.tryton.documents import Documents, today
from chansync.erp.tryton.failures import Refusal
from chansync.erp.tryton.goods import Goods
from chansync.erp.tryton.paper import RefundPaper, message, write_paper
from chansync.erp.tryton.records import ISSUED, REFUND, REVERSAL, WITHDRAWAL, Records, SaleRecord, Side
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.erp.tryton.totals import Amount, Line, TotalMismatch, lines_of, product_of
from chansync.erp.tryton.views import blocked_of, is_written_out, open_document, refunds_of, state_of
from chansync.model.money import format_money
from chansync.model.sale import LineKind, RefundedLine, SaleLine, withdrawn_key
from chansync.model.steps import Refund

_RETURN = "stock.shipment.out.return"


@dataclass(slots=True)
class _Part:
    """A line that is given back, of what was sold."""

    line: RefundedLine
    sold: SaleLine
    product: Product

    @property
    def is_goods(self) -> bool:
        """Whether pieces of goods are given back."""
        return self.product.is_goods and self.sold.kind is LineKind.ITEM and bool(self.line.quantity)


class Refunds:
    """Gives parts of sales back, and takes that back."""

    def __init__(self, rpc: TrytonRpc, company: Company, records: Records, goods: Goods, documents: Documents) -> None:
        self._rpc, self._company, self._records = rpc, company, records
        self._goods, self._documents = goods, documents

    async def refund(self, record: SaleRecord, step: Refund) -> bool:
        """``steps.Refund``; False where it is done already.

        Raises:
            NotPossible: more would be given back than is left.
        """
        web_id = f"{record.key}{REFUND}{step.refund_id}"
        side = record.side(web_id)
        due = state_of(record).total - state_of(record).refunded
        if any(each.key == step.refund_id for each in refunds_of(record)):
            # All but its payment is done: that is looked at again.
            return await self._return_payment(record, due)
        if side is None and not 0 <= step.total <= max(due, 0):
            raise NotPossible(
                f"{format_money(step.total, record.currency)} cannot be refunded on the sale {record.number}: "
                f"{format_money(max(due, 0), record.currency)} of it are left."
            )
        parts = await self._match(record, step.lines)
        if not is_written_out(record):
            sold = self._still_sold(record, (), {})
            left = self._still_sold(record, parts, _by_line(refunds_of(record)))
            record = await self._goods.keep_back(record, sold, left)
        paper = RefundPaper(step.refund_id, step.total, list(step.lines))
        comes_back = is_written_out(record) and step.restock
        amounts = [each for part in parts if (each := self._amount(part, comes_back)) is not None]
        if not step.total and not amounts:
            record.paper.refunds.append(paper)
            await write_paper(self._rpc, record.id, record.paper)
            return True
        record = await self._carry_out(record, web_id, paper, amounts, -1)
        await self._return_payment(record, due - step.total)
        return True

    async def withdraw(self, record: SaleRecord, refund_id: str) -> bool:
        """``steps.WithdrawRefund``; False where it is done already, or never was refunded.

        Raises:
            MissingStock: goods that came back by the refund are not there any more.
        """
        known = {each.key: each for each in refunds_of(record)}
        found, own = known.get(refund_id), withdrawn_key(refund_id)
        if found is None:
            return False
        side, web_id = record.side(f"{record.key}{REFUND}{refund_id}"), f"{record.key}{WITHDRAWAL}{refund_id}"
        if side is None and own in known:
            return False
        lines = [replace(line, quantity=-line.quantity, net=-line.net, tax=-line.tax) for line in found.lines]
        paper = RefundPaper(own, -found.total, lines)
        if side is None:
            record.paper.refunds.append(paper)
            await write_paper(self._rpc, record.id, record.paper)
            return True
        is_new = own not in known
        if is_new:
            parts = await self._match(record, found.lines, check=False)
            goes_again = bool(side.returns) or not is_written_out(record)
            amounts = [each for part in parts if (each := self._amount(part, goes_again)) is not None]
            record = await self._carry_out(record, web_id, paper, amounts, 1)
        return await self._finish_withdrawal(record, side, _required(record, web_id)) or is_new

    async def _finish_withdrawal(self, record: SaleRecord, refund: Side, again: Side) -> bool:
        """Send what had come back, and pay what had been returned, as far as it is not done; whether anything was."""
        waiting = [each for each in again.shipments if each["state"] not in ("done", "cancelled")]
        if refund.returns:
            await self._goods.send(record, waiting)
        elif waiting and blocked_of(record):
            await self._goods.block(record)
        was_returned = all(not each["amount_to_pay"] for each in refund.invoices if each["state"] in ISSUED)
        owed = sum(record.minor(each["amount_to_pay"]) for each in again.invoices if each["state"] in ISSUED)
        if was_returned and owed:
            await self._documents.settle(record, state_of(record).paid + owed)
        return bool(refund.returns and waiting) or bool(was_returned and owed)

    async def reverse(self, record: SaleRecord) -> SaleRecord:
        """Give back all that is left of a sale: its goods where they are issued, and its money."""
        state = state_of(record)
        returned = _by_line(refunds_of(record))
        parts = await self._match(record, [_left(line, returned) for line in record.paper.lines], check=False)
        comes_back = is_written_out(record)
        amounts = [each for part in parts if (each := self._amount(part, comes_back)) is not None]
        paper = RefundPaper("reversal", state.total - state.refunded)
        record = await self._carry_out(record, f"{record.key}{REVERSAL}", paper, amounts, -1)
        await self._documents.settle(record, 0)
        return await self._again(record)

    async def _carry_out(
        self, record: SaleRecord, web_id: str, paper: RefundPaper, amounts: Sequence[Amount], sign: int
    ) -> SaleRecord:
        """Make the side sale, its returns and its credit note, as far as they are not there; the sale as it is then."""
        side = record.side(web_id)
        if side is None:
            await self._create(record, web_id, paper, amounts, sign)
            record = await self._again(record)
            side = _required(record, web_id)
        await self._process(record, side)
        record = await self._again(record)
        side = _required(record, web_id)
        for button, state in (("receive", "draft"), ("do", "received")):
            ids = [each["id"] for each in side.returns if each["state"] == state]
            if ids:
                await self._rpc.call(f"model.{_RETURN}.{button}", ids)
                record = await self._again(record)
                side = _required(record, web_id)
        if open_document(record):
            await self._documents.post(side.invoices, warns=side.paper is None or side.paper.has_own_taxes)
            record = await self._again(record)
        return record

    async def _create(
        self, record: SaleRecord, web_id: str, paper: RefundPaper, amounts: Sequence[Amount], sign: int
    ) -> None:
        company, row, total = self._company, record.row, abs(paper.total)
        found = list(amounts)
        if total and not found:
            service = product_of(company, company.options.rounding)
            found = [Amount(service, f"Refund on {record.number}", Decimal(1), total, 0)]
        lines: list[Line] = lines_of(company, found, total, record.currency, None)
        paper.has_own_taxes = not all(line.is_usual for line in lines)
        values: dict[str, Any] = {
            "company": company.id,
            "web_shop": row["web_shop"],
            "web_id": web_id,
            "reference": f"{record.number} {web_id.removeprefix(record.key).strip(':')}",
            "origin": f"sale.sale,{record.id}",
            "party": row["party"],
            "invoice_address": row["invoice_address"],
            "shipment_address": row["shipment_address"],
            "currency": row["currency"],
            "warehouse": row["warehouse"],
            "sale_date": today(),
            "invoice_method": "order",
            "shipment_method": "order",
            "lines": [["create", [line.values(sign, place) for place, line in enumerate(lines, 1)]]],
            "notes": [["create", [{"message": message(paper)}]]],
        }
        if "carrier" in company.sale_fields:
            values |= {"carrier": None, "shipment_cost_method": None}
        try:
            await self._rpc.create("sale.sale", [values])
        except Refusal as error:
            if not error.overtaken:
                raise

    async def _process(self, record: SaleRecord, side: Side) -> None:
        """Bring a side sale to *processing*, if its total is right."""
        own, state = side.row["id"], side.row["state"]
        if state == "draft":
            await self._rpc.call("model.sale.sale.quote", [own])
        if state in ("draft", "quotation"):
            (row,) = await self._rpc.read("sale.sale", [own], ["total_amount"])
            if side.paper and -record.minor(row["total_amount"]) != side.paper.total:
                raise TotalMismatch(
                    f"Tryton comes to {row['total_amount']} {record.currency} for what is given back of the sale "
                    f"{record.number}: it waits there as a quotation."
                )
            await self._rpc.call("model.sale.sale.confirm", [own])
        (row,) = await self._rpc.read("sale.sale", [own], ["state"])
        if row["state"] == "confirmed":
            await self._rpc.call("model.sale.sale.process", [own])

    async def _return_payment(self, record: SaleRecord, due: int) -> bool:
        """Pay back what is paid above what is owed; whether anything was."""
        record = await self._again(record)
        paid = state_of(record).paid
        if paid <= due and not (paid == due and any(each["amount_to_pay"] for each in record.documents())):
            return False
        await self._documents.settle(record, min(paid, due))
        return True

    async def _match(self, record: SaleRecord, lines: Sequence[RefundedLine], *, check: bool = True) -> list[_Part]:
        """Each line that is given back with the one that was sold.

        Raises:
            NotPossible: the sale has no such line, or less of it is left.
        """
        sold: dict[str, SaleLine] = {}
        for own_line in sorted(record.paper.lines, key=lambda own_line: own_line.kind is not LineKind.ITEM):
            if own_line.kind is not LineKind.ROUNDING:
                sold.setdefault(own_line.external_id, own_line)
        await self._company.find_products(
            self._rpc, [*(each.item_code for each in sold.values()), self._company.options.rounding]
        )
        left = {own: line.quantity for own, line in sold.items()}
        for own, (quantity, _, _) in _by_line(refunds_of(record)).items():
            if own in left:
                left[own] -= quantity
        parts: list[_Part] = []
        for line in lines:
            found = sold.get(line.external_id) if line.external_id else None
            if found is None:
                if not line.net and not line.tax:
                    # What costs nothing, such as free shipping, is no line of a sale.
                    continue
                raise NotPossible(f"The sale {record.number} has no line {line.external_id:.60}, which a refund names.")
            if check and not 0 <= line.quantity <= left[line.external_id]:
                raise NotPossible(
                    f"{line.quantity} of {found.name:.60} cannot be refunded on the sale {record.number}: "
                    f"{max(left[line.external_id], Decimal(0))} are left."
                )
            left[line.external_id] -= line.quantity
            parts.append(_Part(line, found, product_of(self._company, found.item_code)))
        return parts

    def _amount(self, part: _Part, comes_back: bool) -> Amount | None:
        """A line of the side sale: pieces where goods come back, else just money; None where it is neither."""
        line = part.line
        net, tax = abs(line.net), abs(line.tax)
        if part.is_goods and comes_back and line.restock:
            return Amount(part.product, part.sold.name, abs(line.quantity), net, tax, part.sold.rate)
        if not net and not tax:
            return None
        product = part.product
        if product.is_goods:
            # Its goods stay where they are: only a service has none.
            service = product_of(self._company, self._company.options.rounding)
            product = replace(service, taxes=product.taxes)
        return Amount(product, part.sold.name, Decimal(1), net, tax, part.sold.rate)

    def _still_sold(
        self, record: SaleRecord, parts: Sequence[_Part], back: dict[str, tuple[Decimal, int, int]]
    ) -> dict[int, Decimal]:
        """Product id → pieces of goods that are sold, less those that were given back by line and those parts."""
        for part in parts:
            quantity, net, tax = back.get(part.line.external_id, (Decimal(0), 0, 0))
            back[part.line.external_id] = (quantity + part.line.quantity, net, tax)
        found: dict[int, Decimal] = {}
        for line in record.paper.lines:
            product = self._company.products.get(line.item_code)
            if line.kind is LineKind.ITEM and product is not None and product.is_goods:
                left = line.quantity - back.get(line.external_id, (Decimal(0), 0, 0))[0]
                found[product.id] = found.get(product.id, Decimal(0)) + max(left, Decimal(0))
        return found

    async def _again(self, record: SaleRecord) -> SaleRecord:
        return (await self._records.load([record.key]))[record.key]


def _required(record: SaleRecord, web_id: str) -> Side:
    side = record.side(web_id)
    assert side is not None, f"the sale {web_id} was just made"
    return side


def _by_line(refunds: Sequence[Any]) -> dict[str, tuple[Decimal, int, int]]:
    """External id → pieces, net and tax that were given back."""
    found: dict[str, tuple[Decimal, int, int]] = {}
    for refund in refunds:
        for line in refund.lines:
            quantity, net, tax = found.get(line.external_id, (Decimal(0), 0, 0))
            found[line.external_id] = (quantity + line.quantity, net + line.net, tax + line.tax)
    return found


def _left(line: SaleLine, returned: dict[str, tuple[Decimal, int, int]]) -> RefundedLine:
    quantity, net, tax = returned.get(line.external_id, (Decimal(0), 0, 0))
    return RefundedLine(line.external_id, line.quantity - quantity, line.net - net, line.tax - tax)
