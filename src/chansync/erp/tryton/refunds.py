"""Parts of a sale that are given back: a sale of negative quantities, whose origin is the sale.

It brings its return shipment and its credit note. Its id is the sale's with the refund's behind it, so it is made once.
What a refund gives back without a line is credited with the taxes of the sale's lines, in proportion to what is left of
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from chansync.erp.protocol import NotPossible
from chansync.erp.tryton.company import Company, Product, Tax
from chansync.erp.tryton.documents import Documents, today
from chansync.erp.tryton.failures import Refusal
from chansync.erp.tryton.goods import Goods
from chansync.erp.tryton.paper import RefundPaper, message, write_paper
from chansync.erp.tryton.parcels import sent_of
from chansync.erp.tryton.records import ISSUED, REFUND, REVERSAL, WITHDRAWAL, Records, SaleRecord, Side
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.erp.tryton.shares import Left, by_tax, spread
from chansync.erp.tryton.totals import (
    Amount,
    Line,
    TotalMismatch,
    amounts_of,
    lines_of,
    product_of,
    rounding_of,
    taxes_of,
)
from chansync.erp.tryton.views import (
    blocked_of,
    is_written_out,
    open_document,
    refund_papers,
    refunds_of,
    state_of,
)
from chansync.erp.tryton.wizards import process_sale
from chansync.model.money import format_money
from chansync.model.sale import LineKind, RefundedLine, SaleLine, withdrawn_key
from chansync.model.steps import Refund

_RETURN = "stock.shipment.out.return"


@dataclass(slots=True)
class _Part:
    """A line that is given back, of what was sold with that tax."""

    line: RefundedLine
    sold: SaleLine
    product: Product
    tax: Tax | None

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
            left = self._still_sold(record, parts, _given_back(record))
            record = await self._goods.keep_back(record, sold, _at_least(left, sent_of(record.shipments)))
        paper = RefundPaper(step.refund_id, step.total, list(step.lines))
        amounts = await self._amounts(record, parts, paper, comes_back=step.restock)
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
        shares = side.paper.shares if side is not None and side.paper is not None else []
        paper = RefundPaper(own, -found.total, _negative(found.lines), shares=_negative(shares))
        if side is None:
            record.paper.refunds.append(paper)
            await write_paper(self._rpc, record.id, record.paper)
            return True
        is_new = own not in known
        if is_new:
            parts = await self._match(record, found.lines, check=False)
            goes_again = bool(side.returns) or not is_written_out(record)
            amounts = [
                *self._of_lines(record, parts, {}, comes_back=goes_again),
                *self._of_shares(record, shares, await self._sold_taxes(record)),
            ]
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
            await self._documents.settle(record, state_of(record).paid + owed, of=[*refund.invoices, *again.invoices])
        return bool(refund.returns and waiting) or bool(was_returned and owed)

    async def keep_rest(self, record: SaleRecord) -> SaleRecord:
        """Let nothing more of a sale leave that has left in part; the sale as it is then."""
        await self._sold_taxes(record)
        sold, sent = self._still_sold(record, (), {}), sent_of(record.shipments)
        return await self._goods.keep_back(record, sold, dict.fromkeys(sold, Decimal(0)) | sent)

    async def reverse(self, record: SaleRecord) -> SaleRecord:
        """Give back all that is left of a sale: its goods where they are issued, and its money."""
        state = state_of(record)
        parts = await self._all_left(record)
        paper = RefundPaper("reversal", state.total - state.refunded)
        amounts = await self._amounts(record, parts, paper, comes_back=True)
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
        company, row = self._company, record.row
        most = rounding_of(record.paper.lines) + 2 * len(amounts)
        lines: list[Line] = lines_of(company, amounts, -sign * paper.total, record.currency, most)
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
        if company.has_carriers:
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
            await process_sale(self._rpc, own)

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
        taxes = await self._sold_taxes(record)
        sold: dict[str, SaleLine] = {}
        for own_line in _items_first(record):
            sold.setdefault(own_line.external_id, own_line)
        left = {own: line.quantity for own, line in sold.items()}
        for own, (quantity, _, _) in _given_back(record).items():
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
            tax = taxes.get(line.external_id)
            parts.append(_Part(line, found, product_of(self._company, found.item_code), tax))
        return parts

    async def _sold_taxes(self, record: SaleRecord) -> dict[str, Tax | None]:
        """The tax that each line of the sale was sold with, by the ids of the lines; its products are known then.

        Raises:
            ItemUnknown, TaxUnknown: Tryton does not have the product or the tax any more.
        """
        company, lines = self._company, _items_first(record)
        await company.find_products(self._rpc, [*(line.item_code for line in lines), company.options.rounding])
        found: dict[str, Tax | None] = {}
        for line, tax in zip(lines, taxes_of(company, amounts_of(company, lines)), strict=True):
            found.setdefault(line.external_id, tax)
        return found

    async def _all_left(self, record: SaleRecord) -> list[_Part]:
        """Each line of the sale, less what was given back of it."""
        taxes, returned = await self._sold_taxes(record), _given_back(record)
        parts: list[_Part] = []
        for line in _items_first(record):
            quantity, net, tax = returned.pop(line.external_id, (Decimal(0), 0, 0))
            left = RefundedLine(line.external_id, line.quantity - quantity, line.net - net, line.tax - tax)
            parts.append(_Part(left, line, product_of(self._company, line.item_code), taxes[line.external_id]))
        return parts

    async def _amounts(
        self, record: SaleRecord, parts: Sequence[_Part], paper: RefundPaper, *, comes_back: bool
    ) -> list[Amount]:
        """The lines of the side sale that gives back the total of ``paper``, whose shares are filled in.

        What the parts do not come to, beyond rounding, is spread over what is left of the sale, or else over them.
        """
        rest = paper.total - sum(part.line.net + part.line.tax for part in parts)
        evened_out = [line for line in record.paper.lines if line.kind is LineKind.ROUNDING]
        explained = rounding_of([*evened_out, *(part.sold for part in parts)]) if parts else 0
        taxes = await self._sold_taxes(record)
        if abs(rest) > explained:
            own = [Left(part.line.external_id, part.tax, part.line.net + part.line.tax) for part in parts]
            over = self._left(record, own, taxes) if rest > 0 else []
            paper.shares = spread(rest, over) or spread(rest, own)
            if not paper.shares:
                raise TotalMismatch(
                    f"{format_money(rest, record.currency)} of what is given back of the sale {record.number} belong "
                    "to no line of it, so their tax is not known: give them back in Tryton."
                )
        kept = self._unsent(record)
        return [
            *self._of_lines(record, parts, kept, comes_back=comes_back),
            *self._of_shares(record, paper.shares, taxes),
        ]

    def _left(self, record: SaleRecord, parts: Sequence[Left], taxes: dict[str, Tax | None]) -> list[Left]:
        """What is left of the sale's lines, after what was given back of them and those parts."""
        returned = {own: net + tax for own, (_, net, tax) in _given_back(record).items()}
        for part in parts:
            returned[part.external_id] = returned.get(part.external_id, 0) + part.gross
        return [
            Left(line.external_id, taxes[line.external_id], line.net + line.tax - returned.pop(line.external_id, 0))
            for line in _items_first(record)
        ]

    def _of_lines(
        self, record: SaleRecord, parts: Sequence[_Part], kept: dict[int, Decimal], *, comes_back: bool
    ) -> list[Amount]:
        """Lines of the side sale: pieces where goods come back, else just money; what is neither is left out.

        Args:
            kept: product id → pieces that have not left: these are the first that are given back.
        """
        # The line and each refund of it may have been rounded.
        most = 2 + len(record.sides)
        found: list[Amount] = []
        for part in parts:
            line, product, pieces = part.line, part.product, Decimal(0)
            tax = part.tax if part.tax and abs(line.net * part.tax.rate - line.tax) <= most else None
            if part.is_goods and comes_back and line.restock:
                here = min(line.quantity, kept.get(product.id, Decimal(0)))
                kept[product.id] = kept.get(product.id, Decimal(0)) - here
                pieces = line.quantity - here
            net, own = _share(line.net, pieces, line.quantity), _share(line.tax, pieces, line.quantity)
            if pieces:
                found.append(Amount(product, part.sold.name, pieces, net, own, part.sold.rate, tax))
            net, own = line.net - net, line.tax - own
            if net or own:
                # Its goods stay where they are: only a service has none.
                service = product_of(self._company, self._company.options.rounding) if product.is_goods else product
                found.append(Amount(service, part.sold.name, Decimal(1), net, own, part.sold.rate, tax))
        return found

    def _of_shares(
        self, record: SaleRecord, shares: Sequence[RefundedLine], taxes: dict[str, Tax | None]
    ) -> list[Amount]:
        """A line of the side sale for each tax of what is given back without a line."""
        if not shares:
            return []
        service = product_of(self._company, self._company.options.rounding)
        return [
            Amount(service, f"Refund on {record.number}", Decimal(1), net, own, sold_with=tax)
            for tax, (net, own) in by_tax(shares, taxes).items()
        ]

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

    def _unsent(self, record: SaleRecord) -> dict[int, Decimal]:
        """Product id → pieces of goods that are sold and not given back, and that have not left."""
        sent = sent_of(record.all_shipments())
        if not sent and is_written_out(record):
            # By the supplier, or by no shipment of its own.
            return {}
        sold = self._still_sold(record, (), _given_back(record))
        return {own: max(count - sent.get(own, Decimal(0)), Decimal(0)) for own, count in sold.items()}

    async def _again(self, record: SaleRecord) -> SaleRecord:
        return (await self._records.load([record.key]))[record.key]


