"""What a typed tax number is: its one comparable form, the key that identifies its owner, or why it identifies nobody.

Numbers are checked by country with python-stdnum, where it has a check. The same number gives the same key however it
is written: with or without the country's prefix, ``GR`` or ``EL``, with blanks, separators or words before it, in
either case, and whether it was typed as a company number or as a VAT number where the country makes one of the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from chansync.model.order import TaxNumbers

Kind = Literal["uic", "vat", "personal"]
KINDS: tuple[Kind, ...] = ("uic", "vat", "personal")

#: What people call each kind.
TITLES: dict[Kind, str] = {"uic": "company number (UIC)", "vat": "VAT number", "personal": "personal number"}

#: The countries whose VAT numbers are written with their prefix, beside those of the EU.
_PREFIXED = frozenset(
    "AT BE BG CH CY CZ DE DK EE ES FI FR GB GR HR HU IE IT LT LU LV MT NL NO PL PT RO SE SI SK".split()
)

#: Prefixes that are not the country's ISO code.
_ALIASES = {"EL": "GR", "XI": "GB", "UK": "GB"}

# The modules of python-stdnum for what a country calls a company's number, where they cover all of it.
_COMPANY = {
    "AT": "businessid", "AU": "abn acn", "BE": "vat", "BG": "vat", "BR": "cnpj", "CH": "uid", "CZ": "dic", "DK": "cvr",
    "EE": "registrikood", "ES": "nif", "FI": "ytunnus", "FR": "siren siret", "IT": "iva codicefiscale", "LV": "pvn",
    "NO": "orgnr", "PT": "nif", "RO": "cui onrc", "RU": "inn ogrn", "SE": "orgnr", "SI": "maticna ddv",
}  # fmt: skip

_PERSONAL = {
    "AT": "vnr tin", "BE": "nn bis", "BG": "egn pnf", "BR": "cpf", "CH": "ssn", "CZ": "rc", "DE": "idnr", "DK": "cpr",
    "EE": "ik", "ES": "dni nie", "FI": "hetu", "FR": "nir nif", "GR": "amka vat", "HR": "oib", "IE": "pps",
    "IT": "codicefiscale", "LT": "asmens", "LV": "pvn", "MX": "curp", "NL": "bsn", "NO": "fodselsnummer",
    "PL": "pesel nip", "PT": "nif cc", "RO": "cnp", "SE": "personnummer", "SI": "emso", "SK": "rc", "TR": "tckimlik",
    "UA": "rntrc", "US": "ssn itin", "ZA": "idnr",
}  # fmt: skip

# Where the VAT number is the company's number and something more: the part of it that is the company's.
_COMPANY_PART = {"CH": slice(0, 12), "FR": slice(2, None), "NO": slice(0, 9), "SE": slice(0, 10)}

# A Hungarian number as people write it: the company, how it is taxed, and its county. The check is of the first part.
_HUNGARIAN = re.compile(r"(HU)?(\d{8})\d{3}")

# What tax offices give to everybody who has no number.
_GENERIC = frozenset({("PT", "999999990"), ("MX", "XAXX010101000"), ("MX", "XEXX010101000")})

# UIC and the personal number EGN are Bulgaria's: where the order's countries do not know one, it may be hers.
_HOME = "BG"

# Letters of the Cyrillic and Greek keyboards that look like Latin ones, and the prefixes that are typed with them.
_LETTERS = str.maketrans("АВЕКМНОРСТУХІЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXIJABEZHIKMNOPTYX")
_PREFIXES = {"БГ": "BG", "ΕΛ": "EL"}

#: How many digits a number has at least where nothing checks it; words have none.
_LEAST_DIGITS = 4


@dataclass(frozen=True, slots=True)
class TaxNumber:
    """A number that somebody typed.

    Attributes:
        text: its comparable form; where it identifies nobody, as it was typed.
        key: the same for every way to write the number; empty: it identifies nobody.
        fault: why it identifies nobody, as the end of a sentence.
    """

    text: str = ""
    key: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ReadNumbers:
    """The numbers of one order.

    Attributes:
        kept: what the sale keeps: comparable forms, and what identifies nobody as it was typed.
        valid: the comparable forms of those that identify.
        keys: their keys.
        faults: why the others identify nobody.
    """

    kept: TaxNumbers
    valid: TaxNumbers
    keys: TaxNumbers
    faults: Mapping[Kind, str]


_NO_NUMBERS = ReadNumbers(TaxNumbers(), TaxNumbers(), TaxNumbers(), {})


def read_numbers(typed: TaxNumbers, countries: tuple[str, ...]) -> ReadNumbers:
    """Read an order's numbers; ``countries`` as for ``read_number``."""
    if not (typed.uic or typed.vat or typed.personal):
        # Most orders have none, and an import reads them several times.
        return _NO_NUMBERS
    found = {kind: read_number(kind, getattr(typed, kind), countries) for kind in KINDS}
    return ReadNumbers(
        kept=TaxNumbers(*[number.text for number in found.values()]),
        valid=TaxNumbers(*[number.text if number.key else "" for number in found.values()]),
        keys=TaxNumbers(*[number.key for number in found.values()]),
        faults={kind: number.fault for kind, number in found.items() if number.fault},
    )


