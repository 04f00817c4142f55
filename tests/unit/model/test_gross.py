"""Amounts that hold their tax are divided to the minor unit."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chansync.model.money import split_gross

units = st.integers(-(10**14), 10**14)
rates = st.decimals(0, 100, places=2)


@given(units, rates)
def test_net_and_tax_make_the_amount_and_no_other_split_is_nearer(gross: int, rate: Decimal) -> None:
    net, tax = split_gross(gross, rate)

    assert net + tax == gross
    # |net - exact| <= 1/2, in whole numbers.
    assert abs(Decimal(net) * (100 + rate) - gross * 100) * 2 <= 100 + rate


@given(units)
def test_without_a_rate_all_of_it_is_net(gross: int) -> None:
    assert split_gross(gross, Decimal(0)) == (gross, 0)


@given(units, rates)
def test_what_is_given_back_divides_as_it_was_paid(gross: int, rate: Decimal) -> None:
    net, tax = split_gross(gross, rate)

    assert split_gross(-gross, rate) == (-net, -tax)
