"""Asking for another try of what failed."""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction
from chansync.store import channels


def retry(db: apsw.Connection, *, channel_id: int | None, order_ids: list[int] | None) -> int:
    """Make problem orders due now, so that the next orders run begins with them; how many there are.

    Args:
        channel_id: of one channel; None: of every channel.
        order_ids: just these; None: all of the channel.
    """
    with transaction(db):
        if channel_id is not None:
            return channels.make_problems_due(db, channel_id, order_ids)
        every = [row[0] for row in db.execute("SELECT id FROM channel")]
        return sum(channels.make_problems_due(db, each, order_ids) for each in every)
