"""The customers of the store: invented people and companies from many countries, each always the same."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

_FIRST_NAMES = {
    "DE": ("Jürgen", "Anke", "Björn", "Käthe", "Lena", "Ömer"),
    "BG": ("Иван", "Мария", "Георги", "Десислава", "Stoyan", "Йоана"),
    "FR": ("François", "Amélie", "Loïc", "Zoé"),
    "AT": ("Günther", "Sophie", "Matthäus"),
    "IT": ("Niccolò", "Giulia", "Dario"),
    "ES": ("Íñigo", "Begoña", "José María"),
    "PL": ("Łukasz", "Małgorzata", "Zbigniew"),
    "JP": ("太郎", "花子", "Yuki"),
    "US": ("O'Neil", "Ann-Marie", "Dwayne"),
}
_LAST_NAMES = {
    "DE": ("Müller", "Groß", "Schäfer", "von der Heide", "Yılmaz"),
    "BG": ("Петров", "Иванова", "Стоянов", "Georgieva"),
    "FR": ("Lefèvre", "d'Arcy", "Garçon", "Noël"),
    "AT": ("Höfer", "Grünwald", "Strauß"),
    "IT": ("D'Angelo", "Rossi", "Nicolò"),
    "ES": ("Núñez Peña", "García", "Ibáñez"),
    "PL": ("Wójcik", "Żółć", "Nowak"),
    "JP": ("山田", "佐藤", "Tanaka"),
    "US": ("Smith", "MacDonald", "Lee & Sons"),
}
_PLACES = {
    "DE": (
        ("Berlin", "10115", "Straße des 17. Juni"),
        ("Köln", "50667", "Große Budengasse"),
        ("Görlitz", "02826", "Weg"),
    ),
    "BG": (
        ("София", "1000", "бул. Витоша"),
        ("Пловдив", "4000", "ул. Иван Вазов"),
        ("Varna", "9000", "bul. Slivnitsa"),
    ),
    "FR": (("Paris", "75001", "rue de l'Échelle"), ("Orléans", "45000", "place du Châtelet")),
    "AT": (("Wien", "1010", "Kärntner Straße"), ("Mödling", "2340", "Hauptstraße")),
    "IT": (("Forlì", "47121", "via Giosuè Carducci"), ("Roma", "00184", "via Nazionale")),
    "ES": (("A Coruña", "15001", "rúa Real"), ("Málaga", "29001", "calle Larios")),
    "PL": (("Łódź", "90-001", "ul. Piotrkowska"), ("Kraków", "30-001", "ul. Długa")),
    "JP": (("東京都", "100-0001", "千代田区千代田"), ("Osaka", "530-0001", "Umeda")),
    "US": (("New York", "10001", "W 34th St #"), ("Coeur d'Alene", "83814", "Sherman Ave")),
}
# National prefix, country code, and a number with the last three digits left out: all of them valid numbers.
_PHONES = {
    "DE": ("0", "+49", "3023125"),
    "BG": ("0", "+359", "888123"),
    "FR": ("0", "+33", "612345"),
    "AT": ("0", "+43", "6641234"),
    "IT": ("", "+39", "3331234"),
    "ES": ("", "+34", "612345"),
    "PL": ("", "+48", "512345"),
    "JP": ("0", "+81", "9012345"),
    "US": ("", "+1", "2125550"),
}
_COUNTRIES = ("DE",) * 9 + ("BG",) * 6 + ("FR", "FR", "AT", "AT", "IT", "ES", "PL", "JP", "US")

# Invented companies; the tax numbers have correct check digits.
_COMPANIES = (
    ("Müller & Söhne GmbH", "DE", "DE235895254", ""),
    ("Бета Трейд ЕООД", "BG", "BG627380675", "627380675"),
    ("Hafenkontor KG", "DE", "DE 647 620 075", ""),
    ("Гама ООД", "BG", "", "715998259"),
    ("L'Étoile SARL", "FR", "FR50539298802", ""),
    ("Alpenwerk GesmbH", "AT", "ATU52685900", ""),
    ("Delta Import AD", "BG", "BG818306699", "818306699"),
    ("Officina Verdi S.r.l.", "IT", "IT01290620986", ""),
    ("Suministros Peña S.L.", "ES", "ESB40404972", ""),
    ("Żubr Sp. z o.o.", "PL", "PL9670302529", ""),
    ('Nordlicht "Versand" UG', "DE", "DE875744762", ""),
)
COMPANY_EVERY = 9
REGISTERED_EVERY = 3


@dataclass(frozen=True, slots=True)
class Person:
    """One customer: what is the same in each of their orders."""

    number: int
    first_name: str
    last_name: str
    company: str
    country: str
    city: str
    postcode: str
    street: str
    email: str
    phone: tuple[str, str, str]
    vat_number: str
    company_number: str

    @property
    def customer_id(self) -> int:
        """The account at the store; guests, the most of them, have 0."""
        return self.number + 1 if self.number % REGISTERED_EVERY == 0 else 0

    def billing(self, rng: random.Random) -> dict[str, str]:
        """The billing address, with e-mail and phone written as people happen to write them this time."""
        return {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "company": self.company,
            "address_1": self.street,
            "address_2": "",
            "city": self.city,
            "state": "",
            "postcode": self.postcode,
            "country": self.country,
            "email": rng.choice((self.email, self.email, self.email.title(), self.email.upper())),
            "phone": self._phone(rng),
        }

    def _phone(self, rng: random.Random) -> str:
        trunk, code, number = self.phone
        spaced = f"{number[:3]} {number[3:]}"
        writings = (
            f"{code} {spaced}",
            f"{trunk}{number}",
            f"00{code[1:]}{number}",
            f"{trunk}{spaced.replace(' ', '-')}",
        )
        return rng.choice(writings[:1] if self.country == "US" else writings)

    def metas(self) -> dict[str, str]:
        """The tax numbers, under the keys of two widespread plugins."""
        found = {"_billing_vat_number": self.vat_number, "_billing_eik": self.company_number}
        return {key: value for key, value in found.items() if value}


def person(seed: int, number: int) -> Person:
    """The customer with that number."""
    rng = random.Random((seed << 32) ^ (number << 2) ^ 1)
    company, country, vat_number, company_number = "", rng.choice(_COUNTRIES), "", ""
    if number % COMPANY_EVERY == 4:
        company, country, vat_number, company_number = _COMPANIES[(number // COMPANY_EVERY) % len(_COMPANIES)]
    city, postcode, street = rng.choice(_PLACES[country])
    trunk, code, digits = _PHONES[country]
    return Person(
        number,
        rng.choice(_FIRST_NAMES[country]),
        rng.choice(_LAST_NAMES[country]),
        company,
        country,
        city,
        postcode,
        f"{street} {rng.randint(1, 180)}",
        f"customer{number}@{rng.choice(('example.com', 'example.org', 'example.net'))}",
        (trunk, code, f"{digits}{number % 900 + 100}"),
        vat_number,
        company_number,
    )


def shipping_of(billing: dict[str, str]) -> dict[str, Any]:
    """The delivery address that is the billing address: the same without an e-mail."""
    return {key: value for key, value in billing.items() if key != "email"}
