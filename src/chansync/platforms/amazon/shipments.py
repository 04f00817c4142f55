"""Telling Amazon what became of an order: shipped, with carrier and tracking number, or cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count, islice
from typing import Any
from xml.etree import ElementTree

from chansync.http.body import plain
from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.model.order import Order, UnreadableOrder
from chansync.model.times import utc_text
from chansync.platforms.amazon.client import CONFIRM_SHIPMENT, SpApi, part
from chansync.platforms.amazon.feeds import Feeds
from chansync.platforms.amazon.parse import CANCELLED, PARTIALLY_SHIPPED, SHIPPED
from chansync.platforms.json_values import fields, objects, text
from chansync.platforms.protocol import PushResult, StatusChange, TrackingChange

#: Cancellations go as a feed of acknowledgements that say *failure*, in XML.
_FEED, _XML = "POST_ORDER_ACKNOWLEDGEMENT_DATA", "text/xml; charset=UTF-8"
#: Amazon's word for each of ``steps.CANCEL_REASONS``.
_REASONS = {
    "stock": "NoInventory",
    "buyer": "BuyerCanceled",
    "address": "ShippingAddressUndeliverable",
    "other": "GeneralAdjustment",
}


class Shipments:
    """The shipments of one marketplace.

    Args:
        carrier: told where a sale names none.
        order: asks Amazon for an order.
    """

    def __init__(
        self, api: SpApi, place: str, carrier: str, order: Callable[[str], Awaitable[Order | UnreadableOrder | None]]
    ) -> None:
        self._api = api
        self._feeds = Feeds(api, place, _FEED, _XML)
        self._place = place
        self._carrier = carrier
        self._order = order
        self._seen: dict[str, Order] = {}

    async def statuses(self, external_ids: list[str]) -> dict[str, str]:
        """The orders' statuses by id. One that cannot be read has none that could be set."""
        found = {}
        for external_id in external_ids:
            order = await self._order(external_id)
            if isinstance(order, Order):
                self._seen[external_id] = order
                found[external_id] = order.status
            elif order is not None:
                found[external_id] = "unreadable"
        return found

    async def push(self, changes: list[StatusChange]) -> list[PushResult]:
        """Confirm shipments, one after the other, and ask for cancellations, all in one feed."""
        results: dict[str, PushResult] = {}
        cancelled: list[tuple[Order, str]] = []
        for change in changes:
            own = change.external_id
            if own not in self._seen:
                await self.statuses([own])
            order = self._seen.get(own)
            if order is None:
                results[own] = PushResult(own, "Amazon's data of the order cannot be read")
            elif order.sent_by_site:
                results[own] = PushResult(own, "Amazon ships it itself", final=True)
            elif change.status == CANCELLED and order.status in (SHIPPED, PARTIALLY_SHIPPED):
                sentence = "Amazon cancels no order that was shipped; refund it in Seller Central"
                results[own] = PushResult(own, sentence, final=True)
            elif change.status == CANCELLED:
                cancelled.append((order, change.reason))
            elif change.status == SHIPPED:
                number = _own_number(1, frozenset(), order.raw)
                results[own] = await self._confirm(change, order, _unshipped(order.raw), number, 0)
            else:
                sentence = f"Amazon lets a seller set no order to {change.status}"
                results[own] = PushResult(own, sentence, final=True)
        if cancelled:
            results |= await self._cancel(cancelled)
        return [results[change.external_id] for change in changes]

    async def _cancel(self, orders: list[tuple[Order, str]]) -> dict[str, PushResult]:
        """Ask for orders to be cancelled, each with its reason (``steps.CANCEL_REASONS`` or empty), or learn what came
        of asking before; results by the orders' ids."""
        seller_id = self._api.seller_id("cancellations")
        results: dict[str, PushResult] = {}
        for result in await self._feeds.results(_errors):
            if result.is_lost and result.done:
                # What is cancelled by now is not asked for any more; the rest is asked for again.
                continue
            for number, own in result.messages.items():
                error = result.errors.get(number, "")
                results[own] = PushResult(own, error, waiting=not error)
        fresh = [(order, reason) for order, reason in orders if order.external_id not in results]
        if fresh:
            messages = {number: order.external_id for number, (order, _) in enumerate(fresh, 1)}
            await self._feeds.submit(_envelope(seller_id, fresh), messages)
        return results | {order.external_id: PushResult(order.external_id, waiting=True) for order, _ in fresh}

    async def push_packages(self, changes: list[TrackingChange]) -> list[PushResult]:
        """Confirm each package, one after the other; see ``Connector.push_tracking``."""
        results = []
        ours: dict[str, frozenset[str]] = {}
        for change in changes:
            own = change.external_id
            ours[own] = ours.get(own, change.told) | {change.tracking}
            # What was sent for another package of it shows only in what Amazon says now.
            order = await self._order(own)
            if order is None:
                results.append(PushResult(own, "Amazon does not have the order any more", final=True))
            elif not isinstance(order, Order):
                results.append(PushResult(own, "Amazon's data of the order cannot be read"))
            elif order.sent_by_site:
                results.append(PushResult(own, "Amazon ships it itself", final=True))
            else:
                number = _own_number(change.package, ours[own], order.raw)
                shown = _packages(order.raw).get(number)
                if (shown is None and order.status == SHIPPED) or shown == change.tracking:
                    # Told already; where it is shipped, by somebody else's packages.
                    results.append(PushResult(own))
                    continue
                items = [{"orderItemId": line, "quantity": pieces} for line, pieces in change.lines]
                results.append(await self._confirm(change, order, items, number, change.package))
        return results

    async def _confirm(
        self,
        change: StatusChange | TrackingChange,
        order: Order,
        items: list[dict[str, Any]],
        number: str,
        package: int,
    ) -> PushResult:
        """Confirm items of an order as a package.

        Args:
            number: the package's at Amazon.
            package: the package's of the sale; 0 where the goods leave as a whole.
        """
        own, carrier = change.external_id, change.carrier or self._carrier
        given = {"carrier": carrier, "tracking number": change.tracking}
        if missing := " and ".join(name for name in given if not given[name]):
            whose, option = (f" of package {package}", f"--package {package} ") if package else ("", "")
            return PushResult(
                own,
                f"Amazon wants the {missing}{whose}: chansync erp ship {change.sale} {option}--carrier NAME "
                "--tracking NUMBER (the channel's carrier stands in for one that is not named)",
            )
        if not items:
            return PushResult(own, f"nothing of it is left to be shipped while Amazon has it as {order.status}")
        known = _CARRIERS.get(carrier.casefold())
        told = {
            "packageReferenceId": number, "carrierCode": known or "Other", "trackingNumber": change.tracking,
            "shipDate": utc_text(change.shipped_at or 0), "orderItems": items,
        }  # fmt: skip
        if known is None:
            told["carrierName"] = carrier
        try:
            answer = await self._api.ask(
                CONFIRM_SHIPMENT, f"/orders/v0/orders/{part(own)}/shipmentConfirmation",
                body={"marketplaceId": self._place, "packageDetail": told}, as_bytes=True,
            )  # fmt: skip
        except SiteRefused as error:
            if error.code not in ("bad_request", "not_found", "refused"):
                raise
            return PushResult(own, str(error).rstrip("."))
        if answer.status != 204:
            # Only that says that Amazon has it; something between answers 200 with nothing in it.
            raise SiteUnavailable(
                f"Amazon's answer to a shipment was {answer.status} instead of 204: it is asked for the order and told "
                "again.",
                code="not_confirmed",
            )
        return PushResult(own)


