"""Telling a store how an order's goods travel, by the best way that it has.

The fulfilments of WooCommerce 10.1 and later (a feature that the shop switches on), else the routes of the shipment
tracking plugins, else, where the channel says so, a note to the customer. Each is looked at before it is written: a
number that is there is not told again.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from chansync.concurrency import all_of
from chansync.model.errors import SiteError, SiteRefused
from chansync.platforms.json_values import identifier, objects, text
from chansync.platforms.protocol import PushResult, TrackingChange
from chansync.platforms.woocommerce.client import StoreClient
from chansync.platforms.woocommerce.failures import NO_ROUTE, Missing

# The namespaces of WooCommerce Shipment Tracking and of Advanced Shipment Tracking: the same routes, the same fields.
_PLUGINS = ("wc-shipment-tracking/v3", "wc-ast/v3")
# The carriers that WooCommerce knows by itself and makes links for.
_PROVIDERS = frozenset(
    "amazon-logistics australia-post canada-post dhl dpd evri-hermes fedex royal-mail ups usps".split()
)
_NO_WAY = (
    "the site has no place for it: switch the order fulfillments of WooCommerce on, use a shipment tracking plugin, or "
    "let a note to the customer say it (the channel's tracking_note)"
)


class Tracking:
    """Tells a store tracking numbers.

    Args:
        by_note: whether a note to the customer may say it where there is no other way.
    """

    def __init__(self, client: StoreClient, *, by_note: bool) -> None:
        self._client = client
        self._by_note = by_note
        self._lacking: set[str] = set()

    async def push(self, changes: list[TrackingChange]) -> list[PushResult]:
        return await all_of(map(self._told, changes))

    async def _told(self, change: TrackingChange) -> PushResult:
        try:
            return await self._tell(change)
        except SiteError as error:
            return PushResult(change.external_id, str(error).rstrip("."))

    async def _tell(self, change: TrackingChange) -> PushResult:
        try:
            order = await self._client.ask("GET", f"orders/{change.external_id}", {"_fields": "id,line_items"})
        except Missing:
            return PushResult(change.external_id, "the site does not have the order any more", final=True)
        told = (
            await self._by_fulfilment(change, objects(order.fields.get("line_items")))
            or await self._by_plugin(change)
            or (self._by_note and await self._by_customer_note(change))
        )
        return PushResult(change.external_id, "" if told else _NO_WAY)

    async def _by_fulfilment(self, change: TrackingChange, lines: list[dict[str, Any]]) -> bool:
        """As a fulfilment of the package, or of everything that no other one has; False where the store has none."""
        route = f"orders/{change.external_id}/fulfillments"
        rows = await self._listed(route)
        if rows is None:
            return False
        known = {tracking: row for row in rows if (tracking := text(_meta(row, "_tracking_number")))}
        if change.tracking in known:
            return True
        provider = "-".join(change.carrier.lower().split())
        metas = {
            "_tracking_number": change.tracking,
            "_shipment_provider": provider if provider in _PROVIDERS else "other",
        }
        if change.carrier and provider not in _PROVIDERS:
            metas["_provider_name"] = change.carrier
        replaced = known.get(change.replaces) if change.replaces else None
        if replaced is not None:
            route, items = f"{route}/{identifier(replaced.get('id'))}", _meta(replaced, "_items")
        elif change.lines:
            items = [{"item_id": identifier(own), "qty": pieces} for own, pieces in change.lines]
        else:
            items = _left(lines, rows)
        body = {
            "entity_type": "WC_Order",
            "entity_id": change.external_id,
            "status": "fulfilled",
            "is_fulfilled": True,
            "notify_customer": True,
            "meta_data": [{"id": 0, "key": key, "value": value} for key, value in ({"_items": items} | metas).items()],
        }
        await self._client.ask("PUT" if replaced else "POST", route, body=body, repeatable=False)
        return True

    async def _by_plugin(self, change: TrackingChange) -> bool:
        route = f"orders/{change.external_id}/shipment-trackings"
        for version in _PLUGINS:
            rows = await self._listed(route, version)
            if rows is None:
                continue
            if all(text(row.get("tracking_number")) != change.tracking for row in rows):
                # A carrier of the shop's own choice: the plugins take any name there.
                body = {"tracking_number": change.tracking, "custom_tracking_provider": change.carrier or "-"}
                await self._client.ask("POST", route, body=body, repeatable=False, version=version)
            return True
        return False

    async def _by_customer_note(self, change: TrackingChange) -> bool:
        route = f"orders/{change.external_id}/notes"
        notes = await self._listed(route, params={"type": "customer"})
        if any(change.tracking in text(note.get("note")) for note in notes or ()):
            return True
        by = f" by {change.carrier}" if change.carrier else ""
        what = "A part of your order" if change.lines else "Your order"
        body = {"note": f"{what} was sent{by}. Tracking number: {change.tracking}", "customer_note": True}
        await self._client.ask("POST", route, body=body, repeatable=False)
        return True

    async def _listed(
        self, route: str, version: str = "", params: dict[str, str] | None = None
    ) -> list[dict[str, Any]] | None:
        """What a list route has; None where the store has no such route."""
        kind = f"{version}/{route.rpartition('/')[2]}"
        if kind in self._lacking:
            return None
        try:
            rows = (await self._client.ask("GET", route, params, version=version, may_lack=True)).data
        except SiteRefused as error:
            if error.code != NO_ROUTE:
                raise
            self._lacking.add(kind)
            return None
        return objects(rows)


def _meta(row: dict[str, Any], key: str) -> Any:
    return next((meta.get("value") for meta in objects(row.get("meta_data")) if meta.get("key") == key), None)


def _left(lines: list[dict[str, Any]], fulfilments: list[dict[str, Any]]) -> list[dict[str, int]]:
    """The order's pieces that are in no fulfilment yet; all of them where that leaves none."""
    gone = Counter[int]()
    for row in fulfilments:
        for entry in objects(_meta(row, "_items")):
            gone[_whole(entry.get("item_id"))] += _whole(entry.get("qty"))
    ordered = {_whole(line.get("id")): _whole(line.get("quantity")) for line in lines}
    left = {own: quantity - gone[own] for own, quantity in ordered.items()}
    chosen = left if any(quantity > 0 for quantity in left.values()) else ordered
    return [{"item_id": own, "qty": quantity} for own, quantity in chosen.items() if quantity > 0]


def _whole(value: Any) -> int:
    """A number of the store; 0 where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0
