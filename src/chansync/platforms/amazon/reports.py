"""Reports: documents that Amazon makes by itself or on request; each is fetched from where Amazon says.

Settlements are listed for 90 days. Returns are asked for, made by Amazon within minutes, and read by a later run.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection
from functools import partial
from typing import Any, TypeVar

from chansync.model.errors import DataError, SiteError, SiteUnavailable
from chansync.model.reports import Settlement, SiteReturn
from chansync.model.times import from_ms, utc_text
from chansync.platforms.amazon.client import UNREADABLE, SpApi, part, rows_of
from chansync.platforms.amazon.rates import Operation
from chansync.platforms.amazon.returns import BY_MERCHANT, TO_AMAZON, read_returns
from chansync.platforms.amazon.settlements import read_settlement
from chansync.platforms.json_values import objects, text
from chansync.platforms.protocol import UnreadableSettlement

T = TypeVar("T")

GET_REPORTS = Operation("getReports", 0.0222, 10)
GET_DOCUMENT = Operation("getReportDocument", 0.0167, 15)
#: Repeated where it fails: a report that was made in vain harms nobody.
CREATE_REPORT = Operation("createReport", 0.0167, 15, "POST")
GET_REPORT = Operation("getReport", 2.0, 15)

_SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"
_ROOT = "/reports/2021-06-30"
_DAY = 86_400_000
#: How far back Amazon lists reports, in days.
_LISTED = 90
#: Pages of a list; more than a seller's reports of 90 days can fill.
_PAGES = 50
#: How far back returns are asked for: a return that was asked for then may still arrive.
_SPAN = 59 * _DAY
#: A report of returns that is not made after that long is asked for again.
_LIFE = _DAY
_OPEN = ("IN_QUEUE", "IN_PROGRESS")


async def settlements(api: SpApi, known: Collection[str]) -> AsyncGenerator[Settlement | UnreadableSettlement, None]:
    """The settlements of the last 90 days, oldest first, but for the reports that are ``known``.

    Raises:
        SiteError: Amazon failed.
    """
    for report in await _finished(api, _SETTLEMENT):
        report_id, document = text(report.get("reportId")), text(report.get("reportDocumentId"))
        if report_id and document and report_id not in known:
            try:
                yield await _read(api, document, partial(read_settlement, report_id))
            except DataError as error:
                yield UnreadableSettlement(report_id, str(error))


async def returns(api: SpApi, place: str) -> AsyncGenerator[list[SiteReturn], None]:
    """The returns of a marketplace in the last 59 days, once the reports that an earlier run asked for are made; then
    asks for new ones. What is yielded must be kept before the next is asked for.

    Raises:
        SiteError: Amazon failed, or sent a report that cannot be read.
    """
    unreadable = []
    for kind in (BY_MERCHANT, TO_AMAZON):
        name = f"{api.realm}returns {kind} {place}"
        asked = await api.state.read(name)
        if asked:
            document, is_over = await _made(api, str(asked.get("report", "")), int(asked.get("at", 0)))
            if document:
                try:
                    found, faults = await _read(api, document, partial(read_returns, kind))
                    yield found
                    unreadable += faults
                except DataError as error:
                    unreadable.append(str(error))
            if not is_over:
                continue
        await _ask(api, kind, place, name)
    if unreadable:
        more = f", and {len(unreadable) - 1} more" if unreadable[1:] else ""
        raise SiteUnavailable(
            f"Amazon's reports of returns cannot be read whole, and are asked for again: {unreadable[0]}{more}.",
            code="bad_report",
        )


async def _read(api: SpApi, document: str, read: Callable[[bytes, str], T]) -> T:
    """What ``read`` makes of a report's document and its encoding.

    Raises:
        DataError: it is this document that cannot be had or read.
    """
    try:
        data, charset = await api.document(await api.ask(GET_DOCUMENT, f"{_ROOT}/documents/{part(document)}"))
    except SiteError as error:
        if error.code not in UNREADABLE:
            raise
        raise DataError(str(error).rstrip(".")) from None
    # Those of large sellers take a second.
    return await asyncio.to_thread(read, data, charset)


async def _finished(api: SpApi, kind: str) -> list[dict[str, Any]]:
    """The reports of a kind that can be fetched, oldest first."""
    since = from_ms(await api.login.clock() - _LISTED * _DAY + 3_600_000)
    params = {
        "reportTypes": kind, "processingStatuses": "DONE", "pageSize": "100",
        "createdSince": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    found: list[dict[str, Any]] = []
    for _ in range(_PAGES):
        answer = await api.ask(GET_REPORTS, f"{_ROOT}/reports", params)
        found += objects(rows_of(answer, "reports", code="no_list"))
        token = text(answer.fields.get("nextToken"))
        if not token:
            break
        # With the token of a page nothing else may be asked.
        params = {"nextToken": token}
    return sorted(found, key=lambda report: text(report.get("createdTime")))


async def _made(api: SpApi, report: str, asked_at: int) -> tuple[str, bool]:
    """The document of a report, empty where there is none, and whether it is over with the report."""
    answer = await api.ask(GET_REPORT, f"{_ROOT}/reports/{part(report)}", allow=(404,))
    told = answer.fields if answer.status < 300 else {}
    status = text(told.get("processingStatus")) if told else "GONE"
    if status in _OPEN:
        return "", api.now() - asked_at > _LIFE
    # One without data is cancelled by Amazon.
    return text(told.get("reportDocumentId")) if status == "DONE" else "", True


async def _ask(api: SpApi, kind: str, place: str, name: str) -> None:
    now = await api.login.clock()
    span = {"dataStartTime": utc_text(now - _SPAN), "dataEndTime": utc_text(now)}
    wish = {"reportType": kind, "marketplaceIds": [place], **span}
    answer = await api.ask(CREATE_REPORT, f"{_ROOT}/reports", body=wish)
    report = text(answer.fields.get("reportId"))
    if not report:
        raise SiteUnavailable("Amazon takes a report without telling its number: try again.", code="odd")
    entry: dict[str, Any] = {"report": report, "at": api.now()}
    await api.state.change(name, lambda _: (entry, None))
