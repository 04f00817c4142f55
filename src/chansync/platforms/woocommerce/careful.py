"""Pages of orders from a store that fails at some orders: the others come, and those are named.

A page that fails while the store answers is taken apart. Its frame comes first: the same page with nothing of each
order but its id, number, status and time. It is one answer like any other, so that what ``windows`` proves by counts
and ids holds of it. Then the orders are asked for by these ids, which brings each as it is then or later.

A store whose PHP dies over an order gives no frame either. The page is then put together from smaller ones, which
proves something by id only: equal counts of all parts say that nothing has left between them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from chansync.concurrency import all_or_cancel
from chansync.http.client import ATTEMPTS
from chansync.model.errors import SiteError
from chansync.model.order import Order, UnreadableOrder
from chansync.model.times import now_ms
from chansync.platforms.json_values import fields, identifier, text
from chansync.platforms.protocol import Headline
from chansync.platforms.woocommerce.by_ids import ByIds, fails_by_content, is_gone
from chansync.platforms.woocommerce.client import PAGE, StoreClient
from chansync.platforms.woocommerce.parse import summary, without_large
from chansync.platforms.woocommerce.source import BY_ID, FRAME, Page, Query, Row, Shattered, fetch_page

# Sizes of the parts that a page is put together from; each divides the one before.
_SIZES = (25, 5, 1)
# How often that is begun anew because the store's orders changed meanwhile.
_TRIES = 3
# What is asked for of orders to compare both sides, and how many pages of it at once.
_HEADLINE = "id,number,status,total,refunds,date_modified_gmt"
_AT_ONCE = 4
# Ids that an order without a name may have, at most, to be looked for one by one.
_CANDIDATES = 30


class CarefulSource:
    """Pages of a store.

    Args:
        read: reads an order: those of a frame are read as they come, and what is large of them is let go of.
    """

    def __init__(self, client: StoreClient, read: Callable[[Any], Order | UnreadableOrder]) -> None:
        self._client = client
        self._read = read
        self._bodies = ByIds(client)
        self._attempts = ATTEMPTS

    async def fetch(self, query: Query, page: int, size: int = PAGE) -> Page:
        """One page; where the store fails at it, a frame. Raises as ``fetch_page``, and:

        Raises:
            Shattered: it can only be told sorted by id; never of a query that is.
        """
        if self._bodies.most >= size:
            try:
                return await fetch_page(self._client, query, page, size, attempts=self._attempts)
            except SiteError as error:
                if not await fails_by_content(self._client, error):
                    raise
            # From now on it is known to fail, and need not prove it as often.
            self._attempts = 2
        frame = await self._frame(query, page, size)
        frame.is_frame = True
        return frame

    async def _frame(self, query: Query, page: int, size: int) -> Page:
        try:
            return await fetch_page(self._client, query, page, size, attempts=2, fields=FRAME)
        except SiteError as error:
            answer = await fails_by_content(self._client, error)
            if answer is None:
                raise
            if query.order != BY_ID:
                raise Shattered(answer.site_time) from None
            trouble = error
        start = (page - 1) * size
        for _ in range(_TRIES):
            parts = Parts(self._client, query, FRAME)
            rows = await parts.read(start, start + size)
            if len(parts.counts) > 1:
                continue
            if not parts.counts and not parts.failed:
                break
            total = parts.counts.pop() if parts.counts else start + len(rows)
            return Page(
                await self._named(rows),
                total,
                parts.clock or now_ms(),
                self._client.take_notes(),
                told=bool(parts.clock),
            )
        raise trouble

    async def complete(self, page: Page) -> None:
        """Put whole orders, as they are now, in the place of a frame's rows; what has gone since is left out, and of an
        order that the store fails at stands what is known of it."""
        if not page.is_frame:
            return
        lacking = {str(row.id): row for row in page.rows if row.id is not None and row.order is None}
        found: dict[str, Order | UnreadableOrder] = {}
        async for part in self._bodies.each(list(lacking), attempts=1):
            found |= {own: self._order(lacking[own], data) for own, data in part.items()}
        rows: list[Row] = []
        for row in page.rows:
            own = str(row.id)
            if own in lacking:
                if own not in found:
                    data = await self._bodies.one(own)
                    if is_gone(data):
                        continue
                    found[own] = self._order(row, data)
                row = Row(None, row.id, row.changed, row.local, found[own])
            rows.append(row)
        page.rows, page.is_frame = rows, False
        page.notes += self._client.take_notes()

    def _order(self, row: Row, data: Any) -> Order | UnreadableOrder:
        if isinstance(data, SiteError):
            return unreadable(str(row.id), data, row.raw, row.changed)
        return without_large(self._read(data))

    async def _named(self, rows: list[Row]) -> list[Row]:
        """The rows, those that failed by the ids that they turn out to have."""
        named: list[Row] = []
        for place, row in enumerate(rows):
            if not isinstance(row.order, UnreadableOrder) or row.id is not None:
                named.append(row)
                continue
            before = max((other.id for other in named if other.id is not None), default=0)
            behind = next((other.id for other in rows[place:] if other.id is not None), 0)
            named.append(await self._name(row, row.order, before, behind))
        return named

    async def _name(self, row: Row, nameless: UnreadableOrder, before: int, behind: int) -> Row:
        first = before + 1 if before else max(1, behind - _CANDIDATES)
        last = behind - 1 if behind else before + _CANDIDATES
        for number in range(first, min(last, first + _CANDIDATES) + 1):
            data = await self._bodies.one(str(number))
            if isinstance(data, SiteError):
                return Row(None, number, None, None, unreadable(str(number), data, None, None))
        around = [f"after {before}"] if before else []
        around += [f"before {behind}"] if behind else []
        where = " and ".join(around) or "unknown"
        sentence = f"the site fails at it, and does not tell which it is (its id is {where}): {nameless.sentence}"
        return Row(None, None, None, None, UnreadableOrder("", "", 0, sentence))


@dataclass(slots=True)
class Parts:
    """A page by its parts, the smaller the more the store fails.

    Args:
        fields: the names of what is wanted of each order, with commas.

    Attributes:
        counts: what the answers counted; equal ones prove that nothing has left in between.
        failed: how many orders the store failed at.
        clock: the store's, at the earliest answer; 0 without any.
    """

    client: StoreClient
    query: Query
    fields: str
    counts: set[int] = field(default_factory=set)
    failed: int = 0
    clock: int = 0
    _last: int = 0
    _ended: bool = False

    async def read(self, start: int, end: int, depth: int = 0) -> list[Row]:
        """The rows from one rank to before another; an ``UnreadableOrder`` in the place of each that fails."""
        rows: list[Row] = []
        size = _SIZES[depth]
        for number in range(start // size, -(-end // size)):
            if self._ended:
                break
            low, high = max(start, number * size), min(end, (number + 1) * size)
            try:
                page = await fetch_page(
                    self.client, self.query, number + 1, size, attempts=2 if size == 1 else 1, fields=self.fields
                )
            except SiteError as error:
                if not await fails_by_content(self.client, error):
                    raise
                if size > 1:
                    rows += await self.read(low, high, depth + 1)
                    continue
                self.failed += 1
                rows.append(Row(None, None, None, None, UnreadableOrder("", "", 0, str(error))))
                continue
            self.clock = min(self.clock or page.clock, page.clock)
            if not page.rows:
                # Past the end a store counts nothing.
                self._ended = True
            elif page.total is not None:
                self.counts.add(page.total)
            # A short page hides orders, or is the last: then ranks tell nothing, and ids tell what is new.
            shown = page.rows[low - number * size : high - number * size] if len(page.rows) == size else page.rows
            fresh = [row for row in shown if row.id is None or row.id > self._last]
            self._last = max([self._last, *(row.id for row in fresh if row.id is not None)])
            rows += fresh
        return rows


def unreadable(own: str, error: SiteError, frame: object, changed: int | None) -> UnreadableOrder:
    """An order that the store fails at."""
    number = text(frame.get("number")) if isinstance(frame, dict) else ""
    return UnreadableOrder(own, number or own, changed or 0, f"the site fails at it, and not at others: {error}")


async def headlines(client: StoreClient, since: int) -> AsyncGenerator[list[Headline], None]:
    """Every order that was placed after ``since`` (UTC milliseconds), by id, 100 in a request.

    An order that leaves the list meanwhile may hide another for this time, and one that the store fails at is left
    without a name: whoever compares looks at what seems missing once more by itself.
    """
    first, total = await _page(client, since, 1)
    yield first
    last = -(-total // PAGE)
    for begin in range(2, last + 1, _AT_ONCE):
        numbers = range(begin, min(begin + _AT_ONCE, last + 1))
        for found, _ in await all_or_cancel(_page(client, since, number) for number in numbers):
            yield found


async def count_since(client: StoreClient, since: int) -> int:
    """How many orders were placed after ``since`` (UTC milliseconds), by one small request."""
    page = await fetch_page(client, Query(None, None, BY_ID, since), 1, 1, fields="id")
    return len(page.rows) if page.total is None else page.total


async def _page(client: StoreClient, since: int, number: int) -> tuple[list[Headline], int]:
    query = Query(None, None, BY_ID, since)
    try:
        page = await fetch_page(client, query, number, fields=_HEADLINE)
        rows, total = page.rows, page.total
    except SiteError as error:
        if not await fails_by_content(client, error):
            raise
        parts = Parts(client, query, _HEADLINE)
        rows = await parts.read((number - 1) * PAGE, number * PAGE)
        total = max(parts.counts, default=None)
    return [_headline(fields(row.raw)) for row in rows], len(rows) if total is None else total


def _headline(row: dict[str, Any]) -> Headline:
    own = identifier(row.get("id"))
    if not own:
        # It has none, or the store fails at it.
        return Headline("", "", "")
    total, refunds = summary(row)
    return Headline(own, text(row.get("number")) or own, text(row.get("status")), total, refunds)
