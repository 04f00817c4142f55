"""What happens to a sale after it was recorded: on creation as configured, and at every later pull of its order.

Everything here may be repeated: each step looks at the sale's state first, and what could not be done yet stays in
the order's ``todo`` and is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import apsw

from chansync.erp.protocol import RefundLine, SaleState
from chansync.model.errors import ChansyncError
from chansync.model.message import CODES
from chansync.model.money import format_money, round_to_minor
from chansync.model.order import Order, Refund
from chansync.store import orders
from chansync.store.transaction import transaction
from chansync.orders.draft import Problem
from chansync.orders.settings import ImportSettings

#: What a channel can have done when a sale is created: the parameter that asks for it, in the order of doing.
ON_CREATION = {
    "block": "block_quantities",
    "request": "create_request",
    "issue": "issue_document",
    "pay": "pay_immediately",
    "write_out": "write_out_immediately",
}


@dataclass(slots=True)
class Settled:
    """What was done with a sale, what is left of its creation, and the first thing that stood in the way."""

    done: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)
    problem: Problem | None = None


def asked_for(settings: ImportSettings) -> list[str]:
    """What the channel wants done with a new sale."""
    return [step for step, parameter in ON_CREATION.items() if settings.channel[parameter]]


def settle(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order,
    sale_id: int,
    *,
    todo: list[str],
    before: str | None = None,
    own_status: str | None = None,
) -> Settled:
    """Bring the sale to where its order's status wants it. Call it inside the order's transaction.

    Args:
        todo: what is left to do of its creation.
        before: the order's status when it was last seen; None when it is new.
        own_status: the status that we gave the order ourselves: it is no news, and nobody paid by it.
    """
    return _Settling(db, settings, order, sale_id, own_status).run(todo, before)


class _Settling:
    def __init__(
        self, db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int, own_status: str | None
    ) -> None:
        self.db = db
        self.settings = settings
        self.erp = settings.erp
        self.order = order
        self.sale_id = sale_id
        self.is_own_status = order.status == own_status
        self.currency, self.total = self.erp.sale_total(db, sale_id)
        self.settled = Settled()

    def run(self, todo: list[str], before: str | None) -> Settled:
        refused = self.settings.refused_statuses
        # A sale that was recorded just now is open, whatever else; asking costs a good part of an import.
        state = None if before is None else self._state()
        if state and self.order.status in refused:
            if not state.cancelled and not state.reversed:
                self._try(self._refuse)
        elif state and (state.cancelled or state.reversed):
            if before in refused:
                self.settled.problem = self._returned()
        else:
            self.settled.todo = [step for step in todo if not self._try(getattr(self, f"_{step}"))]
            if not self.is_own_status and self.order.status in self.settings.paid_statuses:
                self._try(partial(self._settle_payment, state))
            for refund in self.order.refunds:
                self._try(partial(self._refund, refund))
        return self.settled

    def _state(self) -> SaleState:
        return self.erp.state(self.db, self.sale_id)

    def _try(self, step: Callable[[], str]) -> bool:
        """Do one step whole or not at all; whether it is done. The first thing in the way becomes the problem."""
        try:
            with transaction(self.db):
                said = step()
        except ChansyncError as error:
            if error.code not in CODES:
                raise
            if self.settled.problem is None:
                number = self.erp.sale_number(self.db, self.sale_id)
                data = {"sale": number, "status": self.order.status}
                self.settled.problem = Problem(error.code, f"Order {self.order.number}: {error}", data)
            return False
        if said:
            self.settled.done.append(said)
        return True

    # On creation

    def _block(self) -> str:
        self.erp.block(self.db, self.sale_id)
        return "quantities blocked"

    def _request(self) -> str:
        warehouses = self.settings.channel["request_warehouses"]
        missing = self.erp.request_missing(self.db, self.sale_id, warehouses)
        return "requested " + ", ".join(f"{quantity} × {item}" for item, quantity in missing) if missing else ""

    def _issue(self) -> str:
        number = self.erp.issue_document(self.db, self.sale_id)
        return f"document {number} issued"

    def _pay(self, *, issue_first: bool = False) -> str:
        paid = self.erp.pay(self.db, self.sale_id, issue_first=issue_first)
        return f"paid {format_money(paid, self.currency)}" if paid else ""

    def _write_out(self) -> str:
        self.erp.write_out(self.db, self.sale_id)
        return "written out"

    # By the order's status

    def _settle_payment(self, state: SaleState | None) -> str:
        """Pay what is owed; ``state`` is None for a sale that was recorded just now and owes its total, or less."""
        if (state.unpaid if state else self.total) <= 0:
            return ""
        return self._pay(issue_first=self.settings.channel["issue_document_on_payment"])

    def _refuse(self) -> str:
        if self._state().written_out:
            self.erp.reverse(self.db, self.sale_id)
            return "reversed"
        self.erp.cancel(self.db, self.sale_id)
        return "cancelled"

    def _returned(self) -> Problem:
        number = self.erp.sale_number(self.db, self.sale_id)
        return Problem(
            "order_returned",
            f"Order {self.order.number} is {self.order.status} again, but its sale {number} was cancelled when it was "
            "refused.",
            {"sale": number, "status": self.order.status},
        )

    # Refunds

    def _refund(self, refund: Refund) -> str:
        channel_id = self.settings.channel.id
        details = refund.lines
        if details is None:
            details = orders.refund_lines(self.db, channel_id, self.order.external_id, refund.external_id)
        if details is None:
            return ""
        currency = self.currency
        total = round_to_minor(refund.total, currency)
        known = {line.external_id: line for line in self.order.lines}
        lines = [
            RefundLine(
                external_id=str(line["line"]),
                quantity=Decimal(line["quantity"]),
                net=round_to_minor(Decimal(line["total"]), currency),
                tax=round_to_minor(Decimal(line["tax"]), currency),
            )
            for line in details
        ]
        restock = any(known[line.external_id].restocked for line in lines if line.external_id in known)
        if not self.erp.refund(self.db, self.sale_id, refund.external_id, total, lines, restock):
            return ""
        return f"refund {refund.external_id} of {format_money(total, currency)} recorded"
