"""Makes up the orders of the store, each from the seed and its running number alone.

An order's headline (status, times, kind of refund) is made for all orders at the start. The document with its
hundred fields is made when it is asked for, always the same, so that a store of 100,000 orders starts in seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from chansync.demo.woocommerce import refunds
from chansync.demo.woocommerce.book import Order, Refund
from chansync.demo.woocommerce.catalog import FIRST_ORDER, Catalog, Product
from chansync.demo.woocommerce.clock import gmt_text, site_text
from chansync.demo.woocommerce.orders import (
    PAID,
    STOCK_TAKEN,
    ZERO,
    Document,
    TaxTable,
    blank,
    cents,
    coupon_line,
    fee_line,
    meta,
    product_line,
    recalculate,
    set_status,
    shipping_line,
)
from chansync.demo.woocommerce.people import Person, person, shipping_of

WEEKS = 8
_SPAN = WEEKS * 7 * 86400
_BULK = 60  # Of every sixty orders in a row, the first twenty-five were changed together by a bulk action.
_BULK_CHANGED = 25
_IDS_PER_ORDER = 16
# The recorded proportions: 34 pending, 101 processing, 33 on hold, 66 completed, 33 cancelled, 33 failed.
_DECK = ("pending", *["processing"] * 3, "on-hold", *["completed"] * 2, "cancelled", "failed")
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_NOTES = (
    "Ring twice",
    "Please leave it with the neighbour.\nThank you!",
    "Моля, обадете се преди доставка",
    "“Gift” – no invoice",
)
_METHODS = (("bacs", "Direct bank transfer"), ("cod", "Cash on delivery"), ("cheque", "Check payments"))
_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@dataclass(frozen=True, slots=True)
class Setting:
    """What the generator needs to know of the store."""

    seed: int
    count: int
    now: int
    currency: str
    other_currency: str
    zone: ZoneInfo


def is_free(number: int) -> bool:
    """Whether the order costs nothing: a gift coupon for all of it, and no delivery."""
    return number % 97 == 40


def _refund_kind(number: int) -> str:
    if is_free(number):
        return ""
    if number % 60 == 15:
        return "full"
    if number % 37 == 11:
        return "line"
    return "amount" if number % 29 == 9 else ""


class Generator:
    """Makes headlines and documents."""

    def __init__(self, setting: Setting, catalog: Catalog, table: TaxTable) -> None:
        self.setting = setting
        self._catalog = catalog
        self._table = table
        self._goods = catalog.sellable()

    def headlines(self) -> tuple[list[Order], list[Refund]]:
        """All orders of the start, spread over the weeks before now, and their refunds."""
        orders: list[Order] = []
        found: list[Refund] = []
        step = _SPAN / max(self.setting.count, 1)
        start = self.setting.now - _SPAN
        next_id = FIRST_ORDER
        for number in range(self.setting.count):
            rng = random.Random((self.setting.seed << 40) ^ (number << 2))
            created = int(start + step * (number + 0.9 * rng.random()))
            orders.append(self.headline(next_id, number, created, rng))
            next_id += 1
            if orders[-1].refund:
                found.append(Refund(next_id, orders[-1].id, orders[-1].modified))
                next_id += 1
        return orders, found

    def headline(self, order_id: int, number: int, created: int, rng: random.Random) -> Order:
        """One order without its document."""
        kind, status = _refund_kind(number), rng.choice(_DECK)
        if kind:
            status = "refunded" if kind == "full" else rng.choice(("processing", "completed"))
        elif number % 150 == 149:
            status = "checkout-draft"
        modified = self._modified(number, created, rng)
        order = Order(order_id, number, status, created, modified, customer=self.customer(number).customer_id)
        if status in PAID or status == "refunded":
            order.paid = min(created + rng.randint(5, 90), modified)
        if status == "completed":
            order.completed = modified
        order.refund = kind
        return order

    def _modified(self, number: int, created: int, rng: random.Random) -> int:
        latest = max(self.setting.now - 60, created)
        if number % _BULK < _BULK_CHANGED:
            step = _SPAN / max(self.setting.count, 1)
            last_of_bulk = self.setting.now - _SPAN + step * (number // _BULK * _BULK + _BULK_CHANGED)
            return min(int(last_of_bulk) // 60 * 60 + 3600, latest)
        return min(created + rng.choice((20, 300, 4000, 30000, 90000, 260000)) + rng.randint(0, 50), latest)

    def customer(self, number: int) -> Person:
        """Who placed the order; people come back."""
        pool = max(self.setting.count * 2 // 5, 20)
        rng = random.Random((self.setting.seed << 40) ^ (number << 2) ^ 2)
        return person(self.setting.seed, rng.randrange(pool))

    def document(self, order: Order, site: str) -> tuple[Document, Document | None]:
        """The document of an order and, where it has one, of its refund."""
        rng = random.Random((self.setting.seed << 40) ^ (order.number << 2) ^ 3)
        ids = count(8 + order.number * _IDS_PER_ORDER)
        buyer = self.customer(order.number)
        currency = self.setting.other_currency if order.number % 50 == 18 else self.setting.currency
        made = blank(order.id, site, "".join(rng.choices(_LETTERS, k=13)), currency)
        self._fill_head(made, order, buyer, rng)
        exempt = bool(buyer.vat_number) and buyer.country != "BG" and order.number % 2 == 1
        if exempt:
            made["meta_data"].append({"id": next(ids) * 8, "key": "is_vat_exempt", "value": "yes"})
        self._fill_lines(made, order.number, rng, ids)
        recalculate(made, self._table, ids.__next__, exempt)
        set_status(made, order.status)
        if order.status in STOCK_TAKEN or order.status == "refunded":
            mark_stock_taken(made)
        stamp(made, order, self.setting.zone)
        refund = self._refund(order, made, ids) if order.refund else None
        return made, refund

    def _fill_head(self, made: Document, order: Order, buyer: Person, rng: random.Random) -> None:
        method, title = rng.choice(_METHODS)
        billing = buyer.billing(rng)
        made |= {"customer_id": order.customer, "billing": billing, "shipping": shipping_of(billing)}
        if order.number % 6 == 1:
            other = person(self.setting.seed, buyer.number + 1)
            elsewhere = shipping_of(other.billing(rng))
            made["shipping"] |= {key: elsewhere[key] for key in elsewhere if key not in ("company", "phone")}
        made |= {"payment_method": method, "payment_method_title": title, "created_via": "checkout"}
        made |= {"customer_ip_address": f"203.0.113.{rng.randint(1, 254)}", "customer_user_agent": _AGENT}
        if order.number % 7 == 2:
            made["customer_note"] = rng.choice(_NOTES)
        numbers = enumerate(buyer.metas().items(), order.number * _IDS_PER_ORDER * 8)
        made["meta_data"] = [{"id": meta_id, "key": key, "value": value} for meta_id, (key, value) in numbers]

    def _fill_lines(self, made: Document, number: int, rng: random.Random, ids: Iterator[int]) -> None:
        next_id = ids.__next__
        for product, quantity in self._basket(rng):
            amount = product.price * quantity
            if quantity == 3 and number % 17 == 6:
                amount = cents(amount).to_integral_value(ROUND_DOWN)  # A pack price that three does not divide.
            made["line_items"].append(product_line(next_id, product, product.name, quantity, amount, amount))
        if number % 41 == 17:
            gone = Decimal("12.50")
            made["line_items"].append(product_line(next_id, None, "Kettle (old model)", 2, gone * 2, gone * 2))
        if number % 31 == 8 and 70 in self._catalog.products:
            plain = self._catalog.products[70]
            made["line_items"].append(product_line(next_id, plain, plain.name, 1, plain.price, plain.price))
        self._fill_coupon(made, number, ids)
        if number % 9 != 5 and not is_free(number):
            made["shipping_lines"].append(self._delivery(ids, rng))
        if made["payment_method"] == "cod" and not is_free(number):
            made["fee_lines"].append(fee_line(next_id, "COD fee", Decimal("1.50")))

    def _basket(self, rng: random.Random) -> list[tuple[Product, int]]:
        return [(rng.choice(self._goods), rng.choice((1, 1, 2, 3))) for _ in range(rng.choice((1, 1, 2, 3, 4)))]

    @staticmethod
    def _delivery(ids: Iterator[int], rng: random.Random) -> Document:
        kinds = (
            ("Flat rate", "flat_rate", "1", "4.90"),
            ("Flat rate", "flat_rate", "1", "4.90"),
            ("Free shipping", "free_shipping", "2", "0.00"),
            ("Local pickup", "local_pickup", "3", "0.00"),
        )
        title, method, instance, total = rng.choice(kinds)
        return shipping_line(ids.__next__, title, method, instance, Decimal(total))

    @staticmethod
    def _fill_coupon(made: Document, number: int, ids: Iterator[int]) -> None:
        if is_free(number):
            code, kind, amount = "gift", "percent", 100
        elif number % 11 == 3:
            code, kind, amount = "ten", "percent", 10
        elif number % 45 == 20:
            code, kind, amount = "five", "fixed_cart", 5
        else:
            return
        apply_coupon(made["line_items"], kind, amount)
        made["coupon_lines"].append(coupon_line(ids.__next__, code, kind, amount))

    def _refund(self, order: Order, made: Document, ids: Iterator[int]) -> Document:
        dates = {
            "date_created": site_text(order.modified, self.setting.zone),
            "date_created_gmt": gmt_text(order.modified),
        }
        total = Decimal(made["total"])
        lines = [refunds.whole_line(made["line_items"][0])]
        if order.refund == "full":
            refund = refunds.document(order.id + 1, total, "", "full", dates)
        elif order.refund == "line" and refunds.asked_amount(lines) < total:
            refund = refunds.document(order.id + 1, refunds.asked_amount(lines), "returned", "partial", dates)
            refunds.add_lines(refund, made, lines, ids.__next__)
        else:
            amount = min(Decimal("2.00"), cents(total / 2))
            refund = refunds.document(order.id + 1, amount, "damaged", "partial", dates)
        made["refunds"].append(refunds.summary(refund))
        return refund


def apply_coupon(lines: list[Document], kind: str, amount: int) -> None:
    """Take a coupon off the lines: what is under a cent stays with the customer's price, as in WooCommerce."""
    subtotals = [Decimal(line["subtotal"]) for line in lines]
    whole = sum(subtotals, ZERO)
    off = min(Decimal(amount), whole)
    left = off
    for line, subtotal in zip(lines, subtotals, strict=True):
        if kind == "percent":
            cut = (subtotal * amount / 100).quantize(Decimal("0.01"), ROUND_DOWN)
        else:
            cut = left if line is lines[-1] else cents(off * subtotal / whole)
            left -= cut
        line["total"] = str(cents(subtotal - cut))


def mark_stock_taken(order: Document) -> None:
    """Note in each line with a product that manages stock how much was taken."""
    for line in order["line_items"]:
        if line["sku"]:
            line["meta_data"].append(meta(line["id"] * 8 + 1, "_reduced_stock", str(line["quantity"])))


def stamp(order_document: Document, order: Order, zone: ZoneInfo) -> None:
    """Write the times of the record into the document, in site time and in UTC."""
    times: dict[str, int | None] = {
        "date_created": order.created,
        "date_modified": order.modified,
        "date_completed": order.completed,
        "date_paid": order.paid,
    }
    texts: dict[str, Any] = {}
    for key, moment in times.items():
        texts[key] = None if moment is None else site_text(moment, zone)
        texts[f"{key}_gmt"] = None if moment is None else gmt_text(moment)
    order_document.update(texts)
