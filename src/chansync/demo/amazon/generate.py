"""Makes up the seller's orders, each from the seed and its running number alone."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from chansync.demo.amazon.book import CANCELLED, PARTIALLY_SHIPPED, PENDING, SHIPPED, UNSHIPPED, Line, Order, Package
from chansync.demo.amazon.goods import AMAZON, MERCHANT, STRANGER, Goods, Listing
from chansync.demo.amazon.marketplaces import Marketplace
from chansync.demo.amazon.people import buyer

SPAN = 8 * 7 * 86400
STRANGER_EVERY = 25
_DAY = 86400
#: How long an order may be shipped in part; then the rest is too.
_PARTS_WITHIN = 8 * _DAY
_PROMOTIONS = ("Summer sale", "Coupon PAWS-5", "Buy two, save five percent")
_GIFTS = ("Happy birthday!", "Für Dich ♥\nDeine Anke", "“Surprise” <3")
_REASONS = ("Found it cheaper elsewhere", "Ordered by mistake", "Would not arrive in time")
_PLACES_TO_LEAVE = ("GARAGE", "NEIGHBOUR", "PORCH")
_CARRIERS = (("DHL", "Paket"), ("GLS", ""), ("UPS", "Standard"))


@dataclass(frozen=True, slots=True)
class Wish:
    """What an order shall be like; what is left open is drawn.

    Attributes:
        basket: SKUs and pieces.
        anonymous: Amazon tells nothing of its buyer.
    """

    place: Marketplace | None = None
    fulfilled_by: str = ""
    basket: tuple[tuple[str, int], ...] = ()
    business: bool | None = None
    anonymous: bool | None = None


class Generator:
    """Draws orders."""

    def __init__(self, seed: int, goods: Goods, places: Sequence[Marketplace]) -> None:
        self._seed, self._goods, self._places = seed, goods, places

    def _random(self, number: int) -> random.Random:
        return random.Random((self._seed << 32) ^ (number << 2) ^ 3)

    def history(self, count: int, now: int) -> list[Order]:
        """The orders of the last weeks, the oldest first, as they stand by now."""
        found = []
        for number in range(count):
            created = now - SPAN + SPAN * (number + 1) // (count + 1)
            order, rng = self._drawn(number, created, Wish())
            _settle(order, rng, now)
            found.append(order)
        return found

    def order(self, number: int, created: int, wish: Wish) -> Order:
        """A new order; it is pending."""
        return self._drawn(number, created, wish)[0]

    def _drawn(self, number: int, created: int, wish: Wish) -> tuple[Order, random.Random]:
        rng = self._random(number)
        place = wish.place or rng.choice(self._places)
        business = rng.random() < 0.12 if wish.business is None else wish.business
        fulfilled_by = wish.fulfilled_by or (AMAZON if rng.random() < 0.3 else MERCHANT)
        order_id = _order_id(rng, place)
        basket = [(self._goods.listings[sku], pieces) for sku, pieces in wish.basket] or self._basket(
            rng, fulfilled_by, number
        )
        if wish.basket:
            fulfilled_by = wish.fulfilled_by or basket[0][0].fulfilled_by
        anonymous = rng.random() < 0.04 if wish.anonymous is None else wish.anonymous
        drawn = Order(
            id=order_id,
            place=place,
            fulfilled_by=fulfilled_by,
            status=PENDING,
            created=created,
            updated=created,
            buyer=buyer(rng, place, business),
            lines=[self._line(rng, place, listing, pieces, business) for listing, pieces in basket],
            payment="Invoice" if business else "CreditCard",
            service="EXPEDITED" if rng.random() < 0.2 else "STANDARD",
            prime=fulfilled_by == AMAZON and rng.random() < 0.7,
            tells_tax=rng.random() < 0.3,
            anonymous=anonymous,
        )
        _ask_for(drawn, random.Random(f"{self._seed} {number}"))
        if place.country == "IT" and fulfilled_by == MERCHANT and rng.random() < 0.3:
            drawn.payment, drawn.lines[0].cod_fee = "CashOnDelivery", 350
        return drawn, rng

    def _basket(self, rng: random.Random, fulfilled_by: str, number: int) -> list[tuple[Listing, int]]:
        offered = [listing for listing in self._goods.by_fulfilment(fulfilled_by) if listing.sku != STRANGER]
        basket = [
            (listing, rng.choice((1, 1, 1, 2, 3))) for listing in rng.sample(offered, rng.choice((1, 1, 1, 2, 3)))
        ]
        if fulfilled_by == MERCHANT and number % STRANGER_EVERY == STRANGER_EVERY - 1:
            basket.append((self._goods.listings[STRANGER], 1))
        return basket

    def _line(self, rng: random.Random, place: Marketplace, listing: Listing, pieces: int, business: bool) -> Line:
        price = listing.price(place)
        line = Line(
            id=str(rng.randrange(10**13, 10**14)),
            sku=listing.sku,
            asin=listing.asin,
            title=listing.title,
            quantity=pieces,
            price=price * 95 // 100 if business else price,
            business_price=business,
        )
        if rng.random() < 0.4:
            line.shipping = int(499 * place.factor)
            line.shipping_discount = line.shipping if rng.random() < 0.3 else 0
        if rng.random() < 0.2:
            line.promotion, line.discount = rng.choice(_PROMOTIONS), price // 20
        if rng.random() < 0.08:
            line.gift_wrap, line.gift_message = int(295 * place.factor), rng.choice(_GIFTS)
        return line


def _ask_for(order: Order, rng: random.Random) -> None:
    """What some buyers and some goods ask of whoever packs them; drawn apart, so that it changes nothing else."""
    if order.fulfilled_by == MERCHANT:
        order.drop_off = rng.choice(_PLACES_TO_LEAVE) if rng.random() < 0.05 else ""
        order.programs = ("PREMIUM",) if rng.random() < 0.05 else ()
        for line in order.lines:
            line.demands = ("recipientAgeVerification",) if rng.random() < 0.03 else ()
            if rng.random() < 0.03:
                line.customization = f"https://zme-caps.amazon.example/t/{line.id}/custom.zip"


def _order_id(rng: random.Random, place: Marketplace) -> str:
    """The 3-7-7 form; the first group tells the part of the world."""
    first = rng.choice((111, 112, 113, 114)) if place.country == "US" else rng.choice((302, 303, 304, 305, 306))
    return f"{first}-{rng.randrange(10**6, 10**7)}-{rng.randrange(10**6, 10**7)}"


def _settle(order: Order, rng: random.Random, now: int) -> None:
    """Let the order come as far as it would have by now."""
    age, fate = now - order.created, rng.random()
    if age < 2400 and fate < 0.5:
        return
    order.status = UNSHIPPED
    order.updated = min(now, order.created + rng.randint(60, 1800))
    if fate > 0.94:
        _cancel(order, rng, now)
        return
    if fate > 0.90 and order.fulfilled_by == MERCHANT:
        line = max(order.lines, key=lambda line: line.quantity)
        if line.quantity > 1:
            line.cancelled, line.cancelled_by, line.cancel_reason = 1, "MERCHANT", "NoInventory"
    elif fate > 0.88:
        order.lines[0].cancel_wish = rng.choice(_REASONS)
    if age > _DAY:
        _ship(order, rng, now)


def _cancel(order: Order, rng: random.Random, now: int) -> None:
    before_payment = rng.random() < 0.5
    by = "AMAZON" if before_payment else rng.choice(("BUYER", "MERCHANT"))
    for line in order.lines:
        line.cancelled, line.cancelled_by, line.cancel_reason = line.quantity, by, rng.choice(_REASONS)
    if before_payment:
        order.payment = ""
    order.status = CANCELLED
    order.updated = min(now, order.created + rng.randint(600, _DAY))


def _ship(order: Order, rng: random.Random, now: int) -> None:
    order.updated = min(now, order.created + rng.randint(_DAY // 2, 2 * _DAY))
    in_part = order.fulfilled_by == MERCHANT and len(order.lines) > 1 and rng.random() < 0.15
    in_part = in_part and now - order.created < _PARTS_WITHIN
    sent = order.lines[:1] if in_part else order.lines
    for line in sent:
        line.shipped = line.left
    order.status = PARTIALLY_SHIPPED if in_part else SHIPPED
    if order.fulfilled_by == MERCHANT:
        carrier, method = rng.choice(_CARRIERS)
        tracking = f"{carrier}{rng.randrange(10**9, 10**10)}"
        items = {line.id: line.shipped for line in sent if line.shipped}
        order.packages.append(Package("1", carrier, method, tracking, order.updated, items))