def _packages(raw: dict[str, Any]) -> dict[str, str]:
    """The tracking numbers of the packages that the order has, by the packages' numbers."""
    return {
        text(package.get("packageReferenceId")): text(package.get("trackingNumber"))
        for package in objects(raw.get("packages"))
    }


def _own_number(package: int, ours: frozenset[str], raw: dict[str, Any]) -> str:
    """The number at Amazon of one of a sale's packages: the same at each try, also while Amazon does not show it yet.

    Packages of the sale are counted past those that somebody else has confirmed: their numbers would change them.

    Args:
        ours: the tracking numbers that we have told.
    """
    foreign = {number for number, tracking in _packages(raw).items() if tracking not in ours}
    free = (number for number in map(str, count(1)) if number not in foreign)
    return next(islice(free, package - 1, None))


def _unshipped(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """What is still to be shipped, by item."""
    items = []
    for item in objects(raw.get("orderItems")):
        left = fields(item.get("fulfillment")).get("quantityUnfulfilled", item.get("quantityOrdered"))
        if isinstance(left, int) and left > 0:
            items.append({"orderItemId": text(item.get("orderItemId")), "quantity": left})
    return items


def _envelope(seller_id: str, orders: list[tuple[Order, str]]) -> bytes:
    root = ElementTree.Element("AmazonEnvelope")
    root.set("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
    root.set("xsi:noNamespaceSchemaLocation", "amzn-envelope.xsd")
    header = ElementTree.SubElement(root, "Header")
    ElementTree.SubElement(header, "DocumentVersion").text = "1.01"
    ElementTree.SubElement(header, "MerchantIdentifier").text = seller_id
    ElementTree.SubElement(root, "MessageType").text = "OrderAcknowledgement"
    for number, (order, reason) in enumerate(orders, 1):
        message = ElementTree.SubElement(root, "Message")
        ElementTree.SubElement(message, "MessageID").text = str(number)
        told = ElementTree.SubElement(message, "OrderAcknowledgement")
        ElementTree.SubElement(told, "AmazonOrderID").text = order.external_id
        ElementTree.SubElement(told, "StatusCode").text = "Failure"
        # Where nobody said a reason, the buyer's wish is it if there is one.
        asked = "other" if order.cancel_wish is None else "buyer"
        for line in order.lines:
            item = ElementTree.SubElement(told, "Item")
            ElementTree.SubElement(item, "AmazonOrderItemCode").text = line.external_id
            ElementTree.SubElement(item, "CancelReason").text = _REASONS[reason or asked]
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _errors(data: bytes) -> dict[int, str]:
    """What the processing report says went wrong, by message."""
    try:
        root = ElementTree.fromstring(data)
    except ElementTree.ParseError:
        raise SiteUnavailable("Amazon sent a processing report that is no XML: try again.", code="damaged") from None
    found = {}
    for result in root.iter("Result"):
        number = result.findtext("MessageID", "")
        if result.findtext("ResultCode") == "Error" and number.isascii() and number.isdigit():
            told = plain(result.findtext("ResultDescription", "")).rstrip(".")
            found[int(number)] = f"Amazon does not cancel it: {told}"
    return found


#: Carriers by the code that Amazon knows them by; any other goes as "Other" with its name.
_CARRIERS = {
    code.casefold(): code
    for code in (
        "DHL", "DPD", "GLS", "UPS", "FedEx", "USPS", "Hermes", "Evri", "TNT", "Royal Mail", "Parcelforce", "Yodel",
        "La Poste", "Colissimo", "Chronopost", "Mondial Relay", "Correos", "SEUR", "MRW", "Nacex", "BRT", "SDA",
        "Poste Italiane", "PostNL", "Bpost", "PostNord", "Bring", "InPost", "Poczta Polska", "Deutsche Post",
        "Austrian Post", "Swiss Post", "Speedy", "Econt", "DB Schenker", "Aramex", "Canada Post", "Purolator",
        "Japan Post", "Yamato Transport", "Sagawa", "Australia Post",
    )
}  # fmt: skip
