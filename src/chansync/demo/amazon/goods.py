"""What the seller sells: goods that it ships itself, goods that Amazon ships, and one that its ERP does not know."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from chansync.demo.amazon.marketplaces import Marketplace

MERCHANT, AMAZON = "MERCHANT", "AMAZON"
STRANGER = "MYSTERY-1"

#: The product type of every listing, and the one that means no type in particular.
PRODUCT_TYPES = ("HOME", "PRODUCT")


@dataclass(slots=True)
class Listing:
    """One SKU of the seller, the same in all its marketplaces.

    Attributes:
        euro: the price in euro, in cents.
        quantity: pieces offered; None where no number was ever given.
        restock: what else was patched beside the quantity (a restock date, a handling time).
    """

    number: int
    sku: str
    asin: str
    title: str
    euro: int
    fulfilled_by: str = MERCHANT
    quantity: int | None = 1000
    created: int = 0
    updated: int = 0
    restock: dict[str, object] = field(default_factory=dict)

    @property
    def gtin(self) -> str:
        """An EAN with a correct check digit, from the range for internal use."""
        digits = f"2000000{self.number:05}"
        odd, even = (sum(int(digit) for digit in digits[first::2]) for first in (0, 1))
        return f"{digits}{-(odd + 3 * even) % 10}"

    def price(self, place: Marketplace) -> int:
        """The price in the marketplace, in hundredths of its currency; it holds VAT where there is one."""
        return int(self.euro * place.factor)

    def channel(self, place: Marketplace) -> str:
        """The fulfilment channel code."""
        return place.fba_channel if self.fulfilled_by == AMAZON else "DEFAULT"


class Goods:
    """All listings by SKU."""

    def __init__(self, created: int) -> None:
        self.listings: dict[str, Listing] = {}
        for number in range(1, 31):
            self._add(f"SKU-{number:03}", f"Item {number}", 699 + number * 137, MERCHANT, created)
        for number in range(1, 9):
            self._add(f"FBA-{number:02}", f"Warehoused item {number}", 1299 + number * 210, AMAZON, created)
        self._add(STRANGER, "Mystery box", 2500, MERCHANT, created)

    def _add(self, sku: str, title: str, euro: int, fulfilled_by: str, created: int) -> None:
        number = len(self.listings) + 1
        asin = f"B0DEMO{number:04}"
        self.listings[sku] = Listing(number, sku, asin, title, euro, fulfilled_by, created=created, updated=created)

    def by_fulfilment(self, fulfilled_by: str) -> list[Listing]:
        """The listings that the merchant, or Amazon, ships."""
        return [listing for listing in self.listings.values() if listing.fulfilled_by == fulfilled_by]


def money(minor: int, currency: str) -> dict[str, str]:
    """An amount as the API writes it: all currencies here have hundredths."""
    return {"amount": str(Decimal(minor).scaleb(-2)), "currencyCode": currency}
