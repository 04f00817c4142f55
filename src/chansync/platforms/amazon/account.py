"""Where a seller sells, and what there is to choose from in every marketplace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chansync.platforms.amazon.client import PARTICIPATIONS, SpApi, rows_of
from chansync.platforms.amazon.parse import CANCELLED, FBA, PAID_AMAZON, PAID_OTHERWISE, PARTIALLY_SHIPPED, SHIPPED
from chansync.platforms.json_values import fields, text
from chansync.platforms.protocol import Lookups, LookupValue

API_VERSION = "2026-01-01"

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


@dataclass(slots=True)
class Participation:
    """A marketplace as the seller has it.

    Attributes:
        suspended: whether the seller's listings there are not shown.
        active: whether the seller takes part there at all.
    """

    id: str
    title: str
    country: str
    currency: str
    store: str
    active: bool
    suspended: bool


async def participations(api: SpApi) -> list[Participation]:
    """The seller's marketplaces.

    Raises:
        SiteError: Amazon failed, or answered something else.
    """
    answer = await api.ask(PARTICIPATIONS, "/sellers/v1/marketplaceParticipations")
    rows = rows_of(answer, "payload", "the seller's marketplaces", "odd")
    return [found for found in map(_participation, rows) if found.id]


def _participation(row: Any) -> Participation:
    told = fields(row)
    market, part = fields(told.get("marketplace")), fields(told.get("participation"))
    return Participation(
        id=text(market.get("id")),
        title=text(market.get("name")) or text(market.get("domainName")),
        country=text(market.get("countryCode")),
        currency=text(market.get("defaultCurrencyCode")),
        store=text(told.get("storeName")),
        active=part.get("isParticipating") is True,
        suspended=part.get("hasSuspendedListings") is True,
    )


def lookups(currency: str) -> Lookups:
    """What a marketplace of that currency offers: Amazon has no lists to ask for."""
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
            "status_written_out": SHIPPED,
            "status_cancelled": CANCELLED,
        },
    )
