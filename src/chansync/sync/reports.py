"""Reports of a marketplace: what buyers send back, and what it has paid out. Each is kept, and decided on with the
orders that it names.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.model.errors import DataError, SiteError
from chansync.model.money import format_money
from chansync.model.returns import SiteReturn
from chansync.model.settlement import Settlement
from chansync.model.times import now_ms
from chansync.platforms.protocol import UnreadableSettlement
from chansync.store import messages, returns, settlements
from chansync.store.settlements import Unmatched, UnreadReport
from chansync.sync.deciding_again import decide_again
from chansync.sync.pushing import Pushing

#: The streams that read reports.
REPORTS = ("returns", "settlements")

#: How many orders, settlements or returns a message names.
_NAMED = 20


async def read_reports(run: Pushing) -> None:
    """Keep what is new of the stream's reports; decide on the orders that it names, or that an earlier run has left.

    A system's settlements are the same for all of its channels; whichever comes first reads them.

    Raises:
        SiteError: the marketplace failed; what was read before stays.
        LeaseLost: another run has taken over.
    """
    is_returns, failure = run.lease.stream == "returns", None
    found: AsyncGenerator[Any, None]
    if is_returns:
        found = run.connector.returns()
    else:
        found = run.connector.settlements(await run.store.run(settlements.reports, run.channel.system.id))
    try:
        async with aclosing(found) as pages:
            async for each in pages:
                await run.store.run(_keep, run, each)
                if run.stop.is_set():
                    break
    except SiteError as error:
        # What was read of orders does not wait for a report that cannot be had.
        failure = error
    await (_decide_on_returns(run) if is_returns else _decide_on_settlements(run))
    await run.store.run(_tell, run, is_returns)
    if failure is not None:
        raise failure


def _keep(db: apsw.Connection, run: Pushing, found: list[SiteReturn] | Settlement | UnreadableSettlement) -> None:
    counts, system_id = run.counts, run.channel.system.id
    with transaction(db):
        run.lease.check(db)
        if isinstance(found, list):
            counts.fetched += len(found)
            counts.updated += len(returns.write(db, run.channel_id, found))
            return
        counts.fetched += 1
        if isinstance(found, Settlement):
            try:
                counts.created += settlements.write(db, system_id, found)
                return
            except DataError as error:
                found = UnreadableSettlement(found.report, str(error))
        counts.problems += 1
        settlements.note_report(db, system_id, found.report, found.sentence)


async def _decide_on_returns(run: Pushing) -> None:
    until = now_ms()
    keys = await run.store.run(returns.undecided, run.channel_id)
    if keys and await decide_again(run.store, keys, run.stop):
        await run.store.run(returns.note_decided, run.channel_id, until)


async def _decide_on_settlements(run: Pushing) -> None:
    for settlement_id in await run.store.run(settlements.undecided, run.channel.system.id):
        keys = await run.store.run(settlements.sale_keys, settlement_id)
        if await decide_again(run.store, keys, run.stop):
            await run.store.run(settlements.note_decided, [settlement_id])


def _tell(db: apsw.Connection, run: Pushing, is_returns: bool) -> None:
    """Open or close what is wrong with the reports."""
    with transaction(db):
        run.lease.check(db)
        owner = run.channel_id if is_returns else run.channel.system.id
        by = "the orders are known" if is_returns else "the settlements are right"
        for code, find, tell in _RETURNS if is_returns else _SETTLEMENTS:
            found = find(db, owner)
            messages.open_or_solve(db, code, tell(found) if found else None, by, run.channel_id)


def _unmatched_returns(found: list[SiteReturn]) -> messages.Told:
    told = [f"{each.order_number}: {each.pieces} × {each.sku}" for each in found]
    sentence = f"{len(found)} returns are of orders that are not known here, {told[0]} the first."
    return sentence, {"order_number": found[0].order_number, "returns": told[:_NAMED]}


def _unread(db: apsw.Connection, system_id: int) -> list[UnreadReport]:
    return [each for each in settlements.unread(db, system_id) if not each.left_out_by]


def _unreadable(found: list[UnreadReport]) -> messages.Told:
    sentence = f"{len(found)} settlement reports cannot be read, {found[0].report} the first: {found[0].sentence}."
    return sentence, {"reports": [f"{each.report}: {each.sentence}" for each in found[:_NAMED]]}


def _wrong_sums(found: list[tuple[str, str, int, int]]) -> messages.Told:
    told = [
        f"Settlement {number} is {format_money(total, currency)}, and its lines add up to "
        f"{format_money(lines, currency)}"
        for number, currency, total, lines in found
    ]
    return f"{'. '.join(told[:_NAMED])}.", {"settlements": [row[0] for row in found]}


def _unmatched(found: list[Unmatched]) -> messages.Told:
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


#: Problems of a channel's returns and of a system's settlements: code, what finds what is wrong, what is said of it.
_Problem = tuple[str, Callable[[apsw.Connection, int], list[Any]], Callable[[list[Any]], messages.Told]]
_RETURNS: tuple[_Problem, ...] = (("returns_unmatched", returns.unmatched, _unmatched_returns),)
_SETTLEMENTS: tuple[_Problem, ...] = (
    ("settlement_unreadable", _unread, _unreadable),
    ("settlement_wrong_sum", settlements.wrong_sums, _wrong_sums),
    ("settlement_unmatched", settlements.unmatched, _unmatched),
)
