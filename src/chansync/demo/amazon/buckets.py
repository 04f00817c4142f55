"""Token buckets: how often each operation may be called.

Rate is tokens a second, burst is how many a full bucket holds; a call takes one. Time is the fake's clock, so that a
day of calls can be played in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from chansync.demo.clock import Clock


@dataclass(slots=True)
class Bucket:
    """The bucket of one operation; full at first."""

    rate: float
    burst: int
    tokens: float
    filled: float

    def take(self, now: float) -> bool:
        """Take a token; False where none is left."""
        self.tokens = min(float(self.burst), self.tokens + max(0.0, now - self.filled) * self.rate)
        self.filled = now
        # Sums of fractions fall short of a whole token by a hair.
        if self.tokens < 1 - 1e-9:
            return False
        self.tokens -= 1
        return True


class Buckets:
    """The buckets of all operations of a seller.

    `factor` multiplies the rates: 100 lets a test or a demo do in a minute what takes a seller an hour and a half.
    """

    def __init__(self, clock: Clock, factor: float = 1.0) -> None:
        self._clock = clock
        self.factor = factor
        self._limits: dict[str, tuple[float, int]] = {}
        self._buckets: dict[str, Bucket] = {}

    def set_limit(self, operation: str, rate: float, burst: int) -> None:
        """Another plan for one operation than the usual; the factor does not touch it."""
        self._limits[operation] = (rate, burst)
        self._buckets.pop(operation, None)

    def refill(self) -> None:
        """Fill every bucket to the brim."""
        self._buckets.clear()

    def take(self, operation: str, rate: float, burst: int) -> bool:
        """Take a token of an operation, whose usual plan is given."""
        bucket = self._buckets.get(operation)
        if bucket is None:
            rate, burst = self._limits.get(operation, (rate * self.factor, burst))
            bucket = self._buckets[operation] = Bucket(rate, burst, float(burst), self._clock.moment())
        return bucket.take(self._clock.moment())

    def shown(self, operation: str, rate: float) -> str:
        """The rate as the header tells it."""
        return f"{self._limits.get(operation, (rate * self.factor, 0))[0]:.15g}"
