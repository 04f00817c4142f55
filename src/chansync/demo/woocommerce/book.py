"""The order book: records of orders and refunds, kept sorted by each key that the API can sort by."""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from dataclasses import dataclass
from itertools import groupby

from chansync.demo.woocommerce.orders import Document

Key = tuple[int, int]


@dataclass(slots=True)
class Order:
    """What lists need to know of an order. The document is made when somebody asks for it, and kept once changed.

    Times are seconds since 1970. `number` is the running number from which the document is generated; `refund` is
    the kind of refund that belongs to the generated document.
    """

    id: int
    number: int
    status: str
    created: int
    modified: int
    paid: int | None = None
    completed: int | None = None
    customer: int = 0
    refund: str = ""
    document: Document | None = None


@dataclass(slots=True)
class Refund:
    """A refund of an order; its document follows the order's."""

    id: int
    order: int
    created: int
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """The filters of an orders list. Bounds are exclusive seconds."""

    statuses: frozenset[str]
    sort: str = "date"
    descending: bool = True
    after: int | None = None
    before: int | None = None
    modified_after: int | None = None
    modified_before: int | None = None
    include: frozenset[int] = frozenset()
    exclude: frozenset[int] = frozenset()
    parent: frozenset[int] = frozenset()
    customer: int | None = None
    search: str = ""


class Book:
    """Finds orders quickly: a list is a slice of a sorted index, filtered."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.refunds: dict[int, Refund] = {}
        self._refunds_by_order: dict[int, list[Refund]] = {}
        self.version = 0
        self._by_created: list[Key] = []
        self._by_modified: list[Key] = []
        self._by_id: list[Key] = []
        self._results: OrderedDict[tuple[int, Query], list[Order]] = OrderedDict()

    def fill(self, orders: list[Order], refunds: list[Refund]) -> None:
        """Take in many at once."""
        self.orders.update((order.id, order) for order in orders)
        for refund in refunds:
            self.add_refund(refund)
        self._by_created = sorted((order.created, order.id) for order in self.orders.values())
        self._by_modified = sorted((order.modified, order.id) for order in self.orders.values())
        self._by_id = sorted((order_id, order_id) for order_id in self.orders)
        self.version += 1

    def add(self, order: Order) -> None:
        """Take in one."""
        self.orders[order.id] = order
        insort(self._by_created, (order.created, order.id))
        insort(self._by_modified, (order.modified, order.id))
        insort(self._by_id, (order.id, order.id))
        self.version += 1

    def add_refund(self, refund: Refund) -> None:
        """Take in a refund."""
        self.refunds[refund.id] = refund
        self._refunds_by_order.setdefault(refund.order, []).append(refund)
        self.version += 1

    def touch(self, order: Order, modified: int) -> None:
        """Move an order to its new place by time of modification."""
        _take_out(self._by_modified, (order.modified, order.id))
        order.modified = modified
        insort(self._by_modified, (order.modified, order.id))
        self.version += 1

    def remove(self, order: Order) -> None:
        """Forget an order and its refunds."""
        _take_out(self._by_created, (order.created, order.id))
        _take_out(self._by_modified, (order.modified, order.id))
        _take_out(self._by_id, (order.id, order.id))
        del self.orders[order.id]
        for refund in self._refunds_by_order.pop(order.id, []):
            del self.refunds[refund.id]
        self.version += 1

    def refunds_of(self, order_id: int) -> list[Refund]:
        """The refunds of an order, the oldest first."""
        return self._refunds_by_order.get(order_id, [])

    def select(self, query: Query) -> list[Order]:
        """All orders that match, sorted; remembered until something changes. Not to be altered by the caller."""
        known = (self.version, query)
        if known in self._results:
            self._results.move_to_end(known)
        else:
            self._results[known] = self._search(query)
            if len(self._results) > 8:
                self._results.popitem(last=False)
        return self._results[known]

    def _search(self, query: Query) -> list[Order]:
        index, low, high = self._by_id, None, None
        if query.sort == "date":
            index, low, high = self._by_created, query.after, query.before
        elif query.sort == "modified":
            index, low, high = self._by_modified, query.modified_after, query.modified_before
        # An entry with the key of the exclusive bound sorts before (bound + 1, 0), and after (bound, 0).
        start = 0 if low is None else bisect_left(index, (low + 1, 0))
        end = len(index) if high is None else bisect_right(index, (high, 0))
        orders, statuses = self.orders, query.statuses
        found = [order for _, key in index[start:end] if (order := orders[key]).status in statuses]
        found = _narrow(found, query)
        if query.descending:
            found.reverse()
        return found


def _take_out(index: list[Key], entry: Key) -> None:
    del index[bisect_left(index, entry)]


def _narrow(found: list[Order], query: Query) -> list[Order]:
    if query.parent and 0 not in query.parent:
        return []
    if query.after is not None:
        found = [order for order in found if order.created > query.after]
    if query.before is not None:
        found = [order for order in found if order.created < query.before]
    if query.modified_after is not None:
        found = [order for order in found if order.modified > query.modified_after]
    if query.modified_before is not None:
        found = [order for order in found if order.modified < query.modified_before]
    if query.include:
        found = [order for order in found if order.id in query.include]
    if query.exclude:
        found = [order for order in found if order.id not in query.exclude]
    if query.customer is not None:
        found = [order for order in found if order.customer == query.customer]
    if query.search:
        found = [order for order in found if str(order.id) == query.search]
    return found


def shuffle_ties(found: list[Order], sort: str, rng: random.Random) -> list[Order]:
    """The same list with orders of an equal sort key in another order, as MySQL is free to give them."""
    keys = {"date": lambda order: order.created, "modified": lambda order: order.modified}
    key = keys.get(sort)
    if key is None:
        return found
    mixed: list[Order] = []
    for _, group in groupby(found, key):
        ties = list(group)
        rng.shuffle(ties)
        mixed.extend(ties)
    return mixed
