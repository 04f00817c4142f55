"""Participations and orders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from chansync.demo.amazon import checks
from chansync.demo.amazon.book import CANCELLED, PENDING, Order, Query
from chansync.demo.amazon.bookmarks import Bookmark
from chansync.demo.amazon.call import Answer, Call, reply
from chansync.demo.amazon.checks import Param
from chansync.demo.amazon.documents import order_document, when
from chansync.demo.amazon.errors import denied, invalid
from chansync.demo.amazon.goods import MERCHANT
from chansync.demo.amazon.seller import Seller

_STATUSES = (
    "PENDING_AVAILABILITY", "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED", "UNFULFILLABLE",
)  # fmt: skip
_DATASETS = (
    "BUYER", "RECIPIENT", "PROCEEDS", "EXPENSE", "PROMOTION", "CANCELLATION", "FULFILLMENT", "PACKAGES", "TAX",
    "PAYMENT", "FULFILLMENT_ORDERS",
)  # fmt: skip
_TOKEN_LIFE = 24 * 3600

INCLUDED = Param("includedData", "list", choices=_DATASETS)
SEARCH = (
    Param("createdAfter", "moment"),
    Param("createdBefore", "moment"),
    Param("lastUpdatedAfter", "moment"),
    Param("lastUpdatedBefore", "moment"),
    Param("fulfillmentStatuses", "list", choices=_STATUSES),
    Param("marketplaceIds", "list", most=50),
    Param("fulfilledBy", "list", choices=("MERCHANT", "AMAZON")),
    Param("maxResultsPerPage", "number", low=1, high=100),
    Param("paginationToken"),
    INCLUDED,
)
SHIPMENT = checks.record(
    {
        "marketplaceId": checks.text(),
        "packageDetail": checks.record(
            {
                "packageReferenceId": checks.text(r"[1-9]\d{0,17}"),
                "carrierCode": checks.text(),
                "trackingNumber": checks.text(),
                "shipDate": checks.moment,
                "orderItems": checks.several(
                    checks.record(
                        {"orderItemId": checks.text(), "quantity": checks.number(1)},
                        {"transparencyCodes": checks.several(checks.text())},
                    ),
                    least=1,
                ),
            },
            {
                "carrierName": checks.text(),
                "shippingMethod": checks.text(),
                "shipFromSupplySourceId": checks.text(),
            },
        ),
    },
    {"codCollectionMethod": checks.text(choices=("DirectPayment",))},
)


def participations(call: Call) -> Answer:
    """GET marketplaceParticipations."""
    seller = call.seller
    told = [
        {
            "marketplace": {
                "id": place.id,
                "name": place.name,
                "countryCode": place.country,
                "defaultCurrencyCode": place.currency,
                "defaultLanguageCode": place.language,
                "domainName": place.domain,
            },
            "participation": {"isParticipating": True, "hasSuspendedListings": place.code in seller.suspended},
            "storeName": seller.title,
        }
        for place in seller.marketplaces
    ]
    return reply({"payload": told})


def search_orders(call: Call) -> Answer:
    """GET orders."""
    seller, given = call.seller, call.query
    now = seller.clock.moment()
    request = tuple(sorted((name, value) for name, value in given.items() if name != "paginationToken"))
    query, beyond = _query(seller, given, now), None
    if "paginationToken" in given:
        bookmark = seller.bookmarks.find(given["paginationToken"], request, now)
        query, beyond = bookmark.query, bookmark.beyond
    found, following = seller.book.search(query, beyond, given.get("maxResultsPerPage", 100))
    if seller.newest_first:
        found.reverse()
    told: dict[str, Any] = {"orders": [_document(seller, order, given) for order in found]}
    if following is not None:
        bookmark = Bookmark(request, query, following, now + _TOKEN_LIFE)
        told["pagination"] = {"nextToken": seller.bookmarks.add(bookmark)}
    told["createdBefore" if query.by == "created" else "lastUpdatedBefore"] = when(query.before)
    return reply(told)


def _query(seller: Seller, given: Mapping[str, Any], now: float) -> Query:
    if ("createdAfter" in given) == ("lastUpdatedAfter" in given):
        raise invalid("Exactly one of createdAfter and lastUpdatedAfter is needed.")
    by, other = ("created", "lastUpdated") if "createdAfter" in given else ("lastUpdated", "created")
    if f"{other}Before" in given:
        raise invalid(f"{other}Before does not go with {by}After.")
    after, newest = given[f"{by}After"], now - seller.settling
    before = given.get(f"{by}Before", newest)
    if before > newest:
        raise invalid(f"{by}Before must be at least two minutes before now.")
    if f"{by}Before" in given and before < after:
        raise invalid(f"{by}Before must not be before {by}After.")
    known = {place.id for place in seller.marketplaces}
    for place_id in given.get("marketplaceIds", ()):
        if place_id not in known:
            raise denied(f"The seller does not take part in the marketplace {place_id!r:.60}.")
    return Query(
        "created" if by == "created" else "updated",
        after,
        before,
        frozenset(given.get("fulfillmentStatuses", ())),
        frozenset(given.get("marketplaceIds", ())),
        frozenset(given.get("fulfilledBy", ())),
    )


def _document(seller: Seller, order: Order, given: Mapping[str, Any]) -> dict[str, Any]:
    wanted = frozenset(given.get("includedData", ()))
    return order_document(order, wanted, "pii" in seller.roles, seller.discount_sign)


def get_order(call: Call) -> Answer:
    """GET orders/<id>."""
    _check_id(call.path[0])
    return reply({"order": _document(call.seller, call.seller.order(call.path[0]), call.query)})


def _check_id(order_id: str) -> None:
    if not re.fullmatch(r"\d{3}-\d{7}-\d{7}", order_id):
        raise invalid(f"{order_id!r:.60} is not the id of an order.")


def confirm_shipment(call: Call) -> Answer:
    """POST shipmentConfirmation. A package that is confirmed again is put right instead of added."""
    _check_id(call.path[0])
    seller, detail = call.seller, call.body["packageDetail"]
    order = seller.order(call.path[0])
    if call.body["marketplaceId"] != order.place.id:
        raise invalid(f"The order {order.id} was not placed in the marketplace {call.body['marketplaceId']!r:.60}.")
    if order.fulfilled_by != MERCHANT or order.status in (PENDING, CANCELLED):
        raise invalid(f"The order {order.id} is not one that the merchant may ship now.")
    if detail["carrierCode"] == "Other" and not detail.get("carrierName"):
        raise invalid("carrierName is required for the carrierCode Other.")
    items: dict[str, int] = {}
    for item in detail["orderItems"]:
        items[item["orderItemId"]] = items.get(item["orderItemId"], 0) + item["quantity"]
    seller.confirm_package(
        order,
        detail["packageReferenceId"],
        items,
        carrier=detail.get("carrierName") or detail["carrierCode"],
        method=detail.get("shippingMethod", ""),
        tracking=detail["trackingNumber"],
        shipped_at=checks.read_moment(detail["shipDate"], "shipDate"),
    )
    return Answer(b"", 204)
