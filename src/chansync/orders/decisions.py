"""What a person decides on an order that its sale cannot follow by itself: kept, and carried out by the next try of it.

A decision holds for the order as it was when it was made; a later change asks the person again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.model.errors import UsageError
from chansync.orders.status_events import replace_sale
from chansync.store import messages, orders

#: Code of a message → the words that can be decided on it, each with what it does.
DECISIONS: dict[str, dict[str, str]] = {
    "order_changed": {
        "accept": "End the sale (it is cancelled, or reversed where it is written out) and make it again as the order "
        "is now.",
        "keep": "Keep the sale as it is: the difference is right.",
    },
    "prices_missing": {"free": "Make it a sale: what the site tells no price of costs nothing."},
    "order_returned": {"new-sale": "Make a new sale of the order; the cancelled one stays."},
    "order_is_another": {"new-sale": "Make a new sale of this order; the sale of the other one stays."},
    "refund_withdrawn": {
        "take-back": "Take back the credit: the refund never was.",
        "keep": "Keep the credit: the money went back although the site has no refund.",
    },
    "return_announced": {
        "received": "The pieces are back: put them into stock. Money is refunded by the marketplace, or by: "
        "chansync erp refund SALE.",
        "keep": "They are not to come back into stock.",
    },
    "settlement_differs": {"keep": "Keep the sale as it is: the difference is right."},
    "refund_unclear": {
        "summary": "Refund what the order's summary says.",
        "refund": "Refund what the refund itself says.",
        "lines": "Refund what the lines of the refund say.",
        "keep": "Record no refund.",
    },
}


def decide_on(db: apsw.Connection, message_id: int, action: str, by: str) -> str:
    """Keep what a person decided on the order of an open message; a sentence on it.

    Raises:
        UsageError: the message is not open, or this cannot be decided on it.
    """
    with transaction(db):
        message = messages.message(db, message_id)
        if message is None or not message.open or message.order_id is None:
            raise UsageError(f"Message {message_id} is not open: there is nothing to decide any more.")
        if action not in DECISIONS.get(message.code, {}):
            raise UsageError(f"{action!r:.40} cannot be decided on {message.code}.")
        row = orders.by_id(db, message.order_id)
        if row is None:
            raise UsageError(f"The order of message {message_id} was removed with its channel.")
        if message.code == "order_is_another":
            # What was kept is the other order's: this one is fetched from the site.
            replace_sale(db, row.id, by)
            orders.start_anew(db, row.id)
        else:
            orders.decide_on(db, row, action, by)
        return f"Order {row.number}: {action} is noted and carried out by the next try of the order."


def performer(action: str) -> Callable[[apsw.Connection, Any], str]:
    """``decide_on`` as a remedy performs it: with the message and the name of the person."""
    return lambda db, subject: decide_on(db, subject.message.id, action, subject.by)
