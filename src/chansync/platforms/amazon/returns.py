"""Reports of returns: asked for, made by Amazon within minutes, and read by a later run.

Amazon lists what merchants get back by the day of the request (``GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE``, at most
60 days at once), and what comes back to its own stock (``GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA``), both as tables
with tabs. A return is received when the first names a day of delivery; what the second names has arrived.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chansync.model.errors import DataError, SiteError, SiteUnavailable
from chansync.model.returns import SiteReturn
from chansync.model.times import from_ms, to_ms
from chansync.platforms.amazon.client import UNREADABLE, SpApi, part
from chansync.platforms.amazon.flat_file import read_rows
from chansync.platforms.amazon.rates import Operation
from chansync.platforms.amazon.reports import GET_DOCUMENT, ROOT
from chansync.platforms.system import SystemState
from chansync.platforms.texts import text

#: Repeated where it fails: a report that was made in vain harms nobody.
CREATE_REPORT = Operation("createReport", 0.0167, 15)
GET_REPORT = Operation("getReport", 2.0, 15)

BY_MERCHANT = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
TO_AMAZON = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"

_DAY = 86_400_000
#: How far back is asked: a return that was asked for then may still arrive.
_SPAN = 59 * _DAY
#: A report that is not made after that long is asked for again.
_LIFE = _DAY

_OPEN = ("IN_QUEUE", "IN_PROGRESS")


class Returns:
    """The returns of one marketplace of a seller."""

    def __init__(self, api: SpApi, state: SystemState | None, place: str) -> None:
        self._api = api
        self._state = state
        self._place = place

    async def read(self) -> AsyncGenerator[list[SiteReturn], None]:
        """The returns of the last 59 days, once the reports that an earlier run asked for are made; then asks for new
        ones. What is yielded must be kept before the next is asked for.

        Raises:
            SiteError: Amazon failed, or sent a report that cannot be read.
        """
        unreadable = []
        for kind in (BY_MERCHANT, TO_AMAZON):
            name = f"{self._api.realm}returns {kind} {self._place}"
            asked = await self._kept().read(name)
            if asked:
                document, is_over = await self._made(str(asked.get("report", "")), int(asked.get("at", 0)))
                if document:
                    where = await self._api.get(GET_DOCUMENT, f"{ROOT}/documents/{part(document)}")
                    try:
                        told = await self._api.document(where)
                        found, faults = await asyncio.to_thread(read_returns, kind, told.data, told.charset)
                        yield found
                        unreadable += faults
                    except SiteError as error:
                        if error.code not in UNREADABLE:
                            raise
                        unreadable.append(str(error).rstrip("."))
                    except DataError as error:
                        unreadable.append(str(error))
                if not is_over:
                    continue
            await self._ask(kind, name)
        if unreadable:
            more = f", and {len(unreadable) - 1} more" if unreadable[1:] else ""
            raise SiteUnavailable(
                f"Amazon's reports of returns cannot be read whole, and are asked for again: {unreadable[0]}{more}.",
                code="bad_report",
            )

    async def _made(self, report: str, asked_at: int) -> tuple[str, bool]:
        """The document of a report, empty where there is none, and whether it is over with the report."""
        answer = await self._api.get(GET_REPORT, f"{ROOT}/reports/{part(report)}", allow=(404,))
        told = answer.data if answer.status < 300 and isinstance(answer.data, dict) else {}
        status = text(told.get("processingStatus")) if told else "GONE"
        if status in _OPEN:
            return "", self._api.now() - asked_at > _LIFE
        # One without data is cancelled by Amazon.
        return text(told.get("reportDocumentId")) if status == "DONE" else "", True

    async def _ask(self, kind: str, name: str) -> None:
        now = await self._api.login.clock()
        wish = {
            "reportType": kind, "marketplaceIds": [self._place],
            "dataStartTime": _moment_text(now - _SPAN), "dataEndTime": _moment_text(now),
        }  # fmt: skip
        answer = await self._api.send(CREATE_REPORT, "POST", f"{ROOT}/reports", body=wish)
        report = text(answer.data.get("reportId")) if isinstance(answer.data, dict) else ""
        if not report:
            raise SiteUnavailable("Amazon takes a report without telling its number: try again.", code="odd")
        entry: dict[str, Any] = {"report": report, "at": self._api.now()}
        await self._kept().change(name, lambda _: (entry, None))

    def _kept(self) -> SystemState:
        if self._state is None:
            raise SiteUnavailable("Nothing keeps which reports were asked for.", code="no_state")
        return self._state


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
    if not written:
        return None
    try:
        return to_ms(datetime.strptime(written, "%d-%b-%Y").replace(tzinfo=UTC))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise DataError(f"{written[:40]!r} is no day") from None
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _moment_text(at: int) -> str:
    return from_ms(at).strftime("%Y-%m-%dT%H:%M:%SZ")
