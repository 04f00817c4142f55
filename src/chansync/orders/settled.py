"""What the marketplace's settlements say of an order, and what of them belongs to none."""

from __future__ import annotations

from dataclasses import replace

import apsw

from chansync.db.transaction import transaction
from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.model.order import Order
from chansync.orders.settings import ImportSettings
from chansync.store import messages, settlements


def with_settlements(db: apsw.Connection, settings: ImportSettings, order: Order) -> Order:
    """The order with what the marketplace has paid out for it, and has given back to its buyer."""
    system_id = settings.channel.system.id
    settled, back = settlements.of_order(db, system_id, order.external_id, order.currency)
    return replace(order, settled=settled, refunds=[*order.refunds, *back]) if settled is not None or back else order


def accept_unmatched(db: apsw.Connection, channel: Channel | None, by: str) -> str:
    """Accept what the settlements of the channel's system say of orders that are not known; a sentence on it.

    Args:
        by: who accepts it; each line keeps the name.

    Raises:
        UsageError: nobody is named, or the message is of no channel any more.
    """
    if channel is None or not by:
        raise UsageError("Say who accepts it: the lines keep the name.")
    with transaction(db):
        count = settlements.accept_unmatched(db, channel.system.id, by)
        messages.solve_code(db, channel.id, None, "settlement_unmatched", by)
    return f"{count} lines of settlements are accepted without an order."
