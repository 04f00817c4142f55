"""Patches of listings, by themselves or in a feed: what is wrong with one, and what it does.

A patch that is accepted is not yet applied: the listing shows it after the seller's `patch_delay`.
"""

from __future__ import annotations

from typing import Any

from chansync.demo.amazon import checks
from chansync.demo.amazon.goods import AMAZON, PRODUCT_TYPES
from chansync.demo.amazon.seller import Seller

AVAILABILITY = "/attributes/fulfillment_availability"

Issue = dict[str, Any]

PATCHES = checks.record(
    {
        "productType": checks.text(),
        "patches": checks.several(
            checks.record(
                {"op": checks.text(choices=("add", "replace", "merge", "delete")), "path": checks.text("/.+")},
                {"value": checks.several(checks.anything)},
            ),
            least=1,
        ),
    }
)


def issue(code: str, message: str, attribute: str = "") -> Issue:
    """An error of a submission."""
    found: Issue = {"code": code, "message": message, "severity": "ERROR", "categories": ["INVALID_ATTRIBUTE"]}
    return {**found, "attributeNames": [attribute]} if attribute else found


def apply(seller: Seller, sku: str, wish: dict[str, Any], *, preview: bool = False) -> list[Issue]:
    """Take a patch request in; the issues for which it is refused as a whole, none when it is accepted."""
    listing = seller.goods.listings.get(sku)
    if listing is None:
        return [issue("13013", f"The seller has no listing with the SKU {sku!r:.60}.")]
    if wish["productType"] not in PRODUCT_TYPES:
        return [issue("4000002", f"The listing is not of the product type {wish['productType']!r:.60}.")]
    issues: list[Issue] = []
    effects: list[tuple[int | None, dict[str, object]]] = []
    for patch in wish["patches"]:
        name = patch["path"].removeprefix("/attributes/")
        if not patch["path"].startswith("/attributes/") or "/" in name:
            issues.append(issue("4000000", "Only top-level attributes can be patched.", name))
        elif patch["path"] == AVAILABILITY:
            found, effect = _availability(patch, listing.fulfilled_by == AMAZON)
            issues += found
            effects += [effect] if effect else []
    if not issues and not preview:
        for quantity, rest in effects:
            seller.patch_stock(sku, quantity, rest)
    return issues


def _availability(
    patch: dict[str, Any], amazon_ships: bool
) -> tuple[list[Issue], tuple[int | None, dict[str, object]] | None]:
    name = "fulfillment_availability"
    values = patch.get("value", [])
    if len(values) != 1:
        return [issue("90225", "The attribute needs one value for each fulfilment channel.", name)], None
    rest = dict(values[0])
    if amazon_ships or rest.pop("fulfillment_channel_code", None) != "DEFAULT":
        return [issue("8560", "The SKU is not offered through this fulfilment channel.", name)], None
    if patch["op"] == "delete":
        return [], (None, {})
    quantity = rest.pop("quantity", None)
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 0:
        return [issue("90111", "quantity must be a whole number that is not negative.", name)], None
    return [], (quantity, rest)
