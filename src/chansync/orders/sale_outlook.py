"""What can be done with a sale now, and what each step would do, in sentences: for whoever is asked to confirm it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import apsw

from chansync.erp.ledger import journal
from chansync.erp.ledger.sales import Ledger
from chansync.erp.protocol import SaleState
from chansync.model.money import format_money, from_minor
from chansync.store import channels, outbox
from chansync.orders.status_events import event_of, status_for, why_off

_LEDGER = Ledger()

_SHIPMENT = (("carrier", ""), ("tracking", ""))


@dataclass(frozen=True, slots=True)
class Step:
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


def steps(db: apsw.Connection, sale_number: str) -> list[Step]:
    """The steps that are possible now; none for a sale that is unknown or closed."""
    sale_id = _LEDGER.sale_id(db, sale_number)
    if sale_id is None:
        return []
    state = _LEDGER.state(db, sale_id)
    if state.cancelled or state.reversed:
        return []
    return list(_steps(db, sale_id, sale_number, state))


def _steps(db: apsw.Connection, sale_id: int, number: str, state: SaleState) -> Iterator[Step]:
    pos, warehouse, document_type, account = _names(db, sale_id)
    owed = format_money(state.unpaid, state.currency)
    if not state.document_number and state.total > state.refunded:
        left = format_money(state.total - state.refunded, state.currency)
        asks = () if document_type else (("document_type", ""),)
        kind = document_type or "of which type?"
        yield Step("issue", "Issue the document", f"Issues the document of {left} at {pos}: {kind}.", asks)
    if state.unpaid > 0 and state.document_number:
        paid = replace(state, unpaid=0)
        yield Step(
            "pay", "Pay", f"Records a payment of {owed}, or of what you write here, to {account}."
            f"{_sends(db, sale_id, paid)}", (("amount", str(from_minor(state.unpaid, state.currency))),),
        )  # fmt: skip
    if not state.written_out:
        out = replace(state, written_out=True)
        yield Step(
            "write-out", "Write out", f"Issues its goods from {warehouse}{_given_up(state)}. It is refused where goods "
            f"are missing, unless {pos} allows negative stock.{_sends(db, sale_id, out)}", _SHIPMENT,
        )  # fmt: skip
        yield Step("block", "Block", f"Reserves what is there of its goods in {warehouse}.")
        if state.blocked:
            held = ", ".join(f"{count} of {item}" for item, _, count in journal.blocked(db, number))
            yield Step("release", "Release", f"Gives up what is blocked for it: {held}.")
        yield Step("request", "Request what is missing", f"Records requests for the goods that {warehouse} lacks.")
    yield Step(
        "refund", "Refund a part", "Credits and returns the amount that you give. It cannot be undone. "
        "Refund single lines by the command: chansync erp refund.", (("amount", ""),),
    )  # fmt: skip
    if state.written_out:
        yield Step("ship", "Note how it travels", "Notes carrier and tracking number, for the site too.", _SHIPMENT)
    closing = _money_back(state)
    sends = _sends(db, sale_id, replace(state, cancelled=True))
    if state.written_out:
        yield Step("reverse", "Reverse", f"Takes its goods back into {warehouse}{closing}. For ever.{sends}")
    else:
        yield Step("cancel", "Cancel the sale", f"Ends its blocks and requests{closing}. For ever.{sends}")


def _names(db: apsw.Connection, sale_id: int) -> tuple[str, str, str, str]:
    row = db.execute(
        """SELECT p.code, w.code, s.document_type, coalesce(a.type || ' ' || a.code, 'no account: the payment method '
               || s.payment_method || ' is gone')
           FROM erp_sale s JOIN erp_pos p ON p.id = s.pos_id JOIN erp_warehouse w ON w.id = s.warehouse_id
           LEFT JOIN erp_payment_method m ON m.pos_id = s.pos_id AND m.code = s.payment_method
           LEFT JOIN erp_account a ON a.id = m.account_id WHERE s.id = ?""",
        (sale_id,),
    ).fetchone()
    assert row is not None
    pos, warehouse, document_type, account = row
    return pos, warehouse, document_type, account


def _given_up(state: SaleState) -> str:
    parts = [word for word, is_so in (("blocks", state.blocked), ("requests", state.requested)) if is_so]
    return f" and ends its {' and '.join(parts)}" if parts else ""


def _money_back(state: SaleState) -> str:
    """What ends with the sale; a comma before it."""
    credit = f", credits {state.document_number}" if state.document_number else ""
    return credit + (f", returns {format_money(state.paid, state.currency)}" if state.paid else "")


def _sends(db: apsw.Connection, sale_id: int, after: SaleState) -> str:
    """Which status the channel then sends to its site; a blank before it."""
    found = db.execute('SELECT id, channel_id, status FROM "order" WHERE sale_id = ?', (sale_id,)).fetchone()
    channel = channels.channel_by_id(db, found[1]) if found else None
    if found is None or channel is None:
        return ""
    event = event_of(after)
    if not event or event == outbox.last_event(db, found[0]):
        return ""
    status = status_for(channel.values, event)
    if why_off(channel, "statuses") or not status:
        return f" {channel.code} is not told."
    return f" Then the status {status} is sent to {channel.code}."
