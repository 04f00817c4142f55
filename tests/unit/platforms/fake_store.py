"""A store in memory that people work in between the lines: orders change between any two steps of an answer."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from chansync.model.order import UnreadableOrder
from chansync.model.times import from_ms
from chansync.platforms.protocol import OrderPage
from chansync.platforms.woocommerce.changed_orders import Pull
from chansync.platforms.woocommerce.pages import BY_CHANGE, Page, Query, Row, SortRefused

START = 1_795_000_000_000


@dataclass
class FakeStore:
    """Orders by id, with the time of their last change.

    Attributes:
        busy: how likely something changes at each of the points where it can.
        pace: the clock moves on by up to that many seconds at each point.
        unstable: equal times are sorted anew for every answer.
        counts: whether the store says how many orders there are.
        sorts: whether it knows ``orderby=modified``.
        hidden: ids that are counted and never shown.
        ahead: milliseconds that the stamps of orders are ahead of the clock in the answers.
        date: milliseconds that the answers' clock is ahead of the time, while the stamps are right; None: none is told.
    """

    rng: random.Random
    busy: float = 0.0
    pace: int = 60
    unstable: bool = False
    counts: bool = True
    sorts: bool = True
    hidden: frozenset[int] = frozenset()
    ahead: int = 0
    date: int | None = 0
    now: int = START
    orders: dict[int, int] = field(default_factory=dict)
    requests: list[tuple[Query, int, int]] = field(default_factory=list)
    clock_of_ours: Callable[[], int] = lambda: 0
    in_flight: int = 0
    most_in_flight: int = 0
    _next: int = 1

    def fill(self, count: int, spread: int = 40_000) -> FakeStore:
        """Orders of the past, on average ``spread`` milliseconds apart, whole seconds, ties among them."""
        moment = self.now - count * spread - 1_000_000
        ids = list(range(self._next, self._next + count))
        self.rng.shuffle(ids)
        for number in ids:
            moment += self.rng.randrange(0, spread * 2 + 1) // 1000 * 1000
            self.orders[number] = min(moment, self.now)
        self._next += count
        return self

    def change(self) -> None:
        """Somebody does something."""
        kind = self.rng.random()
        if kind < 0.3 or not self.orders:
            self.orders[self._next] = self.now + self.ahead
            self._next += self.rng.randrange(1, 4)
        elif kind < 0.4:
            del self.orders[self.rng.choice(list(self.orders))]
        else:
            # Old orders, for the most part: those that a pull is about to read.
            chosen = self.rng.choice(list(self.orders))
            self.orders[chosen] = self.now + self.ahead

    def _passes(self) -> None:
        self.now += self.rng.randrange(0, self.pace + 1) * 1000
        while self.rng.random() < self.busy:
            self.change()

    def _matching(self, query: Query) -> list[int]:
        after = -1 if query.after is None else query.after // 1000 * 1000
        before = 10**18 if query.before is None else query.before // 1000 * 1000
        return [number for number, stamp in self.orders.items() if after < stamp < before]

    async def complete(self, page: Page) -> None:
        """Its pages are whole."""

    async def fetch(self, query: Query, page: int, size: int = 100) -> Page:
        """One page, as a store makes it: the rows first and the count after them."""
        self.requests.append((query, page, size))
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        for _ in range(self.rng.randrange(3)):
            await asyncio.sleep(0)
        self.in_flight -= 1
        if query.order == BY_CHANGE and not self.sorts:
            raise SortRefused
        self._passes()
        found = self._matching(query)
        if query.order == BY_CHANGE:
            tie = {number: self.rng.random() if self.unstable else number for number in found}
            found.sort(key=lambda number: (self.orders[number], tie[number]))
        else:
            found.sort()
        cut = [number for number in found[(page - 1) * size : page * size] if number not in self.hidden]
        rows = [row(number, self.orders[number]) for number in cut]
        self._passes()
        # Past the end a store counts nothing.
        total = (len(self._matching(query)) if found[(page - 1) * size :] else 0) if self.counts else None
        clock = self.now // 1000 * 1000
        self._passes()
        await asyncio.sleep(0)
        if self.date is None:
            return Page(rows, total, self.clock_of_ours() - 600_000, told=False)
        return Page(rows, total, clock + self.date)


@dataclass
class Reader:
    """Pulls, remembers what it was given, and stores the cursor once a page is taken in.

    Attributes:
        ours: milliseconds that our clock is ahead of the time.
    """

    store: FakeStore
    first_after: int | None = None
    ours: int = 0
    cursor: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=lambda: {"clock_agrees": True})
    seen: set[tuple[int, int]] = field(default_factory=set)
    pages: list[OrderPage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def _now(self) -> int:
        """Our clock."""
        return self.store.now + self.ours

    async def pull(self, stop_after: int | None = None) -> None:
        """One pull; with ``stop_after``, killed while the page after that many is worked on."""
        self.store.clock_of_ours = self._now
        pull = Pull("shop.example", self.store, self.cursor, self.first_after, self.facts, UTC, self._now)
        async with aclosing(pull.pages()) as pages:
            taken = 0
            async for page in _watched(pages):
                if taken == stop_after:
                    return
                self.pages.append(page)
                self.notes += page.notes
                self.seen |= {order.raw["key"] for order in page.orders}
                self.cursor = page.cursor
                taken += 1

    @property
    def missing(self) -> set[tuple[int, int]]:
        """Orders whose last state never came."""
        shown = {entry for entry in self.store.orders.items() if entry[0] not in self.store.hidden}
        if self.first_after is not None:
            shown = {(number, stamp) for number, stamp in shown if stamp > self.first_after}
        return shown - self.seen


async def _watched(pages: AsyncIterator[OrderPage]) -> AsyncIterator[OrderPage]:
    async for page in pages:
        yield page
        await asyncio.sleep(0)


def row(number: int, stamp: int) -> Row:
    """An order, with its id and the time of its last change in the place of the store's data."""
    key = (number, stamp)
    order = UnreadableOrder(str(number), str(number), stamp, from_ms(stamp).isoformat(), {"key": key})
    return Row(key, number, stamp, stamp, order)
