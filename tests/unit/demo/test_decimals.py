"""Amounts with the decimals that are asked for, as WooCommerce writes them."""

from __future__ import annotations

from typing import Any

import pytest

from chansync.demo.woocommerce.decimals import decimals, with_decimals
from chansync.demo.woocommerce.errors import RestError

ORDER: dict[str, Any] = {
    "id": 1, "total": "479", "total_tax": "83", "number": "7",
    "line_items": [{"total": "99", "total_tax": "20.79", "quantity": 1, "taxes": [{"id": 3, "total": "2.636250"}]}],
    "tax_lines": [{"tax_total": "6.33", "shipping_tax_total": "0.00", "rate_percent": 19}],
    "coupon_lines": [{"discount": "1.00", "discount_tax": "0"}],
    "refunds": [{"id": 2, "total": "-5.51", "total_tax": "-0.88"}],
}  # fmt: skip


def test_amounts_have_six_decimals_and_nothing_else_changes() -> None:
    shown = with_decimals(ORDER, 6)
    assert (shown["total"], shown["total_tax"], shown["number"]) == ("479.000000", "83.000000", "7")
    assert shown["line_items"] == [
        {"total": "99.000000", "total_tax": "20.790000", "quantity": 1, "taxes": [{"id": 3, "total": "2.636250"}]}
    ]
    assert shown["tax_lines"] == [{"tax_total": "6.330000", "shipping_tax_total": "0.000000", "rate_percent": 19}]
    assert shown["refunds"] == [{"id": 2, "total": "-5.510000", "total_tax": "-0.880000"}]
    assert shown["coupon_lines"] == ORDER["coupon_lines"]


def test_without_it_they_are_as_they_are_stored() -> None:
    assert with_decimals(ORDER, decimals({})) == ORDER
    with pytest.raises(RestError):
        decimals({"dp": "six"})
