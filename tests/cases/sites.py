"""The demo sites as cases speak of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller, order_routes
from chansync.demo.amazon.documents import order_document
from chansync.demo.amazon.marketplaces import MARKETPLACES
from chansync.demo.woocommerce import DemoServer, DemoShop, edits, reference
from chansync.demo.woocommerce.book import Order, Refund
from chansync.demo.woocommerce.orders import PAID, blank
from chansync.demo.woocommerce.refunds import document as refund_document
from chansync.erp.ledger import setup as ledger_setup
from chansync.store import mappings
from support import marketplace, shops

Json = dict[str, Any]

_PERSON = {"first_name": "Mia", "last_name": "Muster", "company": "", "address_1": "Ring 1", "address_2": ""}
_TOWN = {"city": "Berlin", "state": "", "postcode": "10115", "country": "DE"}
_BUYER = {**_PERSON, **_TOWN, "email": "mia@example.com", "phone": "+49 30 23125100"}
_RECIPIENT = {**_PERSON, **_TOWN, "phone": ""}
#: What is in an order of which a case says nothing else.
_PLAIN = {
    "billing": _BUYER,
    "shipping": _RECIPIENT,
    "payment_method": "bacs",
    "payment_method_title": "Direct bank transfer",
    "created_via": "checkout",
}


class BrokenCase(Exception):
    """The case itself cannot be played."""


class Site:
    """A demo site with a company that sells there; a context manager.

    Attributes:
        channels: codes of the company's channels.
        names: name of an order in the case → its number, as people call it.
    """

    channels: list[str]
    names: dict[str, str]

    def filled(self, word: str) -> str:
        """The word with the number of an order in place of ``{its name}``."""
        for name, number in self.names.items():
            word = word.replace(f"{{{name}}}", number)
        return word

    def take(self, step: Json) -> None:
        """Do what people do on the site. BrokenCase where the step is unknown."""
        action = next((key for key in step if hasattr(self, f"_do_{key}")), None)
        if action is None:
            raise BrokenCase(f"unknown step {step!r:.100}")
        getattr(self, f"_do_{action}")(step)

    def stock(self, sku: str) -> int | None:
        """What the site offers of an item."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError


