"""Money: ``Decimal`` in Python, whole minor units in SQLite.

An amount in the database is an INTEGER count of the currency's minor unit (ISO 4217: 2 digits for EUR,
0 for JPY, 3 for KWD), so that sums made by SQL are exact. In Python it is a ``Decimal`` in major units.
No amount is ever a float.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from chansync.model.errors import DataError

# Currencies whose minor unit is not a hundredth (ISO 4217 table A.1, and withdrawn ones that stores still send).
_EXPONENTS = {
    **dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0),
    **dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3),
    **dict.fromkeys("CLF UYW".split(), 4),
}
_CODE = re.compile(r"[A-Z]{3}\Z")
_AMOUNT = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)\Z")

#: The largest amount that is accepted, in major units: above any real order, far below the limit of an SQLite INTEGER.
LARGEST_AMOUNT = Decimal(10) ** 12

# Arithmetic on Decimal keeps 28 digits: a longer number would be rounded silently.
_LONGEST = 26
_ZERO = Decimal(0)
_SCALES = {digits: Decimal(1).scaleb(-digits) for digits in (0, 2, 3, 4)}


def is_currency(code: str) -> bool:
    """Whether ``code`` has the form of an ISO 4217 code (three capital letters)."""
    return bool(_CODE.match(code))


def minor_digits(currency: str) -> int:
    """How many decimals the currency's minor unit has (ISO 4217): 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def parse_amount(value: object, what: str) -> Decimal:
    """An amount as a platform writes it (text, or a JSON number read as ``Decimal`` or ``int``), exactly.

    An absent or empty amount is zero, as WooCommerce writes "no tax". ``what`` names the amount in the error.

    Raises:
        DataError: it is no plain decimal number, or larger than ``LARGEST_AMOUNT``.
    """
    if value is None or value == "":
        return _ZERO
    amount = None
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= _LONGEST:
            amount = _plain(text)
    elif isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        amount = Decimal(value)
    if amount is None or not amount.is_finite():
        raise DataError(f"{what} is not an amount: {str(value)[:40]!r}")
    if abs(amount) > LARGEST_AMOUNT:
        raise DataError(f"{what} is larger than any order can be: {str(value)[:40]!r}")
    return amount


@lru_cache(maxsize=4096)
def _plain(text: str) -> Decimal | None:
    """The number in a text of at most ``_LONGEST`` characters, or None; cached, as few prices are most of them."""
    return Decimal(text) if _AMOUNT.match(text) else None


def to_minor(amount: Decimal, currency: str, what: str) -> int:
    """The amount in whole minor units of ``currency``.

    Raises:
        DataError: the amount is finer than the minor unit, so that storing it would change it.
    """
    scaled = amount.scaleb(minor_digits(currency))
    whole = int(scaled)
    if whole != scaled:
        raise DataError(f"{what} {amount} is finer than the smallest unit of {currency}")
    return whole


def round_to_minor(amount: Decimal, currency: str) -> int:
    """The amount in minor units of ``currency``, rounded half up as WooCommerce rounds."""
    return _rounded(amount, _EXPONENTS.get(currency, 2))


@lru_cache(maxsize=4096)
def _rounded(amount: Decimal, digits: int) -> int:
    # An order has some ten amounts, which are rounded several times, and most orders have those of others.
    return int(amount.scaleb(digits).to_integral_value(rounding=ROUND_HALF_UP))


def split_gross(units: int, rate: Decimal) -> tuple[int, int]:
    """Split an amount with tax into net and tax, in minor units that add up to it; ``rate`` in percent.

    The net amount is rounded half up; a negative one away from zero.
    """
    net = int((Decimal(units) * 100 / (100 + rate)).to_integral_value(rounding=ROUND_HALF_UP))
    return net, units - net


def from_minor(units: int, currency: str) -> Decimal:
    """Major units from whole minor units, with the currency's own number of decimals."""
    digits = minor_digits(currency)
    return Decimal(units).scaleb(-digits).quantize(_SCALES[digits])


def format_money(units: int, currency: str) -> str:
    """For people: ``"122.94 EUR"``."""
    return f"{from_minor(units, currency)} {currency}"


def format_sums(sums: Mapping[str, Decimal]) -> str:
    """Sums by currency for people, those that are zero left out: ``"910.80 BGN, 2,940.10 EUR"``."""
    told = [
        (from_minor(round_to_minor(amount, currency), currency), currency) for currency, amount in sorted(sums.items())
    ]
    return ", ".join(f"{amount:,} {currency}" for amount, currency in told if amount)
