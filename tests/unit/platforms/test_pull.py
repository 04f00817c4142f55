"""A pull loses no order, whatever people do in the store meanwhile, and wherever it is killed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.platforms.woocommerce.changed_orders import OVERLAP, Pull
from chansync.platforms.woocommerce.pages import BY_CHANGE, BY_ID, Page, Query, Row
from chansync.platforms.woocommerce.windows import AHEAD, IdSet, Position, by_change, by_id
from unit.platforms.fake_store import START, FakeStore, Reader, row


def quiet(count: int, **options: object) -> FakeStore:
    return FakeStore(random.Random(1), pace=0, **options).fill(count)  # type: ignore[arg-type]


async def pulled(store: FakeStore, **options: object) -> Reader:
    reader = Reader(store, **options)  # type: ignore[arg-type]
    await reader.pull()
    return reader


async def test_nothing_new_is_one_request() -> None:
    store = quiet(250)
    reader = await pulled(store)
    store.requests.clear()
    store.now += 3_600_000
    await reader.pull()
    assert len(store.requests) == 1
    assert (reader.pages[-1].orders, reader.pages[-1].last) == ([], True)
    assert reader.cursor is not None
    assert reader.cursor["after"] == store.now


@pytest.mark.parametrize("count", [0, 1, 99])
async def test_one_page_of_a_first_pull_is_counted_by_one_row_and_read_once(count: int) -> None:
    store = quiet(count)
    reader = await pulled(store)
    assert [len(page.orders) for page in reader.pages] == [count]
    assert [size for _, _, size in store.requests] == [1, 100]
    assert (reader.missing, reader.pages[0].expected) == (set(), count)


@pytest.mark.parametrize("count", [100, 101, 200, 1250])
async def test_a_quiet_store_is_read_once_oldest_change_first(count: int) -> None:
    store = quiet(count)
    reader = await pulled(store)
    stamps = [order.modified_at for page in reader.pages for order in page.orders]
    assert not reader.missing
    assert stamps == sorted(stamps)
    assert len(stamps) == count
    assert len(store.requests) == (3 if count == 100 else 2 + -(-count // 100))
    assert [page.last for page in reader.pages] == [False] * (len(reader.pages) - 1) + [True]
    assert reader.pages[0].expected == count
    assert reader.notes == []


async def test_pages_are_fetched_ahead_but_only_a_few() -> None:
    store = quiet(3000)
    fetched = len(store.requests)
    async with aclosing(by_change(store, Query(None, store.now, BY_CHANGE), 3000)) as pages:
        async for _ in pages:
            for _ in range(20):
                await asyncio.sleep(0)
            fetched += 1
            assert len(store.requests) - fetched <= AHEAD
    assert 1 < store.most_in_flight <= AHEAD


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(0, 900),
    spread=st.sampled_from([0, 300, 5_000, 40_000]),
    busy=st.sampled_from([0.0, 0.1, 0.3, 0.6]),
    pace=st.sampled_from([0, 5, 60, 600]),
    unstable=st.booleans(),
    counts=st.booleans(),
    sorts=st.booleans(),
    kills=st.lists(st.integers(0, 8), max_size=4),
)
async def test_no_order_is_lost(
    seed: int,
    count: int,
    spread: int,
    busy: float,
    pace: int,
    unstable: bool,
    counts: bool,
    sorts: bool,
    kills: list[int],
) -> None:
    store = FakeStore(random.Random(seed), busy, pace, unstable, counts, sorts).fill(count, spread)
    reader = Reader(store)
    for page in kills:
        await reader.pull(stop_after=page)
    await reader.pull()
    store.busy = 0.0
    await reader.pull()
    assert not reader.missing


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), kills=st.lists(st.integers(0, 3), min_size=1, max_size=6), unstable=st.booleans())
@example(seed=50566379, kills=[2], unstable=True)
async def test_a_killed_pull_goes_on_where_it_was(seed: int, kills: list[int], unstable: bool) -> None:
    store = FakeStore(random.Random(seed), 0.0, 0, unstable).fill(700, 20_000)
    reader = Reader(store)
    # One request begins a pull and one ends it; between them are seven pages. Where equal times come in another order,
    # those are read again by number: the first pages touch, so that two of them may be asked for twice.
    most = 2 + 7 + (7 + 2 if unstable else 0)
    for page in (*kills, None):
        asked = len(store.requests)
        await reader.pull(stop_after=page)
        assert len(store.requests) - asked <= most
    assert not reader.missing
    # What was taken before a kill is not given again, but for the overlap.
    assert sum(len(page.orders) for page in reader.pages) < 700 + 50 * len(kills)


async def test_unstable_ties_are_noticed_and_read_by_number() -> None:
    store = quiet(1000, unstable=True)
    for number in store.orders:
        store.orders[number] = START - 500_000 - number // 300 * 10_000
    reader = await pulled(store)
    assert not reader.missing
    assert any("came twice" in note for note in reader.notes)
    assert len(store.requests) < 30


async def test_an_old_store_is_read_by_number_and_remembered() -> None:
    store = quiet(450, sorts=False)
    reader = await pulled(store)
    assert not reader.missing
    assert reader.facts["orderby"] == BY_ID
    assert len(reader.notes) == 1
    ids = [int(order.external_id) for page in reader.pages for order in page.orders]
    assert ids == sorted(ids)
    store.requests.clear()
    await reader.pull()
    assert len(store.requests) == 1


async def test_a_window_by_number_is_resumed_in_the_middle() -> None:
    store = quiet(2000, sorts=False)
    reader = Reader(store)
    await reader.pull(stop_after=10)
    store.requests.clear()
    await reader.pull()
    assert not reader.missing
    assert len(store.requests) < 16


async def test_hidden_orders_do_not_hide_others() -> None:
    store = quiet(450, hidden=frozenset({5, 77, 333}))
    reader = await pulled(store)
    assert not reader.missing
    assert any("counts 450 orders and shows 447" in note for note in reader.notes)


async def test_a_store_without_counts_or_a_store_that_is_never_quiet_ends() -> None:
    reader = await pulled(quiet(640, counts=False))
    assert not reader.missing
    store = FakeStore(random.Random(3), busy=0.0, pace=0).fill(400, 0)
    for number in store.orders:
        store.orders[number] = store.now - number % 100 * 1000
    reader = await pulled(store)
    assert not reader.missing
    assert reader.pages[-1].last
    assert len(store.requests) < 30


async def test_orders_dated_in_the_future_are_not_left_out() -> None:
    store = quiet(300)
    for number in store.orders:
        store.orders[number] += 100 * 86_400_000
    reader = await pulled(store)
    assert not reader.missing
    assert reader.pages[-1].last


@pytest.mark.parametrize("behind", [0, 400_000, 890_000])
async def test_clocks_that_disagree_lose_nothing(behind: int) -> None:
    store = FakeStore(random.Random(5), busy=0.0, pace=0, ahead=-behind).fill(120)
    for number in store.orders:
        store.orders[number] -= 10**8
    reader = await pulled(store, facts={})
    for _ in range(20):
        store.now += 200_000
        store.change()
        await reader.pull()
        assert not reader.missing


async def test_a_clock_that_is_put_back_is_noticed() -> None:
    store = quiet(30)
    store.now += 86_400_000
    reader = await pulled(store)
    store.now -= 86_400_000 - 60_000
    store.orders[7] = store.now - 5_000
    await reader.pull()
    assert not reader.missing
    assert any("was put back" in note for note in reader.notes)
    await reader.pull()
    assert sum("was put back" in note for note in reader.notes) == 1


DAY, YEAR = 86_400_000, 31_536_000_000


async def some_days(reader: Reader, pulls: int = 12) -> None:
    """Somebody does something every five minutes, and each pull takes it."""
    for _ in range(pulls):
        reader.store.now += 300_000
        reader.store.change()
        await reader.pull()
        assert not reader.missing


@pytest.mark.parametrize("jump", [3_600_000, DAY, 10 * YEAR, 73 * YEAR])
@pytest.mark.parametrize("agreed", [True, False])
async def test_a_date_header_of_the_future_takes_nothing_along(jump: int, agreed: bool) -> None:
    """A proxy before the store sends nonsense for an hour, and then the time again."""
    store = FakeStore(random.Random(5), busy=0.0, pace=0).fill(120)
    reader = await pulled(store, facts={"clock_agrees": True} if agreed else {})
    store.date = jump
    await some_days(reader)
    store.requests.clear()
    await reader.pull()
    assert len(store.requests) == 1
    store.date = 0
    await some_days(reader)


@pytest.mark.parametrize("jump", [-73 * YEAR, -10 * YEAR, -DAY, -3_600_000, 3_600_000, DAY, 73 * YEAR])
@pytest.mark.parametrize("date", [0, None])
async def test_whatever_our_own_clock_does_nothing_is_lost(jump: int, date: int | None) -> None:
    store = FakeStore(random.Random(5), busy=0.0, pace=0, date=date).fill(120)
    store.now += DAY
    reader = await pulled(store, facts={})
    reader.ours = max(jump, 1 - store.now)
    await some_days(reader)
    reader.ours = 0
    await some_days(reader)


async def test_a_store_that_tells_no_time_is_read_from_its_first_day_on() -> None:
    store = FakeStore(random.Random(5), date=None)
    reader = await pulled(store, first_after=store.now - DAY)
    store.now += 300_000
    store.change()
    await reader.pull()
    assert not reader.missing
    assert all(query.after is not None and query.after >= store.now - 2 * DAY for query, _, _ in store.requests)


async def test_both_clocks_put_back_together_lose_nothing() -> None:
    store = quiet(30)
    store.now += 10 * YEAR
    reader = await pulled(store)
    store.now -= 10 * YEAR
    reader.store.orders[7] = store.now - 3_600_000
    await reader.pull()
    assert not reader.missing
    await some_days(reader)


async def test_the_cursor_never_goes_back_and_starts_at_the_first_day() -> None:
    store = quiet(800)
    first = sorted(store.orders.values())[400]
    reader = await pulled(store, first_after=first)
    assert not reader.missing
    assert store.requests[0][0].after == first
    # The first says only how many there are to come.
    afters = [page.cursor["after"] for page in reader.pages if page.orders or page.last]
    assert afters == sorted(afters)
    store.requests.clear()
    await reader.pull()
    assert store.requests[0][0].after == afters[-1] - OVERLAP


class Slipping(FakeStore):
    """One order leaves the store at the very moment between the rows of the first answer and their count."""

    def _passes(self) -> None:
        self.now += 100_000
        if len(self.requests) == 1 and self.now == START + 200_000:
            del self.orders[min(self.orders, key=self.orders.__getitem__)]


async def test_a_count_younger_than_its_rows_is_not_believed() -> None:
    store = Slipping(random.Random(2)).fill(101)
    reader = await pulled(store)
    assert len(store.orders) == 100
    assert not reader.missing


class Deaf:
    """A store that does as little as it can of what it is asked."""

    def __init__(self, rows: list[tuple[int, int]], total: int) -> None:
        self.rows = rows
        self.total = total
        self.requests = 0
        self.now = START

    async def complete(self, page: Page) -> None:
        """Its pages are whole."""

    async def fetch(self, query: Query, page: int, size: int = 100) -> Page:
        self.requests += 1
        return Page([row(*each) for each in self.rows], self.total, START)


async def test_a_store_that_ignores_the_filter_is_refused() -> None:
    store = Deaf([(number, number * 1000) for number in range(1, 101)], 5000)
    reader = Reader(store, cursor={"after": START - 1000})  # type: ignore[arg-type]
    with pytest.raises(SiteRefused, match=r"5\.8 or later is needed"):
        await reader.pull()


@pytest.mark.parametrize("descending", [False, True])
async def test_a_store_that_always_shows_the_same_page_is_given_up(descending: bool) -> None:
    rows = [(number, START - 1_000_000 + number * 1000) for number in range(1, 101)]
    store = Deaf(rows[::-1] if descending else rows, 5000)
    with pytest.raises(SiteUnavailable):
        await Reader(store).pull()  # type: ignore[arg-type]
    assert store.requests < 200


async def test_the_hour_that_comes_twice_is_read_again_after_a_kill() -> None:
    zone = ZoneInfo("Europe/Sofia")
    pull = Pull("shop.example", quiet(0), None, None, {}, zone)
    # 2026-10-25 01:00 UTC: clocks go from 04:00 back to 03:00.
    turn = 1_792_890_000_000
    for offset, back in ((-60_000, 0), (1_800_000, 3_600_000), (4 * 3_600_000, 0)):
        row = Row({}, 1, turn + offset, None)
        assert pull._resume_point([row], None) == turn + offset - 1000 - back


async def test_stopping_in_the_middle_stops_the_requests() -> None:
    store = quiet(2000)

    async def taken() -> AsyncIterator[int]:
        async with aclosing(by_id(store, Query(None, store.now, BY_ID), Position())) as pages:
            async for page in pages:
                yield len(page.rows)

    pages = taken()
    for _ in range(4):
        await anext(pages)
    await pages.aclose()  # type: ignore[attr-defined]
    made = len(store.requests)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(store.requests) == made
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


@given(st.lists(st.integers(1, 5000)))
def test_a_set_of_ids(numbers: list[int]) -> None:
    ids, known = IdSet(), set()
    for number in numbers:
        assert ids.add(number) == (number not in known)
        known.add(number)
