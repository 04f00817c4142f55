"""The order book: what the seller's orders are, and lists of them by time of creation or of change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field

from chansync.demo.amazon.marketplaces import Marketplace
from chansync.demo.amazon.people import Buyer

PENDING, UNSHIPPED, PARTIALLY_SHIPPED = "PENDING", "UNSHIPPED", "PARTIALLY_SHIPPED"
SHIPPED, CANCELLED = "SHIPPED", "CANCELLED"

Key = tuple[int, str]


@dataclass(slots=True)
class Line:
    """An ordered item. Money is hundredths of the order's currency, a piece unless said otherwise.

    Attributes:
        shipping: for the whole line; so are `shipping_discount` and `cod_fee`.
        discount: taken off a piece; `promotion` says by what.
        cancelled: pieces that will not come any more; `shipped`: pieces that are on their way.
        cancelled_by: who cancelled: `BUYER`, `MERCHANT` or `AMAZON`.
        cancel_wish: the buyer's reason for wanting to cancel, before anybody did.
        customization: where what the buyer wants on it is told.
        demands: what its delivery asks for, in Amazon's words: `recipientAgeVerification`, `signatureConfirmation`.
        ioss_number: under which Amazon pays the VAT of its import.
    """

    id: str
    sku: str
    asin: str
    title: str
    quantity: int
    price: int
    shipping: int = 0
    shipping_discount: int = 0
    discount: int = 0
    promotion: str = ""
    gift_wrap: int = 0
    gift_message: str = ""
    cod_fee: int = 0
    business_price: bool = False
    cancelled: int = 0
    shipped: int = 0
    cancelled_by: str = ""
    cancel_reason: str = ""
    cancel_wish: str = ""
    customization: str = ""
    demands: tuple[str, ...] = ()
    ioss_number: str = ""

    @property
    def left(self) -> int:
        """Pieces that still count."""
        return self.quantity - self.cancelled


@dataclass(slots=True)
class Package:
    """What was handed to a carrier."""

    reference: str
    carrier: str
    method: str
    tracking: str
    shipped_at: float
    items: dict[str, int]


@dataclass(slots=True)
class Order:
    """An order. Times are whole seconds since 1970.

    Attributes:
        tells_tax: whether the item breakdowns of this order, whose prices hold VAT, show a tax of nothing.
        anonymous: the buyer's data are not told, whatever the application may see.
        programs: beside those that follow from the buyer and the service.
        replaces: the order that this one is sent for again; nothing is told of what it costs.
        vat_collected: Amazon collects the VAT that the prices hold, and tells how much it is.
        also_paid: what other methods than `payment` pay, in hundredths, by their names.
        drop_off: where the buyer wants it left.
    """

    id: str
    place: Marketplace
    fulfilled_by: str
    status: str
    created: int
    updated: int
    buyer: Buyer
    lines: list[Line]
    payment: str = "CreditCard"
    service: str = "STANDARD"
    prime: bool = False
    tells_tax: bool = False
    anonymous: bool = False
    programs: tuple[str, ...] = ()
    replaces: str = ""
    vat_collected: bool = False
    also_paid: dict[str, int] = field(default_factory=dict)
    drop_off: str = ""
    packages: list[Package] = field(default_factory=list)

    def line(self, line_id: str) -> Line | None:
        """The line with that id."""
        return next((line for line in self.lines if line.id == line_id), None)


@dataclass(frozen=True, slots=True)
class Query:
    """What a search is for; both bounds belong to it. `by` is `created` or `updated`."""

    by: str
    after: float
    before: float
    statuses: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    fulfilled_by: frozenset[str] = frozenset()

    def fits(self, order: Order) -> bool:
        """Whether the order passes the filters beside the times."""
        return (
            (not self.statuses or order.status in self.statuses)
            and (not self.places or order.place.id in self.places)
            and (not self.fulfilled_by or order.fulfilled_by in self.fulfilled_by)
        )


class Book:
    """Orders by id, by time of creation and by time of change."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._by_created: list[Key] = []
        self._by_updated: list[Key] = []

    def fill(self, orders: list[Order]) -> None:
        """Take in many at once."""
        self.orders.update((order.id, order) for order in orders)
        self._by_created = sorted((order.created, order.id) for order in self.orders.values())
        self._by_updated = sorted((order.updated, order.id) for order in self.orders.values())

    def add(self, order: Order) -> None:
        """Take in one."""
        self.orders[order.id] = order
        insort(self._by_created, (order.created, order.id))
        insort(self._by_updated, (order.updated, order.id))

    def touch(self, order: Order, updated: int) -> None:
        """Move an order to its new place by time of change."""
        del self._by_updated[bisect_left(self._by_updated, (order.updated, order.id))]
        order.updated = updated
        insort(self._by_updated, (order.updated, order.id))

    def search(self, query: Query, beyond: Key | None, size: int) -> tuple[list[Order], Key | None]:
        """The next orders after the key `beyond`, the oldest first, and the key to go on from; None at the end.

        An order that changes while somebody pages through a search leaves it by its upper bound; no other moves.
        """
        index = self._by_created if query.by == "created" else self._by_updated
        first = bisect_left(index, (query.after, ""))
        if beyond is not None:
            first = max(first, bisect_right(index, beyond))
        end = bisect_right(index, (query.before, "~"))
        found: list[Order] = []
        for key in index[first:end]:
            order = self.orders[key[1]]
            if not query.fits(order):
                continue
            if len(found) == size:
                last = found[-1]
                return found, (last.created if query.by == "created" else last.updated, last.id)
            found.append(order)
        return found, None
