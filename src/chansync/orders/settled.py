"""What a marketplace's reports say of an order (paid out, given back, sent back), and what of them belongs to none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import apsw

from chansync.db.transaction import transaction
from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.model.order import Order
from chansync.orders.settings import ImportSettings
from chansync.store import messages, returns, settlements


def with_reports(db: apsw.Connection, settings: ImportSettings, order: Order) -> Order:
    """The order with what the marketplace has paid out for it and given back to its buyer, and what he sends back."""
    channel = settings.channel
    settled, refunds = settlements.of_order(db, channel.system.id, order.external_id, order.currency)
    sent_back = returns.of_order(db, channel.id, order.external_id)
    if settled is None and not refunds and not sent_back:
        return order
    return replace(order, settled=settled, refunds=[*order.refunds, *refunds], returns=sent_back)


def accept_unmatched(db: apsw.Connection, channel: Channel | None, by: str) -> str:
    """Accept what the settlements of the channel's system say of orders that are not known; a sentence on it.

    Args:
        by: who accepts it; each line keeps the name.

    Raises:
        UsageError: nobody is named, or the message is of no channel any more.
    """
    count = _accept(db, channel, by, "settlement_unmatched", settlements.accept_unmatched)
    return f"{count} lines of settlements are accepted without an order."


def accept_wrong_sums(db: apsw.Connection, channel: Channel | None, by: str) -> str:
    """Accept the settlements of the channel's system whose lines do not add up; a sentence on it.

    Args:
        by: who accepts it; each settlement keeps the name.

    Raises:
        UsageError: nobody is named, or the message is of no channel any more.
    """
    count = _accept(db, channel, by, "settlement_wrong_sum", settlements.accept_wrong_sums)
    return f"{count} settlements are accepted with the sums that they have."


def _accept(
    db: apsw.Connection, channel: Channel | None, by: str, code: str, accept: Callable[[apsw.Connection, int, str], int]
) -> int:
    if channel is None or not by:
        raise UsageError("Say who accepts it: the name is kept.")
    with transaction(db):
        count = accept(db, channel.system.id, by)
        messages.solve_code(db, channel.id, None, code, by)
    return count
