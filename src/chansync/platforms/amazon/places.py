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

    id: str
    title: str
    country: str
    currency: str
    zone: str
    region: str


def _table(text: str) -> dict[str, Place]:
    rows = (line.split() for line in text.strip().splitlines())
    return {row[0]: Place(*row) for row in rows}


# Id, name, country, currency, time zone, region.
PLACES = _table("""
A1PA6795UKMFR9 Amazon.de DE EUR Europe/Berlin eu
A13V1IB3VIYZZH Amazon.fr FR EUR Europe/Paris eu
A1F83G8C2ARO7P Amazon.co.uk GB GBP Europe/London eu
APJ6JRA9NG5V4 Amazon.it IT EUR Europe/Rome eu
A1RKKUPIHCS9HS Amazon.es ES EUR Europe/Madrid eu
A1805IZSGTT6HS Amazon.nl NL EUR Europe/Amsterdam eu
A2NODRKZP88ZB9 Amazon.se SE SEK Europe/Stockholm eu
A1C3SOZRARQ6R3 Amazon.pl PL PLN Europe/Warsaw eu
AMEN7PMS3EDWL Amazon.com.be BE EUR Europe/Brussels eu
A33AVAJ2PDY3EV Amazon.com.tr TR TRY Europe/Istanbul eu
ATVPDKIKX0DER Amazon.com US USD America/Los_Angeles na
A2EUQ1WTGCTBG2 Amazon.ca CA CAD America/Toronto na
A1AM78C64UM0Y8 Amazon.com.mx MX MXN America/Mexico_City na
A2Q3Y263D00KWC Amazon.com.br BR BRL America/Sao_Paulo na
A1VC38T7YXB528 Amazon.co.jp JP JPY Asia/Tokyo fe
A39IBJ37TRP1C6 Amazon.com.au AU AUD Australia/Sydney fe
A19VAU5U5O7RUS Amazon.sg SG SGD Asia/Singapore fe
""")


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
