"""What a person does with a sale, by a command or a screen: the ledger's step, and what it means for the site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import apsw

from chansync.erp.ledger.sales import Ledger
from chansync.erp.protocol import RefundLine
from chansync.model.errors import DataError, UsageError
from chansync.model.money import format_money, parse_amount, to_minor
from chansync.model.parameter_types import Text
from chansync.model.sale import LineKind, SaleLine
from chansync.store import outbox
from chansync.store.transaction import transaction
from chansync.orders.status_events import note_sale

_LEDGER = Ledger()


def perform(store_db: apsw.Connection, action: str, sale_number: str, **arguments: Any) -> str:
    """Do one of ``ACTIONS`` with the sale of that number, in one transaction; what was done, in a sentence.

    Raises:
        UsageError: there is no such sale, or an argument is wrong.
        ChansyncError: the ledger refuses; nothing was done then.
    """
    with transaction(store_db):
        sale_id = _LEDGER.sale_id(store_db, sale_number)
        if sale_id is None:
            raise UsageError(f"There is no sale {sale_number!r:.60} in the ERP. See: chansync erp sales")
        done = ACTIONS[action](store_db, sale_id, **arguments)
        note_sale(store_db, sale_id)
    return f"{sale_number}: {done}"


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


def _block(db: apsw.Connection, sale_id: int) -> str:
    _LEDGER.block(db, sale_id)
    is_blocked = _LEDGER.state(db, sale_id).blocked
    return "what is there is blocked." if is_blocked else "nothing of it is there to block."


def _release(db: apsw.Connection, sale_id: int) -> str:
    was_blocked = _LEDGER.state(db, sale_id).blocked
    _LEDGER.release(db, sale_id)
    return "released." if was_blocked else "nothing was blocked."


def _request(db: apsw.Connection, sale_id: int, warehouses: Sequence[str] = ()) -> str:
    missing = _LEDGER.request_missing(db, sale_id, list(warehouses))
    named = ", ".join(f"{quantity} of {item}" for item, quantity in missing)
    return f"requested {named}." if missing else "nothing is missing."


def _issue(db: apsw.Connection, sale_id: int, document_type: str | None = None) -> str:
    was_open = _LEDGER.state(db, sale_id).document_number
    number = _LEDGER.issue_document(db, sale_id, document_type)
    return f"it has the document {number} already." if was_open else f"issued {number}."


def _pay(db: apsw.Connection, sale_id: int, amount: Decimal | None = None) -> str:
    currency = _LEDGER.state(db, sale_id).currency
    minor = None if amount is None else _minor(amount, currency)
    paid = _LEDGER.pay(db, sale_id, minor)
    return f"paid {format_money(paid, currency)}." if paid else "nothing is owed."


#: The longest name of a carrier and the longest tracking number.
LONGEST_SHIPMENT_TEXT = 60


def _write_out(db: apsw.Connection, sale_id: int, carrier: str = "", tracking: str = "") -> str:
    carrier, tracking = _shipment_text("carrier", carrier), _shipment_text("tracking number", tracking)
    _LEDGER.write_out(db, sale_id, carrier, tracking)
    return "written out."


def _ship(db: apsw.Connection, sale_id: int, carrier: str = "", tracking: str = "") -> str:
    """Say how the goods travel, after they were written out; a channel that waits for it tries again at once."""
    carrier, tracking = _shipment_text("carrier", carrier), _shipment_text("tracking number", tracking)
    if not carrier and not tracking:
        raise UsageError("Say by which carrier the goods travel (--carrier), or the tracking number (--tracking).")
    before = _LEDGER.shipment(db, sale_id)
    carrier = carrier or (before.carrier if before else "")
    tracking = tracking or (before.tracking if before else "")
    _LEDGER.ship(db, sale_id, carrier, tracking)
    outbox.make_due(db, sale_id)
    return f"travels by {carrier or 'an unknown carrier'}{f' as {tracking}' if tracking else ''}."


def _shipment_text(what: str, text: str) -> str:
    try:
        return Text(longest=LONGEST_SHIPMENT_TEXT).parse(text) or ""
    except UsageError as error:
        raise UsageError(f"The {what} {error}.") from None


def _cancel(db: apsw.Connection, sale_id: int) -> str:
    _LEDGER.cancel(db, sale_id)
    return "cancelled."


def _reverse(db: apsw.Connection, sale_id: int) -> str:
    _LEDGER.reverse(db, sale_id)
    return "reversed."


def _refund(
    db: apsw.Connection,
    sale_id: int,
    amount: Decimal | None = None,
    lines: Sequence[tuple[str, Decimal | None]] = (),
    key: str | None = None,
    restock: bool = True,
) -> str:
    """Refund an amount (major units with tax), lines (item code or external id, and how many; None: all), or both.

    Without an amount, the lines' own part of what was sold is given back; without a key, the refund is a new one.
    """
    currency = _LEDGER.state(db, sale_id).currency
    refunded = [_refund_line(db, sale_id, name, quantity) for name, quantity in lines]
    if amount is None and not refunded:
        raise UsageError("Say what to refund: an amount, or lines.")
    by_lines = sum(line.net + line.tax for line in refunded)
    total = by_lines if amount is None else _minor(amount, currency)
    known: int = db.execute("SELECT count(*) FROM erp_refund WHERE sale_id = ?", (sale_id,)).get
    if not _LEDGER.refund(db, sale_id, key or f"manual {known + 1}", total, refunded, restock):
        return f"the refund {key} is recorded already."
    return f"refunded {format_money(total, currency)}."


def _minor(amount: Decimal, currency: str) -> int:
    try:
        return to_minor(amount, currency, "The amount")
    except DataError as error:
        raise UsageError(f"{error}.") from None


def _refund_line(db: apsw.Connection, sale_id: int, name: str, quantity: Decimal | None) -> RefundLine:
    """The line of that item code or external id, and its part of the money for ``quantity`` pieces."""
    sold = _LEDGER.sale_lines(db, sale_id)
    line = _named(sold, name)
    given: list[tuple[str, int, int]] = db.execute(
        """SELECT l.quantity, l.net, l.tax FROM erp_refund r JOIN erp_refund_line l ON l.refund_id = r.id
           WHERE r.sale_id = ? AND l.external_id = ?""",
        (sale_id, line.external_id),
    ).fetchall()  # type: ignore[assignment]
    before = sum((Decimal(each[0]) for each in given), Decimal(0))
    pieces = line.quantity - before if quantity is None else quantity
    # Of the sum that is refunded by then, so that a line refunded piece by piece gives back what it cost.
    share = (before + pieces) / line.quantity if line.quantity else Decimal(1)
    net = round(line.net * share) - sum(each[1] for each in given)
    tax = round(line.tax * share) - sum(each[2] for each in given)
    return RefundLine(line.external_id, pieces, max(net, 0), max(tax, 0))


def _named(sold: list[SaleLine], name: str) -> SaleLine:
    lines = [line for line in sold if line.kind is not LineKind.ROUNDING]
    found = [line for line in lines if line.item_code == name] or [line for line in lines if line.external_id == name]
    if not found:
        raise UsageError(f"The sale has no line {name!r:.60}: name its item or the site's id of the line.")
    if len(found) > 1:
        ids = ", ".join(line.external_id for line in found)
        raise UsageError(f"The sale has several lines of {name!r:.60}: name one by the site's id ({ids:.200}).")
    return found[0]


#: What can be done with a sale, by its word on the command line.
ACTIONS: dict[str, Callable[..., str]] = {
    "block": _block,
    "release": _release,
    "request": _request,
    "issue": _issue,
    "pay": _pay,
    "write-out": _write_out,
    "ship": _ship,
    "cancel": _cancel,
    "reverse": _reverse,
    "refund": _refund,
}
