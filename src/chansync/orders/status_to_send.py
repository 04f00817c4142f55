"""Which status an event on a sale sends to the channel's site, and what keeps it from being sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.model.channel import Channel
from chansync.model.sale import SaleState, SaleView
from chansync.orders.stream_switches import why_off
from chansync.platforms import registry
from chansync.platforms.protocol import Capability
from chansync.store import channels, outbox, sale_links, shipment_pushes

#: The open problems of an order with a sale that say: what changed on the site is not in the sale. Until a person has
#: decided on it, the site is told nothing of the sale.
EDIT_WAITS = frozenset(
    {
        "order_changed", "item_unknown", "payment_unmapped", "delivery_unmapped", "currency_missing",
        "currency_not_allowed", "total_mismatch", "service_missing", "warehouse_missing",
        "tax_contradiction", "tax_unmapped", "prices_missing",
    }
)  # fmt: skip

#: The same of a tracking number, which nobody is told either where another order stands under the id on the site.
SHIPMENT_WAITS = EDIT_WAITS | {"order_is_another"}


def note_sale(db: apsw.Connection, order_id: int, sale: SaleView) -> None:
    """Let the site be told what the order's sale asks for: a status, and how its goods travel where that is told apart.

    Call it inside the transaction of every event on a sale (write out, pay, ship, cancel, reverse). It may be called
    more often: the same event sends its status once, the same package is told once. A status that waits and was not
    confirmed is replaced by that of a later event.
    """
    event = event_of(sale.state)
    if not event:
        return
    found = db.execute('SELECT channel_id, status, sent_by_site FROM "order" WHERE id = ?', (order_id,)).fetchone()
    if found is None:
        return
    channel_id, known, sent_by_site = found
    if sent_by_site:
        return
    channel = channels.channel_by_id(db, channel_id)
    if channel is None or why_off(channel, "statuses"):
        return
    is_told_apart = bool(sale.packages or (sale.shipment is not None and sale.shipment.tracking))
    able = registry.platform(channel.system.kind).capabilities if is_told_apart else frozenset()
    # Where a shipment is confirmed by its packages, the site sets the status by itself.
    if event == "cancelled" or not (sale.packages and Capability.CONFIRM_SHIPMENTS in able):
        _note_status(db, order_id, channel, event, known)
    if sale.packages:
        _note_packages(db, order_id, channel, sale, able)
    elif Capability.TELL_TRACKING in able and sale.shipment is not None and sale.shipment.tracking:
        shipment_pushes.put(db, channel.id, order_id, sale.shipment.carrier, sale.shipment.tracking)


def _note_status(db: apsw.Connection, order_id: int, channel: Channel, event: str, known: str) -> None:
    if event == outbox.last_event(db, order_id):
        return
    outbox.supersede(db, order_id)
    status = status_for(channel.values, event)
    # A sale that is cancelled because its order was refused has nothing to tell the site.
    agreed = event == "cancelled" and known in channel["refused_statuses"]
    if status and not agreed:
        outbox.put(db, channel.id, order_id, event, status)


def _note_packages(
    db: apsw.Connection, order_id: int, channel: Channel, sale: SaleView, able: frozenset[Capability]
) -> None:
    """Each package is told for itself. A site that confirms shipments says what it misses of one without a tracking
    number."""
    if sale.state.closed:
        shipment_pushes.supersede(db, order_id)
        return
    confirms = Capability.CONFIRM_SHIPMENTS in able
    for each in sale.packages if confirms or Capability.TELL_TRACKING in able else ():
        if confirms or each.tracking:
            shipment_pushes.put(
                db, channel.id, order_id, each.carrier, each.tracking, package=each.number, lines=each.lines, at=each.at
            )


def replace_sale(db: apsw.Connection, order_id: int, by: str) -> None:
    """Let the order make a new sale; what the present one had to tell the site and did not yet, it does not any more.

    Call it inside the order's transaction.
    """
    outbox.supersede(db, order_id)
    shipment_pushes.supersede(db, order_id)
    sale_links.replace(db, order_id, by)


def event_of(state: SaleState) -> str:
    """Which of the events that send a status the sale has come to; empty: none yet."""
    if state.cancelled or state.reversed:
        return "cancelled"
    if state.partly_written_out:
        return "partly written out"
    if not state.written_out:
        return ""
    return "written out and paid" if state.unpaid <= 0 else "written out"


def status_for(values: Mapping[str, Any], event: str) -> str:
    """The status that the channel sends for the event; empty: none."""
    paid = values["status_written_out_and_paid"] if event == "written out and paid" else ""
    return str(paid or values[_STATUS_OF[event]] or "")


_STATUS_OF = {
    "partly written out": "status_partly_written_out",
    "written out": "status_written_out",
    "written out and paid": "status_written_out",
    "cancelled": "status_cancelled",
}
