"""Reading every order of a window, page by page, while people go on working in the store.

A window is a query with both bounds. Its upper bound is not in the future, so an order can only leave it (it is
changed again, or goes into the trash) and never enter: whatever changes it gives it a time beyond the bound. The
orders behind one that leaves move forward, and one that moves from the beginning of a page that was not read yet to
the end of one that was read already is never seen. That is what has to be noticed.

**The number of orders proves that pages fit together.** The store counts the window's orders for every answer, at
or after the moment at which it reads the page's rows. A window only shrinks. So if the count that came *before* a
page was asked for equals the count that came with a later page, the window was the same all the time between, and
the pages are cuts of one and the same list. The count must come from an answer before: a count that came with the
page itself may be younger than its rows.

**So does an order that is seen again**, where the list is sorted by something that does not change. Sorted by id, a
page whose first order is not behind the last one that was taken continues the list without a gap, whatever has left
in between: everything before the page's first order has a smaller id, and so was taken or has left.

That proof does not even need an upper bound: what enters an open window has just been changed, and so comes with the
next pull.

``by_change`` takes the fast way and stops at the first doubt; ``by_id`` needs no luck.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from chansync.model.errors import SiteUnavailable
from chansync.platforms.woocommerce.client import PAGE
from chansync.platforms.woocommerce.pages import Page, PageSource, Query, Row

#: Pages that are fetched or waiting to be taken, at most. How many requests go at once is the HTTP client's to say.
AHEAD = 6
#: What pages that wait to be taken may take of the memory in all, in bytes: six usual ones have 25 million at the most.
HELD = 40_000_000
# How many orders a page that must touch the one before shares with it at first.
_SHARED = 10
_SMALLEST = 50
# Requests that bring nothing new, one after the other, before the store is given up for this time.
_VAIN = 20


class Doubt(Exception):
    """The pages of a window do not fit together: what was given so far is right, the rest must be read otherwise.

    The text says why, where it is not just that orders changed meanwhile.

    Attributes:
        whole: whether even what was given cannot be relied on, so that the window must be read from its beginning.
    """

    def __init__(self, reason: str, *, whole: bool = False) -> None:
        super().__init__(reason)
        self.whole = whole


@dataclass(slots=True)
class Position:
    """How far a window is read by id: the last id taken, and about how many orders come up to it."""

    id: int = 0
    rank: int = 0


class IdSet:
    """Ids seen; a bit each, so that a window of a million orders takes megabytes and not a hundred of them."""

    def __init__(self) -> None:
        self._chunks: dict[int, int] = {}

    def add(self, number: int) -> bool:
        """Whether it is new."""
        chunk, bit = number >> 10, 1 << (number & 1023)
        bits = self._chunks.get(chunk, 0)
        self._chunks[chunk] = bits | bit
        return not bits & bit


async def ahead(
    fetch: Callable[[int], Awaitable[Page]], first: int, last: int
) -> AsyncGenerator[tuple[int, Page], None]:
    """Pages in order, fetched ahead while the caller works on earlier ones.

    A page that is too large to wait for its turn is let go of and fetched again when it has come; from then on no more
    are fetched ahead than there is room for.
    """
    tasks: deque[asyncio.Future[Page | None]] = deque()
    number = coming = first
    held = largest = 0

    async def early(wanted: int) -> Page | None:
        nonlocal held, largest
        page = await fetch(wanted)
        largest = max(largest, page.weight)
        if wanted > number and held + page.weight > HELD:
            return None
        held += page.weight
        return page

    def is_room() -> bool:
        return len(tasks) < AHEAD and held + largest * sum(not task.done() for task in tasks) + largest <= HELD

    try:
        while number <= last:
            while coming <= last and (not tasks or is_room()):
                tasks.append(asyncio.ensure_future(early(coming)))
                coming += 1
            page = await tasks[0] or await early(number)
            tasks.popleft()
            assert page is not None
            held -= page.weight
            if coming <= last and is_room():
                tasks.append(asyncio.ensure_future(early(coming)))
                coming += 1
            yield number, page
            number += 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def by_change(source: PageSource, query: Query, total: int) -> AsyncGenerator[Page, None]:
    """The window's orders, the oldest change first.

    ``total`` is a count of the window's orders that came before this was called. Equal times may be sorted
    differently from one answer to the next, so that an order at the end of a page comes again on the next one in
    place of another: where a list of known length shows one order twice, another is missing.

    Raises:
        Doubt: the window shrank, an order came twice, or there are fewer orders than counted. Everything changed
            before the last given order is complete then, unless the doubt is about the whole window.
    """
    seen, given, newest = IdSet(), 0, 0
    pages = ahead(lambda number: source.fetch(query, number), 1, -(-total // PAGE))
    async with aclosing(pages):
        async for _number, page in pages:
            if page.total != total:
                raise Doubt("")
            if not _sorted(page.rows):
                raise Doubt("it does not sort orders by their last change", whole=True)
            for row in page.rows:
                if row.id is not None and not seen.add(row.id):
                    # Not among equal times: the order entered the window again, so the store's clocks disagree, and
                    # there is no telling where the gap is.
                    raise Doubt("an order came twice", whole=row.changed != newest)
            given += len(page.rows)
            newest = max(newest, *(row.changed or 0 for row in page.rows), 0)
            yield page
    if given != total:
        raise Doubt(f"the store counts {total} orders and shows {given}", whole=True)


async def by_id(source: PageSource, query: Query, position: Position) -> AsyncGenerator[Page, None]:
    """The window's orders by id, from ``position`` on, which is kept up to date: no gap, whatever leaves meanwhile.

    Pages that share orders with what was taken are read one after the other; as soon as two counts agree, pages
    side by side, until the count changes. Without counts every page shares orders with the one before.
    """
    counted: int | None = None
    shared, vain = _SHARED, 0
    while True:
        size, number = _touching(position.rank, shared)
        page = await source.fetch(query, number, size)
        _check_order(page)
        if not _touches(page, number, position):
            # More orders have left than the two pages would have shared: look further back.
            shared, counted, vain = min(shared * 4, position.rank), None, _counted_in_vain(vain)
            continue
        known, counted, shared = counted, page.total, _SHARED
        end, shown = number * size, len(page.rows)
        position.rank = end - size + shown
        fresh = _take(page, position)
        vain = 0 if fresh else _counted_in_vain(vain)
        yield page
        # A short page is the end. But a store may hide single orders, so that pages are short in the middle: then
        # the count tells, and without counts a page that brings nothing new.
        if fresh == 0 if page.total is None else shown < size and end >= max(page.total, known or 0):
            return
        if known is not None and known == counted:
            async with aclosing(_side_by_side(source, query, position, known)) as pages:
                async for page in pages:
                    yield page
            if position.rank >= known:
                return
            counted = None


def _counted_in_vain(vain: int) -> int:
    if vain >= _VAIN:
        raise SiteUnavailable(
            "The pages of orders do not fit together, however often they are asked for: a cache or a plugin there "
            "changes what the REST API answers.",
            code="unsteady",
        )
    return vain + 1


def _check_order(page: Page) -> None:
    ids = _ids(page.rows)
    if ids != sorted(ids):
        raise SiteUnavailable(
            "The orders do not come in the sequence that was asked for: a plugin there changes what the REST API "
            "answers.",
            code="unsorted",
        )


def _sorted(rows: list[Row]) -> bool:
    """Whether rows are sorted by their last change, in UTC or in the store's time."""
    for times in ([row.changed for row in rows], [row.local for row in rows]):
        known = [time for time in times if time is not None]
        if known == sorted(known):
            return True
    return False


