"""What an order's pieces cost together: the parts of its proceeds, in hundredths of its currency."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

from chansync.demo.amazon.book import PENDING, Line, Order
from chansync.demo.amazon.marketplaces import Marketplace

#: The order in which the parts are told.
KINDS = ("ITEM", "SHIPPING", "GIFT_WRAP", "COD_FEE", "DISCOUNT", "TAX")


def parts(line: Line, place: Marketplace) -> dict[str, dict[str, int]]:
    """The line's parts by kind, each divided by what it is for; a discount is below zero.

    Of a line that was cancelled in part, only the pieces that are left count; of one that was cancelled as a whole,
    nothing does.
    """
    left = line.left
    whole = {
        "ITEM": line.price * left,
        "SHIPPING": line.shipping if left else 0,
        "GIFT_WRAP": line.gift_wrap * left,
        "COD_FEE": line.cod_fee if left else 0,
    }
    off = {"ITEM": -line.discount * left, "SHIPPING": -line.shipping_discount if left else 0}
    found = {kind: {kind: amount} for kind, amount in whole.items() if amount or kind == "ITEM"}
    if any(off.values()):
        found["DISCOUNT"] = {kind: amount for kind, amount in off.items() if amount}
    if place.sales_tax:
        taxed = {kind: whole[kind] + off.get(kind, 0) for kind in whole}
        found["TAX"] = {kind: _tax(amount, place) for kind, amount in taxed.items() if amount}
    return found


#: The VAT that Amazon collects, in percent.
COLLECTED_VAT = 20


def collected_vat(line: Line, place: Marketplace) -> dict[str, int]:
    """The VAT that the line's parts hold where Amazon collects it, by kind."""
    found = parts(line, place)
    paid = {kind: sum(shares.values()) for kind, shares in found.items() if kind not in ("DISCOUNT", "TAX")}
    for kind, amount in found.get("DISCOUNT", {}).items():
        paid[kind] += amount
    held = {kind: amount - round(Decimal(amount * 100) / (100 + COLLECTED_VAT)) for kind, amount in paid.items()}
    return {kind: amount for kind, amount in held.items() if amount}


def _tax(amount: int, place: Marketplace) -> int:
    return int((amount * place.sales_tax / 100).quantize(Decimal(1), ROUND_HALF_UP))


def line_total(line: Line, place: Marketplace) -> int:
    """What the line brings."""
    return sum(sum(shares.values()) for shares in parts(line, place).values())


def order_total(order: Order) -> int:
    """What the order brings."""
    return sum(line_total(line, order.place) for line in order.lines)


def has_prices(order: Order) -> bool:
    """Whether prices are told: not before the payment is authorised, and never of one cancelled before that, or of what
    is sent free of charge for another."""
    return order.status != PENDING and order.payment != "" and not order.replaces
