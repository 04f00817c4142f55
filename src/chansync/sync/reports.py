"""Reports of a marketplace: what buyers send back, and what it has paid out. Each is kept, and decided on with the
orders that it names.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import Channel
from chansync.model.errors import DataError, SiteError
from chansync.model.money import format_money
from chansync.model.returns import SiteReturn
from chansync.model.settlement import Settlement
from chansync.model.times import now_ms
from chansync.platforms.protocol import Connector, UnreadableSettlement
from chansync.store import messages, returns, settlements
from chansync.store.runs import RunCounts
from chansync.store.streams import Lease
from chansync.sync.deciding_again import decide_again

#: The streams that read reports.
REPORTS = ("returns", "settlements")

#: How many orders, settlements or returns a message names.
_NAMED = 20


@dataclass(slots=True)
class Reports:
    """One run that reads reports of a channel's marketplace.

    A system's settlements are the same for all of its channels; whichever comes first reads them.
    """

    store: Store
    channel: Channel
    connector: Connector
    counts: RunCounts
    lease: Lease
    stop: asyncio.Event

    async def read(self, stream: str) -> None:
        """Keep what is new, and decide on the orders of which it tells, also those that an earlier run has left.

        Raises:
            SiteError: the marketplace failed; what was read before stays.
            LeaseLost: another run has taken over.
        """
        is_returns, failure = stream == "returns", None
        found: AsyncGenerator[Any, None]
        if is_returns:
            found = self.connector.returns()
        else:
            found = self.connector.settlements(await self.store.run(settlements.reports, self.channel.system.id))
        try:
            async with aclosing(found) as pages:
                async for each in pages:
                    await self.store.run(self._keep, each)
                    if self.stop.is_set():
                        break
        except SiteError as error:
            # What was read of orders does not wait for a report that cannot be had.
            failure = error
        await (self._decide_on_returns() if is_returns else self._decide_on_settlements())
        await self.store.run(self._tell, is_returns)
        if failure is not None:
            raise failure

    def _keep(self, db: apsw.Connection, found: list[SiteReturn] | Settlement | UnreadableSettlement) -> None:
        system_id = self.channel.system.id
        with transaction(db):
            self.lease.check(db)
            if isinstance(found, list):
                self.counts.fetched += len(found)
                self.counts.updated += len(returns.write(db, self.channel.id, found))
                return
            self.counts.fetched += 1
            if isinstance(found, Settlement):
                try:
                    self.counts.created += settlements.write(db, system_id, found)
                    return
                except DataError as error:
                    found = UnreadableSettlement(found.report, str(error))
            self.counts.problems += 1
            settlements.note_report(db, system_id, found.report, found.sentence)

    async def _decide_on_returns(self) -> None:
        until = now_ms()
        keys = await self.store.run(returns.undecided, self.channel.id)
        if keys and await decide_again(self.store, keys, self.stop):
            await self.store.run(returns.note_decided, self.channel.id, until)

    async def _decide_on_settlements(self) -> None:
        for settlement_id in await self.store.run(settlements.undecided, self.channel.system.id):
            keys = await self.store.run(settlements.sale_keys, settlement_id)
            if await decide_again(self.store, keys, self.stop):
                await self.store.run(settlements.note_decided, [settlement_id])

    def _tell(self, db: apsw.Connection, is_returns: bool) -> None:
        """Open or close what is wrong with the reports."""
        channel_id, system_id = self.channel.id, self.channel.system.id
        with transaction(db):
            self.lease.check(db)
            if is_returns:
                found = _unmatched_returns(db, channel_id)
                messages.open_or_solve(db, "returns_unmatched", found, "the orders are known", channel_id)
                return
            for code, wrong in _SETTLEMENTS.items():
                messages.open_or_solve(db, code, wrong(db, system_id), "the settlements are right", channel_id)


def _unmatched_returns(db: apsw.Connection, channel_id: int) -> messages.Told | None:
    found = returns.unmatched(db, channel_id)
    if not found:
        return None
    told = [f"{each.order_number}: {each.pieces} × {each.sku}" for each in found]
    sentence = f"{len(found)} returns are of orders that are not known here, {told[0]} the first."
    return sentence, {"order_number": found[0].order_number, "returns": told[:_NAMED]}


def _unreadable(db: apsw.Connection, system_id: int) -> messages.Told | None:
    found = [each for each in settlements.unread(db, system_id) if not each.left_out_by]
    if not found:
        return None
    sentence = f"{len(found)} settlement reports cannot be read, {found[0].report} the first: {found[0].sentence}."
    return sentence, {"reports": [f"{each.report}: {each.sentence}" for each in found[:_NAMED]]}


def _wrong_sums(db: apsw.Connection, system_id: int) -> messages.Told | None:
    found = settlements.wrong_sums(db, system_id)
    if not found:
        return None
    told = [
        f"Settlement {number} is {format_money(total, currency)}, and its lines add up to "
        f"{format_money(lines, currency)}"
        for number, currency, total, lines in found
    ]
    return f"{'. '.join(told[:_NAMED])}.", {"settlements": [row[0] for row in found]}


def _unmatched(db: apsw.Connection, system_id: int) -> messages.Told | None:
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


#: Code of a problem of a system's settlements → what finds it.
_SETTLEMENTS = {
    "settlement_unreadable": _unreadable,
    "settlement_wrong_sum": _wrong_sums,
    "settlement_unmatched": _unmatched,
}
