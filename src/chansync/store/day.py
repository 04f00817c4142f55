"""What each channel sold: by hour over the last 24 hours, and today in its currencies."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import apsw

from chansync.model.times import day_began, now_ms

HOURS = 24

#: In what steps the hours of a sparkline go on, in milliseconds: it stays as it is while nothing is sold.
_STEP = 600_000


@dataclass(slots=True)
class Day:
    """One channel's day: new sales in each of the last 24 hours, the oldest first, and the total of
    today's orders that are sales, by currency."""

    hours: list[int] = field(default_factory=lambda: [0] * HOURS)
    money: dict[str, Decimal] = field(default_factory=dict)


def _began() -> int:
    """When the last 24 hours began, UTC milliseconds; the last of them is longer by up to ten minutes."""
    now = now_ms()
    return now - now % _STEP - HOURS * 3_600_000


def orders_per_hour(db: apsw.Connection) -> list[int]:
    """How many sales all channels created in each of the last 24 hours, the oldest first; for a sparkline."""
    counted = dict(
        db.execute(
            "SELECT min((started_at - ?1) / 3600000, ?2), sum(created) FROM run WHERE started_at >= ?1 GROUP BY 1",
            (_began(), HOURS - 1),
        )
    )
    return [int(counted.get(hour, 0)) for hour in range(HOURS)]


def days(db: apsw.Connection) -> dict[int, Day]:
    """The day of every channel that had one, by the channel's id."""
    now = now_ms()
    found: dict[int, Day] = {}
    rows = db.execute(
        """SELECT channel_id, min((started_at - ?1) / 3600000, ?2), sum(created) FROM run
           WHERE started_at >= ?1 AND created > 0 GROUP BY +channel_id, 2""",
        (_began(), HOURS - 1),
    )
    for channel_id, hour, created in rows:
        found.setdefault(channel_id, Day()).hours[int(hour)] = int(created)
    rows = db.execute(
        """SELECT o.channel_id, o.currency, sum(CAST(round(o.total * 10000) AS INTEGER))
           FROM channel c JOIN "order" o ON o.channel_id = c.id AND o.state = 'imported' AND o.changed_at >= ?1
           JOIN sale_link l ON l.order_id = o.id AND l.recorded_at BETWEEN ?1 AND ?2
           WHERE o.currency <> '' GROUP BY 1, 2""",
        (day_began(now), now),
    )
    for channel_id, currency, units in rows:
        found.setdefault(channel_id, Day()).money[currency] = Decimal(units or 0).scaleb(-4)
    return found


def quiet_hours(hours: list[int]) -> int:
    """How many hours ago the last sale of a channel was that used to sell in most hours; 0: it sells as it did."""
    quiet = next((ago for ago, count in enumerate(reversed(hours)) if count), HOURS)
    before = hours[: HOURS - quiet]
    return quiet if quiet >= 3 and before and sum(map(bool, before)) >= len(before) * 2 / 3 else 0
