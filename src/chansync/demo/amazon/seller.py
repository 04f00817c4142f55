"""The seller's account: orders, listings, feeds, credentials and roles, and everything that happens to them."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count
from typing import Any

from chansync.demo.amazon import amounts, goods
from chansync.demo.amazon.book import (
    CANCELLED,
    PARTIALLY_SHIPPED,
    PENDING,
    SHIPPED,
    UNSHIPPED,
    Book,
    Line,
    Order,
    Package,
)
from chansync.demo.amazon.bookmarks import Bookmarks
from chansync.demo.amazon.buckets import Buckets
from chansync.demo.amazon.errors import invalid, missing
from chansync.demo.amazon.feeds import Feeds
from chansync.demo.amazon.generate import Generator, Wish
from chansync.demo.amazon.goods import MERCHANT, Goods
from chansync.demo.amazon.login import Login
from chansync.demo.amazon.marketplaces import MARKETPLACES
from chansync.demo.amazon.returns import Return, Returns
from chansync.demo.amazon.settlements import Settlements
from chansync.demo.clock import Clock

#: What an application may be allowed to do; `pii` is the role for names and addresses.
ROLES = frozenset({"orders", "pii", "listings", "feeds", "reports"})

#: How old the upper bound of a search must be, in seconds.
SETTLING = 120

_EDITABLE = (
    "status", "payment", "service", "prime", "tells_tax", "anonymous", "fulfilled_by", "programs", "replaces",
    "vat_collected", "also_paid", "drop_off",
)  # fmt: skip


class Seller:
    """A seller's account in memory. Every method may be called while a server serves it.

    Attributes:
        closed: whether shoppers stay away for now.
        settling: seconds that a change takes to show in searches.
        discount_sign: how discounts are written; see `documents.order_document`.
        newest_first: searches tell the latest order of each page first; no order is promised.
        patch_delay: seconds from the acceptance of a patch to its effect.
        feed_seconds: how long a feed waits, and how long it is then worked on.
        gzip_results: whether result documents are compressed.
        duties: what else is done when time has passed (feeds are worked on).
    """

    #: The attributes that may be set from outside.
    SETTINGS = ("settling", "discount_sign", "newest_first", "patch_delay", "feed_seconds", "gzip_results")

    def __init__(
        self,
        *,
        seed: int = 7,
        orders: int = 0,
        marketplaces: Sequence[str] = ("DE", "FR", "UK"),
        now: datetime | None = None,
        rate_factor: float = 1.0,
        title: str = "Demo Seller",
    ) -> None:
        self.lock = threading.RLock()
        self.clock = Clock(now)
        self.seed, self.title = seed, title
        self.id = f"A{hashlib.sha256(f'seller {seed}'.encode()).hexdigest()[:13].upper()}"
        self.marketplaces = [MARKETPLACES[code] for code in marketplaces]
        self.suspended: set[str] = set()
        self.roles = set(ROLES)
        self.login = Login(seed, self.clock)
        self.buckets = Buckets(self.clock, rate_factor)
        self.bookmarks = Bookmarks()
        self.closed = False
        self.settling: float = SETTLING
        self.discount_sign = -1
        self.newest_first = False
        self.patch_delay = 0.0
        self.feed_seconds = (30.0, 30.0)
        self.gzip_results = False
        now_seconds = self.clock.now()
        self.goods = Goods(now_seconds - 10 * 7 * 86400)
        self._generator = Generator(seed, self.goods, self.marketplaces)
        self.book = Book()
        self.book.fill(self._generator.history(orders, now_seconds))
        self.feeds = Feeds()
        self.settlements = Settlements(self.feeds)
        self.returns = Returns(self.feeds)
        self.duties: list[Callable[[], None]] = []
        self.submissions = count(1)
        self._numbers = count(orders)
        self._random = random.Random(seed)
        self._due: list[tuple[float, str, int | None, dict[str, object]]] = []

    def order(self, order_id: str) -> Order:
        """An order; only to be read. ApiError where there is none."""
        found = self.book.orders.get(order_id)
        if found is None:
            raise missing(f"There is no order {order_id!r:.60}.")
        return found

    def _changed(self, order: Order) -> None:
        self.book.touch(order, self.clock.now())

    def place_order(
        self,
        marketplace: str = "",
        status: str = UNSHIPPED,
        *,
        lines: Mapping[str, int] | None = None,
        fulfilled_by: str = "",
        business: bool | None = None,
        anonymous: bool | None = None,
        created: datetime | None = None,
        edits: Mapping[str, Any] | None = None,
    ) -> str:
        """Somebody orders; the order's id.

        Args:
            marketplace: its code (`DE`); empty: any of the seller's.
            status: `PENDING` or `UNSHIPPED`.
            lines: pieces by SKU; None: something.
            created: when; None: now. It shows in searches as changed now.
            edits: as for `edit_order`, before anybody sees the order.
        """
        place = MARKETPLACES[marketplace] if marketplace else None
        basket = tuple((lines or {}).items())
        wish = Wish(place, fulfilled_by, basket, business, anonymous)
        with self.lock:
            moment = self.clock.now() if created is None else int(created.timestamp())
            order = self._generator.order(next(self._numbers), moment, wish)
            order.status, order.updated = status, self.clock.now()
            if edits:
                _apply(order, edits)
            self.book.add(order)
            for line in order.lines:
                listing = self.goods.listings[line.sku]
                if listing.quantity is not None:
                    listing.quantity = max(0, listing.quantity - line.quantity)
            return order.id

    def replace(self, order_id: str) -> str:
        """The goods of an order are sent again, free of charge, by an order of its own; its id."""
        with self.lock:
            old = self.order(order_id)
            new = self.place_order(
                old.place.code,
                lines={line.sku: line.quantity for line in old.lines},
                fulfilled_by=old.fulfilled_by,
                business=bool(old.buyer.company),
                anonymous=old.anonymous,
                edits={"replaces": order_id, "programs": old.programs},
            )
            self.order(new).buyer = old.buyer
            return new

    def pay(self, order_id: str) -> None:
        """The payment of a pending order is authorised: prices show, and it may be shipped."""
        with self.lock:
            order = self.order(order_id)
            if order.status == PENDING:
                order.status = UNSHIPPED
                self._changed(order)

    def ship(
        self,
        order_id: str,
        items: Mapping[str, int] | None = None,
        *,
        carrier: str = "DHL",
        method: str = "",
        tracking: str = "",
        reference: str = "",
        shipped_at: float | None = None,
    ) -> None:
        """Pieces (by line id; None: all that are left) are handed to a carrier."""
        with self.lock:
            order = self.order(order_id)
            sent = items if items is not None else {line.id: line.left - line.shipped for line in order.lines}
            for line in order.lines:
                line.shipped += sent.get(line.id, 0)
            if order.fulfilled_by == MERCHANT:
                reference = reference or str(len(order.packages) + 1)
                tracking = tracking or f"{carrier}{self._random.randrange(10**9, 10**10)}"
                moment = self.clock.now() if shipped_at is None else shipped_at
                held = {line_id: pieces for line_id, pieces in sent.items() if pieces}
                order.packages.append(Package(reference, carrier, method, tracking, moment, held))
            done = all(line.shipped == line.left for line in order.lines)
            order.status = SHIPPED if done else PARTIALLY_SHIPPED
            self._changed(order)

    def confirm_package(
        self,
        order: Order,
        reference: str,
        items: Mapping[str, int],
        *,
        carrier: str,
        method: str,
        tracking: str,
        shipped_at: float,
    ) -> None:
        """The merchant says what a package holds; said again with the same reference, it is put right.

        ApiError for pieces that the order does not have left.
        """
        earlier = next((package for package in order.packages if package.reference == reference), None)
        before = earlier.items if earlier else {}
        for line_id, pieces in items.items():
            line = order.line(line_id)
            if line is None:
                raise invalid(f"The order {order.id} has no item {line_id!r:.60}.")
            if pieces > line.left - line.shipped + before.get(line_id, 0):
                raise invalid(f"The order {order.id} does not have {pieces} pieces of the item {line_id} left to ship.")
        if earlier is not None:
            for line in order.lines:
                line.shipped -= before.get(line.id, 0)
            order.packages.remove(earlier)
        self.ship(
            order.id,
            items,
            carrier=carrier,
            method=method,
            tracking=tracking,
            reference=reference,
            shipped_at=shipped_at,
        )

    def cancel(
        self, order_id: str, items: Mapping[str, int] | None = None, by: str = "BUYER", reason: str = "Changed my mind"
    ) -> None:
        """Pieces (by line id; None: all) are cancelled; without any piece left the order is."""
        with self.lock:
            order = self.order(order_id)
            for line in order.lines:
                pieces = line.left - line.shipped if items is None else items.get(line.id, 0)
                if pieces:
                    pieces = min(pieces, line.left)
                    line.cancelled += pieces
                    line.cancelled_by, line.cancel_reason = by, reason
                    self._put_back(order, line, pieces)
            if not any(line.left for line in order.lines):
                if order.status == PENDING:
                    order.payment = ""
                order.status = CANCELLED
            elif all(line.shipped == line.left for line in order.lines):
                order.status = SHIPPED
            self._changed(order)

    def _put_back(self, order: Order, line: Line, pieces: int) -> None:
        """What is cancelled before its payment is on offer again; later it is the merchant who says so."""
        listing = self.goods.listings[line.sku]
        if order.status == PENDING and listing.quantity is not None:
            listing.quantity += pieces

    def wish_to_cancel(self, order_id: str, reason: str = "Ordered by mistake") -> None:
        """The buyer asks for the order to be cancelled; nothing else happens."""
        with self.lock:
            order = self.order(order_id)
            for line in order.lines:
                line.cancel_wish = reason
            self._changed(order)

    def refund(self, order_id: str, amount: int) -> str:
        """The buyer gets money back, in hundredths; the id of the adjustment, which the next settlement tells."""
        with self.lock:
            return self.settlements.refund(self.order(order_id), amount)

    def send_back(self, order_id: str, pieces: int = 1, line: int = 0) -> Return:
        """The buyer sends back pieces of a line, given by its place."""
        with self.lock:
            return self.returns.send_back(self.order(order_id), line, pieces, self.clock.now())

    def receive(self, back: Return) -> None:
        """What was sent back to the merchant has arrived."""
        with self.lock:
            back.received = self.clock.now()

    def pay_out(self) -> list[str]:
        """Amazon settles what is shipped; the ids of the settlements."""
        with self.lock:
            return self.settlements.settle(self.book.orders.values(), self.clock.now())

    def edit_order(self, order_id: str, edits: Mapping[str, Any]) -> None:
        """Change fields of an order (`status`, `payment`, `anonymous`, …), of its lines (`lines`: {position: {field:
        value}}, money in hundredths) and of its buyer (`buyer`: {field: value})."""
        with self.lock:
            order = self.order(order_id)
            _apply(order, edits)
            self._changed(order)

    def set_stock(self, sku: str, quantity: int | None) -> None:
        """Somebody counts the shelf, or forgets the number (None)."""
        with self.lock:
            listing = self.goods.listings[sku]
            listing.quantity, listing.updated = quantity, self.clock.now()

    def stock(self, sku: str) -> int | None:
        """The quantity that the listing shows now."""
        with self.lock:
            self.settle()
            return self.goods.listings[sku].quantity

    def patch_stock(self, sku: str, quantity: int | None, rest: dict[str, object]) -> None:
        """A patch was accepted: the listing shows it after `patch_delay` seconds."""
        self._due.append((self.clock.moment() + self.patch_delay, sku, quantity, rest))
        self._apply_due()

    def settle(self) -> None:
        """Let everything take effect that is due by now."""
        for duty in self.duties:
            duty()
        self._apply_due()

    def _apply_due(self) -> None:
        now = self.clock.moment()
        due = [entry for entry in self._due if entry[0] <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for at, sku, quantity, rest in due:
            listing = self.goods.listings[sku]
            listing.quantity, listing.restock, listing.updated = quantity, rest, int(at)

    def truth(self, order_ids: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
        """What each order comes to, for an audit; `total` is None while it has no prices, `refunded` is
        what settlements tell, in hundredths."""
        with self.lock:
            chosen = self.book.orders if order_ids is None else {key: self.order(key) for key in order_ids}
            return {key: self._truth(order) for key, order in chosen.items()}

    def _truth(self, order: Order) -> dict[str, Any]:
        currency, priced = order.place.currency, amounts.has_prices(order)
        total = goods.money(amounts.order_total(order), currency)["amount"] if priced else None
        pieces: Counter[str] = Counter()
        for line in order.lines:
            pieces[line.sku] += line.left
        return {
            "marketplace": order.place.code,
            "marketplaceId": order.place.id,
            "status": order.status,
            "fulfilledBy": order.fulfilled_by,
            "created": order.created,
            "updated": order.updated,
            "currency": currency,
            "total": "0.00" if order.replaces else total,
            "refunded": self.settlements.refunded[order.id],
            "vatNumber": order.buyer.vat_number,
            "items": dict(pieces),
            "buyer": None if order.anonymous else _told_of(order),
        }

    def order_ids(self, *statuses: str) -> list[str]:
        """Ids of the orders with one of the statuses, or of all, the oldest first."""
        with self.lock:
            found = sorted(self.book.orders.values(), key=lambda order: (order.created, order.id))
            return [order.id for order in found if not statuses or order.status in statuses]


def _told_of(order: Order) -> dict[str, str]:
    """What Amazon tells of a buyer: e-mail and phone only to a merchant who ships."""
    buyer, ships = order.buyer, order.fulfilled_by == MERCHANT
    named = {name: getattr(buyer, name) for name in ("name", "company", "street", "city", "postcode", "country")}
    return named | {"email": buyer.email if ships else "", "phone": buyer.phone if ships else ""}


def _apply(order: Order, edits: Mapping[str, Any]) -> None:
    """Set fields of the order, its lines and its buyer; ValueError for those that it is found by or does not have."""
    for name, value in edits.items():
        if name == "lines":
            for position, changes in value.items():
                order.lines[int(position)] = replace(order.lines[int(position)], **changes)
        elif name == "buyer":
            order.buyer = replace(order.buyer, **value)
        elif name in _EDITABLE:
            setattr(order, name, value)
        else:
            raise ValueError(f"{name} of an order cannot be changed")
