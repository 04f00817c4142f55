"""Gift cards and store credit: what the known plugins write into an order, in one place.

They are payments, not discounts. Some plugins lower the order's total and leave its lines, some lower the lines by a
coupon, some add a negative fee: the order is read as it was sold, and what was paid so beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from chansync.model.errors import DataError
from chansync.model.money import parse_amount
from chansync.model.order import Order, PartPayment
from chansync.platforms.json_values import objects, title

#: Fields of an order that list the cards that paid it.
_LISTS = ("gift_cards", "gift_card_lines", "pw_gift_cards", "store_credits")
#: Types of coupons that are credit.
_COUPONS = frozenset(
    "smart_coupon store_credit gift_card giftcard gift_certificate pw_gift_card ywgc_gift_card wgm_gift_card".split()
)
#: ``meta_data`` of an order: an amount, an object with one, or an object of card and amount.
_METAS = (
    "_wc_gc_giftcards _pw_gift_cards_redeemed _ywgc_applied_gift_cards smart_coupons_contribution _store_credit_used "
    "acfw_store_credits_order_paid _funds_used _via_wallet_payment"
).split()
#: Fees below zero: the value of their ``meta_data`` ``_legacy_fee_key``.
_FEES = frozenset({"_via_wallet_partial_payment", "via_wallet", "store_credit", "gift_card"})

_AMOUNTS = ("amount", "total", "discount")
_ZERO = Decimal(0)


def with_credit(order: Order, raw: dict[str, Any]) -> Order:
    """The order with what gift cards and store credit paid of it."""
    fees = {fee.external_id: fee for fee in order.fees}
    paid_by_fee = {own for own in _fee_ids(raw) if own in fees and fees[own].total < 0}
    if paid_by_fee:
        parts = [PartPayment("", fees[own].name, -fees[own].total - fees[own].tax) for own in paid_by_fee]
        order.fees = [fee for fee in order.fees if fee.external_id not in paid_by_fee]
        return _paid(order, parts)
    coupons = list(_coupons(raw))
    parts = list(_lists(raw)) or [part for part, _ in coupons] or list(_metas(raw))
    credit = sum((part.amount for part in parts), _ZERO)
    if credit <= 0:
        return order
    sold = _sold(order)
    if abs(sold - order.total - credit) < abs(sold - order.total):
        return _paid(order, parts)
    discount = sum((line.subtotal - line.total for line in order.lines), _ZERO)
    without_tax = sum((net for _, net in coupons), _ZERO)
    if without_tax > 0 and discount > 0:
        _restore(order, raw, min(without_tax / discount, Decimal(1)))
        return _paid(order, [replace(part, amount=part.amount * (_sold(order) - sold) / credit) for part in parts])
    # It is in neither the total nor the lines: cards that were bought, or already refunded.
    return order


def _sold(order: Order) -> Decimal:
    charges = (*order.shipping, *order.fees)
    return sum([line.total + line.tax for line in order.lines] + [each.total + each.tax for each in charges], _ZERO)


def _paid(order: Order, parts: list[PartPayment]) -> Order:
    order.part_payments, order.site_total = parts, order.total
    order.total += sum((part.amount for part in parts), _ZERO)
    return order


def _restore(order: Order, raw: dict[str, Any], share: Decimal) -> None:
    """Give the lines back what credit, that share of their discounts, took off them."""
    for line, row in zip(order.lines, objects(raw.get("line_items")), strict=True):
        before = row.get("subtotal_tax")
        tax = line.tax if before in (None, "") else parse_amount(before, "a line's tax")
        line.total += (line.subtotal - line.total) * share
        line.tax += (tax - line.tax) * share


def _lists(raw: dict[str, Any]) -> Iterator[PartPayment]:
    for name in _LISTS:
        for row in objects(raw[name]) if name in raw else ():
            amount = next((_amount(row[key]) for key in _AMOUNTS if row.get(key) not in (None, "")), _ZERO)
            if amount:
                yield PartPayment("", f"Gift card {title(row.get('code') or row.get('number'))}".strip(), amount)


def _coupons(raw: dict[str, Any]) -> Iterator[tuple[PartPayment, Decimal]]:
    """The coupons that are credit, each with its amount without tax."""
    for row in objects(raw.get("coupon_lines")):
        net = _amount(row.get("discount"))
        if net and _coupon_type(row) in _COUPONS:
            whole = net + _amount(row.get("discount_tax"))
            yield PartPayment("", f"Credit {title(row.get('code'))}".strip(), whole), net


def _coupon_type(row: dict[str, Any]) -> str:
    if isinstance(row.get("discount_type"), str):
        return str(row["discount_type"])
    for entry in objects(row.get("meta_data")):
        value = entry.get("value")
        if entry.get("key") == "coupon_data" and isinstance(value, dict):
            return str(value.get("discount_type"))
        if entry.get("key") == "coupon_info":
            return _type_in_info(value)
    return ""


def _type_in_info(value: Any) -> str:
    """The type in a coupon's ``[id, code, type, amount]``, which WooCommerce 8.7 and later keep as JSON."""
    try:
        info = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return ""
    return str(info[2]) if isinstance(info, list) and len(info) > 2 else ""


def _metas(raw: dict[str, Any]) -> Iterator[PartPayment]:
    known = {entry["key"]: entry.get("value") for entry in objects(raw.get("meta_data")) if entry.get("key") in _METAS}
    for key in _METAS if known else ():
        value = known.get(key)
        if not value:
            continue
        amounts = value if isinstance(value, dict) else {"": value}
        single = next((amounts[name] for name in _AMOUNTS if name in amounts), None)
        found = {"": single} if single is not None else amounts
        parts = [PartPayment("", f"Credit {title(str(card))}".strip(), _amount(each)) for card, each in found.items()]
        if any(part.amount for part in parts):
            # One card may be named by several entries: the first that says an amount counts.
            yield from (part for part in parts if part.amount)
            return


def _fee_ids(raw: dict[str, Any]) -> Iterator[str]:
    for row in objects(raw.get("fee_lines")):
        entries = objects(row.get("meta_data"))
        if any(entry.get("key") == "_legacy_fee_key" and entry.get("value") in _FEES for entry in entries):
            yield str(row.get("id"))


def _amount(value: Any) -> Decimal:
    """An amount above zero, or zero where there is none."""
    try:
        return max(parse_amount(value, "credit"), _ZERO)
    except DataError:
        return _ZERO
