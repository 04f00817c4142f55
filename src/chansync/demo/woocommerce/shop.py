"""The store itself: everything that shoppers and shop managers do to it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from chansync.demo.woocommerce import edits, reference, refunds
from chansync.demo.woocommerce.book import Order, Refund
from chansync.demo.woocommerce.catalog import Product
from chansync.demo.woocommerce.clock import gmt_text, site_text
from chansync.demo.woocommerce.errors import RestError, bad_status
from chansync.demo.woocommerce.generate import stamp
from chansync.demo.woocommerce.orders import (
    PAID,
    STOCK_GIVEN_BACK,
    STOCK_TAKEN,
    Document,
    meta,
    recalculate,
    set_status,
)
from chansync.demo.woocommerce.recorded import Recorded
from chansync.demo.woocommerce.state import NO_SITE, ShopState

_COUNTED = ("_reduced_stock", "_restock_refunded_items")


class DemoShop(ShopState):
    """A WooCommerce store in memory. Every method may be called while a server serves it."""

    @classmethod
    def create(
        cls, orders: int = 300, seed: int = 7, currency: str = "EUR", now: datetime | None = None, **options: Any
    ) -> DemoShop:
        """A store with made-up orders, the same for the same arguments."""
        return cls(orders=orders, seed=seed, currency=currency, now=now, **options)

    @classmethod
    def from_recordings(cls, folder: Path, late: bool = False) -> DemoShop:
        """The recorded store, rebuilt from its recordings: before the refunds and the trashing, or (`late`) after."""
        shop = cls(tax_rates=reference.RECORDED_RATES, site_url=NO_SITE)
        state = Recorded(folder, shop.catalog, late)
        shop.book.fill(state.orders, state.refunds)
        shop.next_id = state.next_id
        shop.clock.freeze(state.now)
        return shop

    def _open(self, order: Order) -> Document:
        """The document of an order, to be changed; from now on it is kept."""
        if order.document is None:
            order.document, refund_document = self._generator.document(order, self.site_url)
            for refund in self.book.refunds_of(order.id):
                refund.document = refund_document
        return order.document

    def _changed(self, order: Order, touch: bool = True) -> None:
        """Stamp a changed order and forget its JSON."""
        if touch:
            self.book.touch(order, self.clock.now())
        self.book.version += 1
        if order.document is not None:
            stamp(order.document, order, self.zone)
        self._bodies.pop(order.id, None)

    def take_id(self) -> int:
        """The next number; orders and refunds share one sequence."""
        self.next_id += 1
        return self.next_id - 1

    def place_order(
        self,
        lines: Iterable[tuple[Any, ...]] | None = None,
        *,
        status: str = "processing",
        created: datetime | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> int:
        """A new order, made up from the seed; its id.

        `lines` are (sku, quantity) or (sku, quantity, total); `changes` go over the rest as a PUT would send them
        (`billing`, `currency`, `meta_data`, `shipping_lines`, `fee_lines`, …), lists replacing what is there.
        """
        with self.lock:
            number, now = next(self._numbers), self.clock.now()
            moment = now if created is None else int(created.timestamp())
            order = self._generator.headline(self.take_id(), number, moment, random.Random(number))
            order.status, order.refund, order.paid, order.completed = "pending", "", None, None
            order.modified = now
            order.document = self._generator.document(order, self.site_url)[0]
            self.book.add(order)
            edits.replace(order.document, lines, changes or {}, self.catalog, self._line_ids.__next__)
            self._recalculate(order.document)
            order.customer = order.document["customer_id"]
            self._set_status(order, status)
            self._changed(order)
            self.webhooks.happened("created", order.id)
            return order.id

    def place_gift_card_order(self, lines: Iterable[tuple[Any, ...]], code: str, amount: str) -> int:
        """A new order that a gift card pays a part of, as WooCommerce Gift Cards writes it; its id."""
        with self.lock:
            order_id = self.place_order(lines, status="pending")
            document = self._open(self._order(order_id, 400))
            document["gift_cards"] = [{"id": order_id, "code": code, "amount": amount}]
            self._recalculate(document)
            self.set_status(order_id, "processing")
            return order_id

    def create_order(self, body: Mapping[str, Any]) -> Order:
        """POST orders: an order with nothing but what the request says."""
        with self.lock:
            order_id = self.place_order([], status="pending", changes={**edits.EMPTY, "currency": self.currency})
            self.edit_order(order_id, {"status": "pending", **body})
            return self.book.orders[order_id]

    def set_status(self, order_id: int, status: str) -> None:
        """Write a status, as the screen or a PUT does: also the one that the order has moves `date_modified`."""
        self.edit_order(order_id, {"status": status})

    def edit_order(self, order_id: int, changes: Mapping[str, Any]) -> None:
        """What a PUT with `changes` does. Lines, fees and delivery in it make the store calculate anew."""
        with self.lock:
            order = self._order(order_id, 400)
            if "status" in changes and changes["status"] not in self.writable_statuses():
                raise bad_status(str(changes["status"]), self.writable_statuses())
            document = self._open(order)
            if edits.apply(document, changes, self.catalog, self._line_ids.__next__):
                self._recalculate(document)
            order.customer = document["customer_id"]
            if "status" in changes:
                self._set_status(order, changes["status"])
            if changes.get("set_paid") and order.paid is None:
                self._set_status(order, "processing")
            self._changed(order)
            self.webhooks.happened("updated", order_id)

    def change_quantity(self, order_id: int, line_id: int, quantity: int) -> None:
        """What a shop manager does on the screen: amounts and stock follow the quantity; 0 takes the line out."""
        with self.lock:
            document = self._open(self._order(order_id))
            line = next(line for line in document["line_items"] if line["id"] == line_id)
            self._take_more(line, quantity - line["quantity"])
            change: dict[str, Any] = {"id": line_id, "quantity": quantity}
            for key in ("subtotal", "total"):
                change[key] = str(Decimal(line[key]) / max(line["quantity"], 1) * quantity)
            self.edit_order(order_id, {"line_items": [change]})

    def _take_more(self, line: Document, more: int) -> None:
        """The stock that was taken for a line follows its quantity."""
        product = self._product_of(line)
        taken = next((entry for entry in line["meta_data"] if entry["key"] == "_reduced_stock"), None)
        if taken and product and product.manage_stock:
            _write_meta(line, "_reduced_stock", int(taken["value"]) + more, self._line_ids.__next__)
            self._add_stock(product, -more)

    def _recalculate(self, document: Document) -> None:
        exempt = any(entry["key"] == "is_vat_exempt" and entry["value"] == "yes" for entry in document["meta_data"])
        recalculate(document, self._table, self._line_ids.__next__, exempt)
        set_status(document, document["status"])

    def _set_status(self, order: Order, status: str) -> None:
        document, before = self._open(order), order.status
        if status != before:
            now = self.clock.now()
            if status in PAID and order.paid is None:
                order.paid = now
            if status == "completed":
                order.completed = now
            self._move_stock(document, status)
        order.status = status
        set_status(document, status)
        if status == "refunded" and before != "refunded":
            self._refund_the_rest(order)

    def _move_stock(self, document: Document, status: str) -> None:
        """The store takes stock for an order that goes ahead, and gives it back when it is cancelled (seen)."""
        for line in document["line_items"]:
            taken = [entry for entry in line["meta_data"] if entry["key"] == "_reduced_stock"]
            product = self._product_of(line)
            if status in STOCK_TAKEN and not taken and product and product.manage_stock:
                line["meta_data"].append(meta(next(self._line_ids), "_reduced_stock", str(line["quantity"])))
                self._add_stock(product, -line["quantity"])
            elif status in STOCK_GIVEN_BACK and taken:
                line["meta_data"] = [entry for entry in line["meta_data"] if entry["key"] != "_reduced_stock"]
                if product and product.manage_stock:
                    self._add_stock(product, int(taken[0]["value"]))

    def _product_of(self, line: Document) -> Product | None:
        return self.catalog.products.get(line["variation_id"] or line["product_id"])

    def _add_stock(self, product: Product, quantity: int) -> None:
        product.set_stock((product.stock or 0) + quantity)
        product.modified = self.clock.now()

    def refund(
        self,
        order_id: int,
        amount: Decimal | str | None = None,
        reason: str = "",
        lines: list[dict[str, Any]] | None = None,
        restock: bool = True,
    ) -> int:
        """Refund an amount, or lines as the API takes them, or (neither given) all that is left; the refund's id.

        Lines are `{"id", "quantity", "refund_total", "refund_tax": [{"id", "refund_total"}]}`.
        """
        with self.lock:
            order = self._order(order_id)
            document = self._open(order)
            left = self._left(document)
            if amount is None:
                amount = refunds.asked_amount(lines) if lines else left
            value = Decimal(str(amount))
            if value <= 0 or value > left:
                raise RestError(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
            refund = self._add_refund(order, value, reason, lines or [])
            if restock:
                self._restock(document, lines or [])
            if value == left:
                self._set_status(order, "refunded")
            self._changed(order, touch=not self.old_store or value == left)
            self.webhooks.happened("updated", order_id)
            return refund.id

    @staticmethod
    def _left(document: Document) -> Decimal:
        return Decimal(document["total"]) + sum((Decimal(entry["total"]) for entry in document["refunds"]), Decimal(0))

    def _add_refund(self, order: Order, amount: Decimal, reason: str, lines: list[dict[str, Any]]) -> Refund:
        document, now = self._open(order), self.clock.now()
        dates = {"date_created": site_text(now, self.zone), "date_created_gmt": gmt_text(now)}
        kind = "full" if amount == self._left(document) else "partial"
        made = refunds.document(self.take_id(), amount, reason, kind, dates)
        refunds.add_lines(made, document, lines, self._line_ids.__next__)
        document["refunds"].insert(0, refunds.summary(made))
        refund = Refund(made["id"], order.id, now, made)
        self.book.add_refund(refund)
        return refund

    def _refund_the_rest(self, order: Order) -> None:
        """Setting the status `refunded` refunds what is left, in one amount without lines (seen)."""
        left = self._left(self._open(order))
        if left > 0:
            self._add_refund(order, left, "", [])

    def _restock(self, document: Document, lines: list[dict[str, Any]]) -> None:
        for asked in lines:
            for line in document["line_items"]:
                product = self._product_of(line) if line["id"] == asked["id"] else None
                if product and product.manage_stock:
                    self._give_back(line, product, int(asked.get("quantity", 0)))

    def _give_back(self, line: Document, product: Product, quantity: int) -> None:
        """Put pieces back. Two entries of the line follow: `_reduced_stock` says how many are still taken, and goes
        with the last; `_restock_refunded_items` says how many refunds have put back so far."""
        self._add_stock(product, quantity)
        counted = {entry["key"]: int(entry["value"]) for entry in line["meta_data"] if entry["key"] in _COUNTED}
        if "_reduced_stock" in counted:
            _write_meta(line, "_reduced_stock", counted["_reduced_stock"] - quantity, self._line_ids.__next__)
        put_back = counted.get("_restock_refunded_items", 0) + quantity
        _write_meta(line, "_restock_refunded_items", put_back, self._line_ids.__next__)

    def trash(self, order_id: int) -> None:
        """Put an order into the trash; it keeps the status that it had in its meta data."""
        with self.lock:
            order = self._order(order_id)
            document = self._open(order)
            notes = {"_wp_trash_meta_status": f"wc-{order.status}", "_wp_trash_meta_time": str(self.clock.now())}
            for key, value in notes.items():
                document["meta_data"].append({"id": next(self._line_ids), "key": key, "value": value})
            order.status = "trash"
            set_status(document, "trash")
            self._changed(order)
            self.webhooks.happened("deleted", order_id)

    def restore(self, order_id: int) -> None:
        """Take an order out of the trash, into the status that it had."""
        with self.lock:
            order = self._order(order_id)
            document = self._open(order)
            kept = {entry["key"]: entry["value"] for entry in document["meta_data"]}
            document["meta_data"] = [row for row in document["meta_data"] if not row["key"].startswith("_wp_trash")]
            order.status = kept["_wp_trash_meta_status"].removeprefix("wc-")
            set_status(document, order.status)
            self._changed(order)
            self.webhooks.happened("restored", order_id)

    def delete(self, order_id: int) -> None:
        """Delete an order for good, with its refunds; no webhook tells that (WooCommerce's are for the trash)."""
        with self.lock:
            order = self._order(order_id)
            self._changed(order, touch=False)
            self.book.remove(order)

    def add_status(self, slug: str, name: str | None = None) -> str:
        """Register a status, as a plugin does; `wc-` in front is left out. The slug."""
        short = slug.removeprefix("wc-")
        with self.lock:
            self.statuses[short] = name or short.replace("-", " ").capitalize()
        return short

    def remove_status(self, slug: str) -> None:
        """The plugin is gone: its orders keep the status, but no list shows them any more."""
        with self.lock:
            del self.statuses[slug.removeprefix("wc-")]
            self.book.version += 1

    def set_stock(self, sku: str, quantity: int) -> None:
        """Somebody counts the shelf."""
        with self.lock:
            product = self.catalog.by_sku(sku)
            product.set_stock(quantity)
            product.modified = self.clock.now()

    def stock(self, sku: str) -> int | None:
        """The quantity in stock; None when the product does not manage stock."""
        with self.lock:
            return self.catalog.by_sku(sku).stock

    def delete_product(self, sku: str) -> None:
        """Delete a product for good: the lines of old orders lose product and SKU."""
        with self.lock:
            product = self.catalog.by_sku(sku)
            for order in self.book.orders.values():
                document = self.document(order)
                if any(line["sku"] == sku for line in document["line_items"]):
                    edits.forget_product(self._open(order), sku)
                    self._changed(order, touch=False)
            self.catalog.delete(product.id)


def _write_meta(line: Document, key: str, pieces: int, ids: Callable[[], int]) -> None:
    """Write an entry that counts pieces; none of them: there is no entry."""
    known = next((entry["id"] for entry in line["meta_data"] if entry["key"] == key), None)
    line["meta_data"] = [entry for entry in line["meta_data"] if entry["key"] != key]
    if pieces > 0:
        line["meta_data"].append(meta(ids() if known is None else known, key, str(pieces)))
