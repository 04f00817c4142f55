"""Every order that changed since the last time: none left out, a few twice, one request when nothing is new.

A pull is made of rounds. A round asks for everything changed since the cursor. If that is one page, the pull is
done. Otherwise the store's clock closes a window, the window is read (see ``windows``), and the next round begins
where it ends.

The cursor's ``after`` says: every change that the store made before it, less the overlap, was taken. The overlap
covers what a store does late or not in order: a change is stamped some seconds before it is committed, the clocks
of its machines differ a little, and ``modified_after`` knows only whole seconds and excludes its own.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import date, timedelta, tzinfo
from typing import Any, cast

from chansync.model.errors import SiteRefused
from chansync.model.order import Order, UnreadableOrder
from chansync.model.times import from_ms, now_ms
from chansync.platforms.json_values import fields
from chansync.platforms.protocol import OrderPage
from chansync.platforms.woocommerce.client import PAGE, StoreClient
from chansync.platforms.woocommerce.pages import BY_CHANGE, BY_ID, Page, PageSource, Query, Row, Shattered, SortRefused
from chansync.platforms.woocommerce.parse import OrderReader
from chansync.platforms.woocommerce.windows import Doubt, Position, by_change, by_id

#: How far a pull goes back behind its cursor, in milliseconds.
OVERLAP = 180_000
# How far the clocks of a store's machines may be apart before they are seen to agree, and how far the store's may be
# ahead of ours before it proves nothing by itself, in milliseconds.
_CLOCKS_DIFFER = 900_000
_AGREEMENT = 60_000
_SECOND = 1000
_DAY = 86_400_000
# How much older than asked for an order may be before the filter is not believed in.
_TOLERANCE = 60_000


async def changed_orders(
    client: StoreClient, keys: Sequence[Sequence[str]], cursor: dict[str, Any] | None, start: date | None
) -> AsyncGenerator[OrderPage, None]:
    """Every order that changed since ``cursor``; see ``Connector.orders``.

    Args:
        keys: the ``meta_data`` entries of VAT numbers, UICs and personal numbers that the channel names.
    """
    # What the store's time is may be known only then.
    await client.connect()
    source = PageSource(client, OrderReader(client.hours_ahead, *keys))
    first_after = None if start is None else client.beginning(start)
    pull = Pull(client.http.site, source, cursor, first_after, client.facts, client.zone)
    async with aclosing(pull.pages()) as pages:
        async for page in pages:
            yield page


@dataclass
class Pull:
    """One pull.

    Args:
        site: what the store is called in sentences.
        first_after: where a pull without a cursor begins, UTC milliseconds, exclusive; None for everything.
        facts: ``orderby`` is remembered there where the store does not sort by change.
        zone: the store's time zone.
        now: our clock, UTC milliseconds.
    """

    site: str
    source: PageSource
    cursor: dict[str, Any] | None
    first_after: int | None
    facts: dict[str, Any]
    zone: tzinfo
    now: Callable[[], int] = now_ms
    _told: bool = True
    _taken: int = 0
    _newest: int = 0
    _expected: int | None = None
    _notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cursor = self.cursor or {}
        self._after = _whole(self._cursor.get("after"))

    async def pages(self) -> AsyncGenerator[OrderPage, None]:
        """The pull's pages; see ``Connector.orders``."""
        async with aclosing(self._unfinished()) as rest:
            async for ready in rest:
                yield ready
        end, first, finished = 0, True, False
        while not finished:
            probe = await self._probe(first=first)
            self._expected = None if probe.total is None else self._taken + probe.total
            if _complete(probe):
                ready = await self._page(probe, {}, last=True)
                self._advance(probe.clock)
                ready.cursor = self._cursor_at(self._after)
                yield ready
                return
            # Nothing of it is fetched before the caller has room for it.
            yield OrderPage([], self._cursor_at(self._after), self._expected, notes=self._take_notes())
            # More than a page again, soon after the last window ended: a store that is never quiet, or one whose
            # orders are dated in the future. All of it is read once more, with no upper bound, and that is it.
            finished = not first and probe.clock - end < OVERLAP
            bound = None if finished or self._is_far_ahead(probe.clock) else probe.clock
            query = Query(self._asked(), bound, self._order)
            async with aclosing(self._window(query, probe.total)) as window:
                async for ready in window:
                    yield ready
            self._advance(probe.clock)
            end, first = probe.clock, False
        yield OrderPage([], self._cursor_at(self._after), self._expected, True, self._take_notes())

    def _advance(self, clock: int) -> None:
        """Move the cursor to the store's clock at a request that everything changed until then came with.

        The clock in the ``Date`` header may be another machine's than the one that stamps orders. Until an order
        was seen that was stamped within a minute of it, the cursor stays a quarter of an hour behind, or at the
        newest stamp seen: what is changed later is stamped later. A clock that is far ahead of ours may be wrong
        today, and one that is not told is ours, which may be wrong too: then the stamps alone move the cursor on.
        """
        reached = clock
        if not self._told:
            reached = min(clock, self._newest)
        elif self.facts.get("clock_agrees") is not True:
            reached = max(clock - _CLOCKS_DIFFER, min(clock, self._newest))
        if self._is_far_ahead(clock):
            reached = min(reached, max(self._newest, self.now() - _CLOCKS_DIFFER))
        if reached > 0:
            self._after = max(self._after or 0, reached)

    def _is_far_ahead(self, clock: int) -> bool:
        return clock > self.now() + _CLOCKS_DIFFER

    @property
    def _order(self) -> str:
        return BY_ID if self.facts.get("orderby") == BY_ID else BY_CHANGE

    def _asked(self) -> int | None:
        """The lower bound of the next request."""
        return self.first_after if self._after is None else max(0, self._after - OVERLAP)

    async def _probe(self, *, first: bool) -> Page:
        """The first page of everything changed since the cursor, with the store's clock."""
        if first and self._after is None:
            # A channel's first pull mostly has many pages, and a window reads its first page anyway: one row is
            # enough to count them, and the store need not build a whole page for it.
            page = await self._fetch_first(1)
            if page.total is not None and page.total > PAGE:
                self._check_filter(page)
                return page
        page = await self._fetch_first()
        if first and self._clock_went_back(page):
            page = await self._fetch_first()
        if first:
            self._check_filter(page)
        if page.total is not None and len(page.rows) < min(page.total, PAGE) and not page.is_part:
            # A store may hide single orders that it counts. But somebody on the way may also have lost one.
            page = await self._fetch_first()
        if page.total == PAGE == len(page.rows):
            # The count may be younger than the rows: one order more may have been there, and another have left
            # before they were counted. A second answer is complete if it still counts no more.
            clock, notes = page.clock, page.notes
            page = await self._fetch_first()
            page.clock, page.notes = min(clock, page.clock), notes + page.notes
        return page

    async def _fetch_first(self, size: int = PAGE) -> Page:
        try:
            return await self.source.fetch(Query(self._asked(), None, self._order), 1, size)
        except SortRefused:
            self.facts["orderby"] = BY_ID
            self._notes.append(f"{self.site} does not sort orders by their last change: they come by number.")
            return await self._fetch_first(size)
        except Shattered as broken:
            return Page([], None, broken.clock, is_part=True, told=broken.told)

    def _clock_went_back(self, page: Page) -> bool:
        """Whether the store's clock was put back since the last pull; the cursor then goes back with it.

        What was changed since then has times that the cursor has passed already.
        """
        if self._after is None or not page.told or page.clock >= self._after - OVERLAP:
            return False
        asked_at, now = _whole(self._cursor.get("asked")), self.now()
        # With our own clock put back too, nobody knows how long ago that was.
        elapsed = _DAY if asked_at is None or asked_at > now else now - asked_at
        minutes = (self._after - page.clock) // 60_000
        self._after = max(0, page.clock - elapsed)
        self._notes.append(f"The clock of {self.site} was put back by {minutes} minutes: orders are looked at again.")
        return True

    def _check_filter(self, page: Page) -> None:
        bound = self._asked()
        if bound is None or not page.rows:
            return
        older = sum(1 for row in page.rows if row.changed is not None and row.changed < bound - _TOLERANCE)
        if older * 2 > len(page.rows):
            raise SiteRefused(
                f"{self.site} does not tell which orders changed: WooCommerce 5.8 or later is needed.", code="too_old"
            )

    async def _window(self, query: Query, total: int | None) -> AsyncGenerator[OrderPage, None]:
        """Every order of the window. At the first doubt, the rest by id."""
        if query.order == BY_CHANGE and query.before is not None and total is not None:
            held = query.after
            try:
                async with aclosing(by_change(self.source, query, total)) as pages:
                    async for page in pages:
                        held = self._resume_point(page.rows, held)
                        yield await self._page(page, self._cursor_at(self._later(held)))
                return
            except Doubt as doubt:
                if str(doubt):
                    self._notes.append(f"{self.site}: {doubt}; the rest is read by number.")
                # Everything before the second of the last order is complete; that second itself is read again.
                start = query.after
                if not doubt.whole:
                    start, self._after = held, self._later(held)
            except Shattered:
                start, self._after = held, self._later(held)
        else:
            start = query.after
        rest = Query(start, query.before, BY_ID)
        async with aclosing(self._by_id(rest, Position())) as ready:
            async for ordered in ready:
                yield ordered

    async def _by_id(self, query: Query, position: Position) -> AsyncGenerator[OrderPage, None]:
        async with aclosing(by_id(self.source, query, position)) as pages:
            async for page in pages:
                cursor = self._cursor_at(self._after)
                if query.before is not None:
                    bounds = {"from": query.after, "to": query.before}
                    cursor["window"] = bounds | {"id": position.id, "rank": position.rank}
                yield await self._page(page, cursor)

    async def _unfinished(self) -> AsyncGenerator[OrderPage, None]:
        """The rest of a window that an interrupted pull was reading by id."""
        window = fields(self._cursor.get("window"))
        start, end, last, rank = (_whole(window.get(name)) for name in ("from", "to", "id", "rank"))
        if end is None or last is None or rank is None:
            return
        async with aclosing(self._by_id(Query(start, end, BY_ID), Position(last, rank))) as pages:
            async for ready in pages:
                yield ready
        self._advance(end)

    def _resume_point(self, rows: Sequence[Row], held: int | None) -> int | None:
        """The lower bound, exclusive, of what is not complete once these rows are taken.

        The page's last order may share its second with others that come later. And a store that sorts by its own
        time shows the hour that comes twice in autumn mixed: then the bound stays behind by that hour.
        """
        last = next((row.changed for row in reversed(rows) if row.changed is not None), None)
        if last is None:
            return held
        moment = from_ms(last).astimezone(self.zone)
        earlier = from_ms(max(0, last - 3 * 3_600_000)).astimezone(self.zone)
        back = (earlier.utcoffset() or timedelta()) - (moment.utcoffset() or timedelta())
        bound = last - _SECOND - max(0, int(back.total_seconds() * 1000))
        return bound if held is None else max(held, bound)

    def _later(self, held: int | None) -> int | None:
        """The cursor's time for a lower bound that is complete: a resumed pull may ask from the bound itself on."""
        return self._after if held is None else max(self._after or 0, held)

    def _cursor_at(self, after: int | None) -> dict[str, Any]:
        return {"asked": self.now()} if after is None else {"after": after, "asked": self.now()}

    async def _page(self, page: Page, cursor: dict[str, Any], *, last: bool = False) -> OrderPage:
        if not page.is_read:
            await self.source.complete(page)
        self._taken += len(page.rows)
        self._told = self._told and page.told
        self._newest = max([self._newest, *(row.changed for row in page.rows if row.changed is not None)])
        if page.told and self._newest > page.clock - _AGREEMENT:
            self.facts["clock_agrees"] = True
        expected = None if self._expected is None else max(self._expected, self._taken)
        orders = cast("list[Order | UnreadableOrder]", [row.order for row in page.rows])
        # The rows are not looked at again: what is large of them must not wait for the caller.
        page.rows = []
        return OrderPage(orders, cursor, expected, last, self._take_notes() + page.notes)

    def _take_notes(self) -> list[str]:
        notes, self._notes = self._notes, []
        return notes


def _complete(page: Page) -> bool:
    """Whether the first page is all there is."""
    if page.is_part:
        return False
    return len(page.rows) < PAGE if page.total is None else page.total <= PAGE and len(page.rows) <= page.total


def _whole(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
