"""Listings: what the seller offers, and patches of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chansync.demo.amazon import patches
from chansync.demo.amazon.call import Answer, Call, reply
from chansync.demo.amazon.checks import Param
from chansync.demo.amazon.documents import when
from chansync.demo.amazon.errors import denied, invalid, missing
from chansync.demo.amazon.goods import AMAZON, PRODUCT_TYPES, Listing, money
from chansync.demo.amazon.marketplaces import Marketplace

_DATASETS = (
    "summaries", "attributes", "issues", "offers", "fulfillmentAvailability", "procurement", "relationships",
    "productTypes",
)  # fmt: skip
_IDENTIFIERS = ("ASIN", "EAN", "FNSKU", "GTIN", "ISBN", "JAN", "MINSAN", "SKU", "UPC")
_STATUSES = ("BUYABLE", "DISCOVERABLE")

_PLACES = Param("marketplaceIds", "list", required=True)
_LOCALE = Param("issueLocale")
_INCLUDED = Param("includedData", "list", choices=_DATASETS)
GET = (_PLACES, _LOCALE, _INCLUDED)
PATCH = (
    _PLACES,
    _LOCALE,
    Param("includedData", "list", choices=("identifiers", "issues")),
    Param("mode", choices=("VALIDATION_PREVIEW",)),
)
SEARCH = (
    _PLACES,
    _LOCALE,
    _INCLUDED,
    Param("identifiers", "list", most=20),
    Param("identifiersType", choices=_IDENTIFIERS),
    Param("createdAfter", "moment"),
    Param("createdBefore", "moment"),
    Param("lastUpdatedAfter", "moment"),
    Param("lastUpdatedBefore", "moment"),
    Param("withStatus", "list", choices=_STATUSES),
    Param("withoutStatus", "list", choices=_STATUSES),
    Param("sortBy", choices=("sku", "createdDate", "lastUpdatedDate")),
    Param("sortOrder", choices=("ASC", "DESC")),
    Param("pageSize", "number", low=1, high=20),
    Param("pageToken"),
)


def _places(call: Call) -> list[Marketplace]:
    if call.path[0] != call.seller.id:
        raise denied("The application may not act for this seller.")
    wanted = call.query["marketplaceIds"]
    known = {place.id: place for place in call.seller.marketplaces}
    for place_id in wanted:
        if place_id not in known:
            raise invalid(f"The seller does not take part in the marketplace {place_id!r:.60}.")
    return [known[place_id] for place_id in wanted]


def _statuses(listing: Listing) -> list[str]:
    offered = listing.fulfilled_by == AMAZON or bool(listing.quantity)
    return ["BUYABLE", "DISCOVERABLE"] if offered else ["DISCOVERABLE"]


def _document(listing: Listing, places: list[Marketplace], query: Mapping[str, Any]) -> dict[str, Any]:
    wanted = query.get("includedData", ("summaries",))
    availability: dict[str, Any] = {"fulfillmentChannelCode": listing.channel(places[0])}
    if listing.fulfilled_by != AMAZON and listing.quantity is not None:
        availability["quantity"] = listing.quantity
    told: dict[str, Any] = {
        "summaries": [_summary(listing, place) for place in places],
        "attributes": _attributes(listing, places),
        "issues": [],
        "offers": [
            {"marketplaceId": place.id, "offerType": "B2C", "price": money(listing.price(place), place.currency)}
            for place in places
        ],
        "fulfillmentAvailability": [availability],
        "procurement": [],
        "relationships": [{"marketplaceId": place.id, "relationships": []} for place in places],
        "productTypes": [{"marketplaceId": place.id, "productType": PRODUCT_TYPES[0]} for place in places],
    }
    return {"sku": listing.sku, **{name: value for name, value in told.items() if name in wanted}}


def _attributes(listing: Listing, places: list[Marketplace]) -> dict[str, Any]:
    told: dict[str, Any] = {"item_name": [{"value": listing.title, "marketplace_id": place.id} for place in places]}
    if listing.fulfilled_by != AMAZON and listing.quantity is not None:
        offered = {"fulfillment_channel_code": "DEFAULT", "quantity": listing.quantity, **listing.restock}
        told["fulfillment_availability"] = [offered]
    return told


def _summary(listing: Listing, place: Marketplace) -> dict[str, Any]:
    return {
        "marketplaceId": place.id,
        "asin": listing.asin,
        "productType": PRODUCT_TYPES[0],
        "conditionType": "new_new",
        "status": _statuses(listing),
        "itemName": listing.title,
        "createdDate": when(listing.created),
        "lastUpdatedDate": when(listing.updated),
    }


def get_item(call: Call) -> Answer:
    """GET items/<seller>/<sku>."""
    places = _places(call)
    listing = call.seller.goods.listings.get(call.path[1])
    if listing is None:
        raise missing(f"The seller has no listing with the SKU {call.path[1]!r:.60}.")
    return reply(_document(listing, places, call.query))


def patch_item(call: Call) -> Answer:
    """PATCH items/<seller>/<sku>. Accepted is not applied yet, and not even valid in the end."""
    places = _places(call)
    preview = "mode" in call.query
    issues = patches.apply(call.seller, call.path[1], call.body, preview=preview)
    told: dict[str, Any] = {
        "sku": call.path[1],
        "status": "INVALID" if issues else "VALID" if preview else "ACCEPTED",
        "submissionId": f"{next(call.seller.submissions):032x}",
        "issues": issues,
    }
    listing = call.seller.goods.listings.get(call.path[1])
    if listing is not None and "identifiers" in call.query.get("includedData", ()):
        told["identifiers"] = [{"marketplaceId": place.id, "asin": listing.asin} for place in places]
    return reply(told)


def search_items(call: Call) -> Answer:
    """GET items/<seller>."""
    places, query = _places(call), call.query
    if ("identifiers" in query) != ("identifiersType" in query):
        raise invalid("identifiers and identifiersType go together.")
    found = [listing for listing in call.seller.goods.listings.values() if _fits(listing, query)]
    keys = {"sku": lambda row: row.sku, "createdDate": lambda row: (row.created, row.sku)}
    found.sort(key=keys.get(query.get("sortBy", ""), lambda row: (row.updated, row.sku)))
    if query.get("sortOrder", "DESC") == "DESC":
        found.reverse()
    size, first = query.get("pageSize", 10), _first(query.get("pageToken", "page-0"))
    told: dict[str, Any] = {
        "numberOfResults": len(found),
        "items": [_document(listing, places, query) for listing in found[first : first + size]],
    }
    tokens = {}
    if first + size < len(found):
        tokens["nextToken"] = f"page-{first + size}"
    if first:
        tokens["previousToken"] = f"page-{max(0, first - size)}"
    return reply({**told, "pagination": tokens} if tokens else told)


def _first(token: str) -> int:
    name, _, number = token.partition("-")
    if name != "page" or not number.isdecimal():
        raise invalid("pageToken is not known.")
    return int(number)


def _fits(listing: Listing, query: Mapping[str, Any]) -> bool:
    by = {"SKU": listing.sku, "ASIN": listing.asin, "EAN": listing.gtin, "GTIN": listing.gtin}
    if "identifiers" in query and by.get(query["identifiersType"]) not in query["identifiers"]:
        return False
    for name, moment in (("created", listing.created), ("lastUpdated", listing.updated)):
        if not query.get(f"{name}After", moment) <= moment <= query.get(f"{name}Before", moment):
            return False
    statuses = set(_statuses(listing))
    return set(query.get("withStatus", ())) <= statuses and not set(query.get("withoutStatus", ())) & statuses
