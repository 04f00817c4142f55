"""The routes that tell customers how their goods travel: order notes, order fulfilments, a shipment tracking plugin."""

from __future__ import annotations

from typing import Any

from chansync.demo.woocommerce.call import Answer, Call, reply
from chansync.demo.woocommerce.errors import RestError

_NO_ROUTE = "No route was found matching the URL and request method."


def _kept(call: Call, kind: str) -> list[dict[str, Any]]:
    """What the order has of that kind; RestError where the shop lacks the feature or the order."""
    if kind != "notes" and kind not in call.shop.tracking_features:
        raise RestError(404, "rest_no_route", _NO_ROUTE)
    order_id = call.numbers[0]
    if order_id not in call.shop.book.orders:
        raise RestError(404, "woocommerce_rest_order_invalid_id", "Invalid order ID.")
    return call.shop.told.setdefault((kind, order_id), [])


def _create(call: Call, kind: str) -> Answer:
    rows = _kept(call, kind)
    rows.append({"id": len(rows) + 1, **(call.body or {})})
    return reply(call, rows[-1], 201)


def list_notes(call: Call) -> Answer:
    """GET orders/<id>/notes."""
    customer_only = call.params.get("type") == "customer"
    return reply(call, [row for row in _kept(call, "notes") if row.get("customer_note") or not customer_only])


def create_note(call: Call) -> Answer:
    """POST orders/<id>/notes."""
    return _create(call, "notes")


def list_fulfillments(call: Call) -> Answer:
    """GET orders/<id>/fulfillments."""
    return reply(call, _kept(call, "fulfillments"))


def create_fulfillment(call: Call) -> Answer:
    """POST orders/<id>/fulfillments."""
    return _create(call, "fulfillments")


def update_fulfillment(call: Call) -> Answer:
    """PUT orders/<id>/fulfillments/<id>."""
    for row in _kept(call, "fulfillments"):
        if row["id"] == call.numbers[1]:
            row |= call.body or {}
            return reply(call, row)
    raise RestError(404, "woocommerce_rest_invalid_id", "Invalid ID.")


def list_trackings(call: Call) -> Answer:
    """GET orders/<id>/shipment-trackings."""
    return reply(call, _kept(call, "shipment-trackings"))


def create_tracking(call: Call) -> Answer:
    """POST orders/<id>/shipment-trackings."""
    return _create(call, "shipment-trackings")
