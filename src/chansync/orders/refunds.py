"""The refunds of an order against those that its sale has; no I/O.

Three witnesses tell what a refund gives back: the order's own summary, the refund, and its lines. Where they disagree
none is believed, and a person decides. Whether goods come back into stock is decided here too: by what the site has put
back, or by what the marketplace tells of returns. The ERP carries it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from chansync.model.errors import DataError
from chansync.model.money import format_money, minor_digits, round_to_minor, to_minor
from chansync.model.order import Order, RefundLine
from chansync.model.order import Refund as OrderRefund
from chansync.model.returns import SiteReturn
from chansync.model.sale import RecordedRefund, RefundedLine, SaleView, withdrawn_key
from chansync.model.steps import Refund
from chansync.orders.problem import Problem

#: The refund's id under which goods are noted that the site did not take back when it ended the order.
NOT_RETURNED = "not returned"

#: How the keys begin of refunds that a person entered without naming a refund of the site.
BY_HAND = "manual "

#: How the key goes on of a refund that the site shows again after it was taken back.
_AGAIN = " again"


@dataclass(slots=True)
class NewRefunds:
    """What is to be done with the refunds that a sale lacks; as in ``decide.Plan``."""

    steps: list[Refund] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


def withdrawn(order: Order, recorded: Iterable[RecordedRefund], told: frozenset[str]) -> list[RecordedRefund]:
    """Those of the sale's refunds that came from the site (``told``), are not there any more, and still count."""
    keys = {each.key for each in recorded}
    there = {refund.external_id for refund in order.refunds}
    return [
        each
        for each in recorded
        if (own := each.key.removesuffix(_AGAIN)) in told and own not in there and withdrawn_key(each.key) not in keys
    ]


def withdrawn_problem(order: Order, gone: list[RecordedRefund], currency: str) -> Problem:
    """That refunds are gone from the site."""
    named = ", ".join(f"{each.key} of {format_money(each.total, currency)}" for each in gone)
    sentence = (
        f"Order {order.number}: the site has the refund {named} no more, and the sale still has it. Until that is "
        "decided, no other refund of the order is recorded."
    )
    return Problem("refund_withdrawn", sentence, {"refunds": [each.key for each in gone]})


@dataclass(frozen=True, slots=True)
class Refundable:
    """What of a sale can be refunded still.

    Attributes:
        total: minor units of ``currency``.
        lines: pieces by the ids of its lines; none are left of a line whose money alone may be refunded still.
    """

    currency: str
    total: int
    lines: Mapping[str, Decimal]


def new_refunds(
    order: Order, recorded: Iterable[RecordedRefund], taken: Mapping[str, Any], sale: Refundable, decision: str
) -> NewRefunds:
    """The steps that record what the sale lacks of the order's refunds.

    Args:
        decision: which witness a person believes (``summary``, ``refund``, ``lines``), or ``keep`` for none of them.
    """
    currency, left = sale.currency, sale.total
    found = NewRefunds()
    keys, kept = {each.key for each in recorded}, taken.get("kept") or {}
    restocked = _restocked_since(order, taken)
    unclear: list[str] = []
    entered = [each for each in recorded if each.key.startswith(BY_HAND) and withdrawn_key(each.key) not in keys]
    for refund in order.refunds:
        key = _key(refund.external_id, keys)
        if refund.lines is None or key in keys:
            continue
        twin = _entered_alike(refund, entered, currency)
        if kept.get(f"refund:{key}") == _witnessed(refund):
            continue
        total: int | None
        try:
            total = _agreed(refund, sale, left)
            if twin is not None:
                raise DataError(
                    f"Refund {refund.external_id}: the order says {refund.total} {currency}, and a person entered a "
                    f"refund of that amount ({twin.key}); where both are the same, no further one is to be recorded."
                )
        except DataError as error:
            believed = _witnesses(refund).get(decision)
            total = None if believed is None else round_to_minor(believed, currency)
            if total is not None and total > left:
                total = None
            if total is None and decision == "keep":
                found.kept[f"refund:{key}"] = _witnessed(refund)
            elif total is None:
                unclear.append(str(error))
        if total is not None:
            left -= total
            found.steps.append(_step(refund, key, total, sale, restocked))
    if unclear:
        named = " ".join(unclear)
        sentence = (
            f"What is refunded of order {order.number} is unclear. {named} Nothing is recorded until it is decided."
        )
        found.problems.append(Problem("refund_unclear", sentence, {"refunds": unclear}))
    return found


def _entered_alike(refund: OrderRefund, entered: list[RecordedRefund], currency: str) -> RecordedRefund | None:
    """The refund of that amount that a person entered, which may be the same; it is taken out of ``entered``."""
    twin = next((each for each in entered if each.total == round_to_minor(refund.total, currency)), None)
    if twin is not None:
        entered.remove(twin)
    return twin


def stays_out(order: Order, sale: SaleView, taken: Mapping[str, Any]) -> Refund | None:
    """Notes which goods of an issued sale stay with the buyer: the order is refunded, and the site restocked less."""
    if not order.refunded or any(each.key == NOT_RETURNED for each in sale.refunds):
        return None
    restocked = _restocked_since(order, taken)
    lines = []
    for line in order.lines:
        back = restocked.get(line.external_id)
        refunded = sum(
            (each.quantity for refund in sale.refunds for each in refund.lines if each.external_id == line.external_id),
            Decimal(0),
        )
        stays = Decimal(0) if back is None else line.quantity - refunded - back
        if stays > 0:
            lines.append(RefundedLine(line.external_id, stays, 0, 0, restock=False))
    return Refund(NOT_RETURNED, 0, tuple(lines), restock=False) if lines else None


