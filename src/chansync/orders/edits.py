"""What of an order is no longer as in its sale."""

from __future__ import annotations

import apsw

from chansync.model.money import format_money, from_minor, round_to_minor
from chansync.model.order import Order
from chansync.model.sale import LineKind, SaleLine
from chansync.orders.refunds import remaining
from chansync.orders.settings import ImportSettings


def differences(db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int) -> list[str]:
    """What of an order is no longer as in its sale, for people: total, and each line's quantity and amount."""
    currency, total = settings.erp.sale_total(db, sale_id)
    changes: list[str] = []
    if order.shrinks:
        total, recorded = remaining(db, settings, sale_id)
    else:
        lines = settings.erp.sale_lines(db, sale_id)
        recorded = {line.external_id: line for line in lines if line.kind is not LineKind.ROUNDING}
    if order.currency and order.currency != currency:
        return [f"its currency is {order.currency}, the sale's is {currency}"]
    if order.total != from_minor(total, currency):
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


def _costs_another(order: Order, known: SaleLine, net: int, tax: int) -> bool:
    """Whether a line's money is not as in the sale. Where we divided it, only what is paid counts: rates and mappings
    change, and say nothing of this order."""
    if order.divided_by:
        return known.net + known.tax != net + tax
    return (known.net, known.tax) != (net, tax)