def _required(record: SaleRecord, web_id: str) -> Side:
    side = record.side(web_id)
    assert side is not None, f"the sale {web_id} was just made"
    return side


def _items_first(record: SaleRecord) -> list[SaleLine]:
    """The lines of a sale; an item before a service that shares its id."""
    lines = [line for line in record.paper.lines if line.kind is not LineKind.ROUNDING]
    return sorted(lines, key=lambda line: line.kind is not LineKind.ITEM)


def _given_back(record: SaleRecord) -> dict[str, tuple[Decimal, int, int]]:
    """External id → pieces, net and tax of the sale's lines that were given back."""
    found: dict[str, tuple[Decimal, int, int]] = {}
    for paper in refund_papers(record):
        for line in (*paper.lines, *paper.shares):
            quantity, net, tax = found.get(line.external_id, (Decimal(0), 0, 0))
            found[line.external_id] = (quantity + line.quantity, net + line.net, tax + line.tax)
    return found


def _at_least(pieces: dict[int, Decimal], least: dict[int, Decimal]) -> dict[int, Decimal]:
    return {own: max(count, least.get(own, Decimal(0))) for own, count in pieces.items()}


def _share(amount: int, pieces: Decimal, of: Decimal) -> int:
    """The part of an amount of so many pieces that some of these are."""
    return int((amount * pieces / of).to_integral_value()) if pieces else 0


def _negative(lines: Sequence[RefundedLine]) -> list[RefundedLine]:
    return [replace(line, quantity=-line.quantity, net=-line.net, tax=-line.tax) for line in lines]
