"""What a person decides, with his name: on an order that its sale cannot follow by itself, and on what a marketplace's
reports say.

What is decided on an order is kept, and carried out by the next try of it. It holds for the order as it was then; a
later change asks the person again.
"""

from __future__ import annotations

from collections.abc import Callable

import apsw

from chansync.db.transaction import transaction
from chansync.erp.outside import sales
from chansync.model.channel import Channel
from chansync.model.errors import DataError, UsageError
from chansync.model.money import is_currency, parse_amount, to_minor
from chansync.model.parameter_types import Text
from chansync.orders.status_to_send import replace_sale
from chansync.store import channels, messages, orders, returns, settlements
from chansync.store.sale_links import SaleLink

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
            orders.set_decision(db, row, action, by)
        return f"Order {row.number}: {action} is noted and carried out by the next try of the order."


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
        channel = channels.channel_by_id(db, row.channel_id) if row else None
        told = messages.open_problem(db, channel.id, row.id, "total_mismatch") if row and channel else None
        if row is None or channel is None or told is None:
            raise UsageError("There is no open difference of this order to accept.")
        if not channel["adjustment_service"]:
            raise UsageError(
                f"The channel {channel.code} has no service for it: chansync channel set {channel.code} "
                "adjustment_service=SERVICE"
            )
        amount, _, currency = str(told[1].get("difference", "")).partition(" ")
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


def withdraw(db: apsw.Connection, link: SaleLink | None) -> str:
    """What a person asked for with that sale and its ERP has refused is not asked for again; a sentence on it.

    Raises:
        UsageError: there is nothing of the kind any more.
    """
    with transaction(db):
        if link is None or not sales.drop_wishes(db, link.key):
            raise UsageError("Nothing that a person asked for waits to be asked for again.")
    return f"{link.number}: it is not asked for again."


def accept_reports(db: apsw.Connection, channel: Channel | None, code: str, by: str) -> str:
    """Accept what is wrong with the reports of the channel's marketplace, a code of ``ACCEPTED``; a sentence on it.

    Args:
        by: who accepts it; what is accepted keeps the name.

    Raises:
        UsageError: nobody is named, or the message is of no channel any more.
    """
    if channel is None or not by:
        raise UsageError("Say who accepts it: the name is kept.")
    accept, sentence = ACCEPTED[code]
    is_of_system = code != "returns_unmatched"
    with transaction(db):
        count = accept(db, channel.system.id if is_of_system else channel.id, by)
        if is_of_system:
            _solve(db, channel.system.id, code, by)
        else:
            messages.solve_code(db, channel.id, None, code, by)
    return f"{count} {sentence}"


def leave_out_report(db: apsw.Connection, report: str, by: str) -> str:
    """Leave a report that cannot be read out for good; a sentence on it.

    Args:
        by: who leaves it out; the report keeps the name.

    Raises:
        UsageError: no such report waits to be read.
    """
    with transaction(db):
        systems = settlements.leave_out(db, report, by)
        if not systems:
            raise UsageError(f"No report {report:.40} waits to be read: chansync erp settlements --unread")
        for system_id in systems:
            if not _unread(db, system_id):
                _solve(db, system_id, "settlement_unreadable", by)
    return f"The report {report} is left out. To undo it: chansync erp settlements --take-in {report}"


def take_in_report(db: apsw.Connection, report: str) -> str:
    """Let a report that was left out be tried again; a sentence on it.

    Raises:
        UsageError: no such report is left out.
    """
    with transaction(db):
        if not settlements.leave_out(db, report, ""):
            raise UsageError(f"No report {report:.40} is left out: chansync erp settlements --unread")
    return f"The report {report} is read again with the next settlements: chansync sync CHANNEL --settlements"


def _solve(db: apsw.Connection, system_id: int, code: str, by: str) -> None:
    """Close that problem of all channels of a system, whose settlements are the same."""
    for channel in channels.all_channels(db):
        if channel.system.id == system_id:
            messages.solve_code(db, channel.id, None, code, by)


def _unread(db: apsw.Connection, system_id: int) -> list[str]:
    return [each.report for each in settlements.unread(db, system_id) if not each.left_out_by]


def _leave_out_unread(db: apsw.Connection, system_id: int, by: str) -> int:
    return sum(bool(settlements.leave_out(db, report, by)) for report in _unread(db, system_id))


#: Code of a problem of reports → what accepts it, of a system or (returns) a channel, and how many of what that were.
ACCEPTED: dict[str, tuple[Callable[[apsw.Connection, int, str], int], str]] = {
    "settlement_unreadable": (
        _leave_out_unread,
        "reports are left out. To see them: chansync erp settlements --unread",
    ),
    "settlement_wrong_sum": (settlements.accept_wrong_sums, "settlements are accepted with the sums that they have."),
    "settlement_unmatched": (
        settlements.accept_unmatched,
        "lines of settlements are accepted without an order.",
    ),
    "returns_unmatched": (returns.accept_unmatched, "returns are accepted without an order."),
}
