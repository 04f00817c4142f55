"""Coroutines that end with their caller (a failed run sends its site nothing more), or are done to their end in spite
of a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, in their order; each is done to its end, whatever becomes of the others.

    Raises:
        Exception: the failure that is the first in their order, when all have ended.
    """
    done = await asyncio.gather(*work, return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return [each for each in done if not isinstance(each, BaseException)]


async def all_or_cancel(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, in their order; where one fails, the others are cancelled. For what changes nothing.

    Raises:
        Exception: the failure, when all have ended.
    """
    async with task_group() as group:
        tasks = [group.create_task(each) for each in work]
    return [task.result() for task in tasks]


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """As ``asyncio.TaskGroup``, and what is raised is the first failure itself."""
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        failure = failures.exceptions[0]
    try:
        if failure is not None:
            raise failure
    finally:
        # Its traceback holds this frame.
        del failure


async def finish_even_if_cancelled(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work, which goes on to its end where this task is cancelled meanwhile.

    Raises:
        Exception: as ``work`` raises it; after a cancellation nobody is told of it.
    """
    working = asyncio.create_task(work)
    # Otherwise asyncio logs the traceback of an error that nobody has asked for.
    working.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({working})
    return working.result()
