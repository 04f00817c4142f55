"""Reports of returns: what stands in them.

Amazon lists what merchants get back by the day of the request (``GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE``, at most
60 days at once), and what comes back to its own stock (``GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA``), both as tables
with tabs. A return is received when the first names a day of delivery; what the second names has arrived.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from chansync.model.errors import DataError
from chansync.model.reports import SiteReturn
from chansync.platforms.amazon.flat_file import read_moment, read_rows

BY_MERCHANT = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
TO_AMAZON = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"


def read_returns(kind: str, data: bytes, charset: str = "") -> tuple[list[SiteReturn], list[str]]:
    """The returns of a report, and what is wrong with the rows that cannot be read.

    Args:
        charset: the encoding that Amazon names; empty where it names none.

    Raises:
        DataError: it is no such report.
    """
    read, needed = _FORMS[kind]
    found, faults, seen = [], [], Counter[str]()
    for number, row in enumerate(read_rows(data, charset, needed), 2):
        try:
            each = read(row)
        except DataError as error:
            faults.append(f"row {number} of {kind}: {error}")
            continue
        seen[each.key] += 1
        # One parcel with an item of two lines of the order.
        found.append(each if seen[each.key] == 1 else replace(each, key=f"{each.key} {seen[each.key]}"))
    return found, faults


def _by_merchant(row: Mapping[str, str]) -> SiteReturn:
    return SiteReturn(
        key=f"{row['Amazon RMA ID'] or row['Tracking ID'] or row['Return request date']} {row['Merchant SKU']}",
        order_number=row["Order ID"],
        item=row.get("Order Item ID", ""),
        sku=row["Merchant SKU"],
        pieces=_pieces(row["Return quantity"]),
        reason=row.get("Return Reason", ""),
        received_at=_moment(row.get("Return delivery date", "")),
    )


def _to_amazon(row: Mapping[str, str]) -> SiteReturn:
    received = _moment(row["return-date"])
    parcel = row.get("license-plate-number") or f"{row['return-date']} {row['order-id']}"
    return SiteReturn(
        key=f"{parcel} {row['sku']}",
        order_number=row["order-id"],
        item="",
        sku=row["sku"],
        pieces=_pieces(row["quantity"]),
        reason=row.get("reason", ""),
        received_at=0 if received is None else received,
        sellable=row.get("detailed-disposition", "").upper() in ("", "SELLABLE"),
    )


#: How a row of each kind of report is read, and the columns that it needs.
_FORMS: dict[str, tuple[Callable[[Mapping[str, str]], SiteReturn], tuple[str, ...]]] = {
    BY_MERCHANT: (
        _by_merchant,
        ("Order ID", "Amazon RMA ID", "Tracking ID", "Return request date", "Merchant SKU", "Return quantity"),
    ),
    TO_AMAZON: (_to_amazon, ("return-date", "order-id", "sku", "quantity")),
}


def _pieces(written: str) -> int:
    if not (written.isascii() and written.isdigit()):
        raise DataError(f"{written[:40]!r} is no number of pieces")
    return int(written)


def _moment(written: str) -> int | None:
    """UTC milliseconds of a day or moment; None where there is none."""
    found = read_moment(written, "%d-%b-%Y")
    if written and found is None:
        raise DataError(f"{written[:40]!r} is no day")
    return found
