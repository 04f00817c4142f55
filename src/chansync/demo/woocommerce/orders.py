"""What an order is made of, and the arithmetic of its money.

Amounts are `Decimal` and are rounded to two decimals a line, halves up, as WooCommerce does with prices that are
entered without tax; every total is the sum of rounded amounts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from chansync.demo.woocommerce import reference
from chansync.demo.woocommerce.catalog import Product
from chansync.demo.woocommerce.phpjson import number

Document = dict[str, Any]
Ids = Callable[[], int]

_CENT = Decimal("0.01")
ZERO = Decimal("0.00")
EDITABLE = frozenset({"pending", "on-hold", "auto-draft"})
UNPAID = frozenset({"pending", "failed"})
PAID = frozenset({"processing", "completed"})
STOCK_TAKEN = frozenset({"processing", "completed", "on-hold"})
STOCK_GIVEN_BACK = frozenset({"cancelled", "pending"})


def cents(amount: Decimal) -> Decimal:
    """Rounded to two decimals, halves away from zero, and never minus nought."""
    return amount.quantize(_CENT, ROUND_HALF_UP) + ZERO


@dataclass(frozen=True, slots=True)
class Rate:
    """One tax rate as orders name it."""

    id: int
    code: str
    label: str
    percent: Decimal

    def tax(self, amount: Decimal) -> Decimal:
        """The tax on a net amount."""
        return cents(amount * self.percent / 100)


class TaxTable:
    """Finds the rate for a country and a tax class; no entry means no tax."""

    def __init__(self, taxes: list[dict[str, Any]]) -> None:
        self._rates: dict[tuple[str, str], Rate] = {}
        for tax in taxes:
            code = f"{tax['country']}-{tax['name'].upper()}-{tax['priority']}"
            tax_class = "" if tax["class"] == "standard" else tax["class"]
            rate = Rate(tax["id"], code, tax["name"], Decimal(tax["rate"]).normalize())
            self._rates[tax["country"], tax_class] = rate

    def find(self, country: str, tax_class: str) -> Rate | None:
        """The rate, or None."""
        return self._rates.get((country, tax_class))


def meta(meta_id: int, key: str, value: str, display_key: str | None = None) -> dict[str, Any]:
    """A meta entry of a line, with the two keys for display."""
    return {"id": meta_id, "key": key, "value": value, "display_key": display_key or key, "display_value": value}


def product_line(
    ids: Ids, product: Product | None, name: str, quantity: int, subtotal: Decimal, total: Decimal
) -> Document:
    """An order line. Without a product it is one whose product was deleted: WooCommerce then knows no SKU."""
    line_id = ids()
    variation = product is not None and product.parent > 0
    return {
        "id": line_id,
        "name": name,
        "product_id": (product.parent or product.id) if product else 0,
        "variation_id": product.id if product and variation else 0,
        "quantity": quantity,
        "tax_class": product.tax_class if product else "",
        "subtotal": str(cents(subtotal)),
        "subtotal_tax": "0.00",
        "total": str(cents(total)),
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [meta(line_id * 8, "size", product.size, "Size")] if product and variation else [],
        "sku": product.sku if product else None,
        "global_unique_id": product.gtin if product else None,
        "price": 0,
        "image": {"id": 0 if variation or not product else "", "src": ""},
        "parent_name": name.rpartition(" - ")[0] if variation else None,
    }


def shipping_line(ids: Ids, title: str, method: str, instance: str, total: Decimal) -> Document:
    """A delivery line."""
    return {
        "id": ids(),
        "method_title": title,
        "method_id": method,
        "instance_id": instance,
        "total": str(cents(total)),
        "total_tax": "0.00",
        "taxes": [],
        "tax_status": "taxable",
        "meta_data": [],
    }


def fee_line(ids: Ids, name: str, total: Decimal) -> Document:
    """A fee line; a negative total is a discount given by hand."""
    return {
        "id": ids(),
        "name": name,
        "tax_class": "",
        "tax_status": "taxable",
        "amount": "",
        "total": str(cents(total)),
        "total_tax": "0.00",
        "taxes": [],
        "meta_data": [],
    }


def coupon_line(ids: Ids, code: str, kind: str, amount: int) -> Document:
    """A coupon line; what it took off is filled in by `recalculate`."""
    line_id = ids()
    info = f'[382,"{code}","{kind}",{amount}]'
    return {
        "id": line_id,
        "code": code,
        "discount": "0.00",
        "discount_tax": "0",
        "meta_data": [meta(line_id * 8, "coupon_info", info)],
        "discount_type": kind,
        "nominal_amount": amount,
        "free_shipping": False,
    }


def _set_tax(line: Document, rate: Rate | None, subtotal: str | None) -> Decimal:
    """Write the taxes of a line and return them."""
    tax = rate.tax(Decimal(line["total"])) if rate else ZERO
    line["total_tax"] = str(tax)
    if subtotal is not None:
        before = rate.tax(Decimal(subtotal)) if rate else ZERO
        line["subtotal_tax"] = str(before)
        line["taxes"] = [{"id": rate.id, "total": str(tax), "subtotal": str(before)}] if rate else []
    else:
        line["taxes"] = [{"id": rate.id, "total": str(tax), "subtotal": ""}] if rate else []
    return tax


def _shipping_class(lines: list[Document]) -> str:
    """Delivery is taxed like the goods: at the standard class as soon as one line has it."""
    classes = {line["tax_class"] for line in lines}
    return "" if "" in classes or not classes else str(min(classes))


def unit_price(total: str, quantity: int) -> float | int:
    """The float that WooCommerce shows as `price`: not exact, and of no use for calculating."""
    return number(float(total) / quantity) if quantity else 0


def recalculate(order: Document, table: TaxTable, ids: Ids, exempt: bool = False) -> None:
    """Work out taxes, tax lines and totals of an order from its lines."""
    country = "" if exempt else (order["shipping"].get("country") or order["billing"].get("country", ""))
    tax_totals: dict[Rate, list[Decimal]] = {}

    def add(line: Document, tax_class: str, subtotal: str | None, place: int) -> None:
        rate = table.find(country, tax_class)
        tax = _set_tax(line, rate, subtotal)
        if rate:
            tax_totals.setdefault(rate, [ZERO, ZERO])[place] += tax

    for line in order["line_items"]:
        add(line, line["tax_class"], line["subtotal"], 0)
        line["price"] = unit_price(line["total"], line["quantity"])
    for line in order["fee_lines"]:
        add(line, line["tax_class"], None, 0)
    for line in order["shipping_lines"]:
        add(line, _shipping_class(order["line_items"]), None, 1)
    order["tax_lines"] = [_tax_line(order, rate, sums, ids) for rate, sums in tax_totals.items()]
    _add_up(order, tax_totals)


def _tax_line(order: Document, rate: Rate, sums: list[Decimal], ids: Ids) -> Document:
    known = {line["rate_id"]: line["id"] for line in order["tax_lines"]}
    return {
        "id": known.get(rate.id) or ids(),
        "rate_code": rate.code,
        "rate_id": rate.id,
        "label": rate.label,
        "compound": False,
        "tax_total": str(sums[0]),
        "shipping_tax_total": str(sums[1]),
        "rate_percent": number(float(rate.percent)),
        "meta_data": [],
    }


def _sum(lines: list[Document], key: str) -> Decimal:
    return sum((Decimal(line[key]) for line in lines), ZERO)


def _add_up(order: Document, tax_totals: dict[Rate, list[Decimal]]) -> None:
    lines, coupons = order["line_items"], order["coupon_lines"]
    goods = _sum(lines, "total")
    discount = _sum(lines, "subtotal") - goods
    discount_tax = _sum(lines, "subtotal_tax") - _sum(lines, "total_tax")
    cart_tax = sum((sums[0] for sums in tax_totals.values()), ZERO)
    shipping_tax = sum((sums[1] for sums in tax_totals.values()), ZERO)
    shipping = _sum(order["shipping_lines"], "total")
    total = goods + shipping + _sum(order["fee_lines"], "total") + cart_tax + shipping_tax
    # A plugin for gift cards lowers the total by what they pay, and leaves the lines.
    total -= _sum(order.get("gift_cards", []), "amount")
    amounts = {
        "discount_total": discount,
        "discount_tax": discount_tax,
        "shipping_total": shipping,
        "shipping_tax": shipping_tax,
        "cart_tax": cart_tax,
        "total": total,
        "total_tax": cart_tax + shipping_tax,
    }
    order.update({key: str(amount) for key, amount in amounts.items()})
    if coupons:
        coupons[0]["discount"] = str(discount)
        coupons[0]["discount_tax"] = str(discount_tax) if discount_tax else "0"


def blank(order_id: int, site: str, key: str, currency: str) -> Document:
    """An order with all its keys, in the recorded order, and nothing in it."""
    address = dict.fromkeys(("first_name", "last_name", "company", "address_1", "address_2", "city"), "")
    address |= dict.fromkeys(("state", "postcode", "country"), "")
    return {
        "id": order_id,
        "parent_id": 0,
        "status": "pending",
        "currency": currency,
        "version": reference.VERSION,
        "prices_include_tax": False,
        "date_created": None,
        "date_modified": None,
        **dict.fromkeys(("discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax"), "0.00"),
        "total": "0.00",
        "total_tax": "0.00",
        "customer_id": 0,
        "order_key": f"wc_order_{key}",
        "billing": {**address, "email": "", "phone": ""},
        "shipping": {**address, "phone": ""},
        **dict.fromkeys(("payment_method", "payment_method_title", "transaction_id"), ""),
        **dict.fromkeys(("customer_ip_address", "customer_user_agent", "created_via", "customer_note"), ""),
        "date_completed": None,
        "date_paid": None,
        "cart_hash": "",
        "number": str(order_id),
        "meta_data": [],
        **{name: [] for name in ("line_items", "tax_lines", "shipping_lines", "fee_lines", "coupon_lines", "refunds")},
        "payment_url": f"{site}/checkout/order-pay/{order_id}/?pay_for_order=true&key=wc_order_{key}",
        "is_editable": True,
        "needs_payment": True,
        "needs_processing": True,
        **dict.fromkeys(("date_created_gmt", "date_modified_gmt", "date_completed_gmt", "date_paid_gmt")),
        "currency_symbol": reference.symbol(currency),
    }


def set_status(order: Document, status: str) -> None:
    """Write the status and what follows from it."""
    order["status"] = status
    order["is_editable"] = status in EDITABLE
    order["needs_payment"] = status in UNPAID and Decimal(order["total"]) > 0
