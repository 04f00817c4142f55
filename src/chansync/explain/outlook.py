"""What can be done with a sale now, and what each step would do, in sentences: for whoever is asked to confirm it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import apsw

from chansync.erp import registry
from chansync.erp.abilities import impossible_actions
from chansync.erp.papers import LeftLine
from chansync.erp.protocol import Embedded
from chansync.model.errors import UsageError
from chansync.model.money import format_money, from_minor
from chansync.model.sale import SaleState, SaleView
from chansync.orders.status_to_send import event_of, status_for
from chansync.orders.stream_switches import why_off
from chansync.store import channels, orders, outbox, sale_links

_SHIPMENT = (("carrier", ""), ("tracking", ""))

#: A dialog on a screen of 24 lines has no room for more.
MOST_LINES = 6


@dataclass(frozen=True, slots=True)
class PossibleStep:
    """A step that the sale's state allows.

    Attributes:
        action: its word in ``chansync.orders.sale_actions.ACTIONS``.
        label: what it is called.
        will: what it would do to the books, the stock and the site.
        asks: arguments that it takes (``amount``, ``document_type``, ``carrier``, ``tracking``, ``package``), each with
            what stands there at first.
        lines: what is left of each line, for a step that may take fewer pieces of them.
    """

    action: str
    label: str
    will: str
    asks: tuple[tuple[str, str], ...] = ()
    lines: tuple[LeftLine, ...] = ()

    def chosen(self, pieces: Sequence[str]) -> list[tuple[str, Decimal]]:
        """The lines (the platform's id) and pieces of a package from what was typed beside ``lines``; none where that
        is all of them.

        Raises:
            UsageError: something is no number of pieces, or all are 0.
        """
        wanted = [(line.external_id, _pieces_from(line, text)) for line, text in zip(self.lines, pieces, strict=True)]
        if all(count == line.quantity for line, (_, count) in zip(self.lines, wanted, strict=True)):
            return []
        packed = [(own, count) for own, count in wanted if count]
        if not packed:
            raise UsageError("A package needs at least one piece.")
        return packed


def _pieces_from(line: LeftLine, text: str) -> Decimal:
    """The pieces that were typed; nothing is none."""
    text = text.strip()
    if text.isascii() and (not text or text.isdigit()) and int(text or 0) <= line.quantity:
        return Decimal(text or 0)
    raise UsageError(f"{line.item}: write a number of pieces from 0 to {line.quantity}.")


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
    lines = () if "pack" in impossible else _lines_left(db, erp, key)
    possible = [step for step in _steps(db, sale, lines) if step.action not in impossible]
    if erp.is_outside:
        name = registry.name_of(db, erp.code)
        return [replace(step, will=f"Asks {name} for it. {step.will}") for step in possible]
    return possible


def _lines_left(db: apsw.Connection, erp: Embedded, sale_key: str) -> tuple[LeftLine, ...]:
    """What is left to be written out, where it can leave in several packages and a dialog has room for its lines."""
    papers = erp.papers(db, sale_key)
    left = papers.left if papers is not None else []
    return tuple(left) if len(left) <= MOST_LINES and sum(line.quantity for line in left) > 1 else ()


def _steps(db: apsw.Connection, sale: SaleView, lines: tuple[LeftLine, ...]) -> Iterator[PossibleStep]:
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
            f"are missing, unless {pos} allows negative stock."
            f"{' Fewer pieces are a package, and the rest stays.' if lines else ''}{_sends(db, sale, out)}",
            _SHIPMENT, lines,
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
    if sale.packages:
        which = ("package", str(sale.packages[-1].number))
        will = f"Notes carrier and tracking number of one of its {len(sale.packages)} packages, for the site too."
        yield PossibleStep("ship", "Note how it travels", will, (which, *_SHIPMENT))
    elif state.written_out:
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
