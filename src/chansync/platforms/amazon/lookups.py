"""What every marketplace of Amazon offers: statuses, ways of paying and of delivery. Amazon has no lists to ask for."""

from __future__ import annotations

from chansync.platforms.amazon.parameters import FIXED_VALUES
from chansync.platforms.amazon.parse import CANCELLED, FBA, PAID_AMAZON, PAID_OTHERWISE, SHIPPED
from chansync.platforms.protocol import Lookups, LookupValue

API_VERSION = "2026-01-01"

__all__ = ["CANCELLED", "PARTIALLY_SHIPPED", "SHIPPED", "lookups"]

PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"

_STATUSES = {
    "PENDING_AVAILABILITY": "Pre-order, not paid",
    "PENDING": "Not paid yet",
    "UNSHIPPED": "To be shipped",
    PARTIALLY_SHIPPED: "Shipped in part",
    SHIPPED: "Shipped",
    CANCELLED: "Cancelled",
    "UNFULFILLABLE": "Cannot be fulfilled",
}
_LEVELS = "STANDARD EXPEDITED FREE_ECONOMY NEXT_DAY PRIORITY SAME_DAY SECOND_DAY SCHEDULED".split()


def lookups(currency: str) -> Lookups:
    """What a marketplace of that currency offers."""
    levels = [LookupValue(level, level.replace("_", " ").capitalize()) for level in _LEVELS]
    paid = [LookupValue(PAID_AMAZON, "Paid through Amazon")]
    return Lookups(
        order_statuses=[LookupValue(code, title) for code, title in _STATUSES.items()],
        payment_methods=paid + [LookupValue(code, title) for code, title in PAID_OTHERWISE.items()],
        delivery_methods=[*levels, LookupValue(FBA, "Sent by Amazon")],
        currencies=[LookupValue(currency, currency)] if currency else None,
        api_versions=[LookupValue(API_VERSION, API_VERSION)],
        usual={
            "order_statuses": ["UNSHIPPED", PARTIALLY_SHIPPED, SHIPPED],
            "paid_statuses": ["UNSHIPPED", PARTIALLY_SHIPPED, SHIPPED],
            "refused_statuses": [CANCELLED],
            # Not for the user to choose.
            **{name: FIXED_VALUES[name] for name in ("status_written_out", "status_cancelled")},
        },
    )
