"""Parts of a sale that are given back: a sale of negative quantities, whose origin is the sale.

It brings its return shipment and its credit note. Its id is the sale's with the refund's behind it, so it is made once.
What a refund gives back without a line is credited with the taxes of the sale's lines, in proportion to what is left of
them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from chansync.erp.protocol import NotPossible
from chansync.erp.remote import ErpRefused
from chansync.erp.tryton import documents, goods, totals, views
from chansync.erp.tryton.company import Product, Tax
from chansync.erp.tryton.failures import Refusal
from chansync.erp.tryton.paper import RefundPaper
from chansync.erp.tryton.record import sale_values
from chansync.erp.tryton.records import ISSUED, REFUND, REVERSAL, WITHDRAWAL, SaleRecord, Side, Tryton
from chansync.erp.tryton.totals import Amount
from chansync.erp.tryton.wizards import process_sale
from chansync.model.money import format_money
from chansync.model.sale import LineKind, RefundedLine, SaleLine, withdrawn_key
from chansync.model.steps import Refund

_RETURN = "stock.shipment.out.return"


@dataclass(frozen=True, slots=True)
class _Sold:
    """A line of a sale, the tax that it was sold with, and what is left of it after what was given back."""

    line: SaleLine
    product: Product
    tax: Tax | None
    left: RefundedLine

    @property
    def is_goods(self) -> bool:
        """Whether its pieces are sent."""
        return self.product.is_goods and self.line.kind is LineKind.ITEM


#: A line that is given back, and what was sold as that.
_Part = tuple[RefundedLine, _Sold]


async def refund(tryton: Tryton, record: SaleRecord, step: Refund) -> bool:
    """``steps.Refund``; False where it is done already.

    Raises:
        NotPossible: more would be given back than is left.
    """
    web_id = f"{record.key}{REFUND}{step.refund_id}"
    due = views.state_of(record).total - views.state_of(record).refunded
    if any(each.key == step.refund_id for each in views.refunds_of(record)):
        # All but its payment is done: that is looked at again.
        return await _return_payment(tryton, record, due)
    if record.side(web_id) is None and not 0 <= step.total <= max(due, 0):
        raise NotPossible(
            f"{format_money(step.total, record.currency)} cannot be refunded on the sale {record.number}: "
            f"{format_money(max(due, 0), record.currency)} of it are left."
        )
    sold = await _sold(tryton, record)
    parts = _match(record, sold, step.lines)
    if not views.is_written_out(record):
        sent, given = views.sent_of(record.shipments), [line for line, _ in parts]
        left = {own: max(count, sent.get(own, Decimal(0))) for own, count in _pieces(_less(sold, given)).items()}
        record = await goods.keep_back(tryton, record, _pieces((each, each.line) for each in sold), left)
    paper = RefundPaper(step.refund_id, step.total, list(step.lines))
    amounts = _amounts(tryton, record, sold, parts, paper, comes_back=step.restock)
    if not step.total and not amounts:
        record.paper.refunds.append(paper)
        await tryton.keep_paper(record)
        return True
    record = await _carry_out(tryton, record, web_id, paper, amounts, -1)
    await _return_payment(tryton, record, due - step.total)
    return True


async def withdraw(tryton: Tryton, record: SaleRecord, refund_id: str) -> bool:
    """``steps.WithdrawRefund``; False where it is done already, or never was refunded.

    Raises:
        MissingStock: goods that came back by the refund are not there any more.
    """
    known = {each.key: each for each in views.refunds_of(record)}
    found, own = known.get(refund_id), withdrawn_key(refund_id)
    side, web_id = record.side(f"{record.key}{REFUND}{refund_id}"), f"{record.key}{WITHDRAWAL}{refund_id}"
    if found is None or (side is None and own in known):
        return False
    shares = side.paper.shares if side is not None and side.paper is not None else []
    paper = RefundPaper(own, -found.total, _negative(found.lines), shares=_negative(shares))
    if side is None:
        record.paper.refunds.append(paper)
        await tryton.keep_paper(record)
        return True
    if own not in known:
        sold = await _sold(tryton, record)
        by_id = {each.line.external_id: each for each in reversed(sold) if each.line.external_id}
        parts = [(line, by_id[line.external_id]) for line in found.lines if line.external_id in by_id]
        goes_again = bool(side.returns) or not views.is_written_out(record)
        amounts = [
            *_of_lines(tryton, record, parts, {}, comes_back=goes_again), *_of_shares(tryton, record, shares, sold)
        ]  # fmt: skip
        record = await _carry_out(tryton, record, web_id, paper, amounts, 1)
    return await _finish_withdrawal(tryton, record, side, _required(record, web_id)) or own not in known


async def _finish_withdrawal(tryton: Tryton, record: SaleRecord, refund: Side, again: Side) -> bool:
    """Send what had come back, and pay what had been returned, as far as it is not done; whether anything was."""
    waiting = [each for each in again.shipments if each["state"] not in ("done", "cancelled")]
    if refund.returns:
        await goods.send(tryton, record, waiting)
    elif waiting and views.blocked_of(record):
        await goods.block(tryton, [record])
    was_returned = all(not each["amount_to_pay"] for each in refund.invoices if each["state"] in ISSUED)
    owed = sum(record.minor(each["amount_to_pay"]) for each in again.invoices if each["state"] in ISSUED)
    if was_returned and owed:
        paid = [*refund.invoices, *again.invoices]
        await documents.settle(tryton, record, views.state_of(record).paid + owed, of=paid)
    return bool(refund.returns and waiting) or bool(was_returned and owed)


async def keep_rest(tryton: Tryton, record: SaleRecord) -> SaleRecord:
    """Let nothing more of a sale leave that has left in part; the sale as it is then."""
    sold = _pieces((each, each.line) for each in await _sold(tryton, record))
    sent = dict.fromkeys(sold, Decimal(0)) | views.sent_of(record.shipments)
    return await goods.keep_back(tryton, record, sold, sent)


async def reverse(tryton: Tryton, record: SaleRecord) -> SaleRecord:
    """Give back all that is left of a sale: its goods where they are issued, and its money."""
    state, sold = views.state_of(record), await _sold(tryton, record)
    paper = RefundPaper("reversal", state.total - state.refunded)
    amounts = _amounts(tryton, record, sold, [(each.left, each) for each in sold], paper, comes_back=True)
    record = await _carry_out(tryton, record, f"{record.key}{REVERSAL}", paper, amounts, -1)
    await documents.settle(tryton, record, 0)
    return await tryton.sale(record.key)


async def _carry_out(
    tryton: Tryton, record: SaleRecord, web_id: str, paper: RefundPaper, amounts: Sequence[Amount], sign: int
) -> SaleRecord:
    """Make the side sale, its returns and its credit note, as far as they are not there; the sale as it is then."""
    if record.side(web_id) is None:
        await _create(tryton, record, web_id, paper, amounts, sign)
        record = await tryton.sale(record.key)
    await _process(tryton, record, _required(record, web_id))
    record = await tryton.sale(record.key)
    for button, state in (("receive", "draft"), ("do", "received")):
        if ids := [each["id"] for each in _required(record, web_id).returns if each["state"] == state]:
            await tryton.rpc.press(_RETURN, button, ids)
            record = await tryton.sale(record.key)
    if views.open_document(record):
        side = _required(record, web_id)
        await documents.post(tryton, side.invoices, warns=side.paper is None or side.paper.has_own_taxes)
        record = await tryton.sale(record.key)
    return record


async def _create(
    tryton: Tryton, record: SaleRecord, web_id: str, paper: RefundPaper, amounts: Sequence[Amount], sign: int
) -> None:
    most = totals.rounding_of(record.paper.lines) + 2 * len(amounts)
    lines = totals.lines_of(tryton.company, amounts, -sign * paper.total, record.currency, most)
    same = ("web_shop", "party", "invoice_address", "shipment_address", "currency", "warehouse")
    values = {name: record.row[name] for name in same} | {
        "web_id": web_id,
        "reference": f"{record.number} {web_id.removeprefix(record.key).strip(':')}",
        "origin": f"sale.sale,{record.id}",
        "sale_date": documents.today(),
    }
    try:
        await tryton.rpc.create("sale.sale", [values | sale_values(tryton.company, paper, lines, sign)])
    except Refusal as error:
        if not error.overtaken:
            raise


async def _process(tryton: Tryton, record: SaleRecord, side: Side) -> None:
    """Bring a side sale to *processing*, if its total is right."""
    own, state = side.row["id"], side.row["state"]
    if state == "draft":
        await tryton.rpc.press("sale.sale", "quote", [own])
    if state in ("draft", "quotation"):
        (row,) = await tryton.rpc.read("sale.sale", [own], ["total_amount"])
        if side.paper and -record.minor(row["total_amount"]) != side.paper.total:
            raise ErpRefused(
                f"Tryton comes to {row['total_amount']} {record.currency} for what is given back of the sale "
                f"{record.number}: it waits there as a quotation.",
                code="total_mismatch",
            )
        await tryton.rpc.press("sale.sale", "confirm", [own])
    (row,) = await tryton.rpc.read("sale.sale", [own], ["state"])
    if row["state"] == "confirmed":
        await process_sale(tryton.rpc, own)


async def _return_payment(tryton: Tryton, record: SaleRecord, due: int) -> bool:
    """Pay back what is paid above what is owed; whether anything was."""
    paid = views.state_of(record).paid
    if paid < due or (paid == due and not any(each["amount_to_pay"] for each in record.documents())):
        return False
    await documents.settle(tryton, record, min(paid, due))
    return True


async def _sold(tryton: Tryton, record: SaleRecord) -> list[_Sold]:
    """The lines of the sale but for rounding; an item before a service that shares its id.

    Raises:
        ErpRefused: Tryton does not have a product or the tax of one any more.
    """
    company, lines = tryton.company, [line for line in record.paper.lines if line.kind is not LineKind.ROUNDING]
    lines.sort(key=lambda line: line.kind is not LineKind.ITEM)
    await company.find_products(tryton.rpc, (line.item_code for line in lines))
    amounts = totals.amounts_of(company, lines)
    whole = [
        _Sold(line, amount.product, tax, RefundedLine(line.external_id, line.quantity, line.net, line.tax))
        for line, amount, tax in zip(lines, amounts, totals.taxes_of(company, amounts), strict=True)
    ]
    given = [line for paper in views.refund_papers(record) for line in (*paper.lines, *paper.shares)]
    return [replace(each, left=left) for each, left in _less(whole, given)]


def _less(sold: Iterable[_Sold], given: Iterable[RefundedLine]) -> Iterator[tuple[_Sold, RefundedLine]]:
    """Each line of a sale with what is left of it after that is given back too."""
    back: defaultdict[str, list[RefundedLine]] = defaultdict(list)
    for line in given:
        back[line.external_id].append(line)
    for each in sold:
        left = each.left
        for line in back.pop(left.external_id, ()):
            rest = left.quantity - line.quantity, left.net - line.net, left.tax - line.tax
            left = RefundedLine(left.external_id, *rest)
        yield each, left


def _pieces(lines: Iterable[tuple[_Sold, SaleLine | RefundedLine]]) -> dict[int, Decimal]:
    """Product id → how many pieces those lines are, of goods that are sent."""
    found: defaultdict[int, Decimal] = defaultdict(Decimal)
    for each, line in lines:
        if each.is_goods:
            found[each.product.id] += max(line.quantity, Decimal(0))
    return dict(found)


def _match(record: SaleRecord, sold: Sequence[_Sold], lines: Sequence[RefundedLine]) -> list[_Part]:
    """Each line that is given back with the one that was sold.

    Raises:
        NotPossible: the sale has no such line, or less of it is left.
    """
    by_id = {each.line.external_id: each for each in reversed(sold) if each.line.external_id}
    left = {own: each.left.quantity for own, each in by_id.items()}
    parts: list[_Part] = []
    for line in lines:
        found = by_id.get(line.external_id)
        if found is None:
            if not line.net and not line.tax:
                # What costs nothing, such as free shipping, is no line of a sale.
                continue
            raise NotPossible(f"The sale {record.number} has no line {line.external_id:.60}, which a refund names.")
        if not 0 <= line.quantity <= left[line.external_id]:
            raise NotPossible(
                f"{line.quantity} of {found.line.name:.60} cannot be refunded on the sale {record.number}: "
                f"{max(left[line.external_id], Decimal(0))} are left."
            )
        left[line.external_id] -= line.quantity
        parts.append((line, found))
    return parts


def _amounts(
    tryton: Tryton, record: SaleRecord, sold: Sequence[_Sold], parts: Sequence[_Part], paper: RefundPaper, *,
    comes_back: bool,
) -> list[Amount]:  # fmt: skip
    """The lines of the side sale that gives back the total of ``paper``, whose shares are filled in.

    What the parts do not come to, beyond rounding, is spread over what is left of the sale, or else over them.
    """
    rest = paper.total - sum(line.net + line.tax for line, _ in parts)
    evened_out = [line for line in record.paper.lines if line.kind is LineKind.ROUNDING]
    explained = totals.rounding_of([*evened_out, *(of.line for _, of in parts)]) if parts else 0
    if abs(rest) > explained:
        left = _less(sold, [line for line, _ in parts]) if rest > 0 else ()
        paper.shares = totals.spread(rest, ((each.tax, line) for each, line in left))
        paper.shares = paper.shares or totals.spread(rest, ((of.tax, line) for line, of in parts))
        if not paper.shares:
            raise ErpRefused(
                f"{format_money(rest, record.currency)} of what is given back of the sale {record.number} belong to no "
                "line of it, so their tax is not known: give them back in Tryton.",
                code="total_mismatch",
            )
    sent = views.sent_of(record.all_shipments())
    # Without any, goods that have left did so from the supplier, or in no shipment of their own.
    here = _pieces((each, each.left) for each in sold) if sent or not views.is_written_out(record) else {}
    kept = {own: max(count - sent.get(own, Decimal(0)), Decimal(0)) for own, count in here.items()}
    return [
        *_of_lines(tryton, record, parts, kept, comes_back=comes_back),
        *_of_shares(tryton, record, paper.shares, sold),
    ]


def _of_lines(
    tryton: Tryton, record: SaleRecord, parts: Sequence[_Part], kept: dict[int, Decimal], *, comes_back: bool
) -> list[Amount]:
    """Lines of the side sale: pieces where goods come back, else just money; what is neither is left out.

    Args:
        kept: product id → pieces that have not left: these are the first that are given back.
    """
    # The line and each refund of it may have been rounded.
    most = 2 + len(record.sides)
    found: list[Amount] = []
    for line, of in parts:
        product, pieces = of.product, Decimal(0)
        tax = of.tax if of.tax and abs(line.net * of.tax.rate - line.tax) <= most else None
        if of.is_goods and comes_back and line.restock:
            here = min(line.quantity, kept.get(product.id, Decimal(0)))
            kept[product.id] = kept.get(product.id, Decimal(0)) - here
            pieces = line.quantity - here
        net, own = _share(line.net, pieces, line.quantity), _share(line.tax, pieces, line.quantity)
        if pieces:
            found.append(Amount(product, of.line.name, pieces, net, own, of.line.rate, tax))
        net, own = line.net - net, line.tax - own
        if net or own:
            # Its goods stay where they are: only a service has none.
            if product.is_goods:
                product = totals.product_of(tryton.company, tryton.company.options.rounding)
            found.append(Amount(product, of.line.name, Decimal(1), net, own, of.line.rate, tax))
    return found


def _of_shares(
    tryton: Tryton, record: SaleRecord, shares: Sequence[RefundedLine], sold: Sequence[_Sold]
) -> list[Amount]:
    """A line of the side sale for each tax of what is given back without a line."""
    if not shares:
        return []
    service = totals.product_of(tryton.company, tryton.company.options.rounding)
    taxes = {each.line.external_id: each.tax for each in reversed(sold)}
    return [
        Amount(service, f"Refund on {record.number}", Decimal(1), net, own, sold_with=tax)
        for tax, (net, own) in totals.by_tax(shares, taxes).items()
    ]


def _required(record: SaleRecord, web_id: str) -> Side:
    side = record.side(web_id)
    assert side is not None, f"the sale {web_id} was just made"
    return side


def _share(amount: int, pieces: Decimal, of: Decimal) -> int:
    """The part of an amount of so many pieces that some of these are."""
    return int((amount * pieces / of).to_integral_value()) if pieces else 0


def _negative(lines: Iterable[RefundedLine]) -> list[RefundedLine]:
    return [replace(line, quantity=-line.quantity, net=-line.net, tax=-line.tax) for line in lines]
