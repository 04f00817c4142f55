"""Where a seller sells: the participations, from which a system's channels are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chansync.http.failures import Answer
from chansync.model.errors import SiteUnavailable
from chansync.platforms.amazon.client import PARTICIPATIONS, SpApi
from chansync.platforms.amazon.places import PLACES
from chansync.platforms.texts import text


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

    @property
    def zone(self) -> str:
        """The marketplace's time zone, as far as it is known."""
        known = PLACES.get(self.id)
        return known.zone if known else ""


async def participations(api: SpApi) -> list[Participation]:
    """The seller's marketplaces.

    Raises:
        SiteError: Amazon failed, or answered something else.
    """
    answer = await api.get(PARTICIPATIONS, "/sellers/v1/marketplaceParticipations")
    rows = _rows(answer)
    return [found for found in map(_participation, rows) if found.id]


def _rows(answer: Answer) -> list[Any]:
    rows = answer.data.get("payload") if isinstance(answer.data, dict) else None
    if not isinstance(rows, list):
        raise SiteUnavailable("Amazon sent something else than the seller's marketplaces: try again.", code="odd")
    return rows


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _participation(row: Any) -> Participation:
    told: dict[str, Any] = row if isinstance(row, dict) else {}
    market, part = _object(told.get("marketplace")), _object(told.get("participation"))
    return Participation(
        id=text(market.get("id")),
        title=text(market.get("name")) or text(market.get("domainName")),
        country=text(market.get("countryCode")),
        currency=text(market.get("defaultCurrencyCode")),
        store=text(told.get("storeName")),
        active=part.get("isParticipating") is True,
        suspended=part.get("hasSuspendedListings") is True,
    )
