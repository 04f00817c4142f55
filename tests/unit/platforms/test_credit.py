"""Gift cards and store credit in orders of WooCommerce: however a plugin writes them, what was sold stays the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chansync.model.order import Order
from chansync.platforms.woocommerce.parse import OrderReader

Json = dict[str, Any]


def raw(total: str, line: Json | None = None, **changes: Any) -> Json:
    """Sold: one piece of 10.00 and 1.90 tax."""
    item = {
        "id": 1, "name": "Shirt", "product_id": 5, "quantity": 1, "subtotal": "10.00", "subtotal_tax": "1.90",
        "total": "10.00", "total_tax": "1.90", "sku": "SHIRT",
    }  # fmt: skip
    return {
        "id": 7, "number": "7", "status": "processing", "currency": "EUR", "date_created_gmt": "2026-11-01T10:00:00",
        "total": total, "line_items": [item | (line or {})], **changes,
    }  # fmt: skip


def read(document: Json) -> Order:
    found = OrderReader().read(document)
    assert isinstance(found, Order)
    return found


def meta(key: str, value: Any) -> Json:
    return {"meta_data": [{"id": 1, "key": key, "value": value}]}


def coupon(kind: str, discount: str, tax: str = "0") -> Json:
    return {"id": 3, "code": "card", "discount": discount, "discount_tax": tax, "discount_type": kind}


SMALLER_LINE = {"total": "5.00", "total_tax": "0.95"}
PAID = {
    "a field of the order": (raw("1.90", gift_cards=[{"id": 4, "code": "A", "amount": 10}]), "10"),
    "two cards": (raw("1.90", gift_cards=[{"code": "A", "amount": "4.00"}, {"code": "B", "amount": 6}]), "10"),
    "all of it": (raw("0.00", gift_cards=[{"code": "A", "amount": "11.90"}]), "11.90"),
    "a coupon that lowers the total": (raw("6.90", coupon_lines=[coupon("smart_coupon", "5.00")]), "5"),
    "a coupon that lowers the lines": (
        raw("5.95", SMALLER_LINE, coupon_lines=[coupon("store_credit", "5.00", "0.95")]), "5.95"),
    "a coupon that only its information tells the type of": (
        raw("6.90", coupon_lines=[{"id": 3, "code": "card", "discount": "5.00", "discount_tax": "0",
            "meta_data": [{"key": "coupon_info", "value": '[382,"card","store_credit",5]'}]}]), "5"),
    "meta: card and amount": (raw("6.90", **meta("_ywgc_applied_gift_cards", {"CARD": 5})), "5"),
    "meta: an object with the amount": (raw("6.90", **meta("acfw_store_credits_order_paid", {"amount": "5.0"})), "5"),
    "meta: the amount": (raw("6.90", **meta("_funds_used", "5.00")), "5"),
    "a fee of the wallet": (
        raw("6.90", fee_lines=[{"id": 9, "name": "Via wallet", "total": "-5.00", "total_tax": "0",
            "meta_data": [{"key": "_legacy_fee_key", "value": "_via_wallet_partial_payment"}]}]), "5"),
}  # fmt: skip


@pytest.mark.parametrize(("document", "credit"), PAID.values(), ids=PAID.keys())
def test_it_is_a_payment(document: Json, credit: str) -> None:
    found = read(document)
    assert sum(part.amount for part in found.part_payments) == Decimal(credit)
    assert (found.total, found.lines[0].total, found.lines[0].tax) == (Decimal("11.90"), 10, Decimal("1.90"))
    assert found.fees == []
    assert found.total - Decimal(credit) == Decimal(document["total"])


NOT_PAID = {
    "an ordinary coupon": raw("5.95", SMALLER_LINE, coupon_lines=[coupon("fixed_cart", "5.00", "0.95")]),
    "a card that was bought": raw("11.90", gift_cards=[{"code": "A", "amount": "10.00"}]),
    "no amount": raw("11.90", gift_cards=[{"code": "A"}], **meta("_funds_used", "none")),
    "an ordinary fee below zero": raw("6.90", fee_lines=[{"id": 9, "name": "Less", "total": "-5", "total_tax": "0"}]),
}


@pytest.mark.parametrize("document", NOT_PAID.values(), ids=NOT_PAID.keys())
def test_it_is_none(document: Json) -> None:
    found = read(document)
    assert (found.part_payments, found.total) == ([], Decimal(document["total"]))


def test_a_coupon_beside_an_ordinary_one_gives_back_its_part_of_the_discount() -> None:
    lowered = {"total": "4.00", "total_tax": "0.76"}
    coupons = [coupon("fixed_cart", "2.00", "0.38"), coupon("store_credit", "4.00", "0.76")]
    found = read(raw("4.76", lowered, coupon_lines=coupons))
    assert found.lines[0].total.quantize(Decimal("0.01")) == 8
    assert sum(part.amount for part in found.part_payments).quantize(Decimal("0.01")) == Decimal("4.76")
    assert found.total.quantize(Decimal("0.01")) == Decimal("9.52")


@pytest.mark.parametrize(
    ("tax", "reduced", "usual", "compound", "rate"),
    [
        ("2.60", "0.70", "1.90", False, Decimal(26)),
        ("2.73", "0.83", "1.90", True, Decimal("27.33")),
        # Each on a half of the amount.
        ("1.30", "0.35", "0.95", False, None),
        ("1.90", "", "1.90", False, Decimal(19)),
    ],
)
def test_rates_of_lines_are_those_of_the_tax_lines(
    tax: str, reduced: str, usual: str, compound: bool, rate: Decimal | None
) -> None:
    rates = [
        {"rate_id": 1, "rate_percent": 7, "tax_total": "0.10", "compound": compound},
        {"rate_id": 2, "rate_percent": 19, "tax_total": "1.8", "compound": False},
    ]
    line = {"total_tax": tax, "taxes": [{"id": 1, "total": reduced}, {"id": 2, "total": usual}]}
    found = read(raw("11.90", line, tax_lines=rates))
    assert (found.rate_ids, found.lines[0].rate) == (("2", "1"), rate)