@lru_cache(maxsize=4096)
def read_number(kind: Kind, typed: str, countries: tuple[str, ...]) -> TaxNumber:
    """What a typed number is.

    Args:
        countries: ISO codes of the countries that it may be of, the likeliest first; its own prefix goes before them.
    """
    typed = " ".join(typed.split())[:100]
    parts = _parts(typed)
    if not parts:
        return TaxNumber()
    whole = "".join(parts)
    digits = "".join(filter(str.isdigit, whole))
    if not digits or is_filler(digits):
        return TaxNumber(typed, fault="is no number that anybody has")
    for country, text, names in _readings(kind, typed, parts, countries):
        found = _validated(country, names, text)
        if found and (country, found[1]) in _GENERIC:
            return TaxNumber(typed, fault="stands for everybody who has none")
        if found:
            return _checked(kind, country, text, *found)
    country = next(iter(countries), "")
    claimed = _claimed(whole) if kind == "vat" else ""
    for checking in (claimed, country):
        if _has_check(kind, checking):
            return TaxNumber(typed, fault=f"is not a valid number of {checking}")
    if len(digits) < _LEAST_DIGITS or not whole.isascii():
        return TaxNumber(typed, fault="is no number")
    text = whole.removeprefix(country) if whole.removeprefix(country)[:1].isdigit() else whole
    return TaxNumber(text, f"{country}:{'person:' if kind == 'personal' else ''}{text}")


def is_checked(key: str) -> bool:
    """Whether the number of a key passed the check of a country; one that nothing checks may be several owners'."""
    return bool(key) and ":" not in key


def are_of_one_system(key: str, other: str) -> bool:
    """Whether two checked numbers are of one country's numbering, so that one owner cannot have both."""
    return is_checked(key) and is_checked(other) and key[:2] == other[:2] and len(key) == len(other)


@lru_cache(maxsize=4096)
def is_valid_vat(text: str) -> bool:
    """Whether a VAT number in its comparable form is one of the EU by its form and check digits (not by VIES)."""
    from stdnum.eu import vat

    return bool(vat.is_valid(text))


def _parts(typed: str) -> list[str]:
    """The runs of letters and digits, in capitals, with Latin letters and digits as far as others stand for them."""
    text = unicodedata.normalize("NFKC", typed).upper()
    for prefix, latin in _PREFIXES.items():
        text = re.sub(rf"\b{prefix}(?=[\W_]*\d)", latin, text)
    text = "".join(str(unicodedata.decimal(sign)) if sign.isdecimal() else sign for sign in text.translate(_LETTERS))
    return re.findall(r"[^\W_]+", text)


def is_filler(digits: str) -> bool:
    """Whether digits are one digit repeated, or seven or more that run up or down (``123456789``, ``9876543210``)."""
    if len(set(digits)) == 1:
        return True
    return len(digits) >= 7 and any(digits in run for run in ("01234567890123456789", "98765432109876543210"))


def _readings(
    kind: Kind, typed: str, parts: list[str], countries: tuple[str, ...]
) -> Iterator[tuple[str, str, list[str]]]:
    """Every country, text and checks by which the number may be understood, the likeliest first."""
    # Words before the number ("VAT", "EIK") are left out one by one; separators matter to some personal numbers.
    texts = ["".join(parts)]
    while len(parts) > 1 and parts[0].isalpha():
        parts = parts[1:]
        texts.append("".join(parts))
    home = (_HOME,) if kind != "vat" else ()
    for text in texts:
        if kind != "personal" and (claimed := _claimed(text)):
            yield claimed, text, _names(kind, claimed)
            yield claimed, text[2:], _names(kind, claimed)
        for country in (*countries, *home):
            yield country, text, _names(kind, country)
            if kind == "personal":
                yield country, typed, _names(kind, country)


def _claimed(text: str) -> str:
    """The country whose prefix a text begins with; empty where that is followed by no number."""
    country = _ALIASES.get(text[:2], text[:2])
    is_number = len(text) >= 4 and sum(map(str.isdigit, text[2:])) * 2 > len(text[2:])
    return country if country in _PREFIXED and is_number else ""


def _names(kind: Kind, country: str) -> list[str]:
    """The modules of python-stdnum by which that kind of number is understood there.

    People type a VAT number into the field of the company number, and the other way round.
    """
    if kind == "personal":
        return _PERSONAL.get(country, "").split()
    company = _COMPANY.get(country, "").split()
    return ["vat", *company] if kind == "vat" else [*company, "vat"]


def _has_check(kind: Kind, country: str) -> bool:
    """Whether whatever fails there is no number of that kind."""
    if kind == "vat":
        return _module(country, "vat") is not None
    return country in (_PERSONAL if kind == "personal" else _COMPANY)


def _module(country: str, name: str) -> Any:
    """A module of python-stdnum, or None where it has none."""
    from stdnum.util import get_cc_module

    return get_cc_module(country, name) if country else None


def _validated(country: str, names: list[str], text: str) -> tuple[str, str] | None:
    """By which module the text is a number of the country, and the number without separators and prefix."""
    from stdnum.exceptions import ValidationError

    if not text.isascii():
        return None
    if country == "HU" and (full := _HUNGARIAN.fullmatch(text)):
        text = full[2]
    for name in names:
        module = _module(country, name)
        if module is None:
            continue
        try:
            number = "".join(filter(str.isalnum, module.validate(text).upper()))
        except ValidationError:
            continue
        # The letters of a Swiss number are a part of it.
        return name, number if country == "CH" else number.removeprefix("EL" if country == "GR" else country)
    return None


def _checked(kind: Kind, country: str, text: str, name: str, number: str) -> TaxNumber:
    """A number that passed the check ``name``; its key is that of the company where it has one of its own."""
    company = number
    if name == "siret":
        company = number[:9]
    elif name == "vat":
        company = number[_COMPANY_PART.get(country, slice(None))]
    is_vat = name == "vat" and kind != "personal" and not (kind == "uic" and _COMPANY.get(country) == "vat")
    prefix = ""
    if is_vat and country in _PREFIXED and country != "CH":
        prefix = "XI" if text.startswith("XI") else "EL" if country == "GR" else country
    return TaxNumber(f"{prefix}{number}", f"{country}{company}")
