"""How often each operation may be called: a token bucket for each, which outlives the process.

Amazon tells the rate that counts with every answer (``x-amzn-RateLimit-Limit``); the usual plans are where a bucket
begins. A bucket belongs to the seller, so all channels and all processes of a system draw from the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from chansync.http.failures import LONGEST_REST
from chansync.model.errors import SiteUnavailable
from chansync.model.times import now_ms
from chansync.platforms.system import SystemState

#: Rates beyond these are not believed, in requests a second.
_SLOWEST, _FASTEST = 0.0001, 10_000_000.0
# Sums of fractions fall short of a whole token by a hair.
_WHOLE = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API and its usual plan.

    Attributes:
        rate: requests a second.
        burst: how many a full bucket holds.
        method: of the request.
        repeatable: whether doing it twice does no harm.
    """

    name: str
    rate: float
    burst: int
    method: str = "GET"
    repeatable: bool = True


def take_token(bucket: dict[str, Any], operation: Operation, now: int) -> tuple[dict[str, Any], float]:
    """Take a token from a bucket as it is kept; the bucket after it, and the seconds to wait (0: it was taken)."""
    rate = float(bucket.get("rate", operation.rate))
    at = int(bucket.get("at", now))
    # A clock that was set back must not make the wait longer than a token takes, or than a site may ask for.
    at = min(at, now + int(LONGEST_REST * 1000 if bucket.get("quiet") else 1000 / rate) + 1)
    earned = max(0, now - at) / 1000 * rate
    tokens = min(float(operation.burst), float(bucket.get("tokens", operation.burst)) + earned)
    if at > now:
        return bucket, (at - now) / 1000 + max(0.0, _WHOLE - tokens) / rate
    if tokens >= _WHOLE:
        return {"rate": rate, "tokens": round(tokens - 1, 9), "at": now}, 0.0
    return {"rate": rate, "tokens": round(tokens, 9), "at": now}, (1 - tokens) / rate


@dataclass(slots=True)
class Rates:
    """The buckets of a seller.

    Args:
        state: where they are kept.
        realm: goes before their names: the sandbox has buckets of its own.
    """

    state: SystemState
    realm: str = ""
    now: Callable[[], int] = now_ms
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _rates: dict[str, float] = field(default_factory=dict)

    def rate(self, operation: Operation) -> float:
        """Requests a second, as far as this process has heard."""
        return self._rates.get(operation.name, operation.rate)

    async def recall(self, operation: Operation) -> None:
        """Let ``rate`` answer what an earlier process may have heard."""
        told = await self._change(operation, lambda bucket: (bucket, bucket.get("rate")))
        if told:
            self._rates.setdefault(operation.name, float(told))

    async def take(self, operation: Operation, patience: float) -> None:
        """Take a token; waits for one as long as ``patience`` allows, in seconds.

        Raises:
            SiteUnavailable: it would take longer; ``retry_after`` says how long.
        """
        left = patience
        while True:
            wait = await self._change(operation, lambda bucket: take_token(bucket, operation, self.now()))
            if not wait:
                return
            if wait > left:
                raise SiteUnavailable(
                    f"Amazon allows {operation.name} only every {1 / self.rate(operation):.0f} seconds: it goes on in "
                    f"{wait:.0f} seconds.",
                    code="rate_limited",
                    retry_after=wait,
                )
            left -= wait
            await self.sleep(wait)

    async def spend(self, operation: Operation) -> None:
        """A request was sent without asking: the bucket has one token less, and may owe some."""

        def spent(bucket: dict[str, Any]) -> tuple[dict[str, Any], None]:
            return (bucket | {"tokens": max(-2.0, float(bucket["tokens"]) - 1)} if bucket else bucket), None

        await self._change(operation, spent)

    async def learn(self, operation: Operation, header: str) -> None:
        """Follow the rate that an answer tells."""
        try:
            told = float(header)
        except ValueError:
            return
        if _SLOWEST <= told <= _FASTEST and told != self._rates.get(operation.name):
            self._rates[operation.name] = told
            await self._change(operation, lambda bucket: (bucket | {"rate": told}, None))

    async def refused(self, operation: Operation, retry_after: float | None) -> None:
        """Amazon said "too many requests": the bucket is empty, whatever we counted."""
        quiet = int((retry_after or 0.0) * 1000)

        def emptied(bucket: dict[str, Any]) -> tuple[dict[str, Any], None]:
            emptied = {"rate": bucket.get("rate", operation.rate), "tokens": 0.0, "at": self.now() + quiet}
            return (emptied | {"quiet": True} if quiet else emptied), None

        await self._change(operation, emptied)

    async def _change(
        self, operation: Operation, function: Callable[[dict[str, Any]], tuple[dict[str, Any], Any]]
    ) -> Any:
        return await self.state.change(f"{self.realm}rate {operation.name}", function)
