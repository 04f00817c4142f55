"""What a person does with a sale, by a command or a screen: the step, and what it means for the site.

What the site is told follows from the sale's state (``orders.status_to_send``). The next look at the order decides what
else follows (``orders.decide``): an order that goes on although its sale is cancelled is a problem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from math import ceil
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.abilities import impossible_actions
from chansync.erp.outside import sales
from chansync.erp.protocol import Embedded
from chansync.model import steps
from chansync.model.errors import ChansyncError, DataError, UsageError
from chansync.model.money import format_money, parse_amount, to_minor
from chansync.model.parameter_types import Text
from chansync.model.sale import LineKind, RefundedLine, SaleLine, SaleView
from chansync.model.steps import Step, StepResult
from chansync.orders.decide import answered_by
from chansync.orders.refunds import BY_HAND
from chansync.orders.status_to_send import note_sale
from chansync.store import messages, orders, outbox, sale_links


def perform(db: apsw.Connection, action: str, sale_number: str, **arguments: Any) -> str:
    """Do one of ``ACTIONS`` with the sale of that number, in one transaction; what was done, in a sentence.

    Raises:
        UsageError: there is no such sale, or an argument is wrong.
        ChansyncError: the ERP refuses; nothing was done then.
    """
    with transaction(db):
        erp, key = registry.find_sale(db, sale_number)
        impossible = impossible_actions(db, erp.code)
        if why_not := impossible.get(action):
            raise ChansyncError(why_not, code="not_possible")
        sale = erp.view(db, key)
        if sale is None:
            raise UsageError(
                f"{registry.name_of(db, erp.code)} has not recorded the sale {sale_number} yet: chansync erp steps "
                f"{sale_number}"
            )
        step = ACTIONS[action](sale, **arguments)
        if isinstance(step, steps.Pack):
            _refuse_package(db, erp, key, sale_number, impossible.get(step.word, ""))
        if erp.is_outside:
            # Whoever asks for something has seen what was refused before.
            sales.drop_wishes(db, key)
            step = _counted(sale, step)
        [result] = erp.apply(db, key, [step])
        if result.waiting:
            sales.note_wish(db, result.key)
            return f"{sale_number}: asked of {registry.name_of(db, erp.code)}."
        if result.refused:
            raise ChansyncError(result.sentence, code=result.code)
        after = erp.view(db, key)
        order_id = sale_links.order_of(db, key)
        if order_id is not None and after is not None:
            note_sale(db, order_id, after)
            if isinstance(step, steps.Release) or (isinstance(step, steps.Block) and not result.missing):
                orders.drop_todo(db, order_id, steps.Block.word)
                messages.solve_codes(db, order_id, ["blocked_in_part"], f"by the command {action}")
            answered = messages.open_codes(db, order_id) & _answered_by(after)
            if answered:
                messages.solve_codes(db, order_id, answered, f"by the command {action}")
                # What else is open becomes the order's reason.
                orders.make_due(db, [order_id])
            if isinstance(step, steps.Ship):
                # A channel that waits for how the goods travel tries again at once.
                outbox.make_due(db, order_id)
    return f"{sale_number}: {_said(action, sale, step, result)}"


def _refuse_package(db: apsw.Connection, erp: Embedded, key: str, sale_number: str, why_not: str) -> None:
    """Refuse a package where the ERP knows none, or where an earlier one is not answered: it would get its number."""
    if not why_not and steps.Pack.word in erp.waiting(db, key):
        why_not = (
            f"{registry.name_of(db, erp.code)} was asked for a package of {sale_number} and has not answered: give the "
            f"command again afterwards. See: chansync erp steps {sale_number}"
        )
    if why_not:
        raise ChansyncError(why_not, code="not_possible")


def _counted(sale: SaleView, step: Step) -> Step:
    """The step with the number of pieces where it says all that is left: by the time that it arrives, less may be."""
    if not isinstance(step, steps.Pack):
        return step
    gone = sales.gone(sale)
    left = {line.external_id: ceil(line.quantity - gone.get(line.external_id, 0)) for line in sale.lines}
    return replace(step, lines=tuple((own, count or max(left[own], 0)) for own, count in step.lines))


def _answered_by(sale: SaleView) -> frozenset[str]:
    """What is no problem any more now that the sale has come so far."""
    answered = set(answered_by(sale.state))
    if sale.state.closed:
        answered.add("order_gone")
    if sale.state.closed or sale.state.paid <= 0:
        answered.add("payment_withdrawn")
    return frozenset(answered)


def amount_from(text: str) -> Decimal:
    """An amount above zero from typed text.

    Raises:
        UsageError: it is none.
    """
    try:
        amount = parse_amount(text.strip().replace(",", "."), "This")
    except DataError as error:
        raise UsageError(f"{error}: write 20 or 12.50.") from None
    if amount <= 0:
        raise UsageError(f"{text!r:.40} is not above zero.")
    return amount


# The step of each action, from the sale and what was typed


def _pay(sale: SaleView, amount: Decimal | None = None) -> Step:
    state = sale.state
    owed = state.unpaid if state.total < 0 else max(state.unpaid, 0)
    in_all = state.paid + (owed if amount is None else _minor(amount, state.currency))
    return steps.Pay(in_all, parts=tuple(part for part in sale.payments if part.method))


#: The longest name of a carrier and the longest tracking number.
LONGEST_SHIPMENT_TEXT = 60


def _write_out(
    sale: SaleView, carrier: str = "", tracking: str = "", lines: Sequence[tuple[str, Decimal | None]] = ()
) -> Step:
    """All that is left of the sale, or as a package just those lines (item code or external id, and how many; None: all
    that is left of it)."""
    carrier, tracking = _shipment_text("carrier", carrier), _shipment_text("tracking number", tracking)
    if not lines:
        return steps.WriteOut(carrier, tracking)
    packed = [(_named(sale.lines, name).external_id, _pieces(name, quantity)) for name, quantity in lines]
    if len(dict(packed)) < len(packed):
        raise UsageError("Name each line of a package once.")
    return steps.Pack(len(sale.packages) + 1, tuple(packed), carrier, tracking)


def _pieces(name: str, quantity: Decimal | None) -> int:
    if quantity is not None and quantity != quantity.to_integral_value():
        raise UsageError(f"{quantity} of {name:.60} is no number of whole pieces.")
    return int(quantity or 0)


def _ship(sale: SaleView, carrier: str = "", tracking: str = "", package: int | None = None) -> Step:
    carrier, tracking = _shipment_text("carrier", carrier), _shipment_text("tracking number", tracking)
    if not carrier and not tracking:
        raise UsageError("Say by which carrier the goods travel (--carrier), or the tracking number (--tracking).")
    if sale.packages or package is not None:
        known = next((each for each in sale.packages if each.number == package), None)
        if known is None:
            numbers = ", ".join(str(each.number) for each in sale.packages)
            there = f"it has the packages {numbers}: name one (--package)" if numbers else "it has no packages"
            raise UsageError(f"{sale.number}: {there}.")
        return steps.Pack(known.number, known.lines, carrier or known.carrier, tracking or known.tracking)
    before = sale.shipment
    return steps.Ship(carrier or (before.carrier if before else ""), tracking or (before.tracking if before else ""))


def _cancel(sale: SaleView, reason: str = "") -> Step:
    if reason and reason not in steps.CANCEL_REASONS:
        raise UsageError(f"The reason is one of {', '.join(steps.CANCEL_REASONS)}, not {reason!r:.40}.")
    return steps.Cancel(reason)


def _shipment_text(what: str, text: str) -> str:
    try:
        return Text(longest=LONGEST_SHIPMENT_TEXT).parse(text) or ""
    except UsageError as error:
        raise UsageError(f"The {what} {error}.") from None


def _refund(
    sale: SaleView,
    amount: Decimal | None = None,
    lines: Sequence[tuple[str, Decimal | None]] = (),
    key: str | None = None,
    restock: bool = True,
) -> Step:
    """Refund an amount (major units with tax), lines (item code or external id, and how many; None: all), or both.

    Without an amount, the lines' own part of what was sold is given back; without a key, the refund is a new one.
    """
    refunded = [_refunded_line(sale, name, quantity) for name, quantity in lines]
    if amount is None and not refunded:
        raise UsageError("Say what to refund: an amount, or lines.")
    by_lines = sum(line.net + line.tax for line in refunded)
    total = by_lines if amount is None else _minor(amount, sale.state.currency)
    return steps.Refund(key or f"{BY_HAND}{len(sale.refunds) + 1}", total, tuple(refunded), restock)


def _minor(amount: Decimal, currency: str) -> int:
    try:
        return to_minor(amount, currency, "The amount")
    except DataError as error:
        raise UsageError(f"{error}.") from None


def _refunded_line(sale: SaleView, name: str, quantity: Decimal | None) -> RefundedLine:
    """The line of that item code or external id, and its part of the money for ``quantity`` pieces."""
    line = _named(sale.lines, name)
    given = [back for refund in sale.refunds for back in refund.lines if back.external_id == line.external_id]
    before = sum((back.quantity for back in given), Decimal(0))
    pieces = line.quantity - before if quantity is None else quantity
    # Of the sum that is refunded by then, so that a line refunded piece by piece gives back what it cost.
    share = (before + pieces) / line.quantity if line.quantity else Decimal(1)
    net = round(line.net * share) - sum(back.net for back in given)
    tax = round(line.tax * share) - sum(back.tax for back in given)
    return RefundedLine(line.external_id, pieces, max(net, 0), max(tax, 0))


def _named(sold: Sequence[SaleLine], name: str) -> SaleLine:
    lines = [line for line in sold if line.kind is not LineKind.ROUNDING]
    found = [line for line in lines if line.item_code == name] or [line for line in lines if line.external_id == name]
    if not found:
        raise UsageError(f"The sale has no line {name!r:.60}: name its item or the site's id of the line.")
    if len(found) > 1:
        ids = ", ".join(line.external_id for line in found)
        raise UsageError(f"The sale has several lines of {name!r:.60}: name one by the site's id ({ids:.200}).")
    return found[0]


def _said(action: str, sale: SaleView, step: Step, result: StepResult) -> str:
    """What the action has done, for people."""
    currency = sale.state.currency
    match step:
        case steps.Block():
            return "what is there is blocked." if result.changed else "nothing of it is there to block."
        case steps.Release():
            return "released." if result.changed else "nothing was blocked."
        case steps.RequestMissing():
            named = ", ".join(f"{quantity} of {item}" for item, quantity in result.missing)
            return f"requested {named}." if named else "nothing is missing."
        case steps.IssueDocument():
            return f"issued {result.number}." if result.changed else f"it has the document {result.number} already."
        case steps.Pay():
            return f"paid {format_money(result.amount, currency)}." if result.changed else "nothing is owed."
        case steps.WriteOut():
            return "written out."
        case steps.Pack() if action == "write-out":
            return f"written out as package {step.package}."
        case steps.Ship() | steps.Pack():
            what = f"package {step.package} " if isinstance(step, steps.Pack) else ""
            tracking = f" as {step.tracking}" if step.tracking else ""
            return f"{what}travels by {step.carrier or 'an unknown carrier'}{tracking}."
        case steps.Refund() if result.changed:
            return f"refunded {format_money(step.total, currency)}."
        case steps.Refund():
            return f"the refund {step.refund_id} is recorded already."
    return "cancelled." if isinstance(step, steps.Cancel) else "reversed."


#: What can be done with a sale, by its word on the command line, each with the step that does it.
ACTIONS: dict[str, Callable[..., Step]] = {
    "block": lambda sale: steps.Block(),
    "release": lambda sale: steps.Release(),
    "request": lambda sale, warehouses=(): steps.RequestMissing(tuple(warehouses)),
    "issue": lambda sale, document_type=None: steps.IssueDocument(document_type or ""),
    "pay": _pay,
    "write-out": _write_out,
    "ship": _ship,
    "cancel": _cancel,
    "reverse": lambda sale: steps.Reverse(),
    "refund": _refund,
}
