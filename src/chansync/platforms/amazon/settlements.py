"""Settlement reports: which there are, and what stands in them.

Amazon makes them by itself, some every two weeks for each currency, and lists them for 90 days. Format: flat file V2, a
table with tabs whose first row below the headings is the payout and whose other rows are amounts
(``GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2`` in Amazon's list of report types). Numbers and days are written as in
the country of the account: ``1.234,50`` and ``31.12.2026``, or ``1,234.50`` and ``2026-12-31``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from chansync.model.errors import DataError
from chansync.model.money import is_currency, parse_amount
from chansync.model.settlement import SettledKind, Settlement, SettlementLine
from chansync.model.times import to_ms
from chansync.platforms.amazon.flat_file import read_rows

#: Columns without which nothing can be said of a settlement.
_NEEDED = (
    "settlement-id", "total-amount", "currency", "transaction-type", "order-id", "amount-type", "amount-description",
    "amount",
)  # fmt: skip

_NUMBER = re.compile(r"(?P<sign>[-+]?)(?P<digits>\d[\d.,'\u00a0\u202f ]*)\Z")
#: Digits after the last separator: of an amount with decimals it is one or two, of one without three.
_DECIMALS = re.compile(r"[.,](\d{1,2})\Z")
_GROUPED = re.compile(r"\d{1,3}([.,'\u00a0\u202f ]\d{3})*\Z|\d+\Z")

_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y-%m-%d", "%d.%m.%Y", "%Y/%m/%d")

#: Amount types of what the buyer pays.
_PRICES = frozenset({"ItemPrice", "Promotion"})
_RESERVE = ("reserve amount", "unsuccessful transfer")


def read_settlement(report: str, data: bytes) -> Settlement:
    """The settlement of a report.

    Args:
        report: the report's id.

    Raises:
        DataError: it is no settlement report, or an amount in it cannot be read. Nothing of it counts then.
    """
    rows = read_rows(data)
    missing = [name for name in _NEEDED if not rows or name not in rows[0]]
    if missing:
        raise DataError(f"the settlement report {report} lacks the columns {', '.join(missing)}")
    comma = _decimal_comma(report, (row[name] for row in rows for name in ("total-amount", "amount")))
    head, *others = rows
    currency = head["currency"].upper()
    if not head["settlement-id"] or not is_currency(currency) or not head["total-amount"]:
        raise DataError(f"the settlement report {report} does not begin with a settlement's number, currency and total")
    if strange := {row["settlement-id"] for row in others} - {head["settlement-id"], ""}:
        raise DataError(f"the settlement report {report} holds rows of another settlement: {', '.join(strange)[:80]}")
    return Settlement(
        head["settlement-id"],
        report,
        currency,
        _amount(head["total-amount"], comma, "total-amount"),
        starts_at=_moment(head.get("settlement-start-date", "")),
        ends_at=_moment(head.get("settlement-end-date", "")),
        deposited_at=_moment(head.get("deposit-date", "")),
        lines=[_line(row, comma, number) for number, row in enumerate(others, 3) if any(row.values())],
    )


def _line(row: Mapping[str, str], comma: bool, number: int) -> SettlementLine:
    return SettlementLine(
        _kind(row),
        row["transaction-type"],
        row["amount-type"],
        row["amount-description"],
        _amount(row["amount"], comma, f"the amount in row {number}"),
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


def _decimal_comma(report: str, written: Iterable[str]) -> bool:
    """Whether decimals stand behind a comma.

    Raises:
        DataError: they stand behind commas and points.
    """
    found = {match[0][0] for text in written if (match := _DECIMALS.search(text))}
    if len(found) > 1:
        raise DataError(f"the settlement report {report} writes decimals behind commas and behind points")
    return found == {","}


def _amount(written: str, comma: bool, what: str) -> Decimal:
    found = _NUMBER.match(written)
    if not found:
        raise DataError(f"{what} is not an amount: {written[:40]!r}")
    whole, mark, decimals = found["digits"].rpartition("," if comma else ".")
    if not mark or not re.fullmatch(r"\d{1,2}", decimals):
        whole, decimals = found["digits"], ""
    if not _GROUPED.match(whole):
        raise DataError(f"{what} is not an amount: {written[:40]!r}")
    digits = re.sub(r"\D", "", whole)
    return parse_amount(f"{found['sign']}{digits}.{decimals or 0}", what)


def _moment(written: str) -> int | None:
    """UTC milliseconds; None for what is written in no way that is known: no amount hangs on it."""
    text = written.removesuffix(" UTC").removesuffix(" GMT").strip()
    for form in _MOMENTS:
        try:
            return to_ms(datetime.strptime(text, form).replace(tzinfo=UTC))
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
