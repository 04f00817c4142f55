"""Who buys: by which phone, e-mail, name and numbers a customer is found, and what makes two customers of them.

Everything here is a law of its own, without a database: an ERP looks for customers by these forms and asks
``is_another`` of what it finds.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

from chansync.model.order import Order, TaxNumbers
from chansync.model.tax_numbers import are_of_one_system, is_checked, is_filler


@dataclass(frozen=True, slots=True)
class Party:
    """What is known of a customer, or of the buyer of an order.

    Attributes:
        name: the company's or the person's; empty where nobody told it.
        company: the company; empty for a private person.
        keys: of its tax numbers, as ``read_numbers`` gives them.
    """

    name: str = ""
    company: str = ""
    keys: TaxNumbers = field(default_factory=TaxNumbers)


def countries_of(order: Order) -> tuple[str, ...]:
    """The countries that the buyer's numbers and phone may be of: the billing address's, then the delivery's."""
    return tuple(dict.fromkeys(filter(None, (order.billing.country.upper(), order.delivery.country.upper()))))


@lru_cache(maxsize=4096)
def normal_phone(text: str, countries: tuple[str, ...]) -> str:
    """The number in E.164 with its extension (``+4930100013``, ``+12075550142 ext. 1000``).

    Empty where it identifies nobody: it is no valid number, a filler, or has digits that are not understood.

    Args:
        countries: whose national numbers are understood, the likeliest first.
    """
    if not any(character.isdigit() for character in text):
        return ""
    for country in countries or ("",):
        if found := _phone_of(text[:60], country):
            return found
    return ""


def _phone_of(text: str, country: str) -> str:
    # Imported here: loading the metadata takes 20 ms, which most commands do not need.
    import phonenumbers

    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number):
        return ""
    national = phonenumbers.national_significant_number(number)
    extension = number.extension or ""
    # Digits behind the number that nobody understood may tell two buyers of one relay apart.
    typed = "".join(filter(str.isdecimal, text))
    if not typed.isascii():
        typed = "".join(str(unicodedata.decimal(character)) for character in typed)
    if not typed.endswith(f"{national}{extension}"[-4:]):
        return ""
    if is_filler(national) or is_filler(typed) or len(set(national[-6:])) == 1:
        return ""
    plain = str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return f"{plain} ext. {extension}" if extension else plain


def normal_email(text: str) -> str:
    """The address case-folded; empty when it is none."""
    folded = text.strip().casefold()
    name, at, place = folded.rpartition("@")
    return folded if name and at and place and not any(map(str.isspace, folded)) else ""


@lru_cache(maxsize=4096)
def name_words(name: str) -> tuple[str, ...]:
    """The words of a name in the form in which names are compared: without case, accents, punctuation and order."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(sign))
    return tuple(sorted("".join(sign if sign.isalnum() else " " for sign in plain).split()))


def names_agree(name: str, other: str) -> bool:
    """Whether two names are one; a name that nobody told agrees with none."""
    return bool(name_words(name)) and name_words(name) == name_words(other)


def is_another(party: Party, other: Party) -> bool:
    """Whether two parties that share a phone, an e-mail or a personal number are two customers all the same.

    They are if a number or the company differs; a company that nobody told differs from none. Where only one of them
    has a number of a kind, they are the same only if their names are told and agree.
    """
    if _shared(party.keys, other.keys):
        return False
    if _numbers_differ(party.keys, other.keys) or _companies_differ(party, other):
        return True
    kinds = zip(_listed(party.keys), _listed(other.keys), strict=True)
    return any(bool(one) != bool(two) for one, two in kinds) and not names_agree(party.name, other.name)


def is_another_company(party: Party, other: Party) -> bool:
    """Whether two parties that share a company number are two companies all the same.

    A number that passed its country's check is one company's, however its name is written. Others repeat: each court
    of a country may count its own companies.
    """
    if any(map(is_checked, _shared(party.keys, other.keys))):
        return False
    return bool(party.company and other.company) and _companies_differ(party, other)


def _listed(keys: TaxNumbers) -> tuple[str, str, str]:
    return keys.uic, keys.vat, keys.personal


def _shared(keys: TaxNumbers, other: TaxNumbers) -> set[str]:
    """The company numbers that both have, whichever of the two fields they were typed into."""
    return {keys.uic, keys.vat} & {other.uic, other.vat} - {""}


def _numbers_differ(keys: TaxNumbers, other: TaxNumbers) -> bool:
    if any(one and two and one != two for one, two in zip(_listed(keys), _listed(other), strict=True)):
        return True
    # A company number against a VAT number: they contradict where the country makes one of the other.
    return are_of_one_system(keys.uic, other.vat) or are_of_one_system(keys.vat, other.uic)


def _companies_differ(party: Party, other: Party) -> bool:
    if not (party.name and other.name):
        return False
    return name_words(party.company) != name_words(other.company)
