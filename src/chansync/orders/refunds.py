"""Orders from which pieces that are cancelled vanish, and what that means for a sale that may not be rewritten.

Where a platform tells such a part as a refund, the refund says what is given back. Where the order itself gets smaller,
the difference between what is left of the sale and what is left of the order is given back as one refund.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import apsw

from chansync.erp.protocol import RefundLine
from chansync.model.money import format_money, round_to_minor
from chansync.model.order import Order
from chansync.model.sale import LineKind, SaleLine
from chansync.orders.settings import ImportSettings


def remaining(db: apsw.Connection, settings: ImportSettings, sale_id: int) -> tuple[int, dict[str, SaleLine]]:
    """What is left of a sale after its refunds: the total in minor units, and the lines by their external ids."""
    _, total = settings.erp.sale_total(db, sale_id)
    lines = {
        line.external_id: line for line in settings.erp.sale_lines(db, sale_id) if line.kind is not LineKind.ROUNDING
    }
    for back in settings.erp.refunded_lines(db, sale_id):
        line = lines.get(back.external_id)
        if line is not None:
            lines[back.external_id] = replace(
                line, quantity=line.quantity - back.quantity, net=line.net - back.net, tax=line.tax - back.tax
            )
    left = {own: line for own, line in lines.items() if line.quantity or line.net or line.tax}
    return total - settings.erp.state(db, sale_id).refunded, left


def give_back(db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int) -> str:
    """Refund what of the order was cancelled since; what was done, or nothing where the order did not just get smaller.

    Raises:
        NotPossible: the sale is closed.
    """
    currency, _ = settings.erp.sale_total(db, sale_id)
    total, left = remaining(db, settings, sale_id)
    now = _wanted(order, currency)
    difference = total - round_to_minor(order.total, currency)
    if difference <= 0 or not now.keys() <= left.keys():
        return ""
    lines = []
    for own, line in left.items():
        quantity, net, tax = now.get(own, (Decimal(0), 0, 0))
        back = RefundLine(own, line.quantity - quantity, line.net - net, line.tax - tax)
        if back.quantity < 0 or back.net < 0 or back.tax < 0:
            return ""
        if back.quantity or back.net or back.tax:
            lines.append(back)
    key = f"cancelled {order.digest[:16]}"
    if not settings.erp.refund(db, sale_id, key, difference, lines, restock=True):
        return ""
    return f"{format_money(difference, currency)} of it were cancelled on the site and refunded"


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
