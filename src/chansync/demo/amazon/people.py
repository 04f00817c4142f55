"""Who buys at Amazon: invented people and companies of each marketplace's country, each always the same."""

from __future__ import annotations

import random
from dataclasses import dataclass

from chansync.demo.amazon.marketplaces import Marketplace

_FIRST = {
    "DE": ("Jürgen", "Anke", "Käthe", "Ömer"),
    "FR": ("François", "Amélie", "Loïc"),
    "GB": ("Oliver", "Siân", "Mary-Jane"),
    "IT": ("Niccolò", "Giulia", "Dario"),
    "ES": ("Íñigo", "Begoña", "José María"),
    "NL": ("Joost", "Femke", "Daan"),
    "SE": ("Åsa", "Björn", "Linnéa"),
    "PL": ("Łukasz", "Małgorzata", "Zbigniew"),
    "BE": ("Lieve", "Benoît", "Noor"),
    "US": ("Dwayne", "Ann-Marie", "Shaniqua"),
}
_LAST = {
    "DE": ("Müller", "Groß", "von der Heide", "Yılmaz"),
    "FR": ("Lefèvre", "d'Arcy", "Garçon"),
    "GB": ("O'Brien", "Smith & Sons", "Llewellyn"),
    "IT": ("D'Angelo", "Rossi", "Nicolò"),
    "ES": ("Núñez Peña", "García", "Ibáñez"),
    "NL": ("van 't Hoff", "de Vries", "Jansen"),
    "SE": ("Öberg", "Sjöström", "Lind"),
    "PL": ("Wójcik", "Żółć", "Nowak"),
    "BE": ("Peeters", "Dubois", "Claes"),
    "US": ("MacDonald", "Lee", "Nguyen"),
}
_PLACES = {
    "DE": (("Köln", "50667", "Große Budengasse"), ("Görlitz", "02826", "Weg")),
    "FR": (("Paris", "75001", "rue de l'Échelle"), ("Orléans", "45000", "place du Châtelet")),
    "GB": (("London", "SW1A 1AA", "The Mall"), ("Llanelli", "SA15 1AP", "Stepney Street")),
    "IT": (("Forlì", "47121", "via Giosuè Carducci"), ("Roma", "00184", "via Nazionale")),
    "ES": (("A Coruña", "15001", "rúa Real"), ("Málaga", "29001", "calle Larios")),
    "NL": (("'s-Hertogenbosch", "5211 AA", "Markt"), ("Utrecht", "3511 AB", "Oudegracht")),
    "SE": (("Göteborg", "411 03", "Avenyn"), ("Malmö", "211 20", "Södergatan")),
    "PL": (("Łódź", "90-001", "ul. Piotrkowska"), ("Gdańsk", "80-827", "ul. Długa")),
    "BE": (("Liège", "4000", "rue Léopold"), ("Gent", "9000", "Korenmarkt")),
    "US": (("Springfield", "62701", "Evergreen Terrace"), ("Winston-Salem", "27101", "Trade Street")),
}
_STATES = {"Springfield": "IL", "Winston-Salem": "NC"}
_PHONES = {
    "DE": "+49 221 555", "FR": "+33 1 70 18", "GB": "+44 20 7946", "IT": "+39 06 5550", "ES": "+34 910 55",
    "NL": "+31 20 555", "SE": "+46 31 390", "PL": "+48 22 555", "BE": "+32 2 555", "US": "+1 217 555",
}  # fmt: skip

_RELAY_EVERY = 12

# Invented companies; the tax numbers have correct check digits.
_COMPANIES = {
    "DE": ("Müller & Söhne GmbH", "DE235895254"),
    "FR": ("L'Étoile SARL", "FR50539298802"),
    "GB": ("Thistle Trading Ltd", "GB705641507"),
    "IT": ("Officina Verdi S.r.l.", "IT01290620986"),
    "ES": ("Suministros Peña S.L.", "ESB40404972"),
    "NL": ("Fietsenmaker 't Wiel B.V.", "NL367418253B01"),
    "SE": ("Åkers Verkstad AB", "SE559813781701"),
    "PL": ("Żubr Sp. z o.o.", "PL9670302529"),
    "BE": ("Gebroeders Claes NV", "BE0496654054"),
    "US": ("Acme Supplies LLC", ""),
}


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who bought, and where it goes.

    Attributes:
        email: the address that Amazon makes up for this order alone.
        company: of a business buyer; `vat_number` is empty where the country has none.
    """

    name: str
    company: str
    vat_number: str
    street: str
    city: str
    state: str
    postcode: str
    country: str
    phone: str
    email: str
    purchase_order: str = ""

    def address(self, phone: bool) -> dict[str, str]:
        """The delivery address, without the fields that are empty."""
        fields = {
            "name": self.name,
            "companyName": self.company,
            "addressLine1": self.street,
            "city": self.city,
            "stateOrRegion": self.state,
            "postalCode": self.postcode,
            "countryCode": self.country,
            "phone": self.phone if phone else "",
            "addressType": "COMMERCIAL" if self.company else "RESIDENTIAL",
        }
        return {name: value for name, value in fields.items() if value}


def _phone(country: str, digits: int) -> str:
    """The buyer's own number, or Amazon's relay: one number for all of a country, told apart by the extension."""
    if digits % _RELAY_EVERY:
        return f"{_PHONES[country]} {digits}"
    return f"{_PHONES[country]} 2000 ext. {digits}"


def buyer(rng: random.Random, place: Marketplace, business: bool) -> Buyer:
    """A buyer of the marketplace; a few have it sent to the country next door."""
    country = place.country
    abroad = not business and rng.random() < 0.06 and country not in ("US", "GB")
    goes_to = rng.choice([code for code in ("DE", "FR", "BE", "NL") if code != country]) if abroad else country
    city, postcode, street = rng.choice(_PLACES[goes_to])
    company, vat_number = _COMPANIES[country] if business else ("", "")
    alias = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=14))
    return Buyer(
        name=f"{rng.choice(_FIRST[country])} {rng.choice(_LAST[country])}",
        company=company,
        vat_number=vat_number,
        street=f"{street} {rng.randint(1, 180)}",
        city=city,
        state=_STATES.get(city, ""),
        postcode=postcode,
        country=goes_to,
        phone=_phone(goes_to, rng.randint(1000, 9999)),
        email=f"{alias}@{place.domain.replace('www.', 'marketplace.')}",
        purchase_order=f"PO-{rng.randint(1000, 9999)}" if business and rng.random() < 0.5 else "",
    )
