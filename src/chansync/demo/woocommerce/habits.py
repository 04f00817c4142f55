"""What staff and buyers do to orders that were placed and paid: the edits and returns of a shop's day."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chansync.demo.woocommerce import refunds

if TYPE_CHECKING:
    from chansync.demo.woocommerce.shop import DemoShop


def _address(shop: DemoShop, order_id: int) -> None:
    """The buyer has it sent elsewhere."""
    shop.edit_order(order_id, {"shipping": {"address_1": "Hafenstraße 5", "city": "Hamburg", "postcode": "20359"}})


def _quantity(shop: DemoShop, order_id: int) -> None:
    """The buyer takes one piece more."""
    line = shop.order(order_id)["line_items"][0]
    shop.change_quantity(order_id, line["id"], line["quantity"] + 1)


def _method(shop: DemoShop, order_id: int) -> None:
    """The buyer pays in another way."""
    other = "cheque" if shop.order(order_id)["payment_method"] == "cod" else "cod"
    title = {"cheque": "Check payments", "cod": "Cash on delivery"}[other]
    shop.edit_order(order_id, {"payment_method": other, "payment_method_title": title})


def _returned(shop: DemoShop, order_id: int) -> None:
    """A piece comes back, goes on the shelf again, and is paid back."""
    shop.refund(order_id, reason="returned", lines=[_a_piece(shop, order_id)], restock=True)


def _broken(shop: DemoShop, order_id: int) -> None:
    """A piece is paid back and stays where it is."""
    shop.refund(order_id, reason="broken", lines=[_a_piece(shop, order_id)], restock=False)


def _a_piece(shop: DemoShop, order_id: int) -> dict[str, Any]:
    """The request that refunds one piece of the order's first line."""
    line = shop.order(order_id)["line_items"][0]
    return refunds.pieces_of_line(line, 1)


#: Name → what is done to an order.
HABITS: dict[str, Callable[[DemoShop, int], None]] = {
    "address": _address,
    "quantity": _quantity,
    "method": _method,
    "returned": _returned,
    "broken": _broken,
}


def place(shop: DemoShop) -> dict[str, int]:
    """A new paid order for each habit: its name → the order's id."""
    method = {"payment_method": "bacs", "payment_method_title": "Direct bank transfer"}
    return {name: shop.place_order([("SKU-001", 2), ("SKU-005", 1)], changes=method) for name in HABITS}


def has_room(shop: DemoShop, order_id: int) -> bool:
    """Whether any of them can be done to the order: it is paid, nothing of it was refunded, and it costs something."""
    document = shop.order(order_id)
    first = document["line_items"][0] if document["line_items"] else None
    is_whole = document["status"] == "processing" and not document["refunds"]
    return bool(is_whole and first and first["sku"] and Decimal(first["total"]) > 0)
