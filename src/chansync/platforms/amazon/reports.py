"""Reports: documents that Amazon makes by itself or on request; each is fetched from where Amazon says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import Any

from chansync.model.errors import DataError, SiteError, SiteUnavailable
from chansync.model.settlement import Settlement
from chansync.model.times import from_ms
from chansync.platforms.amazon.client import UNREADABLE, SpApi, part
from chansync.platforms.amazon.rates import Operation
from chansync.platforms.amazon.settlements import read_settlement
from chansync.platforms.protocol import UnreadableSettlement
from chansync.platforms.texts import text

GET_REPORTS = Operation("getReports", 0.0222, 10)
GET_DOCUMENT = Operation("getReportDocument", 0.0167, 15)

SETTLEMENT = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"

ROOT = "/reports/2021-06-30"

#: How far back Amazon lists reports, in days.
_LISTED = 90
#: Pages of a list; more than a seller's reports of 90 days can fill.
_PAGES = 50


class Reports:
    """The reports of a seller."""

    def __init__(self, api: SpApi) -> None:
        self._api = api

    async def settlements(self, known: Collection[str]) -> AsyncGenerator[Settlement | UnreadableSettlement, None]:
        """The settlements of the last 90 days, oldest first, but for the reports that are ``known``.

        Raises:
            SiteError: Amazon failed.
        """
        for report in await self._finished(SETTLEMENT):
            report_id, document_id = text(report.get("reportId")), text(report.get("reportDocumentId"))
            if not report_id or not document_id or report_id in known:
                continue
            where = await self._api.get(GET_DOCUMENT, f"{ROOT}/documents/{part(document_id)}")
            try:
                document = await self._api.document(where)
                # Those of large sellers take a second.
                yield await asyncio.to_thread(read_settlement, report_id, document.data, document.charset)
            except SiteError as error:
                if error.code not in UNREADABLE:
                    raise
                yield UnreadableSettlement(report_id, str(error).rstrip("."))
            except DataError as error:
                yield UnreadableSettlement(report_id, str(error))

    async def _finished(self, kind: str) -> list[dict[str, Any]]:
        """The reports of a kind that can be fetched, oldest first."""
        since = from_ms(await self._api.login.clock() - _LISTED * 86_400_000 + 3_600_000)
        params = {
            "reportTypes": kind, "processingStatuses": "DONE", "pageSize": "100",
            "createdSince": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        found: list[dict[str, Any]] = []
        for _ in range(_PAGES):
            answer = await self._api.get(GET_REPORTS, f"{ROOT}/reports", params)
            told = answer.data if isinstance(answer.data, dict) else {}
            reports = told.get("reports")
            if not isinstance(reports, list):
                raise SiteUnavailable("Amazon sent something else than a list of reports: try again.", code="no_list")
            found += [report for report in reports if isinstance(report, dict)]
            token = text(told.get("nextToken"))
            if not token:
                break
            # With the token of a page nothing else may be asked.
            params = {"nextToken": token}
        return sorted(found, key=lambda report: text(report.get("createdTime")))
