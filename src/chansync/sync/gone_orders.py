"""Orders of ours that the site does not list: in its trash, deleted, or only hidden."""

from __future__ import annotations

from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.order import UnreadableOrder
from chansync.orders.write_guard import WriteGuard
from chansync.store import messages, orders
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink
from chansync.sync.pull import OrdersPull


async def look_for(pull: OrdersPull, external_id: str) -> None:
    """Ask the site for one order that its list lacks, and note that it is gone where it is; an order that is gone while
    its sale stands is a problem for a person."""
    before = await pull.store.run(orders.versions, pull.importing.channel.id, [external_id])
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
        row = orders.by_external_id(db, pull.importing.channel.id, external_id)
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
    number = link.number
    data: dict[str, Any] = {"order": row.number, "sale": number}
    sentence = f"Order {row.number} {where}, but its sale {number} stands."
    messages.log(
        db, "order_gone", sentence, channel_id=pull.importing.channel.id, order_id=row.id, order_number=row.number,
        run_id=pull.run_id, data=data,
    )  # fmt: skip
