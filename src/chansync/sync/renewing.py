"""Work under a lease: how it is stopped, and when the lease is renewed: every so often, and when the clock was set."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from chansync.model.times import awake_seconds
from chansync.store.leases import CLOCK_JUMP, STREAM_MS, clock_ahead

T = TypeVar("T")

#: How often a run renews the lease of its stream, in seconds: a few times within the time after which it may be taken
#: over.
HOLD_EVERY = STREAM_MS / 1000 / 5

#: How long work that is told to stop may finish what it has in hand, in seconds.
STOP_WITHIN = 2.0

#: How often a holder looks whether the clock was set, in seconds: what it holds may then seem to have run out.
_LOOK_EVERY = 1.0


async def work_until_stopped(
    work: Coroutine[Any, Any, T], stop: asyncio.Event, hold: Coroutine[Any, Any, None]
) -> T | None:
    """The result of the work; after a stop it has a moment to finish what it has in hand, and is then broken off: None.

    Args:
        hold: renews the lease for as long as the work takes; the work ends with it.

    Raises:
        Exception: as ``work`` or ``hold`` raises it.
    """
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    holding = asyncio.create_task(hold)
    try:
        await asyncio.wait({working, stopping, holding}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done() and not holding.done():
            await asyncio.wait({working}, timeout=STOP_WITHIN)
    finally:
        stopping.cancel()
        holding.cancel()
        if not working.done():
            working.cancel()
        await asyncio.gather(working, holding, return_exceptions=True)
    if not holding.cancelled():
        holding.result()
    return None if working.cancelled() else working.result()


async def time_to_renew(seconds: float) -> None:
    """Sleep until a lease is to be renewed: after that time, or at once when the clock was set."""
    began, ahead = awake_seconds(), clock_ahead()
    while (left := seconds - (awake_seconds() - began)) > 0:
        await asyncio.sleep(min(left, _LOOK_EVERY))
        if abs(clock_ahead() - ahead) > CLOCK_JUMP:
            return
