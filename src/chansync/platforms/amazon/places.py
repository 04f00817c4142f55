"""Amazon's regions and marketplaces: addresses of the API, and what is known of each marketplace beforehand.

What ``getMarketplaceParticipations`` says of a seller counts; the table serves before it was asked, and tells the
time zone in which a marketplace counts its days, which Amazon does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

from chansync.model.address import place_of

#: Where access tokens are given out, for every region.
TOKEN_ADDRESS = "https://api.amazon.com/auth/o2/token"
_TOKEN_PATH = "/auth/o2/token"
_LOOPBACK = ("127.0.0.1", "[::1]", "localhost")

REGIONS = {"eu": "Europe", "na": "North America", "fe": "Far East"}


@dataclass(frozen=True, slots=True)
class Place:
    """A marketplace. ``zone`` names the time zone in which it counts days."""

    country: str
    currency: str
    zone: str


# Id, country, currency, time zone.
_ROWS = """
A1PA6795UKMFR9 DE EUR Europe/Berlin
A13V1IB3VIYZZH FR EUR Europe/Paris
A1F83G8C2ARO7P GB GBP Europe/London
APJ6JRA9NG5V4 IT EUR Europe/Rome
A1RKKUPIHCS9HS ES EUR Europe/Madrid
A1805IZSGTT6HS NL EUR Europe/Amsterdam
A2NODRKZP88ZB9 SE SEK Europe/Stockholm
A1C3SOZRARQ6R3 PL PLN Europe/Warsaw
AMEN7PMS3EDWL BE EUR Europe/Brussels
A33AVAJ2PDY3EV TR TRY Europe/Istanbul
ATVPDKIKX0DER US USD America/Los_Angeles
A2EUQ1WTGCTBG2 CA CAD America/Toronto
A1AM78C64UM0Y8 MX MXN America/Mexico_City
A2Q3Y263D00KWC BR BRL America/Sao_Paulo
A1VC38T7YXB528 JP JPY Asia/Tokyo
A39IBJ37TRP1C6 AU AUD Australia/Sydney
A19VAU5U5O7RUS SG SGD Asia/Singapore
"""
PLACES = {own: Place(*row) for own, *row in map(str.split, _ROWS.strip().splitlines())}


def is_loopback(region: str) -> bool:
    """Whether the region is not one of Amazon's, but ``http://host:port`` of this machine and nothing more: a demo or
    a test."""
    place = place_of(region)
    return place is not None and region == str(place) and place.scheme == "http" and place.host in _LOOPBACK


def base_address(region: str, sandbox: bool) -> str:
    """Where the API of a region is. A server on this machine has no sandbox beside it."""
    if is_loopback(region):
        return region
    return f"https://{'sandbox.' if sandbox else ''}sellingpartnerapi-{region}.amazon.com"


def token_address(region: str) -> str:
    """Where access tokens for a region are given out."""
    return f"{region}{_TOKEN_PATH}" if is_loopback(region) else TOKEN_ADDRESS
