"""The marketplaces that the fake knows, with what Amazon tells of each and how prices are made there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Marketplace:
    """One marketplace.

    Attributes:
        code: how it is named here and on the command line.
        factor: what a price in euro is multiplied with.
        sales_tax: percent that is added to prices; zero where prices hold their VAT.
    """

    code: str
    id: str
    country: str
    domain: str
    currency: str
    language: str
    factor: Decimal = Decimal(1)
    sales_tax: Decimal = Decimal(0)

    @property
    def name(self) -> str:
        """`Amazon.de`."""
        return self.domain.removeprefix("www.").capitalize()

    @property
    def fba_channel(self) -> str:
        """The channel code of what Amazon fulfils there."""
        return "AMAZON_NA" if self.currency == "USD" else "AMAZON_EU"


MARKETPLACES = {
    place.code: place
    for place in (
        Marketplace("DE", "A1PA6795UKMFR9", "DE", "www.amazon.de", "EUR", "de_DE"),
        Marketplace("FR", "A13V1IB3VIYZZH", "FR", "www.amazon.fr", "EUR", "fr_FR", Decimal("1.05")),
        Marketplace("UK", "A1F83G8C2ARO7P", "GB", "www.amazon.co.uk", "GBP", "en_GB", Decimal("0.88")),
        Marketplace("IT", "APJ6JRA9NG5V4", "IT", "www.amazon.it", "EUR", "it_IT", Decimal("1.02")),
        Marketplace("ES", "A1RKKUPIHCS9HS", "ES", "www.amazon.es", "EUR", "es_ES"),
        Marketplace("NL", "A1805IZSGTT6HS", "NL", "www.amazon.nl", "EUR", "nl_NL"),
        Marketplace("SE", "A2NODRKZP88ZB9", "SE", "www.amazon.se", "SEK", "sv_SE", Decimal("11.40")),
        Marketplace("PL", "A1C3SOZRARQ6R3", "PL", "www.amazon.pl", "PLN", "pl_PL", Decimal("4.30")),
        Marketplace("BE", "AMEN7PMS3EDWL", "BE", "www.amazon.com.be", "EUR", "fr_BE"),
        Marketplace("US", "ATVPDKIKX0DER", "US", "www.amazon.com", "USD", "en_US", Decimal("1.10"), Decimal("8.75")),
    )
}
