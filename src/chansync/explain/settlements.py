"""Settlements as texts, for every list of them."""

from __future__ import annotations

from chansync.model.money import from_minor
from chansync.model.times import from_ms
from chansync.store.settlements import LineRow, SettlementRow, UnreadReport

COLUMNS = ("settlement", "system", "until", "paid out", "sales", "refunds", "fees", "other", "unmatched")
UNREAD_COLUMNS = ("report", "system", "since", "left out", "why")
LINE_COLUMNS = ("line", "order", "sale", "what", "description", "amount")


def cells(row: SettlementRow) -> tuple[str, ...]:
    """A text for each of ``COLUMNS``."""
    sums = (row.sales, row.refunds, row.fees, row.reserve + row.other)
    return (
        row.number, row.system, day(row.ends_at), f"{from_minor(row.total, row.currency)} {row.currency}",
        *(str(from_minor(units, row.currency)) for units in sums), str(row.unmatched or ""),
    )  # fmt: skip


def line_cells(line: LineRow, currency: str) -> tuple[str, ...]:
    """A text for each of ``LINE_COLUMNS``."""
    return (
        str(line.position), line.order_number, _sale(line), line.transaction, line.description or line.amount_type,
        str(from_minor(line.amount, currency)),
    )  # fmt: skip


def unread_cells(row: UnreadReport) -> tuple[str, ...]:
    """A text for each of ``UNREAD_COLUMNS``."""
    left_out = f"by {row.left_out_by} {day(row.left_out_at)}" if row.left_out_by else ""
    return (row.report, row.system, day(row.seen_at), left_out, row.sentence)


def is_wrong(row: SettlementRow) -> bool:
    """Whether its lines do not add up, or are of orders that nobody knows."""
    return row.total != row.lines_total or bool(row.unmatched)


def _sale(line: LineRow) -> str:
    if line.sale or not line.order_number:
        return line.sale
    if line.is_known:
        return "none"
    return f"accepted by {line.accepted_by}" if line.accepted_by else "order not known"


def day(at: int | None) -> str:
    """The date of a time in UTC milliseconds; empty: it is not known."""
    return from_ms(at).date().isoformat() if at is not None else ""
