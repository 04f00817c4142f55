"""Orders that are asked for by their ids: those that a webhook told of, and ours that the site does not list, being in
its trash, deleted, or only hidden.

The daemon collects what webhooks tell (``chansync_daemon.hints``) and starts a sync of those orders, which comes here.
"""

from __future__ import annotations

from collections.abc import Sequence

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.order import UnreadableOrder
from chansync.orders.write_guard import WriteGuard
from chansync.store import messages, orders
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink
from chansync.sync.pull import FETCH, OrdersPull


async def look_for(pull: OrdersPull, external_id: str) -> None:
    """Ask the site for one order that its list lacks, and note that it is gone where it is; an order that is gone while
    its sale stands is a problem for a person."""
    before = await pull.store.run(orders.versions, pull.settings.channel.id, [external_id])
    order = await pull.connector.order(external_id)
    if isinstance(order, UnreadableOrder) or (order is not None and order.status != "trash"):
        # Lists leave out orders whose status no plugin of the site knows any more.
        await pull.take([order], versions=before)
        return
    where = "is in the trash of the site" if order is not None else "was deleted on the site"
    if pull.plans is None:
        guard = WriteGuard(pull.lease, before)
        await pull.store.run(_note_gone, pull, external_id, where, "gone" if order is None else "trash", guard)
    pull.counts.updated += 1


def _note_gone(
    db: apsw.Connection, pull: OrdersPull, external_id: str, where: str, status: str, guard: WriteGuard
) -> None:
    with transaction(db):
        guard.check(db)
        row = orders.by_external_id(db, pull.settings.channel.id, external_id)
        if row is None or guard.is_outdated(external_id, row):
            return
        orders.mark_gone(db, row.id, status)
        if row.sale is not None:
            _report_sale(db, pull, row, row.sale, where)
        elif row.state == "problem":
            messages.solve_order(db, row.id, f"the order {where}")


def _report_sale(db: apsw.Connection, pull: OrdersPull, row: OrderRow, link: SaleLink, where: str) -> None:
    sale = registry.erp(db, link.erp).view(db, link.key)
    if sale is None or sale.state.closed:
        return
    sentence = f"Order {row.number} {where}, but its sale {link.number} stands."
    messages.log(
        db, "order_gone", sentence, channel_id=pull.settings.channel.id, order_id=row.id, order_number=row.number,
        run_id=pull.run_id, data={"order": row.number, "sale": link.number},
    )  # fmt: skip


async def take_hinted(pull: OrdersPull, external_ids: Sequence[str]) -> None:
    """Fetch and take in these orders as the site has them now. One that the site's list lacks is looked for if it is
    known here, since it may be in the trash; the cursor stays where it is."""
    for begin in range(0, len(external_ids), FETCH):
        wanted = list(external_ids[begin : begin + FETCH])
        taken = set(await pull.take_by_id(wanted))
        for external_id in await pull.store.run(_known, pull.settings.channel.id, wanted):
            if external_id not in taken and not pull.stop.is_set():
                await look_for(pull, external_id)
    await pull.complete_refunds()
    await pull.note_progress()


def _known(db: apsw.Connection, channel_id: int, external_ids: list[str]) -> list[str]:
    """Those that are known here and not known to be gone."""
    rows = {own: orders.by_external_id(db, channel_id, own) for own in external_ids}
    return [own for own, row in rows.items() if row is not None and row.status not in ("trash", "gone")]
