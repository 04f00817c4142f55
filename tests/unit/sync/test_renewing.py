"""What a run still writes when it is cancelled, and that asyncio has nothing to complain of afterwards."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from chansync.sync.renewing import finish_even_if_cancelled


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
