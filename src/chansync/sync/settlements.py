"""Settlements of a marketplace: each is read once, and what it says of orders is then decided on with them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import Channel
from chansync.model.errors import DataError, SiteError
from chansync.model.money import format_money
from chansync.model.settlement import Settlement
from chansync.platforms.protocol import Connector, UnreadableSettlement
from chansync.store import messages, settlements
from chansync.store.runs import RunCounts
from chansync.store.streams import Lease
from chansync.sync.deciding_again import decide_again

#: How many orders and settlements a message names.
_NAMED = 20


async def pull_settlements(
    store: Store,
    channel: Channel,
    connector: Connector,
    counts: RunCounts,
    lease: Lease,
    stop: asyncio.Event,
) -> None:
    """Read the settlements of the channel's system that are new, and decide on the orders that they name.

    A system's settlements are the same for all of its channels; whichever comes first reads them.

    Raises:
        SiteError: the marketplace failed; what was read before stays.
        LeaseLost: another run has taken over.
    """
    known = await store.run(settlements.reports, channel.system.id)
    try:
        async with aclosing(connector.settlements(known)) as found:
            async for each in found:
                counts.fetched += 1
                await store.run(_keep, channel, each, lease, counts)
                if stop.is_set():
                    break
    except SiteError:
        # What was read of orders does not wait for a report that cannot be had.
        await _finish(store, channel, lease, stop)
        raise
    await _finish(store, channel, lease, stop)


def _keep(
    db: apsw.Connection,
    channel: Channel,
    found: Settlement | UnreadableSettlement,
    lease: Lease,
    counts: RunCounts,
) -> None:
    with transaction(db):
        lease.check(db)
        if isinstance(found, Settlement):
            try:
                counts.created += settlements.write(db, channel.system.id, found)
                return
            except DataError as error:
                found = UnreadableSettlement(found.report, str(error))
        counts.problems += 1
        settlements.note_report(db, channel.system.id, found.report, found.sentence)


async def _finish(store: Store, channel: Channel, lease: Lease, stop: asyncio.Event) -> None:
    """Decide on the orders of settlements that were read, also of those that an earlier run has left; tell the rest."""
    for settlement_id in await store.run(settlements.undecided, channel.system.id):
        if await decide_again(store, await store.run(settlements.sale_keys, settlement_id), stop):
            await store.run(_note_decided, settlement_id)
    await store.run(_tell, channel, lease)


def _note_decided(db: apsw.Connection, settlement_id: int) -> None:
    with transaction(db):
        settlements.note_decided(db, [settlement_id])


def _tell(db: apsw.Connection, channel: Channel, lease: Lease) -> None:
    """Open or close what is wrong with the settlements of the channel's system."""
    with transaction(db):
        lease.check(db)
        _open_or_close(db, channel, "settlement_unreadable", _unreadable(db, channel.system.id))
        _open_or_close(db, channel, "settlement_wrong_sum", _wrong_sums(db, channel.system.id))
        _open_or_close(db, channel, "settlement_unmatched", _unmatched(db, channel.system.id))


def _open_or_close(db: apsw.Connection, channel: Channel, code: str, found: tuple[str, dict[str, Any]] | None) -> None:
    if found is None:
        messages.solve_code(db, channel.id, None, code, "the settlements are right")
    else:
        messages.log(db, code, found[0], channel_id=channel.id, data=found[1])


def _unreadable(db: apsw.Connection, system_id: int) -> tuple[str, dict[str, Any]] | None:
    found = [each for each in settlements.unread(db, system_id) if not each.left_out_by]
    if not found:
        return None
    sentence = f"{len(found)} settlement reports cannot be read, {found[0].report} the first: {found[0].sentence}."
    return sentence, {"reports": [f"{each.report}: {each.sentence}" for each in found[:_NAMED]]}


def _wrong_sums(db: apsw.Connection, system_id: int) -> tuple[str, dict[str, Any]] | None:
    found = settlements.wrong_sums(db, system_id)
    if not found:
        return None
    told = [
        f"Settlement {number} is {format_money(total, currency)}, and its lines add up to "
        f"{format_money(lines, currency)}"
        for number, currency, total, lines in found
    ]
    return f"{'. '.join(told[:_NAMED])}.", {"settlements": [row[0] for row in found]}


def _unmatched(db: apsw.Connection, system_id: int) -> tuple[str, dict[str, Any]] | None:
    found = settlements.unmatched(db, system_id)
    if not found:
        return None
    first = found[0]
    sentence = (
        f"Settlements name {len(found)} orders that are not known here in their currency, {first.order_number} "
        f"({format_money(first.amount, first.currency)}, {first.place or 'no marketplace named'}) the first."
    )
    told = [
        f"{each.order_number}: {format_money(each.amount, each.currency)} {each.place}".strip()
        for each in found[:_NAMED]
    ]
    return sentence, {"order_number": first.order_number, "settlement": first.settlement, "orders": told}
