"""Limit of simultaneous runs per host."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

#: How many scheduled runs use one host at the same time.
AT_A_HOST = 4

#: How long a run waits for its turn, as a fraction of its interval. Then it starts anyway, because some sites of the
#: host may be down while others work.
PATIENCE = 0.05


@dataclass(slots=True)
class _Host:
    gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_A_HOST))
    users: int = 0


class Hosts:
    """Counts the runs per host, so that many channels on one server do not load it all at once."""

    def __init__(self) -> None:
        self._hosts: defaultdict[str, _Host] = defaultdict(_Host)

    @contextlib.asynccontextmanager
    async def place(self, host: str, cadence: float) -> AsyncIterator[None]:
        """The context of a run that uses this host; waits for its turn for ``PATIENCE`` of the interval at most.

        Args:
            host: empty if unknown: then it does not wait.
            cadence: the interval of the run, in seconds.
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
