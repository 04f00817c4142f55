"""Stock of the seller's listings: read, patched one by one, or by a feed where there are many, and read back.

Only what the seller ships itself (fulfilment channel ``DEFAULT``) is ever touched; of what Amazon keeps, Amazon counts
the stock. That Amazon has accepted a change says only that it will look at it: it counts when the listing shows it.
"""

from __future__ import annotations

import json
from typing import Any

from chansync.http.body import plain
from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.platforms.amazon.client import SpApi, part, rows_of
from chansync.platforms.amazon.feeds import Feeds
from chansync.platforms.amazon.rates import Operation
from chansync.platforms.json_values import fields, objects, text
from chansync.platforms.protocol import PushResult, QuantityChange, SiteItem

SEARCH_LISTINGS = Operation("searchListingsItems", 5.0, 5)
GET_LISTING = Operation("getListingsItem", 5.0, 10)
PATCH_LISTING = Operation("patchListingsItem", 5.0, 5, "PATCH")

FEED = "JSON_LISTINGS_FEED"
#: From so many changes on a feed does it; patches would take a minute.
MANY = 300
#: Identifiers in one search.
PAGE = 20
LONGEST_SKU = 40
_ROOT = "/listings/2021-08-01/items"
_DATA = "summaries,fulfillmentAvailability"
_DEFAULT = "DEFAULT"
#: The product type that goes for a listing whose own is not known.
_ANY_TYPE = "PRODUCT"


class Listings:
    """The listings of a seller in one marketplace."""

    def __init__(self, api: SpApi, place: str) -> None:
        self._api = api
        self._place = place
        self._types: dict[str, str] = {}
        self._feeds = Feeds(api, place, FEED, "application/json; charset=UTF-8")

    def _path(self) -> str:
        return f"{_ROOT}/{part(self._api.seller_id('quantities'))}"

    async def by_sku(self, skus: list[str]) -> list[SiteItem]:
        """The listings of these SKUs that the seller ships itself, 20 in a request."""
        self._path()
        plain = [sku for sku in skus if 0 < len(sku) <= LONGEST_SKU]
        # Identifiers are separated by commas.
        alone = [sku for sku in plain if "," in sku]
        together = [sku for sku in plain if "," not in sku]
        found: list[SiteItem] = []
        for first in range(0, len(together), PAGE):
            found += await self._page(together[first : first + PAGE])
        params = {"marketplaceIds": self._place, "includedData": _DATA}
        for sku in alone:
            answer = await self._api.ask(GET_LISTING, f"{self._path()}/{part(sku)}", params, allow=(404,))
            found += self._read([answer.data], [sku]) if answer.status < 300 else []
        return found

    async def _page(self, skus: list[str]) -> list[SiteItem]:
        params = {
            "marketplaceIds": self._place, "identifiers": ",".join(skus), "identifiersType": "SKU",
            "includedData": _DATA, "pageSize": str(PAGE),
        }  # fmt: skip
        answer = await self._api.ask(SEARCH_LISTINGS, self._path(), params)
        return self._read(rows_of(answer, "items", "a list of listings"), skus)

    def _read(self, rows: list[Any], wanted: list[str]) -> list[SiteItem]:
        found = []
        for row in rows:
            sku = text(fields(row).get("sku"))
            if sku in wanted and (item := _item(sku, row)):
                found.append(item)
                summaries = objects(row.get("summaries"))
                self._types[sku] = (text(summaries[0].get("productType")) if summaries else "") or _ANY_TYPE
        return found

    async def push(self, changes: list[QuantityChange]) -> list[PushResult]:
        """Set quantities. What Amazon has accepted and does not show yet waits; see ``PushResult.waiting``."""
        waiting, failed = await self._earlier()
        open_ = [change for change in changes if change.site_id not in waiting]
        there = {item.sku: item for item in await self.by_sku([change.site_id for change in open_])}
        results: dict[str, PushResult] = {sku: PushResult(sku, waiting=True) for sku in waiting}
        todo: dict[str, int] = {}
        for change in open_:
            sku = change.site_id
            wanted = change.quantity if change.quantity is not None or change.in_stock else 0
            item = there.get(sku)
            if wanted is None:
                results[sku] = PushResult(sku, "Amazon counts pieces: switch push_exact_quantities on")
            elif item is None:
                results[sku] = PushResult(sku, "the seller has no listing of it that it ships itself")
            elif item.quantity == wanted:
                results[sku] = PushResult(sku)
            elif failed.get(sku, (None, ""))[0] == wanted:
                results[sku] = PushResult(sku, failed[sku][1])
            else:
                todo[sku] = wanted
        results |= await (self._feed(todo) if len(todo) >= MANY else self._patch(todo))
        return [results[change.site_id] for change in changes]

    async def _earlier(self) -> tuple[set[str], dict[str, tuple[int, str]]]:
        """SKUs that a feed is still about, and what finished feeds could not set: SKU → pieces and why."""
        waiting: set[str] = set()
        failed: dict[str, tuple[int, str]] = {}
        for result in await self._feeds.results(_issues):
            for number, (sku, quantity) in result.messages.items():
                if not result.done:
                    waiting.add(sku)
                elif number in result.errors:
                    failed[sku] = (quantity, result.errors[number])
        return waiting, failed

    async def _patch(self, todo: dict[str, int]) -> dict[str, PushResult]:
        results = {}
        for sku, quantity in todo.items():
            try:
                answer = await self._api.ask(
                    PATCH_LISTING, f"{self._path()}/{part(sku)}", {"marketplaceIds": self._place},
                    body=self._wish(sku, quantity),
                )  # fmt: skip
            except SiteRefused as error:
                if error.code not in ("bad_request", "not_found"):
                    raise
                results[sku] = PushResult(sku, str(error).rstrip("."))
                continue
            if text(answer.fields.get("status")) == "INVALID":
                results[sku] = PushResult(sku, _first_error(answer.fields.get("issues")))
        accepted = [sku for sku in todo if sku not in results]
        there = {item.sku: item.quantity for item in await self.by_sku(accepted)} if accepted else {}
        return results | {sku: PushResult(sku, waiting=there.get(sku) != todo[sku]) for sku in accepted}

    async def _feed(self, todo: dict[str, int]) -> dict[str, PushResult]:
        messages = {number: [sku, quantity] for number, (sku, quantity) in enumerate(todo.items(), 1)}
        document = {
            "header": {"sellerId": self._api.seller_id("quantities"), "version": "2.0", "issueLocale": "en_US"},
            "messages": [
                {"messageId": number, "sku": sku, "operationType": "PATCH", **self._wish(sku, quantity)}
                for number, (sku, quantity) in enumerate(todo.items(), 1)
            ],
        }
        await self._feeds.submit(json.dumps(document).encode(), messages)
        return {sku: PushResult(sku, waiting=True) for sku in todo}

    def _wish(self, sku: str, quantity: int) -> dict[str, Any]:
        # Merging leaves a handling time and a restock date as they are.
        value = {"fulfillment_channel_code": _DEFAULT, "quantity": quantity}
        patch = {"op": "merge", "path": "/attributes/fulfillment_availability", "value": [value]}
        return {"productType": self._types.get(sku, _ANY_TYPE), "patches": [patch]}


