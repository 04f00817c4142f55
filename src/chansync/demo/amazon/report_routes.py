"""Reports: those that the seller's account has made, and where their documents are."""

from __future__ import annotations

from typing import Any

from chansync.demo.amazon.call import Answer, Call, reply
from chansync.demo.amazon.checks import Param
from chansync.demo.amazon.documents import when
from chansync.demo.amazon.errors import invalid
from chansync.demo.amazon.feed_routes import document_answer
from chansync.demo.amazon.feeds import CANCELLED, DONE, FATAL, IN_PROGRESS, IN_QUEUE
from chansync.demo.amazon.settlements import Report

GET_REPORTS = (
    Param("reportTypes", "list", most=10),
    Param("marketplaceIds", "list", most=10),
    Param("pageSize", "number", low=1, high=100),
    Param("processingStatuses", "list", choices=(CANCELLED, DONE, FATAL, IN_PROGRESS, IN_QUEUE)),
    Param("createdSince", "moment"),
    Param("createdUntil", "moment"),
    Param("nextToken"),
)

#: How long Amazon lists a report, in seconds.
_LISTED = 90 * 86_400


def get_reports(call: Call) -> Answer:
    """GET reports: those of the kinds, the newest first."""
    query, now = call.query, call.seller.clock.moment()
    first = 0
    if token := query.get("nextToken"):
        if len(query) > 1:
            raise invalid("With nextToken no other parameter is allowed.")
        kinds, size, since, first = _bookmark(token)
    else:
        kinds, size = query.get("reportTypes", []), query.get("pageSize", 10)
        since = query.get("createdSince", now - _LISTED)
    if not kinds:
        raise invalid("reportTypes is required without a nextToken.")
    if since < now - _LISTED:
        raise invalid("createdSince is more than 90 days ago.")
    statuses, places = query.get("processingStatuses", (DONE,)), set(query.get("marketplaceIds", ()))
    until = query.get("createdUntil", now)
    found = [
        report
        for report in reversed(call.seller.settlements.reports.values())
        if report.kind in kinds and since <= report.created <= until and DONE in statuses
        and (not places or places & set(report.places))
    ]  # fmt: skip
    told: dict[str, Any] = {"reports": [_told(report) for report in found[first : first + size]]}
    if len(found) > first + size:
        told["nextToken"] = f"{','.join(kinds)}|{size}|{since}|{first + size}"
    return reply(told)


def _bookmark(token: str) -> tuple[list[str], int, float, int]:
    try:
        kinds, size, since, first = token.split("|")
        return kinds.split(","), int(size), float(since), int(first)
    except ValueError:
        raise invalid("nextToken is none of ours.") from None


def _told(report: Report) -> dict[str, Any]:
    return {
        "reportId": report.id, "reportType": report.kind, "marketplaceIds": report.places,
        "createdTime": when(report.created), "processingStatus": DONE, "reportDocumentId": report.document,
    }  # fmt: skip


def get_document(call: Call) -> Answer:
    """GET documents/<id>."""
    return document_answer(call, "reportDocumentId")
