"""Cancelling orders: Amazon takes that as a feed of acknowledgements that say *failure*, in XML."""

from __future__ import annotations

from xml.etree import ElementTree

from chansync.http.body import plain
from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.model.order import Order
from chansync.platforms.amazon.client import SpApi
from chansync.platforms.amazon.feeds import Feeds
from chansync.platforms.protocol import PushResult
from chansync.platforms.system import SystemState

FEED = "POST_ORDER_ACKNOWLEDGEMENT_DATA"
#: Amazon's word for each of ``steps.CANCEL_REASONS``.
REASONS = {
    "stock": "NoInventory",
    "buyer": "BuyerCanceled",
    "address": "ShippingAddressUndeliverable",
    "other": "GeneralAdjustment",
}


class Acknowledgements:
    """The cancellations of one marketplace."""

    def __init__(self, api: SpApi, state: SystemState | None, place: str, seller_id: str) -> None:
        self._api = api
        self._seller_id = seller_id
        self._feeds = Feeds(api, state, place, FEED, "text/xml; charset=UTF-8")

    async def cancel(self, orders: list[tuple[Order, str]]) -> dict[str, PushResult]:
        """Ask for orders to be cancelled, each with its reason (``steps.CANCEL_REASONS`` or empty), or learn what came
        of asking before; results by the orders' ids."""
        if not self._seller_id:
            raise SiteRefused(
                f"The system {self._api.system} has no seller_id, and cancellations are sent under it: chansync system "
                f"set {self._api.system} seller_id=…",
                code="no_seller_id",
            )
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
            await self._feeds.submit(_envelope(self._seller_id, fresh), messages)
        return results | {order.external_id: PushResult(order.external_id, waiting=True) for order, _ in fresh}


def _reason(order: Order, reason: str) -> str:
    """Amazon's word for a merchant's reason; where nobody said one, the buyer's wish is it if there is one."""
    return REASONS[reason or ("other" if order.cancel_wish is None else "buyer")]


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
        for line in order.lines:
            item = ElementTree.SubElement(told, "Item")
            ElementTree.SubElement(item, "AmazonOrderItemCode").text = line.external_id
            ElementTree.SubElement(item, "CancelReason").text = _reason(order, reason)
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
