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
from chansync.store import messages, returns
from chansync.store.runs import RunCounts
from chansync.store.streams import Lease
from chansync.sync.deciding_again import decide_again

#: How many returns a message names.
_NAMED = 20


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
        await _finish(store, channel, lease, stop)
        raise
    await _finish(store, channel, lease, stop)


async def _finish(store: Store, channel: Channel, lease: Lease, stop: asyncio.Event) -> None:
    """Decide on the orders of returns that were read, also of those that an earlier run has left; tell the rest."""
    until = now_ms()
    keys = await store.run(returns.undecided, channel.id)
    if keys and await decide_again(store, keys, stop):
        await store.run(_note_decided, channel, until)
    await store.run(_tell, channel, lease)


def _tell(db: apsw.Connection, channel: Channel, lease: Lease) -> None:
    """Open or close that returns are of orders that are not known."""
    with transaction(db):
        lease.check(db)
        found = returns.unmatched(db, channel.id)
        if not found:
            messages.solve_code(db, channel.id, None, "returns_unmatched", "the orders are known")
            return
        told = [f"{each.order_number}: {each.pieces} × {each.sku}" for each in found]
        sentence = f"{len(found)} returns are of orders that are not known here, {told[0]} the first."
        data = {"order_number": found[0].order_number, "returns": told[:_NAMED]}
        messages.log(db, "returns_unmatched", sentence, channel_id=channel.id, data=data)


def _keep(db: apsw.Connection, channel: Channel, found: list[SiteReturn], lease: Lease) -> int:
    with transaction(db):
        lease.check(db)
        return len(returns.write(db, channel.id, found))


def _note_decided(db: apsw.Connection, channel: Channel, until: int) -> None:
    with transaction(db):
        returns.note_decided(db, channel.id, until)
