"""What a buyer sends back, as the platform tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SiteReturn:
    """Pieces of one item of an order that come back.

    Attributes:
        key: the platform's id of the return of this item.
        item: the platform's id of the order's line; empty where only the SKU is told.
        received_at: UTC milliseconds of when they came; None: they are on their way, or only announced.
        sellable: whether they go back into stock when they came.
    """

    key: str
    order_number: str
    item: str
    sku: str
    pieces: int
    reason: str
    received_at: int | None
    sellable: bool = True
