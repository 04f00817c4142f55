"""A sale's lines meet its order's total: by rounding, by a person's word, or not at all."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.erp.protocol import PointOfSale
from chansync.model.channel import Channel, IntegrationSystem
from chansync.model.channel_parameters import default_values
from chansync.model.money import round_to_minor
from chansync.model.sale import LineKind, SaleLine
from chansync.orders.problem import Problem
from chansync.orders.settings import ImportSettings
from chansync.orders.totals import Accepted, meet_total
from support.orders import ANNA, order


def settings(**values: Any) -> ImportSettings:
    channel = Channel(1, IntegrationSystem(1, "woo", "WooCommerce", "woocommerce"), default_values() | values)
    return ImportSettings(
        channel=channel, version=1, erp=None, pos=PointOfSale("MAIN", "W1", frozenset({"EUR"})),  # type: ignore[arg-type]
        order_statuses=frozenset(), paid_statuses=frozenset(), refused_statuses=frozenset(), known_statuses=frozenset(),
        start="", payments={}, deliveries={}, items={}, taxes={},
    )  # fmt: skip


def lines(*amounts: int) -> list[SaleLine]:
    return [SaleLine(LineKind.ITEM, "SKU-001", "Item", Decimal(1), amount, 0) for amount in amounts]


exact = st.decimals(min_value=0, max_value=10_000, places=6)


@given(st.lists(st.tuples(exact, exact), min_size=1, max_size=9), st.sampled_from(["EUR", "JPY", "KWD", "CZK"]))
def test_rounding_alone_is_never_a_problem(amounts: list[tuple[Decimal, Decimal]], currency: str) -> None:
    """Whatever decimals a store counts with: its lines, rounded each by itself, meet the rounded sum."""
    made = [
        SaleLine(LineKind.ITEM, "A", "A", Decimal(1), round_to_minor(net, currency), round_to_minor(tax, currency))
        for net, tax in amounts
    ]
    found = order(total=sum(net + tax for net, tax in amounts), currency=currency)
    total = meet_total(settings(), made, found, currency, None)
    assert total == sum(line.net + line.tax for line in made) == round_to_minor(found.total, currency)


STEPS = [
    # currency, country, the lines' sum, the total, whether the total is the lines' after rounding
    ("CHF", "CH", "100.04", "100.05", True), ("CHF", "CH", "99.97", "100", True), ("CHF", "CH", "100", "100.04", False),
    ("CHF", "CH", "99.94", "100", False), ("CZK", "CZ", "100.60", "100", True), ("CZK", "CZ", "100.60", "100.1", False),
    ("CZK", "CZ", "101.01", "100", False), ("HUF", "HU", "102", "100", True), ("HUF", "HU", "102", "101", False),
    ("EUR", "FI", "99.97", "100", True), ("EUR", "FI", "99.96", "99.98", False), ("EUR", "DE", "99.97", "100", False),
    ("EUR", "DE", "99.99", "100", True), ("JPY", "JP", "99", "100", True), ("JPY", "JP", "98", "100", False),
]  # fmt: skip


@pytest.mark.parametrize(("currency", "country", "added", "total", "is_rounding"), STEPS)
def test_cash_is_rounded_by_the_step_of_its_country(
    currency: str, country: str, added: str, total: str, is_rounding: bool
) -> None:
    made = lines(round_to_minor(Decimal(added), currency))
    found = order(total=Decimal(total), currency=currency, billing=replace(ANNA, country=country))
    if not is_rounding:
        with pytest.raises(Problem) as problem:
            meet_total(settings(), made, found, currency, None)
        assert problem.value.code == "total_mismatch"
        return
    met = meet_total(settings(), made, found, currency, None)
    assert made[-1].kind is LineKind.ROUNDING
    assert sum(line.net + line.tax for line in made) == met


class TestAccepted:
    def test_it_is_a_line_of_the_adjustment_service_with_the_name(self) -> None:
        made = lines(1000)
        total = meet_total(
            settings(adjustment_service="ADJUST"), made, order(total=Decimal(8)), "EUR", Accepted(-200, "EUR", "Eva")
        )
        assert (total, made[-1].item_code, made[-1].net) == (800, "ADJUST", -200)
        assert "Eva" in made[-1].name

    @pytest.mark.parametrize("accepted", [Accepted(-201, "EUR", "Eva"), Accepted(-200, "CHF", "Eva"), None])
    def test_another_difference_is_a_new_problem(self, accepted: Accepted | None) -> None:
        with pytest.raises(Problem) as problem:
            meet_total(settings(adjustment_service="ADJUST"), lines(1000), order(total=Decimal(8)), "EUR", accepted)
        assert problem.value.code == "total_mismatch"
