"""What of an order is no longer as in its sale; no I/O.

Where a platform tells a cancelled part of an order as a refund, the refund says what is given back. Where the order
itself gets smaller (``Order.shrinks``), it is compared with what its refunds have left of the sale, and the difference
is given back as one refund.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from chansync.model.money import format_money, from_minor, round_to_minor
from chansync.model.order import Order
from chansync.model.sale import LineKind, RefundedLine, SaleLine, SaleView
from chansync.model.steps import Refund

#: How the refund's id begins that gives back what was cancelled of an order.
_CANCELLED = "cancelled "


def differences(order: Order, sale: SaleView) -> list[str]:
    """What of an order is no longer as in its sale, for people: total, and each line's quantity and amount."""
    currency, total = sale.state.currency, sale.state.total
    if order.currency and order.currency != currency:
        return [f"its currency is {order.currency}, the sale's is {currency}"]
    changes: list[str] = []
    if order.shrinks:
        total, recorded = total - sale.state.refunded, _remaining(sale)
    else:
        recorded = _recorded(sale)
    if round_to_minor(order.total, currency) != total:
        changes.append(f"its total is {order.total} {currency}, the sale's is {format_money(total, currency)}")
    for line in order.lines:
        known = recorded.pop(line.external_id, None)
        if known is None:
            changes.append(f"{line.name[:60]} is new")
        elif known.quantity != line.quantity:
            changes.append(f"{line.name[:60]}: quantity {line.quantity}, in the sale {known.quantity}")
        elif _costs_another(order, known, round_to_minor(line.total, currency), round_to_minor(line.tax, currency)):
            amount = f"{line.total} + {line.tax} tax"
            recorded_amount = f"{from_minor(known.net, currency)} + {from_minor(known.tax, currency)} tax"
            changes.append(f"{line.name[:60]}: {amount}, in the sale {recorded_amount}")
    changes += [f"{line.name[:60]} is gone" for line in recorded.values() if line.kind is LineKind.ITEM]
    return changes


def tax_change(order: Order, sale: SaleView) -> str:
    """That the order's amounts belong to another tax transaction than its sale's, for people; empty where they do
    not."""
    if not order.divided_by or order.divided_by == sale.tax_transaction:
        return ""
    return f"its tax transaction is {order.divided_by}, the sale's is {sale.tax_transaction or 'none'}"


def completes(order: Order, sale: SaleView) -> bool:
    """Whether the order names its buyer by now, and the sale was recorded without one."""
    told = {"billing": order.billing, "delivery": order.delivery}
    return any(address.name or address.line_1 for which, address in told.items() if which in sale.nameless)


def needs_draft(order: Order, sale: SaleView) -> bool:
    """Whether the sale could be rewritten or completed by a draft of the order as it is now."""
    if completes(order, sale):
        return True
    return not sale.state.touched and bool(tax_change(order, sale) or differences(order, sale))


def give_back(order: Order, sale: SaleView) -> Refund | None:
    """The refund of what of the order was cancelled since; None where the order did not just get smaller."""
    if not order.shrinks or sale.state.closed:
        return None
    currency, left = sale.state.currency, _remaining(sale)
    now = _wanted(order, currency)
    difference = sale.state.total - sale.state.refunded - round_to_minor(order.total, currency)
    refund_id = f"{_CANCELLED}{order.digest[:16]}"
    if difference <= 0 or not now.keys() <= left.keys() or any(each.key == refund_id for each in sale.refunds):
        return None
    lines = []
    for own, line in left.items():
        quantity, net, tax = now.get(own, (Decimal(0), 0, 0))
        back = RefundedLine(own, line.quantity - quantity, line.net - net, line.tax - tax)
        if back.quantity < 0 or back.net < 0 or back.tax < 0:
            return None
        if back.quantity or back.net or back.tax:
            lines.append(back)
    return Refund(refund_id, difference, tuple(lines), restock=True)


def is_given_back(step: Refund) -> bool:
    """Whether the refund is one of ``give_back``."""
    return step.refund_id.startswith(_CANCELLED)


def _costs_another(order: Order, known: SaleLine, net: int, tax: int) -> bool:
    """Whether a line's money is not as in the sale. Where we divided it, only what is paid counts: rates and mappings
    change, and say nothing of this order."""
    if order.divided_by:
        return known.net + known.tax != net + tax
    return (known.net, known.tax) != (net, tax)


def _recorded(sale: SaleView) -> dict[str, SaleLine]:
    """The sale's lines by their external ids; rounding is no line of an order."""
    return {line.external_id: line for line in sale.lines if line.kind is not LineKind.ROUNDING}


def _remaining(sale: SaleView) -> dict[str, SaleLine]:
    """What the refunds have left of the sale's lines."""
    lines = _recorded(sale)
    for refund in sale.refunds:
        for back in refund.lines:
            line = lines.get(back.external_id)
            if line is not None:
                lines[back.external_id] = replace(
                    line, quantity=line.quantity - back.quantity, net=line.net - back.net, tax=line.tax - back.tax
                )
    return {own: line for own, line in lines.items() if line.quantity or line.net or line.tax}


def _wanted(order: Order, currency: str) -> dict[str, tuple[Decimal, int, int]]:
    """What the order still has, by its lines' ids: pieces, net and tax."""
    wanted = {
        line.external_id: (line.quantity, round_to_minor(line.total, currency), round_to_minor(line.tax, currency))
        for line in order.lines
    }
    for charge in (*order.shipping, *order.fees):
        amounts = round_to_minor(charge.total, currency), round_to_minor(charge.tax, currency)
        wanted[charge.external_id] = (Decimal(1), *amounts)
    return wanted