async def _side_by_side(source: PageSource, query: Query, position: Position, total: int) -> AsyncGenerator[Page, None]:
    """Pages of a window of ``total`` orders, counted before; ends with the window or when the count changes."""
    first, last = position.rank // PAGE + 1, -(-total // PAGE)
    pages = ahead(lambda number: source.fetch(query, number), first, last)
    async with aclosing(pages):
        async for number, page in pages:
            if page.total != total:
                return
            _check_order(page)
            if (number - 1) * PAGE >= position.rank and number > 1 and _touches(page, number, position):
                # What should lie behind the last order taken does not: these are no cuts of one list.
                return
            _take(page, position)
            position.rank = min(number * PAGE, total)
            yield page


def _take(page: Page, position: Position) -> int:
    """Leave in the page what was not taken yet, move the position to its last order, and say how many are new."""
    page.rows = [row for row in page.rows if row.id is None or row.id > position.id]
    position.id = max([position.id, *_ids(page.rows)])
    return len(page.rows)


def _touches(page: Page, number: int, position: Position) -> bool:
    if number == 1:
        return True
    return next(iter(_ids(page.rows)), position.id + 1) <= position.id


def _touching(rank: int, shared: int) -> tuple[int, int]:
    """Size and number of the page that begins at least ``shared`` orders before ``rank`` and brings most behind it.

    Pages begin at multiples of their size, so the size is chosen such that one begins at the right place.
    """
    wanted = max(0, rank - shared)
    return max(
        ((size, wanted // size + 1) for size in range(PAGE, _SMALLEST - 1, -1)), key=lambda page: page[0] * page[1]
    )


def _ids(rows: list[Row]) -> list[int]:
    return [row.id for row in rows if row.id is not None]
