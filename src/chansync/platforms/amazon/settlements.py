"""Settlement reports: which there are, and what stands in them.

Amazon makes them by itself, some every two weeks for each currency, and lists them for 90 days. Format: flat file V2, a
table with tabs whose first row below the headings is the payout and whose other rows are amounts
(``GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2`` in Amazon's list of report types). Numbers and days are written as in
the country of the account: ``1.234,50`` and ``31.12.2026``, or ``1,234.50`` and ``2026-12-31``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal

from chansync.model.errors import DataError
from chansync.model.money import is_currency, parse_amount
from chansync.model.reports import SettledKind, Settlement, SettlementLine
from chansync.platforms.amazon.flat_file import read_moment, read_rows

#: Columns without which nothing can be said of a settlement.
_NEEDED = (
    "settlement-id", "total-amount", "currency", "transaction-type", "order-id", "amount-type", "amount-description",
    "amount",
)  # fmt: skip

_NUMBER = re.compile(r"(?P<sign>[-+]?)(?P<digits>[0-9][0-9.,'\u00a0\u202f ]*)\Z")
#: Digits after the last separator: of an amount with decimals it is one or two, of one without three.
_DECIMALS = re.compile(r"[.,](\d{1,2})\Z")
#: Thousands, by one kind of mark; of India the last three digits and before them pairs.
_GROUPED = re.compile(r"\d{1,3}(?:([.,'\u00a0\u202f ])\d{3}(?:\1\d{3})*)?\Z|\d{1,2}(?:,\d\d)*,\d{3}\Z|\d+\Z")

_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d")

#: Amount types of what the buyer pays.
_PRICES = frozenset({"ItemPrice", "Promotion"})
_RESERVE = ("reserve amount", "unsuccessful transfer")


def read_settlement(report: str, data: bytes, charset: str = "") -> Settlement:
    """The settlement of a report.

    Args:
        report: the report's id.
        charset: the encoding that Amazon names; empty where it names none.

    Raises:
        DataError: it is no settlement report, or an amount in it cannot be read. Nothing of it counts then.
    """
    rows = read_rows(data, charset, _NEEDED)
    if not rows:
        raise DataError(f"the settlement report {report} has no rows")
    mark = _decimal_mark(report, (row[name] for row in rows for name in ("total-amount", "amount")))
    head = rows[0]
    # What stands in the row of the payout itself is an amount like any other.
    others = rows if head["amount"] else rows[1:]
    currency = head["currency"].upper()
    if not head["settlement-id"] or not is_currency(currency) or not head["total-amount"]:
        raise DataError(f"the settlement report {report} does not begin with a settlement's number, currency and total")
    if strange := {row["settlement-id"] for row in others} - {head["settlement-id"], ""}:
        raise DataError(f"the settlement report {report} holds rows of another settlement: {', '.join(strange)[:80]}")
    return Settlement(
        head["settlement-id"],
        report,
        currency,
        _amount(head["total-amount"], mark, "total-amount"),
        starts_at=_moment(head.get("settlement-start-date", "")),
        ends_at=_moment(head.get("settlement-end-date", "")),
        deposited_at=_moment(head.get("deposit-date", "")),
        lines=[_line(row, mark, number) for number, row in enumerate(others, 2 if head["amount"] else 3)],
    )


def _line(row: Mapping[str, str], mark: str, number: int) -> SettlementLine:
    return SettlementLine(
        _kind(row),
        row["transaction-type"],
        row["amount-type"],
        row["amount-description"],
        _amount(row["amount"], mark, f"the amount in row {number}"),
        row["order-id"],
        row.get("order-item-code", ""),
        row.get("sku", ""),
        row.get("adjustment-id", ""),
        row.get("marketplace-name", ""),
        _moment(row.get("posted-date-time") or row.get("posted-date", "")),
    )


def _kind(row: Mapping[str, str]) -> SettledKind:
    transaction, amount_type = row["transaction-type"].casefold(), row["amount-type"]
    if any(word in row["amount-description"].casefold() for word in _RESERVE):
        return SettledKind.RESERVE
    if not row["order-id"]:
        return SettledKind.OTHER
    if amount_type == "ItemFees" or "fee" in amount_type.casefold():
        return SettledKind.FEE
    is_price, is_tax = amount_type in _PRICES, "withheld" in amount_type.casefold()
    if transaction == "order":
        return SettledKind.SALE if is_price else SettledKind.TAX if is_tax else SettledKind.OTHER
    # "Refund", "Chargeback Refund", "A-to-z Guarantee Refund".
    if transaction.endswith("refund") and (is_price or is_tax):
        return SettledKind.REFUND
    return SettledKind.OTHER


def _decimal_mark(report: str, written: Iterable[str]) -> str:
    """What stands before decimals; empty where no amount has any.

    Raises:
        DataError: a comma in some, and a point in others.
    """
    found = {match[0][0] for text in written if (match := _DECIMALS.search(text))}
    if len(found) > 1:
        raise DataError(f"the settlement report {report} writes decimals behind commas and behind points")
    return "".join(found)


def _amount(written: str, mark: str, what: str) -> Decimal:
    found = _NUMBER.match(written)
    whole, decimals = found["digits"] if found else "", ""
    if mark and mark in whole:
        whole, _, decimals = whole.rpartition(mark)
    if not found or not _GROUPED.match(whole) or len(decimals) > 2 or (mark and mark in whole):
        raise DataError(f"{what} is not an amount: {written[:40]!r}")
    digits = re.sub(r"\D", "", whole)
    return parse_amount(f"{found['sign']}{digits}.{decimals or 0}", what)


def _moment(written: str) -> int | None:
    """UTC milliseconds; None for what is written in no way that is known: no amount hangs on it."""
    return read_moment(written.removesuffix(" UTC").removesuffix(" GMT").strip(), *_MOMENTS)