def _item(sku: str, row: dict[str, Any]) -> SiteItem | None:
    """The listing as the seller ships it itself; None where Amazon ships it."""
    offered = objects(row.get("fulfillmentAvailability"))
    own = [each for each in offered if text(each.get("fulfillmentChannelCode")) == _DEFAULT]
    if offered and not own:
        return None
    counted = own[0].get("quantity") if own else None
    quantity = counted if isinstance(counted, int) and not isinstance(counted, bool) else None
    return SiteItem(sku, sku, "", quantity, bool(quantity), "", True)


def _first_error(issues: Any) -> str:
    for issue in objects(issues):
        if text(issue.get("severity")) == "ERROR":
            return f"Amazon refuses it: {plain(text(issue.get('message'))).rstrip('.')}"
    return "Amazon refuses it without a reason"


def _issues(data: bytes) -> dict[int, str]:
    """What the result document of a listings feed says went wrong, by message."""
    try:
        told = json.loads(data)
    except ValueError:
        raise SiteUnavailable("Amazon sent a result document that is no JSON: try again.", code="damaged") from None
    by_message: dict[int, list[Any]] = {}
    for issue in objects(fields(told).get("issues")):
        if isinstance(issue.get("messageId"), int):
            by_message.setdefault(issue["messageId"], []).append(issue)
    return {
        number: _first_error(found)
        for number, found in by_message.items()
        if any(text(issue.get("severity")) == "ERROR" for issue in found)
    }
