"""Money is exact: what is taken in comes out again, or is refused with a sentence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.model.errors import DataError
from chansync.model.money import (
    format_money,
    format_sums,
    from_minor,
    minor_digits,
    parse_amount,
    round_to_minor,
    to_minor,
)

CURRENCIES = st.sampled_from(["EUR", "USD", "BGN", "JPY", "KWD", "CLF"])
UNITS = st.integers(-(10**12), 10**12)


@given(UNITS, CURRENCIES)
def test_minor_units_survive_the_way_there_and_back(units: int, currency: str) -> None:
    amount = from_minor(units, currency)
    assert to_minor(amount, currency, "total") == units
    assert to_minor(parse_amount(str(amount), "total"), currency, "total") == units


@given(st.decimals(-(10**6), 10**6, places=6), CURRENCIES)
def test_rounding_is_off_by_at_most_half_a_minor_unit(amount: Decimal, currency: str) -> None:
    off = abs(from_minor(round_to_minor(amount, currency), currency) - amount)
    assert off <= Decimal("0.5").scaleb(-minor_digits(currency))


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [("12.345", "KWD", 12345), ("12", "JPY", 12), ("-0.01", "EUR", -1), ("31.995", "EUR", 3200), ("2.5", "JPY", 3)],
)
def test_rounding_is_half_up_by_the_currencys_own_unit(text: str, currency: str, units: int) -> None:
    assert round_to_minor(Decimal(text), currency) == units


@pytest.mark.parametrize("value", [None, "", 0, "0.00"])
def test_no_amount_is_zero(value: object) -> None:
    assert parse_amount(value, "tax") == 0


@pytest.mark.parametrize("value", ["abc", "1,50", "1e5", "NaN", "Infinity", "٣", True, 1.5, [], {}, "1" * 40, 10**13])
def test_what_is_no_amount_is_refused_with_its_name(value: object) -> None:
    with pytest.raises(DataError, match="shipping tax"):
        parse_amount(value, "shipping tax")


def test_an_amount_finer_than_the_minor_unit_is_refused_not_rounded() -> None:
    with pytest.raises(DataError, match="finer"):
        to_minor(Decimal("1.005"), "EUR", "total")


def test_money_is_shown_with_its_currencys_decimals() -> None:
    assert [format_money(12345, currency) for currency in ("EUR", "JPY", "KWD")] == [
        "123.45 EUR",
        "12345 JPY",
        "12.345 KWD",
    ]


@given(st.one_of(st.text(), st.integers(), st.booleans(), st.none(), st.floats(), st.decimals()))
def test_anything_is_read_or_refused_but_never_crashes(value: object) -> None:
    try:
        amount = parse_amount(value, "total")
    except DataError:
        return
    assert amount.is_finite()


def test_sums_are_shown_in_each_currencys_own_unit() -> None:
    sums = {"JPY": Decimal("1234567"), "EUR": Decimal("2940.1"), "KWD": Decimal("0.125"), "USD": Decimal(0)}
    assert format_sums(sums) == "2,940.10 EUR, 1,234,567 JPY, 0.125 KWD"
