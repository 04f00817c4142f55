"""Deliveries of webhooks as hints: whose they may be, which came before, and which orders are to be looked at.

A delivery is never more than a hint: of its body nothing but the id of an order is used, and only if the signature is
right. What is refused or repeated changes nothing but a count in memory. The daemon (``service.py``) takes the hints
that are due and syncs just those orders (``chansync.sync.orders_by_id``).
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from chansync.model.channel import Channel
from chansync.platforms import registry
from chansync.platforms.protocol import Capability, Deliveries
from chansync.secrets import sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.setup.sealed_places import channel_place
from chansync.setup.webhooks import url_of
from chansync.store import channels, webhooks
from chansync.store.webhooks import Counts, Taking
from chansync_daemon.logs import LOG

#: How many deliveries are remembered, so that a repetition is known as one.
REMEMBERED = 20_000

#: How many orders of one channel wait to be looked at; what is beyond comes by the pulls.
MOST_WAITING = 5_000

#: How long after the last look at a channel's orders the next one begins, in seconds: what comes in between is looked
#: at together.
PACE = 1.0

#: Deliveries a second, and at once, beyond which all are refused unread.
RATE, BURST = 200.0, 5_000.0


@dataclass(frozen=True, slots=True)
class Route:
    """A channel whose site may deliver.

    Attributes:
        stamp: changes with the channel and with its secret.
        secret: None: it cannot be opened here, so nothing is accepted.
    """

    channel_id: int
    code: str
    stamp: tuple[int, int]
    secret: str | None = field(repr=False)
    deliveries: Deliveries


def read_routes(db: apsw.Connection, path: Path, known: Mapping[str, Route]) -> dict[str, Route]:
    """The channels in use that have webhooks, by code; those in ``known`` that did not change are taken from there."""
    rows: list[Any] = db.execute(
        """SELECT c.id, c.code, c.version, s.set_at FROM channel c JOIN webhook_secret s ON s.channel_id = c.id
           WHERE c.used = 1"""
    ).fetchall()
    found: dict[str, Route] = {}
    for channel_id, code, *stamp in rows:
        route = known.get(code)
        if route is None or (route.channel_id, route.stamp) != (channel_id, tuple(stamp)):
            channel = channels.channel_by_id(db, channel_id)
            route = _route(db, path, channel, (stamp[0], stamp[1])) if channel is not None else None
        if route is not None:
            found[code] = route
    return found


def _route(db: apsw.Connection, path: Path, channel: Channel, stamp: tuple[int, int]) -> Route | None:
    sealed = webhooks.sealed_secret(db, channel.id)
    if sealed is None or channel.system.kind not in registry.kinds() or not url_of(channel):
        return None
    platform = registry.platform(channel.system.kind)
    if Capability.WEBHOOKS not in platform.capabilities:
        return None
    secret = None
    try:
        secret = sealing.open_one(path, lambda: sealed, "channel webhooks", channel_place(channel.values))
    except KeyUnreadable as error:
        LOG.warning(
            "%s: the secret of its webhooks cannot be opened, so deliveries are refused: %s", channel.code, error
        )
    return Route(channel.id, channel.code, stamp, secret, platform.deliveries)


class Rate:
    """A bound on how much happens: ``burst`` at once, then ``rate`` a second."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._at = burst, clock()

    def take(self) -> bool:
        """Whether one more may happen now."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Hints:
    """What the daemon knows of deliveries. All of it is in memory and bounded.

    Args:
        address: where the deliveries are taken, for people.
        clock: seconds.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.routes: dict[str, Route] = {}
        self.rate = Rate(RATE, BURST, clock)
        self._clock = clock
        #: Where deliveries are taken and how many came, for the daemon's row.
        self.taking = Taking(address)
        self._seen: OrderedDict[tuple[int, bytes], None] = OrderedDict()
        self._waiting: dict[int, dict[str, None]] = {}
        self._not_before: dict[int, float] = {}

    def counts(self, code: str) -> Counts:
        """The counts of a channel, or (empty) of what was meant for none."""
        return self.taking.counts.setdefault(code if code in self.routes else "", Counts())

    def deliver(self, route: Route, digest: bytes, signature: bytes, start: bytes, size: int) -> bool:
        """Take a delivery as a hint; False if it is refused.

        Args:
            digest: computed from the raw body.
            signature: as its sender gave it.
            start: the beginning of the body, whose length is ``size``.
        """
        counts = self.counts(route.code)
        order_id = route.deliveries.order_id(start) if hmac.compare_digest(digest, signature) else None
        if order_id is None:
            counts.refused += 1
            return False
        # A body of nothing but the id is the same at every deletion: it repeats one only until something new is
        # delivered of the order. Any other body has the second of the last change: what came back within that second
        # counts as repeated, and is left to the pulls.
        is_bare = size <= len(start)
        bare = (route.channel_id, order_id.encode())
        key = bare if is_bare else (route.channel_id, digest)
        if key in self._seen:
            counts.repeated += 1
            return True
        counts.accepted += 1
        if not is_bare:
            self._seen.pop(bare, None)
        self._seen[key] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        self.add(route.channel_id, [order_id])
        return True

    def add(self, channel_id: int, order_ids: Iterable[str]) -> None:
        """Let these orders be looked at."""
        waiting = self._waiting.setdefault(channel_id, {})
        for order_id in order_ids:
            if len(waiting) < MOST_WAITING:
                waiting[order_id] = None

    def rest(self, channel_id: int, seconds: float) -> None:
        """Do not look at the channel's orders for so long; what is delivered meanwhile waits."""
        self._not_before[channel_id] = self._clock() + seconds

    def due(self) -> list[int]:
        """The channels of which orders are to be looked at now."""
        now = self._clock()
        return [own for own, waiting in self._waiting.items() if waiting and self._not_before.get(own, now) <= now]

    def take(self, channel_id: int) -> tuple[str, ...]:
        """The orders that wait, which then wait no more."""
        return tuple(self._waiting.pop(channel_id, ()))
