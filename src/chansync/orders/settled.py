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
from chansync.store import channels, messages, returns, settlements


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


def leave_out_unreadable(db: apsw.Connection, channel: Channel | None, by: str) -> str:
    """Leave out for good what cannot be read of the settlements of the channel's system now; a sentence on it.

    Args:
        by: who leaves it out; each report keeps the name.

    Raises:
        UsageError: nobody is named, or the message is of no channel any more.
    """

    def leave(db: apsw.Connection, system_id: int, by: str) -> int:
        found = [each.report for each in settlements.unread(db, system_id) if not each.left_out_by]
        return sum(bool(settlements.leave_out(db, report, by)) for report in found)

    count = _accept(db, channel, by, "settlement_unreadable", leave)
    return f"{count} reports are left out. To see them: chansync erp settlements --unread"


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
            if all(each.left_out_by for each in settlements.unread(db, system_id)):
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


def accept_returns(db: apsw.Connection, channel: Channel | None, by: str) -> str:
    """Accept the returns of the channel that belong to no order that is known; a sentence on it.

    Args:
        by: who accepts it; each return keeps the name.

    Raises:
        UsageError: nobody is named, or the message is of no channel any more.
    """
    if channel is None or not by:
        raise UsageError("Say who accepts it: the name is kept.")
    with transaction(db):
        count = returns.accept_unmatched(db, channel.id, by)
        messages.solve_code(db, channel.id, None, "returns_unmatched", by)
    return f"{count} returns are accepted without an order."


def _solve(db: apsw.Connection, system_id: int, code: str, by: str) -> None:
    """Close that problem of all channels of a system, whose settlements are the same."""
    for channel in channels.all_channels(db):
        if channel.system.id == system_id:
            messages.solve_code(db, channel.id, None, code, by)


def _accept(
    db: apsw.Connection, channel: Channel | None, by: str, code: str, accept: Callable[[apsw.Connection, int, str], int]
) -> int:
    if channel is None or not by:
        raise UsageError("Say who accepts it: the name is kept.")
    with transaction(db):
        count = accept(db, channel.system.id, by)
        _solve(db, channel.system.id, code, by)
    return count
