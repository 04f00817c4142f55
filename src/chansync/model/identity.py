"""Normal forms by which customers are matched: phones in E.164, e-mails case-folded, tax numbers without separators."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=4096)
def normal_phone(text: str, country: str) -> str:
    """The number in E.164 (``+4930100013``), with the order's country as region; empty when it is no number."""
    if not any(character.isdigit() for character in text):
        return ""
    # Imported here: loading the metadata takes 20 ms, which most commands do not need.
    import phonenumbers

    try:
        number = phonenumbers.parse(text[:60], country or None)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str) -> str:
    """The address case-folded; empty when it has no ``@``."""
    folded = text.strip().casefold()
    return folded if "@" in folded else ""


@lru_cache(maxsize=4096)
def normal_vat(text: str, country: str) -> str:
    """A VAT number without separators; with the country's prefix where that makes it a valid one of the EU."""
    compact = normal_number(text)
    if not compact:
        return ""
    from stdnum.eu import vat
    from stdnum.exceptions import ValidationError

    for candidate in (compact, f"{'EL' if country == 'GR' else country}{compact}"):
        try:
            return str(vat.validate(candidate))
        except ValidationError:
            continue
    return compact


@lru_cache(maxsize=4096)
def is_valid_vat(text: str) -> bool:
    """Whether a VAT number in its normal form has the format and check digits of the EU; VIES is not asked."""
    from stdnum.eu import vat

    return bool(vat.is_valid(text))


def normal_number(text: str) -> str:
    """A registered or personal number without blanks and separators, in capitals."""
    return "".join(character for character in text.upper() if character.isalnum())
