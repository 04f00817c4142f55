"""When a lease is renewed: every so often, and at once when the clock was set."""

from __future__ import annotations

import asyncio

from chansync.model.times import awake_seconds
from chansync.store.leases import CLOCK_JUMP, clock_ahead

#: How often a holder looks whether the clock was set, in seconds: what it holds may then seem to have run out.
_LOOK_EVERY = 1.0


async def time_to_renew(seconds: float) -> None:
    """Sleep until a lease is to be renewed: after that time, or at once when the clock was set."""
    began, ahead = awake_seconds(), clock_ahead()
    while (left := seconds - (awake_seconds() - began)) > 0:
        await asyncio.sleep(min(left, _LOOK_EVERY))
        if abs(clock_ahead() - ahead) > CLOCK_JUMP:
            return
