"""Orders of which the site said by a webhook that something happened to them: each is asked for again."""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from chansync.store import orders
from chansync.sync.gone_orders import look_for
from chansync.sync.pull import FETCH, OrdersPull


async def take_hinted(pull: OrdersPull, external_ids: Sequence[str]) -> None:
    """Fetch and take in these orders as the site has them now. One that the site's list lacks is looked for if it is
    known here, since it may be in the trash; the cursor stays where it is."""
    for begin in range(0, len(external_ids), FETCH):
        wanted = list(external_ids[begin : begin + FETCH])
        taken = set(await pull.take_by_id(wanted))
        for external_id in await pull.store.run(_known, pull.importing.channel.id, wanted):
            if external_id not in taken and not pull.stop.is_set():
                await look_for(pull, external_id)
    await pull.complete_refunds()
    await pull.note_progress()


def _known(db: apsw.Connection, channel_id: int, external_ids: list[str]) -> list[str]:
    """Those that are known here and not known to be gone."""
    rows = {own: orders.by_external_id(db, channel_id, own) for own in external_ids}
    return [own for own, row in rows.items() if row is not None and row.status not in ("trash", "gone")]
