"""Returns that a marketplace tells: each is kept, and decided on with its order."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import Channel
from chansync.model.errors import SiteError
from chansync.model.returns import SiteReturn
from chansync.model.times import now_ms
from chansync.platforms.protocol import Connector
from chansync.store import returns
from chansync.store.runs import RunCounts
from chansync.store.streams import Lease
from chansync.sync.deciding_again import decide_again


async def pull_returns(
    store: Store,
    channel: Channel,
    connector: Connector,
    counts: RunCounts,
    lease: Lease,
    stop: asyncio.Event,
) -> None:
    """Keep the returns that the site tells, and decide on the orders of which something is new.

    Raises:
        SiteError: the site failed; what was read before stays.
        LeaseLost: another run has taken over.
    """
    try:
        async with aclosing(connector.returns()) as pages:
            async for found in pages:
                counts.fetched += len(found)
                counts.updated += await store.run(_keep, channel, found, lease)
                if stop.is_set():
                    break
    except SiteError:
        # What was read of orders does not wait for a report that cannot be had.
        await _decide(store, channel, stop)
        raise
    await _decide(store, channel, stop)


async def _decide(store: Store, channel: Channel, stop: asyncio.Event) -> None:
    """Decide on the orders of returns that were read, also of those that an earlier run has left."""
    until = now_ms()
    keys = await store.run(returns.undecided, channel.id)
    if keys and await decide_again(store, keys, stop):
        await store.run(_note_decided, channel, until)


def _keep(db: apsw.Connection, channel: Channel, found: list[SiteReturn], lease: Lease) -> int:
    with transaction(db):
        lease.check(db)
        return len(returns.write(db, channel.id, found))


def _note_decided(db: apsw.Connection, channel: Channel, until: int) -> None:
    with transaction(db):
        returns.note_decided(db, channel.id, until)
