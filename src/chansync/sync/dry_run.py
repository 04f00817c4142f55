"""What a dry run says of each order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chansync.model.money import from_minor
from chansync.model.order import Order, UnreadableOrder
from chansync.orders.import_order import Outcome


@dataclass(slots=True)
class OrderPlan:
    """What would be done with an order and why; amounts as text in major units."""

    number: str
    external_id: str
    action: str
    reason: str = ""
    total: str = ""
    currency: str = ""
    customer: str = ""
    lines: list[dict[str, Any]] = field(default_factory=list)
    sale_number: str = ""
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class PushPlan:
    """What would be sent to the site and why.

    Attributes:
        kind: ``status`` or ``quantity``.
        target: the order's number, or the item's code.
        before: what the site has, as far as is known; empty: unknown.
        after: what would be sent; empty: nothing, for the reason given.
    """

    kind: str
    target: str
    external_id: str
    before: str
    after: str
    reason: str = ""


def plan_from(data: dict[str, Any]) -> OrderPlan | PushPlan:
    """A plan from its fields, as a job's result holds them."""
    return PushPlan(**data) if "kind" in data else OrderPlan(**data)


def order_plan(order: Order | UnreadableOrder, outcome: Outcome) -> OrderPlan:
    """The plan of one order from what taking it in came to."""
    if isinstance(order, UnreadableOrder):
        return OrderPlan(order.number, order.external_id, outcome.action, outcome.reason)
    plan = OrderPlan(order.number, order.external_id, outcome.action, outcome.reason, str(order.total), order.currency)
    plan.sale_number = outcome.sale_number
    plan.details = outcome.details
    sale = outcome.sale
    if sale is None:
        return plan
    plan.currency = sale.currency
    plan.customer = f"{sale.customer.name} ({'new' if outcome.customer_is_new else 'known'})"
    plan.lines = [
        {
            "kind": str(line.kind),
            "item": line.item_code,
            "name": line.name,
            "quantity": str(line.quantity),
            "net": str(from_minor(line.net, sale.currency)),
            "tax": str(from_minor(line.tax, sale.currency)),
            "discount": str(from_minor(line.discount, sale.currency)),
        }
        for line in sale.lines
    ]
    plan.details |= {
        "date": sale.sale_date.isoformat(),
        "payment_method": sale.payment_method,
        "delivery_method": sale.delivery_method,
        "pos": sale.pos,
        "warehouse": sale.warehouse,
    }
    return plan
