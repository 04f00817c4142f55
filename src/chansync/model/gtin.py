"""GTINs (EAN, UPC, ISBN): one number, however many leading zeros and hyphens it is written with."""

from __future__ import annotations

_LENGTHS = (8, 12, 13, 14)


def gtin_forms(text: str) -> tuple[str, ...]:
    """The ways in which the number is written, without separators: 8, 12, 13 and 14 digits, as far as they hold it.

    Empty where the text is no GTIN: other characters, another length, or a wrong check digit.
    """
    digits = "".join(text.replace("-", " ").split())
    if not (digits.isascii() and digits.isdigit() and len(digits) in _LENGTHS) or not digits.strip("0"):
        return ()
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    if (weighted + int(digits[-1])) % 10:
        return ()
    number = digits.lstrip("0")
    return tuple(number.zfill(length) for length in _LENGTHS if len(number) <= length)