class WooCommerceSite(Site):
    """The demo store, and the demo's company with its channel ``demo``."""

    def __init__(self, setup: Json, path: Path) -> None:
        currency = setup.get("currency", "EUR")
        try:
            reference.currency(currency)
        except KeyError:
            raise BrokenCase(f"the store has no currency {currency!r}") from None
        self.shop = DemoShop.create(orders=0, currency=currency)
        self.server = DemoServer(self.shop)
        self.path = path
        self.channels = [company.CHANNEL]
        self._withheld: list[Refund] = []
        self.names = {}
        self._orders: dict[str, Order] = {}
        #: Times that a case gives to an order and that are no times, by order id.
        self._dates: dict[int, Json] = {}

    def __enter__(self) -> Self:
        self.server.start()
        shops.make_company(self.path, self.shop, self.server)
        store = open_store(self.path)
        try:
            with transaction(store.db):
                ledger_setup.change(store.db, "pos", "WEB", {"currencies": f"EUR, BGN, {self.shop.currency}"})
                # Cases say when an order is paid by its status alone, whatever its payment method.
                for method in mappings.mappings(store.db, 1, "payment"):
                    mappings.set_paid_statuses(store.db, 1, method.site_code, [])
        finally:
            store.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def stock(self, sku: str) -> int | None:
        return self.shop.stock(sku)

    def _do_put(self, step: Json) -> None:
        given = step["put"]
        with self.shop.lock:
            given_id, now = given.get("id"), self.shop.clock.now()
            order_id = given_id if isinstance(given_id, int) else self.shop.take_id()
            order = Order(order_id, order_id, "pending", now, now)
            made = blank(order_id, self.shop.site_url, f"case{order_id}", self.shop.currency)
            order.document = made | copy.deepcopy(_PLAIN)
            self.shop.book.add(order)
            self._write(order, {"status": "processing"} | given, step.get("status"))
        self._name(step, order)

    def _do_change(self, step: Json) -> None:
        with self.shop.lock:
            self._write(self._order(step["change"]), step.get("order", {}), step.get("status"))

    def _write(self, order: Order, given: Json, status: str | None) -> None:
        """Put the JSON over the order's as it is, whatever it may be; the records follow it where they can."""
        document = order.document
        assert document is not None
        for key, value in copy.deepcopy(given).items():
            before = document.get(key)
            document[key] = before | value if isinstance(before, dict) and isinstance(value, dict) else value
        order.status = status or str(given.get("status", order.status))
        document["status"] = order.status
        if order.status in PAID and order.paid is None:
            order.paid = self.shop.clock.now()
        if order.status == "completed" and order.completed is None:
            order.completed = self.shop.clock.now()
        dates = {key: value for key, value in given.items() if key.startswith("date_")}
        self._dates[order.id] = self._dates.get(order.id, {}) | dates
        try:
            order.created = int(datetime.fromisoformat(dates["date_created_gmt"]).replace(tzinfo=UTC).timestamp())
        except (KeyError, TypeError, ValueError):
            pass
        self._changed(order)

    def _changed(self, order: Order) -> None:
        book = self.shop.book
        self.shop._changed(order)
        book.fill([], [])
        document = order.document
        assert document is not None
        document.update(self._dates.get(order.id, {}))

    def _do_refund(self, step: Json) -> None:
        """A refund: its document as given, and what the order's own list says of it."""
        given = step.get("document", {})
        with self.shop.lock:
            order = self._order(step["refund"])
            document, now = order.document, self.shop.clock.now()
            assert document is not None
            made = refund_document(self.shop.take_id(), Decimal(0), "", "partial", self._now())
            made |= copy.deepcopy(given)
            total = step.get("summary_total", f"-{made['amount']}")
            summary = {"id": made["id"], "reason": made["reason"], "total": total}
            document["refunds"] = [summary, *document["refunds"]]
            refund = Refund(made["id"], order.id, now, made)
            if step.get("route", True):
                self.shop.book.add_refund(refund)
            else:
                self._withheld.append(refund)
            self._changed(order)

    def _do_give_refunds(self, step: Json) -> None:
        """The refund routes give from now on what they did not give of the order."""
        with self.shop.lock:
            order = self._order(step["give_refunds"])
            for refund in self._withheld:
                if refund.order == order.id:
                    self.shop.book.add_refund(refund)
            self._withheld = [refund for refund in self._withheld if refund.order != order.id]

    def _now(self) -> dict[str, str]:
        now = self.shop.clock.now()
        local, utc = datetime.fromtimestamp(now, self.shop.zone), datetime.fromtimestamp(now, UTC)
        form = "%Y-%m-%dT%H:%M:%S"
        return {"date_created": local.strftime(form), "date_created_gmt": utc.strftime(form)}

    def _do_delete_refunds(self, step: Json) -> None:
        with self.shop.lock:
            order = self._order(step["delete_refunds"])
            for refund in list(self.shop.book.refunds_of(order.id)):
                self.shop.book.refunds_of(order.id).remove(refund)
                del self.shop.book.refunds[refund.id]
            assert order.document is not None
            order.document["refunds"] = []
            self._changed(order)

    def _do_shop_order(self, step: Json) -> None:
        """Somebody orders in the shop itself, which takes the stock."""
        changes = {**edits.EMPTY, **copy.deepcopy(_PLAIN), "currency": self.shop.currency}
        lines = [tuple(line) for line in step["shop_order"]]
        order_id = self.shop.place_order(lines, status=step.get("status", "processing"), changes=changes)
        self._name(step, self.shop.book.orders[order_id])

    def _do_site_sku(self, step: Json) -> None:
        """Items get another SKU on the site: ``{"old": "new"}`` or ``["old", "new"]``."""
        given = step["site_sku"]
        pairs: Mapping[str, str] = given if isinstance(given, dict) else dict([given])
        with self.shop.lock:
            for old, new in pairs.items():
                product = self.shop.catalog.by_sku(old)
                product.sku, product.modified = new, self.shop.clock.now()

    def _name(self, step: Json, order: Order) -> None:
        name = step.get("as", "a")
        self._orders[name] = order
        assert order.document is not None
        self.names[name] = str(order.document["number"])

    def _order(self, name: str) -> Order:
        if name not in self._orders:
            raise BrokenCase(f"there is no order {name!r}")
        return self._orders[name]


