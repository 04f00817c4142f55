"""What came of a run, as commands, the daemon and the screens tell it, and what a dry run would have done."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from chansync.model.money import from_minor
from chansync.model.order import Order, UnreadableOrder
from chansync.orders.outcome import Outcome
from chansync.store.runs import RunCounts


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


@dataclass(slots=True)
class RunResult:
    """What came of one stream's run.

    Attributes:
        state: ``done``, ``failed``, ``stopped``, ``busy`` (another run holds the stream, or has taken it over) or
            ``off`` (the channel does not send that).
        error_code: of the failure; empty otherwise.
        retryable: whether time alone may mend it.
        retry_after: seconds that the site asked to wait.
        run_id: of its record; None where it has none.
        trace: the traceback of a fault of the program; for logs, not for people.
    """

    channel_code: str
    stream: str
    state: str
    counts: RunCounts
    sentence: str = ""
    error_code: str = ""
    retryable: bool = False
    retry_after: float | None = None
    plans: list[OrderPlan | PushPlan] = field(default_factory=list)
    run_id: int | None = None
    trace: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The same for JSON, without the traceback."""
        told = asdict(self)
        del told["trace"]
        return told
