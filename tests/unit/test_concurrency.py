"""Several coroutines at once end together, whatever becomes of one of them."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest

from chansync.concurrency import all_of, all_or_cancel, finish_even_if_cancelled

Together = Callable[[Iterable[Coroutine[Any, Any, int]]], Coroutine[Any, Any, list[int]]]


@pytest.mark.parametrize("together", [all_of, all_or_cancel])
async def test_the_results_come_in_the_order_of_the_work(together: Together) -> None:
    is_late = asyncio.Event()

    async def late() -> int:
        await is_late.wait()
        return 1

    async def early() -> int:
        is_late.set()
        return 2

    assert await together([late(), early()]) == [1, 2]


@pytest.mark.parametrize(("together", "ends"), [(all_of, ["done"]), (all_or_cancel, ["cancelled"])])
async def test_a_failure_is_raised_as_it_is_when_all_have_ended(together: Together, ends: list[str]) -> None:
    ended: list[str] = []
    has_failed = asyncio.Event()
    cause = OSError("why")

    async def fails() -> int:
        has_failed.set()
        raise ValueError("it failed") from cause

    async def goes_on() -> int:
        try:
            await has_failed.wait()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ended.append("done")
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return 1

    with pytest.raises(ValueError, match="it failed") as failure:
        await together([fails(), goes_on()])

    assert failure.value.__cause__ is cause
    assert ended == ends


@pytest.mark.parametrize("together", [all_of, all_or_cancel])
async def test_a_cancelled_caller_leaves_nothing_running(together: Together) -> None:
    begun = asyncio.Event()

    async def waits() -> int:
        begun.set()
        await asyncio.Event().wait()
        return 1

    before = asyncio.all_tasks()
    task = asyncio.create_task(together([waits(), waits()]))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("fails", [False, True])
async def test_the_end_of_a_cancelled_run_is_still_written_and_its_error_is_no_traceback(fails: bool) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, complaint: complaints.append(complaint))
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def write() -> None:
        begun.set()
        await may_end.wait()
        ended.set()
        if fails:
            raise ValueError("the schema changed")

    run = asyncio.create_task(finish_even_if_cancelled(write()))
    await begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    may_end.set()
    await ended.wait()
    await asyncio.sleep(0)
    del run
    gc.collect()
    assert complaints == []


async def test_an_error_of_a_run_that_nobody_cancelled_is_raised() -> None:
    async def write() -> None:
        raise ValueError("the schema changed")

    with pytest.raises(ValueError, match="schema"):
        await finish_even_if_cancelled(write())
