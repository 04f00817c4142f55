"""Two used channels never take the same orders."""

from __future__ import annotations

from typing import Any

import pytest

from chansync.model.channel import Channel, IntegrationSystem
from chansync.model.channel_parameters import default_values
from chansync.setup.channel_settings import check_same_orders


def _channel(
    code: str, domain: str, kind: str, system: str, seller: str, facts: dict[str, Any], **more: Any
) -> Channel:
    values = default_values() | {"code": code, "store_domain": domain, "used": True, "order_statuses": ["processing"]}
    return Channel(0, IntegrationSystem(0, system, "", kind, {"seller_id": seller}), values | more, facts=facts)


def _woo(code: str, domain: str, *, facts: dict[str, Any] | None = None, **more: Any) -> Channel:
    return _channel(code, domain, "woocommerce", "woo", "", facts or {}, **more)


def _amazon(code: str, domain: str, system: str = "amz", seller: str = "", **more: Any) -> Channel:
    return _channel(code, domain, "amazon", system, seller, {}, **more)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_woo("a", "shop.example"), _woo("b", "https://shop.example/")),
        (_woo("a", "shop.example"), _woo("b", "http://www.SHOP.example")),
        (_woo("a", "shop.example"), _woo("b", "old.example", facts={"base": "https://shop.example"})),
        (_woo("a", "shop.example"), _woo("b", "shop.example", order_statuses=["on-hold", "processing"])),
        (_amazon("a", "A1PA6795UKMFR9"), _amazon("b", "A1PA6795UKMFR9")),
        (_amazon("a", "A1PA6795UKMFR9", "one", "S1"), _amazon("b", "A1PA6795UKMFR9", "two", "S1")),
    ],
)
def test_both_orders_of_saving_are_refused_by_the_others_name(one: Channel, other: Channel) -> None:
    for first, second in ((one, other), (other, one)):
        (error,) = check_same_orders(second, [second, first])
        assert error.name == "order_statuses"
        assert f"processing: the channel {first.code} takes those orders" in error.sentence


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (_woo("a", "shop.example"), _woo("b", "shop.example/fr")),
        (_woo("a", "shop.example"), _woo("b", "shop.example", order_statuses=["wholesale"])),
        (_woo("a", "shop.example"), _woo("b", "shop.example", used=False)),
        (_amazon("a", "A1PA6795UKMFR9"), _amazon("b", "A13V1IB3VIYZZH")),
        (_amazon("a", "A1PA6795UKMFR9", "one", "S1"), _amazon("b", "A1PA6795UKMFR9", "two", "S2")),
        (_amazon("a", "A1PA6795UKMFR9", "one"), _amazon("b", "A1PA6795UKMFR9", "two")),
        (_woo("a", "shop.example"), _amazon("b", "shop.example")),
    ],
)
def test_others_stand_beside_each_other(one: Channel, other: Channel) -> None:
    assert check_same_orders(one, [other]) == check_same_orders(other, [one]) == []
