"""Pages of a store's orders: asked for, and read.

A page that is all there is, as in most pulls, is read at once. The pages of a longer list are read when they are taken:
some turn out not to be needed, and while they wait they take the memory that ``Page.weight`` counts.

A store may fail at some orders: the others come, and those are named. A page that fails while the store answers is
taken apart. Its frame comes first: the same page with nothing of each order but its id, number, status and time. It is
one answer like any other, so that what ``windows`` proves by counts and ids holds of it. Then the orders are asked for
by these ids, which brings each as it is then or later.

A store whose PHP dies over an order gives no frame either. The page is then put together from smaller ones, which
proves something by id only: equal counts of all parts say that nothing has left between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chansync.http.client import ATTEMPTS
from chansync.model.errors import SiteError
from chansync.model.order import Order, UnreadableOrder
from chansync.model.times import from_ms, now_ms
from chansync.platforms.json_values import identifier, moment_or_none, text
from chansync.platforms.woocommerce.by_ids import ByIds, fails_by_content, is_gone
from chansync.platforms.woocommerce.client import EXACT, PAGE, StoreClient
from chansync.platforms.woocommerce.failures import refusal
from chansync.platforms.woocommerce.parse import OrderReader, without_large

BY_CHANGE = "modified"
BY_ID = "id"
#: What is asked for of orders where all of each is too much.
FRAME = "id,number,status,date_modified_gmt,date_modified"
# How far behind our own clock a store without a ``Date`` header is taken to be, in milliseconds.
_UNKNOWN_CLOCK = 600_000
# Sizes of the parts that a page is put together from; each divides the one before.
_SIZES = (25, 5, 1)
# How often that is begun anew because the store's orders changed meanwhile.
_TRIES = 3
# Ids that an order without a name may have, at most, to be looked for one by one.
_CANDIDATES = 30


@dataclass(frozen=True, slots=True)
class Query:
    """Which orders: those changed after one time and before another, or placed after one; all exclusive, UTC
    milliseconds."""

    after: int | None
    before: int | None
    order: str
    placed_after: int | None = None

    def params(self, page: int, size: int) -> dict[str, Any]:
        """The parameters of the request. No ``status``: every order that is not in the trash."""
        params: dict[str, Any] = {"per_page": size, "page": page, "orderby": self.order, "order": "asc", **EXACT}
        bounds = {"modified_after": self.after, "modified_before": self.before, "after": self.placed_after}
        for name, bound in bounds.items():
            if bound is not None:
                params |= {name: from_ms(bound).strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true"}
        return params


@dataclass(slots=True)
class Row:
    """An order as sent, and its keys as far as they can be read.

    Attributes:
        changed: UTC milliseconds of the last change; None where unreadable.
        local: the same in the store's time, which older stores sort by; None where unreadable.
        order: what ``raw`` was read as, or what is known of an order that the store fails at; None: not read yet.
    """

    raw: Any
    id: int | None
    changed: int | None
    local: int | None
    order: Order | UnreadableOrder | None = None


@dataclass(slots=True)
class Page:
    """One page.

    Attributes:
        total: how many orders the query has, as counted for this answer; None where the store does not say.
        clock: the store's clock at the answer, UTC milliseconds, whole seconds.
        is_part: whether it says nothing of how much there is: a window must be read.
        told: whether the store told its clock; else it is guessed by ours.
        is_frame: whether its rows lack all but their keys (``FRAME``): ``PageSource.complete`` brings the rest.
        is_read: whether each row has its order; else ``PageSource.complete`` reads them.
        weight: bytes of memory that it takes, at the most.
    """

    rows: list[Row]
    total: int | None
    clock: int
    notes: list[str] = field(default_factory=list)
    is_part: bool = False
    told: bool = True
    is_frame: bool = False
    is_read: bool = False
    weight: int = 0


class SortRefused(Exception):
    """The store does not know ``orderby=modified``."""


class Shattered(Exception):
    """The store fails at an order of the page and does not tell at which; sorted by id it can be found.

    Attributes:
        clock: the store's clock, UTC milliseconds.
        told: whether the store told it; else it is guessed by ours.
    """

    def __init__(self, clock: int | None) -> None:
        super().__init__()
        self.clock = now_ms() - _UNKNOWN_CLOCK if clock is None else clock
        self.told = clock is not None


async def fetch_page(
    client: StoreClient, query: Query, number: int, size: int = PAGE, *, attempts: int = ATTEMPTS, fields: str = ""
) -> Page:
    """One page of a query; pages are counted from 1.

    Args:
        attempts: how often it is tried in all.
        fields: the names of what is wanted of each order, with commas; empty for all.

    Raises:
        SortRefused: the store cannot sort like this.
        SiteError: what went wrong, in a sentence.
    """
    params = query.params(number, size) | ({"_fields": fields} if fields else {})
    answer = await client.ask_orders(params, attempts=attempts, may_refuse=True)
    if answer.status == 400 and query.order == BY_CHANGE and "orderby" in str(answer.data):
        raise SortRefused
    if answer.status >= 400:
        raise refusal(answer, client.http.sentences)
    total = answer.headers.get("x-wp-total", "").strip()
    clock = answer.asked_at
    return Page(
        [_row(raw) for raw in answer.data],
        int(total) if total.isascii() and total.isdigit() and len(total) < 12 else None,
        now_ms() - _UNKNOWN_CLOCK if clock is None else clock,
        client.take_notes(),
        told=clock is not None,
        weight=answer.weight,
    )


def _row(raw: Any) -> Row:
    if not isinstance(raw, dict):
        return Row(raw, None, None, None)
    own = identifier(raw.get("id"))
    changed, local = moment_or_none(raw.get("date_modified_gmt")), moment_or_none(raw.get("date_modified"))
    return Row(raw, int(own) if own else None, changed, local)


class PageSource:
    """Pages of a store, and the orders in them."""

    def __init__(self, client: StoreClient, reader: OrderReader) -> None:
        self._client = client
        self._reader = reader
        self._bodies = ByIds(client)
        self._attempts = ATTEMPTS

    async def fetch(self, query: Query, number: int, size: int = PAGE) -> Page:
        """One page, read where it is all there is; where the store fails at it, a frame. Raises as ``fetch_page``, and:

        Raises:
            Shattered: it can only be told sorted by id; never of a query that is.
        """
        if self._bodies.most >= size:
            try:
                page = await fetch_page(self._client, query, number, size, attempts=self._attempts)
            except SiteError as error:
                if not await fails_by_content(self._client, error):
                    raise
            else:
                if number == 1 and len(page.rows) < size and page.total in (None, len(page.rows)):
                    self._read(page)
                return page
            # From now on it is known to fail, and need not prove it as often.
            self._attempts = 2
        frame = await self._frame(query, number, size)
        frame.is_frame = True
        return frame

    async def complete(self, page: Page) -> None:
        """Read the orders of a page that was not read yet; those of a frame are asked for first."""
        if page.is_frame:
            await self._fill(page)
        self._read(page)

    def _read(self, page: Page) -> None:
        read = self._reader.read
        for row in page.rows:
            row.order = row.order or read(row.raw)
        page.is_read = True

    async def _frame(self, query: Query, number: int, size: int) -> Page:
        try:
            return await fetch_page(self._client, query, number, size, attempts=2, fields=FRAME)
        except SiteError as error:
            answer = await fails_by_content(self._client, error)
            if answer is None:
                raise
            if query.order != BY_ID:
                raise Shattered(answer.site_time) from None
            trouble = error
        start = (number - 1) * size
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

    async def _fill(self, page: Page) -> None:
        """Put whole orders, as they are now, in the place of a frame's rows; what has gone since is left out, and of an
        order that the store fails at stands what is known of it."""
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
        return without_large(self._reader.read(data))

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
