"""The buckets by which Amazon is asked: never more often than it allows, and never much less."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.demo.amazon.buckets import Bucket
from chansync.model.errors import SiteUnavailable
from chansync.platforms.amazon.rates import Operation, Rates, take_token

SEARCH = Operation("searchOrders", 0.0056, 20)


class Clock:
    """A clock that moves on while one waits."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now(self) -> int:
        return self.ms

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000) + 1


class State:
    """What is kept of a system, in memory."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}

    async def change(self, name: str, function: Callable[[dict[str, Any]], tuple[dict[str, Any], Any]]) -> Any:
        self.values[name], answer = function(dict(self.values.get(name, {})))
        return answer


operations = st.builds(Operation, st.just("x"), st.floats(0.001, 50), st.integers(1, 30))


@given(operations, st.lists(st.integers(0, 400_000), max_size=80))
def test_amazons_own_bucket_has_a_token_for_each_that_we_take(operation: Operation, waits: list[int]) -> None:
    ours: dict[str, Any] = {}
    theirs = Bucket(operation.rate, operation.burst, float(operation.burst), 0.0)
    now = 0
    for wait in waits:
        now += wait
        ours, lacking = take_token(ours, operation, now)
        if not lacking:
            assert theirs.take(now / 1000)


@given(operations, st.integers(1, 60))
def test_who_waits_as_long_as_told_gets_a_token(operation: Operation, count: int) -> None:
    bucket: dict[str, Any] = {}
    now = 0
    for _ in range(count):
        bucket, wait = take_token(bucket, operation, now)
        if wait:
            now += int(wait * 1000) + 1
            bucket, wait = take_token(bucket, operation, now)
        assert wait == 0


@pytest.mark.parametrize("back", [1, 3600, 86400 * 365])
def test_a_clock_that_is_set_back_blocks_nothing_for_longer_than_a_token_takes(back: int) -> None:
    bucket, _ = take_token({"rate": 0.0056, "tokens": 0.0, "at": 1_800_000_000_000}, SEARCH, 1_800_000_000_000)

    _, wait = take_token(bucket, SEARCH, 1_800_000_000_000 - back * 1000)

    assert wait <= 2 / 0.0056 + 1


async def test_it_outlives_the_process_and_follows_what_amazon_tells() -> None:
    state, clock = State(), Clock()
    first = Rates(state, now=clock.now, sleep=clock.sleep)  # type: ignore[arg-type]
    for _ in range(20):
        await first.take(SEARCH, 0)
    await first.learn(SEARCH, "0.02")

    later = Rates(state, now=clock.now, sleep=clock.sleep)  # type: ignore[arg-type]

    await later.recall(SEARCH)
    assert later.rate(SEARCH) == 0.02
    with pytest.raises(SiteUnavailable) as raised:
        await later.take(SEARCH, 10)
    assert raised.value.retry_after == pytest.approx(50, abs=0.1)


async def test_a_short_wait_is_waited_out_and_a_long_one_ends_the_run() -> None:
    clock = Clock()
    rates = Rates(State(), now=clock.now, sleep=clock.sleep)  # type: ignore[arg-type]
    fast = Operation("patchListingsItem", 5.0, 1)
    await rates.take(fast, 1)
    before = clock.ms
    await rates.take(fast, 1)
    assert 190 <= clock.ms - before <= 210

    await rates.refused(fast, 30.0)

    with pytest.raises(SiteUnavailable, match="goes on in 30 seconds"):
        await rates.take(fast, 10)
    await rates.take(fast, 40)


@pytest.mark.parametrize("header", ["", "soon", "nan", "-1", "0", "1e99"])
async def test_a_rate_that_is_none_is_not_followed(header: str) -> None:
    rates = Rates(State())  # type: ignore[arg-type]
    await rates.learn(SEARCH, header)
    assert rates.rate(SEARCH) == 0.0056


def test_two_channels_draw_from_one_bucket() -> None:
    async def both() -> None:
        state, clock = State(), Clock()
        one, other = (Rates(state, now=clock.now, sleep=clock.sleep) for _ in range(2))  # type: ignore[arg-type]
        for _ in range(10):
            await one.take(SEARCH, 0)
            await other.take(SEARCH, 0)
        with pytest.raises(SiteUnavailable):
            await other.take(SEARCH, 0)

    asyncio.run(both())
