"""Few runs at once at each host."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

#: How many runs of the schedule are at one host at once.
AT_A_HOST = 4

#: What part of its cadence a run waits there for its turn; then it goes on all the same, because a part of the host's
#: sites may be dead while the others are well.
PATIENCE = 0.05


@dataclass(slots=True)
class _Host:
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_HOST))
    users: int = 0


class Hosts:
    """Who is at which host: with many channels on one server, its owner is not to notice them all at once."""

    def __init__(self) -> None:
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    @contextlib.asynccontextmanager
    async def place(self, host: str, cadence: float) -> AsyncIterator[None]:
        """A run at that host; waits for its turn, but not for long.

        Args:
            host: empty: not known, and nothing is waited for.
            cadence: how often the run is made, in seconds.
        """
        if not host:
            yield
            return
        at = self._hosts[host]
        at.users += 1
        is_held = False
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(cadence * PATIENCE):
                    is_held = await at.gate.acquire()
            yield
        finally:
            if is_held:
                at.gate.release()
            at.users -= 1
            if not at.users:
                del self._hosts[host]
