"""When what failed is tried again."""

from __future__ import annotations

from collections.abc import Sequence

from chansync.model.times import now_ms

#: How long the next try waits, in minutes, by how often it failed in a row before.
RETRY_MINUTES = (5, 15, 60, 240, 720, 1440)

#: A step of a sale that waits for its ERP for longer is late, in milliseconds.
LATE_STEPS_MS = 30 * 60_000


def next_try(failures: int, minutes: Sequence[int] = RETRY_MINUTES) -> int:
    """When to try again after so many failures in a row before this one; UTC milliseconds."""
    return now_ms() + minutes[min(failures, len(minutes) - 1)] * 60_000
