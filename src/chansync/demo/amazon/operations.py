"""Every operation of the API that the fake answers, with its usual plan and the role that it needs."""

from __future__ import annotations

import re
from urllib.parse import unquote

from chansync.demo.amazon import feed_routes, listing_routes, order_routes, patches, report_routes
from chansync.demo.amazon.call import Operation
from chansync.demo.amazon.errors import ApiError, missing

_ORDERS = "/orders/2026-01-01/orders"
_ITEMS = "/listings/2021-08-01/items/([^/]+)"
_FEEDS = "/feeds/2021-06-30"
_REPORTS = "/reports/2021-06-30"

OPERATIONS = (
    Operation(
        "getMarketplaceParticipations", "GET", "/sellers/v1/marketplaceParticipations", 0.016, 15, "",
        order_routes.participations,
    ),
    Operation(
        "searchOrders", "GET", _ORDERS, 0.0056, 20, "orders", order_routes.search_orders, order_routes.SEARCH,
    ),
    Operation(
        "getOrder", "GET", f"{_ORDERS}/([^/]+)", 0.5, 30, "orders", order_routes.get_order, (order_routes.INCLUDED,),
    ),
    Operation(
        "confirmShipment", "POST", "/orders/v0/orders/([^/]+)/shipmentConfirmation", 2, 10, "orders",
        order_routes.confirm_shipment, body=order_routes.SHIPMENT,
    ),
    Operation(
        "searchListingsItems", "GET", _ITEMS, 5, 5, "listings", listing_routes.search_items, listing_routes.SEARCH,
    ),
    Operation(
        "getListingsItem", "GET", f"{_ITEMS}/([^/]+)", 5, 10, "listings", listing_routes.get_item, listing_routes.GET,
    ),
    Operation(
        "patchListingsItem", "PATCH", f"{_ITEMS}/([^/]+)", 5, 5, "listings", listing_routes.patch_item,
        listing_routes.PATCH, patches.PATCHES,
    ),
    Operation(
        "createFeedDocument", "POST", f"{_FEEDS}/documents", 0.5, 15, "feeds", feed_routes.create_document,
        body=feed_routes.DOCUMENT_BODY,
    ),
    Operation(
        "getFeedDocument", "GET", f"{_FEEDS}/documents/([^/]+)", 0.0222, 10, "feeds", feed_routes.get_document,
        feed_routes.GET_DOCUMENT,
    ),
    Operation(
        "createFeed", "POST", f"{_FEEDS}/feeds", 0.0083, 15, "feeds", feed_routes.create_feed,
        body=feed_routes.FEED_BODY,
    ),
    Operation("getFeeds", "GET", f"{_FEEDS}/feeds", 0.0222, 10, "feeds", feed_routes.get_feeds, feed_routes.GET_FEEDS),
    Operation("getFeed", "GET", f"{_FEEDS}/feeds/([^/]+)", 2, 15, "feeds", feed_routes.get_feed),
    Operation(
        "getReports", "GET", f"{_REPORTS}/reports", 0.0222, 10, "reports", report_routes.get_reports,
        report_routes.GET_REPORTS,
    ),
    Operation(
        "createReport", "POST", f"{_REPORTS}/reports", 0.0167, 15, "reports", report_routes.create_report,
        body=report_routes.REPORT_BODY,
    ),
    Operation("getReport", "GET", f"{_REPORTS}/reports/([^/]+)", 2, 15, "reports", report_routes.get_report),
    Operation(
        "getReportDocument", "GET", f"{_REPORTS}/documents/([^/]+)", 0.0167, 15, "reports", report_routes.get_document,
        feed_routes.GET_DOCUMENT,
    ),
    Operation("cancelFeed", "DELETE", f"{_FEEDS}/feeds/([^/]+)", 2, 15, "feeds", feed_routes.cancel_feed),
)  # fmt: skip


def find(method: str, path: str) -> tuple[Operation, tuple[str, ...]]:
    """The operation of a path as it was sent, and the parts of the path; ApiError where there is none."""
    elsewhere = False
    for operation in OPERATIONS:
        match = re.fullmatch(operation.path, path)
        if match and operation.method == method:
            return operation, tuple(unquote(part) for part in match.groups())
        elsewhere = elsewhere or match is not None
    if elsewhere:
        raise ApiError(405, "MethodNotAllowed", "The method is not allowed here.", f"{method} {path}")
    raise missing(f"{method} {path}")
