"""What can be done with a sale now, and what each step would do, in sentences: for whoever is asked to confirm it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import apsw

from chansync.erp import registry
from chansync.erp.abilities import impossible_actions
from chansync.model.errors import UsageError
from chansync.model.money import format_money, from_minor
from chansync.model.sale import SaleState, SaleView
from chansync.orders.status_events import event_of, status_for, why_off
from chansync.store import channels, orders, outbox, sale_links

_SHIPMENT = (("carrier", ""), ("tracking", ""))


@dataclass(frozen=True, slots=True)
class PossibleStep:
    """A step that the sale's state allows.

    Attributes:
        action: its word in ``chansync.orders.sale_actions.ACTIONS``.
        label: what it is called.
        will: what it would do to the books, the stock and the site.
        asks: arguments that it takes (``amount``, ``document_type``, ``carrier``, ``tracking``), each with what stands
            there at first.
    """

    action: str
    label: str
    will: str
    asks: tuple[tuple[str, str], ...] = ()


def possible_steps(db: apsw.Connection, sale_number: str) -> list[PossibleStep]:
    """The steps that are possible now; none for a sale that is unknown or closed."""
    try:
        erp, key = registry.find_sale(db, sale_number)
    except UsageError:
        return []
    sale = erp.view(db, key)
    if sale is None or sale.state.closed:
        return []
    impossible = impossible_actions(db, erp.code)
    possible = [step for step in _steps(db, sale) if step.action not in impossible]
    if erp.is_outside:
        name = registry.name_of(db, erp.code)
        return [replace(step, will=f"Asks {name} for it. {step.will}") for step in possible]
    return possible


def _steps(db: apsw.Connection, sale: SaleView) -> Iterator[PossibleStep]:
    state, pos, warehouse = sale.state, sale.pos, sale.warehouse
    account = sale.account or f"no account: the payment method {sale.payment_method} is gone"
    owed = format_money(state.unpaid, state.currency)
    if not state.document_number and state.total > state.refunded:
        left = format_money(state.total - state.refunded, state.currency)
        asks = () if sale.document_type else (("document_type", ""),)
        kind = sale.document_type or "of which type?"
        yield PossibleStep("issue", "Issue the document", f"Issues the document of {left} at {pos}: {kind}.", asks)
    if state.unpaid > 0 and state.document_number:
        paid = replace(state, unpaid=0)
        yield PossibleStep(
            "pay", "Pay", f"Records a payment of {owed}, or of what you write here, to {account}."
            f"{_sends(db, sale, paid)}", (("amount", str(from_minor(state.unpaid, state.currency))),),
        )  # fmt: skip
    if not state.written_out:
        out = replace(state, written_out=True, partly_written_out=False)
        yield PossibleStep(
            "write-out", "Write out", f"Issues its goods from {warehouse}{_given_up(state)}. It is refused where goods "
            f"are missing, unless {pos} allows negative stock.{_sends(db, sale, out)}", _SHIPMENT,
        )  # fmt: skip
        yield PossibleStep("block", "Block", f"Reserves what is there of its goods in {warehouse}.")
        if state.blocked:
            held = ", ".join(f"{count} of {item}" for item, count in sale.blocked)
            yield PossibleStep("release", "Release", f"Gives up what is blocked for it: {held}.")
        yield PossibleStep(
            "request", "Request what is missing", f"Records requests for the goods that {warehouse} lacks."
        )
    yield PossibleStep(
        "refund", "Refund a part", "Credits and returns the amount that you give. It cannot be undone. "
        "Refund single lines by the command: chansync erp refund.", (("amount", ""),),
    )  # fmt: skip
    if state.written_out:
        yield PossibleStep(
            "ship", "Note how it travels", "Notes carrier and tracking number, for the site too.", _SHIPMENT
        )
    closing = _money_back(state)
    sends = _sends(db, sale, replace(state, cancelled=True))
    if state.has_issued:
        yield PossibleStep("reverse", "Reverse", f"Takes its goods back into {warehouse}{closing}. For ever.{sends}")
    else:
        yield PossibleStep("cancel", "Cancel the sale", f"Ends its blocks and requests{closing}. For ever.{sends}")


def _given_up(state: SaleState) -> str:
    parts = [word for word, is_so in (("blocks", state.blocked), ("requests", state.requested)) if is_so]
    return f" and ends its {' and '.join(parts)}" if parts else ""


def _money_back(state: SaleState) -> str:
    """What ends with the sale; a comma before it."""
    credit = f", credits {state.document_number}" if state.document_number else ""
    return credit + (f", returns {format_money(state.paid, state.currency)}" if state.paid else "")


def _sends(db: apsw.Connection, sale: SaleView, after: SaleState) -> str:
    """Which status the channel then sends to its site; a blank before it."""
    order_id = sale_links.order_of(db, sale.key)
    order = orders.by_id(db, order_id) if order_id is not None else None
    channel = channels.channel_by_id(db, order.channel_id) if order else None
    if order is None or channel is None:
        return ""
    event = event_of(after)
    if not event or event == outbox.last_event(db, order.id):
        return ""
    status = status_for(channel.values, event)
    if why_off(channel, "statuses") or not status:
        return f" {channel.code} is not told."
    return f" Then the status {status} is sent to {channel.code}."
