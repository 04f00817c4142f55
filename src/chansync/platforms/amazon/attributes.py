"""What of an order its sale's amounts and addresses do not hold, and whoever packs it has to know: label → text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from chansync.model.times import from_ms
from chansync.platforms.json_values import fields, moment_or_none, objects, text

#: Constraint of an item's shipping → what it asks for.
_CONSTRAINTS = {
    "signatureConfirmation": "signature of the recipient",
    "recipientAgeVerification": "age check of the recipient",
    "recipientIdentityVerification": "identity check of the recipient",
    "palletDelivery": "delivery by pallet",
    "cashOnDelivery": "cash on delivery",
}
_ASSOCIATED = {"REPLACEMENT_ORIGINAL_ID": "Replaces order", "EXCHANGE_ORIGINAL_ID": "Exchange for order"}


def attributes(raw: dict[str, Any], items: list[dict[str, Any]], zone: tzinfo) -> dict[str, str]:
    """The order's attributes; what cannot be read of them is left out, for the sale stands without.

    Args:
        items: those that are still ordered.
        zone: the marketplace's, for days and hours.
    """
    found: dict[str, list[str]] = {}
    for label, told in (*_of_order(raw, zone), *_of_items(items, zone)):
        texts = found.setdefault(label, [])
        if told and told not in texts:
            texts.append(told)
    return {label: "; ".join(texts) for label, texts in found.items() if texts}


def ship_by(raw: dict[str, Any]) -> int | None:
    """The last moment to ship the order, UTC milliseconds; None where Amazon tells none."""
    return moment_or_none(object_in(object_in(raw, "fulfillment"), "shipByWindow").get("latestDateTime"))


def cancel_wish(items: list[dict[str, Any]]) -> str | None:
    """The buyer's reason for asking to cancel any of the items; None where nobody asks, or it was done."""
    told = [object_in(item, "cancellation") for item in items]
    wishes = [object_in(each, "cancellationRequest") for each in told if not each.get("cancellationExecution")]
    asked = [wish for wish in wishes if wish]
    return "; ".join(dict.fromkeys(filter(None, (text(wish.get("cancelReason")) for wish in asked)))) if asked else None


def original(raw: dict[str, Any]) -> str:
    """The order that this one replaces free of charge; empty where it replaces none."""
    for row in objects(raw.get("associatedOrders")):
        if text(row.get("associationType")) == "REPLACEMENT_ORIGINAL_ID":
            return text(row.get("orderId")) or "unknown"
    return ""


def shipment(raw: dict[str, Any]) -> tuple[str, str]:
    """Carrier and tracking number of the last package, as far as they are told."""
    for package in reversed(objects(raw.get("packages"))):
        if tracking := text(package.get("trackingNumber")):
            return text(package.get("carrier")), tracking
    return "", ""


def _of_order(raw: dict[str, Any], zone: tzinfo) -> Iterator[tuple[str, str]]:
    fulfillment, recipient = object_in(raw, "fulfillment"), object_in(raw, "recipient")
    yield "Ship", _window(fulfillment.get("shipByWindow"), zone)
    yield "Deliver", _window(fulfillment.get("deliverByWindow"), zone)
    yield "Labels", _window(fulfillment.get("labelPrintingWindow"), zone)
    yield "Programs", _words(raw.get("programs"))
    for row in objects(raw.get("associatedOrders")):
        yield _ASSOCIATED.get(text(row.get("associationType")), "Belongs to order"), text(row.get("orderId"))
    yield "Address", _plain(object_in(recipient, "deliveryAddress").get("addressType"))
    preference = object_in(recipient, "deliveryPreference")
    yield "Leave at", text(preference.get("dropOffLocation"))
    yield "Delivery instruction", text(preference.get("addressInstruction"))
    yield "Delivery place", _words(preference.get("deliveryCapabilities"))
    times = object_in(preference, "deliveryTime")
    for row in objects(times.get("businessHours")):
        yield "Open", f"{text(row.get('dayOfWeek'))} {_hours(row) or 'closed'}"
    for row in objects(times.get("exceptionDates")):
        kind = _plain(row.get("exceptionDateType"))
        yield "Open", " ".join(filter(None, (text(row.get("exceptionDate")), kind, _hours(row))))
    yield "Invoice", _plain(object_in(object_in(raw, "tax"), "taxInvoicing").get("buyerInvoicePreference"))


def _of_items(items: list[dict[str, Any]], zone: tzinfo) -> Iterator[tuple[str, str]]:
    for item in items:
        product, fulfillment = object_in(item, "product"), object_in(item, "fulfillment")
        named = text(product.get("sellerSku")) or text(product.get("asin")) or text(item.get("orderItemId"))
        packing, shipping = object_in(fulfillment, "packing"), object_in(fulfillment, "shipping")
        gift = object_in(packing, "giftOption")

        def of(told: str, named: str = named) -> str:
            return f"{named}: {told}" if told else ""

        yield "Customisation", of(text(object_in(product, "customization").get("customizedUrl")))
        yield "Gift wrap", of(text(gift.get("giftWrapLevel")))
        yield "Gift message", of(text(gift.get("giftMessage")))
        constraints = object_in(shipping, "shippingConstraints")
        asked = (_CONSTRAINTS.get(name, _plain(name)) for name, how in constraints.items() if text(how))
        yield "Shipping demands", of(", ".join(asked))
        yield "Serial numbers", of(_plain(object_in(packing, "serialNumberRequirement").get("requirementType")))
        yield "Scheduled", of(_window(shipping.get("scheduledDeliveryWindow"), zone))
        yield "IOSS number", text(object_in(shipping, "internationalShipping").get("iossNumber"))
        substitute = object_in(object_in(fulfillment, "picking"), "substitutionPreference")
        yield "Substitution", of(_plain(substitute.get("substitutionType")))
        yield "Item programs", of(_words(item.get("programs")))
        if (wish := cancel_wish([item])) is not None:
            yield "The buyer asks to cancel", of(wish or "no reason given")


def object_in(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """What says who and how; an empty one where it is no object: a sale is completed later."""
    return fields(raw.get(name))


def _window(told: Any, zone: tzinfo) -> str:
    first, last = (moment_or_none(fields(told).get(name)) for name in ("earliestDateTime", "latestDateTime"))
    words = (("from", first), ("by", last))
    return " ".join(f"{word} {from_ms(at).astimezone(zone):%Y-%m-%d %H:%M}" for word, at in words if at is not None)


def _plain(code: Any) -> str:
    return text(code).replace("_", " ").lower()


def _words(told: Any) -> str:
    return ", ".join(filter(None, map(text, told))) if isinstance(told, list) else ""


def _hours(row: dict[str, Any]) -> str:
    windows = objects(row.get("timeWindows"))
    return ", ".join(f"{_clock(window.get('startTime'))}-{_clock(window.get('endTime'))}" for window in windows)


def _clock(told: Any) -> str:
    hour, minute = (fields(told).get(name) for name in ("hour", "minute"))
    return f"{hour:02}:{minute:02}" if isinstance(hour, int) and isinstance(minute, int) else "?"
