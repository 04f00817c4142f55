"""Reports: those that the seller's account has made, and where their documents are."""

from __future__ import annotations

from typing import Any

from chansync.demo.amazon import checks
from chansync.demo.amazon.call import Answer, Call, reply
from chansync.demo.amazon.documents import when
from chansync.demo.amazon.errors import invalid, missing
from chansync.demo.amazon.feed_routes import document_answer, list_params
from chansync.demo.amazon.feeds import DONE, IN_PROGRESS
from chansync.demo.amazon.returns import COLUMNS
from chansync.demo.amazon.settlements import Report

GET_REPORTS = list_params("reportTypes")

REPORT_BODY = checks.record(
    {"reportType": checks.text(), "marketplaceIds": checks.several(checks.text(), 1, 25)},
    {"dataStartTime": checks.text(), "dataEndTime": checks.text(), "reportOptions": checks.anything},
)

#: How long Amazon lists a report, and the most that one may be about, in seconds.
_LISTED, _SPAN = 90 * 86_400, 60 * 86_400


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
        if report.kind in kinds and since <= report.created <= until and report.status in statuses
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
    told: dict[str, Any] = {
        "reportId": report.id, "reportType": report.kind, "marketplaceIds": report.places,
        "createdTime": when(report.created), "processingStatus": report.status,
    }  # fmt: skip
    return told | {"reportDocumentId": report.document} if report.document else told


def create_report(call: Call) -> Answer:
    """POST reports."""
    seller, wish = call.seller, call.body
    if wish["reportType"] not in COLUMNS:
        raise invalid(f"The report type {wish['reportType']!r:.80} cannot be asked for.")
    if not {place.id for place in seller.marketplaces}.issuperset(wish["marketplaceIds"]):
        raise invalid("The seller does not take part in all of the marketplaces.")
    now = seller.clock.moment()
    report = seller.settlements.new_report(wish["reportType"], wish["marketplaceIds"], now)
    report.status = IN_PROGRESS
    report.since = checks.read_moment(wish.get("dataStartTime", when(now)), "dataStartTime")
    report.until = checks.read_moment(wish.get("dataEndTime", when(now)), "dataEndTime")
    if report.until - report.since > _SPAN:
        raise invalid("At most 60 days can be asked for at once.")
    return reply({"reportId": report.id}, 202)


def get_report(call: Call) -> Answer:
    """GET reports/<id>."""
    seller = call.seller
    report = seller.settlements.reports.get(call.path[0])
    if report is None:
        raise missing(f"There is no report {call.path[0]!r:.60}.")
    seller.returns.finish(report, report.since, report.until + 1, seller.clock.moment())
    return reply(_told(report))


def get_document(call: Call) -> Answer:
    """GET documents/<id>."""
    return document_answer(call, "reportDocumentId")
