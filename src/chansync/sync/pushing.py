"""What every run that sends to a site, or reads reports there, has with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import apsw

from chansync.db.connection import Store
from chansync.model.channel import Channel
from chansync.model.times import now_ms
from chansync.platforms.protocol import Connector
from chansync.store import runs
from chansync.store.runs import RunCounts
from chansync.store.streams import Lease
from chansync.sync.run_result import PushPlan

#: Changes sent between two looks at the stop signal, and in one request where the site takes so many.
BATCH = 100

#: How long a site may still be at work on a request whose answer was lost, in milliseconds.
SETTLED_MS = 60_000

#: When what a site has accepted and does not show yet is looked at again, in minutes, and how often before it is told.
LOOK_AGAIN_MINUTES = 5
PATIENCE = 12

#: Items or orders that a sentence names; the message's data has all of them.
NAMED = 5


@dataclass(slots=True)
class Pushing:
    """One run that sends or reads reports, since ``began_at`` (UTC milliseconds).

    Attributes:
        lease: the run's hold on its stream.
        asked: a person asked for it: what failed before is tried again at once.
        plans: with a list, nothing is sent or written; what would be sent is added to it.
    """

    store: Store
    channel: Channel
    connector: Connector
    counts: RunCounts
    run_id: int | None
    lease: Lease
    asked: bool
    tell: Callable[[], None]
    stop: asyncio.Event
    plans: list[PushPlan] | None = None
    began_at: int = field(default_factory=now_ms)

    @property
    def channel_id(self) -> int:
        """The channel's id."""
        return self.channel.id

    def progress(self, db: apsw.Connection) -> None:
        """Write how far the run is and hold its lease; call it in the transaction of what was done.

        Raises:
            LeaseLost: another run has taken over.
        """
        traffic = self.connector.traffic
        self.counts.requests, self.counts.bytes = traffic.requests, traffic.bytes_received
        if self.run_id is not None:
            runs.progress(db, self.run_id, self.counts)
        self.lease.renew(db)


def some_of(texts: list[str], between: str = "; ") -> str:
    """The first ``NAMED`` of the texts for a sentence, and a mark where there are more."""
    return between.join([*texts[:NAMED], "…"] if len(texts) > NAMED else texts)
