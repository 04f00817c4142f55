"""Accepting what of an order's total its lines do not explain: a person's decision, recorded with the name."""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction
from chansync.model.errors import DataError, UsageError
from chansync.model.money import is_currency, parse_amount, to_minor
from chansync.model.parameter_types import Text
from chansync.store import channels, messages, orders


def accept_difference(db: apsw.Connection, order_id: int | None, person: str) -> str:
    """Accept the difference that the order's open ``total_mismatch`` tells, as a line of the channel's
    ``adjustment_service``; what was done, in a sentence.

    Only that difference is accepted: another one is a new problem. The order is due at once.

    Args:
        person: who accepts it; the sale's line keeps the name.

    Raises:
        UsageError: the order has no such problem, the channel has no ``adjustment_service``, or nobody is named.
    """
    name = Text(longest=60).parse(person)
    if not name:
        raise UsageError("Say who accepts the difference: it is recorded with the name.")
    with transaction(db):
        row = orders.by_id(db, order_id) if order_id is not None else None
        told = (
            [each for each in messages.of_order(db, row.id) if each.open and each.code == "total_mismatch"]
            if row
            else []
        )
        channel = channels.channel_by_id(db, row.channel_id) if row else None
        if row is None or channel is None or not told:
            raise UsageError("There is no open difference of this order to accept.")
        if not channel["adjustment_service"]:
            raise UsageError(
                f"The channel {channel.code} has no service for it: chansync channel set {channel.code} "
                "adjustment_service=SERVICE"
            )
        amount, _, currency = str(told[-1].data.get("difference", "")).partition(" ")
        try:
            minor = to_minor(parse_amount(amount, "the difference"), currency, "it") if is_currency(currency) else 0
        except DataError:
            minor = 0
        if not minor:
            raise UsageError(
                f"The message names no difference. Try the order again first: chansync retry {channel.code}"
            )
        orders.accept_difference(db, row.id, minor, currency, name)
        channels.make_problems_due(db, channel.id, [row.id])
    return f"Order {row.number}: the difference of {amount} {currency} is accepted by {name}."