class AmazonSite(Site):
    """The demo seller, with one channel a marketplace."""

    def __init__(self, setup: Json, path: Path) -> None:
        markets, codes = setup.get("markets", ("DE", "FR", "UK")), setup.get("codes", ("de",))
        if strange := {*markets, *map(str.upper, codes)} - MARKETPLACES.keys():
            raise BrokenCase(f"there is no marketplace {', '.join(sorted(strange))}")
        self.seller = Seller(rate_factor=100_000.0, marketplaces=markets)
        self.seller.settling = 0
        self.server = AmazonServer(self.seller)
        self.path = path
        self.channels = list(codes)
        self.names = {}
        self._told: dict[str, Json] = {}
        self._patch = pytest.MonkeyPatch()

    def __enter__(self) -> Self:
        self._patch.setattr(order_routes, "order_document", self._document)
        self.server.start()
        store = open_store(self.path)
        try:
            marketplace.add_erp(store, self.seller)
            marketplace.add_system(store, self.server)
            marketplace.add_channels(store, self.channels)
        finally:
            store.close()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._patch.undo()

    def stock(self, sku: str) -> int | None:
        return self.seller.stock(sku)

    def _document(self, order: Any, *arguments: Any) -> Json:
        return told_as(order_document(order, *arguments), self._told.get(order.id, {}))

    def _do_place(self, step: Json) -> None:
        fulfilled_by = step.get("fulfilled_by", "MERCHANT")
        with self.seller.lock:
            order_id = self.seller.place_order(
                step["place"],
                step.get("status", "UNSHIPPED"),
                lines=step.get("lines") or {"FBA-01" if fulfilled_by == "AMAZON" else "SKU-001": 1},
                fulfilled_by=fulfilled_by,
                business=False,
                anonymous=False,
            )
            self._told[order_id] = step.get("told", {})
        self.names[step.get("as", "a")] = order_id

    def _do_told_now(self, step: Json) -> None:
        """From now on the API tells this of the order; it counts as changed."""
        with self.seller.lock:
            order_id = self._id(step["told_now"])
            self._told[order_id] = step.get("told", {})
            self.seller.edit_order(order_id, {})

    def _do_ship(self, step: Json) -> None:
        self.seller.ship(self._id(step["ship"]))

    def _do_wish_to_cancel(self, step: Json) -> None:
        self.seller.wish_to_cancel(self._id(step["wish_to_cancel"]))

    def _id(self, name: str) -> str:
        if name not in self.names:
            raise BrokenCase(f"there is no order {name!r}")
        return self.names[name]


def told_as(document: Json, told: Json) -> Json:
    """An order's document as the API is to tell it.

    ``drop`` names keys of the order that are not told, ``order`` goes over the rest; ``items`` has the same for each
    item (``drop``, ``item``), and ``drop_product`` for what is told of its product.
    """
    changed = _over(
        {key: value for key, value in document.items() if key not in told.get("drop", ())}, told.get("order", {})
    )
    items = list(changed.get("orderItems", ()))
    for position, wish in enumerate(told.get("items", ())):
        item = {key: value for key, value in items[position].items() if key not in wish.get("drop", ())}
        dropped = wish.get("drop_product", ())
        item["product"] = {key: value for key, value in item["product"].items() if key not in dropped}
        items[position] = _over(item, wish.get("item", {}))
    return changed | {"orderItems": items}


def _over(below: Json, above: Json) -> Json:
    """``above`` over ``below``: objects key by key, everything else in the place of what is there."""
    found = dict(below)
    for key, value in above.items():
        before = found.get(key)
        found[key] = _over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return found


SITES = {"woocommerce": WooCommerceSite, "amazon": AmazonSite}