def returned_line(order: Order, back: SiteReturn, left: Mapping[str, Decimal]) -> RefundedLine | None:
    """The pieces of a return as a line of a refund without money; None where the sale has none of them left.

    Args:
        left: the pieces that are left of the sale by the ids of its lines.
    """
    for line in order.lines:
        if line.external_id == back.item or (not back.item and line.sku == back.sku):
            pieces = min(Decimal(back.pieces), left.get(line.external_id, Decimal(0)))
            if pieces > 0:
                return RefundedLine(line.external_id, pieces, 0, 0, restock=back.sellable)
    return None


def restocked_now(order: Order) -> dict[str, str]:
    """What ``OrderRow.taken`` keeps of how many pieces the site has put back of each line."""
    return {line.external_id: str(line.restocked) for line in order.lines if line.restocked}


def _restocked_since(order: Order, taken: Mapping[str, Any]) -> dict[str, Decimal | None]:
    """How many pieces of each line the site has put back since; None where it does not say."""
    before = taken.get("restocked") or {}
    return {
        line.external_id: None
        if line.restocked is None
        else max(line.restocked - Decimal(before.get(line.external_id, 0)), Decimal(0))
        for line in order.lines
    }


def _key(external_id: str, keys: set[str]) -> str:
    """The key in the sale: another one for a refund that was taken back and is there again."""
    key = external_id
    while withdrawn_key(key) in keys:
        key += _AGAIN
    return key


def _by_lines(refund: OrderRefund) -> Decimal | None:
    """What the lines give back; None where they tell pieces alone, or there are none."""
    total = sum((line.total + line.tax for line in refund.lines or ()), Decimal(0))
    return total or None


def _witnesses(refund: OrderRefund) -> dict[str, Decimal | None]:
    return {"summary": refund.total, "refund": refund.amount, "lines": _by_lines(refund)}


def _witnessed(refund: OrderRefund) -> str:
    return " ".join(f"{name}={amount}" for name, amount in _witnesses(refund).items())


def _agreed(refund: OrderRefund, sale: Refundable, left: int) -> int:
    """What all witnesses say, in minor units. Lines may be off by one minor unit each, since each is rounded.

    Raises:
        DataError: they disagree, an amount is finer than the currency or more than is ``left`` of the sale, or a line
            has pieces that are none of the sale's.
    """
    currency = sale.currency
    by_lines = _by_lines(refund)
    told = _told(refund, currency)
    try:
        total = to_minor(refund.total, currency, "the amount")
        amount = total if refund.amount is None else to_minor(refund.amount, currency, "the amount")
    except DataError:
        raise DataError(f"{told}; {currency} has {minor_digits(currency) or 'no'} decimals.") from None
    lines = total if by_lines is None else round_to_minor(by_lines, currency)
    if amount != total or abs(lines - total) > len(refund.lines or ()):
        raise DataError(f"{told}.")
    if total > left:
        raise DataError(f"{told}; only {format_money(left, currency)} are left of the sale.")
    if any(_is_strange(line, sale) for line in refund.lines or ()):
        raise DataError(f"{told}; it names pieces that the sale does not have, or not any more.")
    return total


def _told(refund: OrderRefund, currency: str) -> str:
    """What each witness says, for people: those that say the same together, those that say nothing last."""
    names = {"summary": "the order", "refund": "the refund itself", "lines": "its lines"}
    said: dict[Decimal | None, list[str]] = {}
    for witness, amount in _witnesses(refund).items():
        said.setdefault(amount, []).append(names[witness])
    silent = said.pop(None, [])
    parts = [f"{_listed(who)} {amount} {currency}" for amount, who in said.items()]
    return f"Refund {refund.external_id}: " + ", ".join(parts + ([f"{_listed(silent)} nothing"] if silent else []))


def _listed(witnesses: list[str]) -> str:
    *first, last = witnesses
    return f"{', '.join(first)} and {last} say" if first else f"{last} {'say' if last == 'its lines' else 'says'}"


def _is_strange(line: RefundLine, sale: Refundable) -> bool:
    """Whether a line of a refund is none of the sale's, or has more pieces than are left of it. What costs nothing,
    such as free shipping, is no line of a sale."""
    left = sale.lines.get(line.line)
    return bool(line.total or line.tax or line.quantity) if left is None else line.quantity > left


def _step(refund: OrderRefund, key: str, total: int, sale: Refundable, restocked: dict[str, Decimal | None]) -> Refund:
    """The step of a refund; ``restocked`` is lessened by the pieces that come back with it."""
    known = [line for line in refund.lines or () if not _is_strange(line, sale)]
    lines = [part for line in known for part in _parts(line, sale.currency, restocked)]
    return Refund(key, total, tuple(lines), restock=not lines or any(line.restock for line in lines))


def _parts(line: RefundLine, currency: str, restocked: dict[str, Decimal | None]) -> list[RefundedLine]:
    """A line of a refund, in two where the site has put back some of its pieces."""
    net, tax = round_to_minor(line.total, currency), round_to_minor(line.tax, currency)
    back = restocked.get(line.line)
    whole = RefundedLine(line.line, line.quantity, net, tax)
    if back is None or not line.quantity:
        return [whole]
    comes = min(back, line.quantity)
    restocked[line.line] = back - comes
    if comes == line.quantity:
        return [whole]
    if not comes:
        return [replace(whole, restock=False)]
    return [replace(whole, quantity=comes), RefundedLine(line.line, line.quantity - comes, 0, 0, restock=False)]
