"""HTTP clients that a daemon keeps between the runs of a channel: a poll then needs no new TLS handshake.

A client is kept under its site and the digest of its keys. With another address or other keys it is asked for no more
and closed as unused. What a client holds is connections and nothing else: no key, no cookie.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable
from weakref import WeakKeyDictionary

import httpx

#: How long a client is kept without being used, in seconds; web servers close idle connections after 5 to 75.
UNUSED = 120.0
#: How many are kept at the most: an idle TLS connection takes some 40 kB.
MOST = 500

_kept: WeakKeyDictionary[asyncio.AbstractEventLoop, KeptClients] = WeakKeyDictionary()


def key_of(site: str, secrets: Iterable[str]) -> str:
    """What a client is kept under."""
    return hashlib.sha256("\0".join((site, *secrets)).encode()).hexdigest()


class KeptClients:
    """Clients that nobody uses at the moment, the longest unused first."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, tuple[float, httpx.AsyncClient]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    def take(self, key: str) -> httpx.AsyncClient | None:
        """The client kept under that key, for its taker alone; None where there is none."""
        found = self._clients.pop(key, None)
        return found[1] if found else None

    async def keep(self, key: str, client: httpx.AsyncClient) -> None:
        """Keep a client that is not used any more, or close it where there is no room.

        Those that are kept already stay: with more channels than places, the next to be polled is the one that was
        not polled for longest, and would always find its client gone. Of two runs of a channel at once, one is kept.
        """
        if key in self._clients or len(self._clients) >= MOST:
            await client.aclose()
        else:
            self._clients[key] = (time.monotonic(), client)

    async def close_unused(self) -> None:
        """Close those that were not used for long."""
        while self._clients and next(iter(self._clients.values()))[0] < time.monotonic() - UNUSED:
            await self._clients.popitem(last=False)[1][1].aclose()

    async def aclose(self) -> None:
        """Close all of them."""
        while self._clients:
            await self._clients.popitem()[1][1].aclose()


def current() -> KeptClients | None:
    """Where this event loop keeps clients; None: nowhere."""
    return _kept.get(asyncio.get_running_loop())


@contextlib.asynccontextmanager
async def keeping() -> AsyncIterator[KeptClients]:
    """Keep the clients of this event loop between their uses, for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    kept = _kept[loop] = KeptClients()

    async def sweep() -> None:
        while True:
            await asyncio.sleep(UNUSED / 4)
            await kept.close_unused()

    sweeping = asyncio.create_task(sweep())
    try:
        yield kept
    finally:
        sweeping.cancel()
        del _kept[loop]
        await kept.aclose()
