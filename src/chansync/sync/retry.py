"""Asking for another try of what failed: of orders, whether they are sales or not, and of the channels themselves."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.db.transaction import transaction
from chansync.store import channels, messages
from chansync.sync.runner import SyncRequest


@dataclass(frozen=True, slots=True)
class Retry:
    """What is tried again: ``orders`` of them are due now, and each channel gets the sync that does it."""

    orders: int
    syncs: list[tuple[str, SyncRequest]]


def retry(db: apsw.Connection, *, channel_id: int | None, order_ids: list[int] | None) -> Retry:
    """Make what is open due now, and say which syncs try it; no sync of a channel in which nothing is open.

    Args:
        channel_id: of one channel; None: of every channel.
        order_ids: just these; None: all of the channel, and what is wrong with the channel itself.
    """
    count, syncs = 0, []
    with transaction(db):
        for channel in channels.all_channels(db):
            if channel_id not in (None, channel.id):
                continue
            due = channels.make_problems_due(db, channel.id, order_ids)
            streams = messages.open_streams(db, channel.id, order_ids)
            count += due
            if due or streams:
                syncs.append((channel.code, _request(streams)))
    return Retry(count, syncs)


def _request(streams: set[str]) -> SyncRequest:
    return SyncRequest(
        lookups="lookups" in streams,
        comparison="comparison" in streams,
        settlements="settlements" in streams,
        returns="returns" in streams,
        statuses="statuses" in streams,
        quantities="quantities" in streams,
        erp="erp" in streams,
    )
