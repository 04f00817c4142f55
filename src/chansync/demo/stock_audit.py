"""Compares what a site offers with what the ERP's books leave to be offered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import apsw

from chansync.db.connection import Store
from chansync.erp.ledger import journal, stock
from chansync.model.channel import Channel
from chansync.model.order import Order
from chansync.orders import settings
from chansync.setup.connect import connect
from chansync.store import channels


async def audit_stock(store: Store, channel_code: str, held_elsewhere: Mapping[str, int] | None = None) -> list[str]:
    """Read the site's stock; a sentence for each item that it counts otherwise than the ledger's books say.

    The channel sends exact quantities, and has just sent them; nobody orders meanwhile.

    Args:
        held_elsewhere: SKU → pieces that orders of other sites hold and that are no sales.
    """
    channel = await store.run(channels.channel, channel_code)
    importing = await store.run(settings.load, channel)
    connector = await connect(store, channel)
    try:
        held = {sku: Decimal(pieces) for sku, pieces in (held_elsewhere or {}).items()}
        # Pages overlap: what is told twice is held once.
        orders: dict[str, Order] = {}
        async for page in connector.orders(None, None):
            orders |= {each.external_id: each for each in page.orders if isinstance(each, Order)}
        await store.run(_hold, importing, orders.values(), held)
        offered = await store.run(_offered, channel, importing, held)
        on_site = {item.sku: item for item in await connector.items(list(offered)) if item.counted}
    finally:
        await connector.aclose()
    return [
        f"{sku}: {on_site[sku].quantity} offered on the site, {count} by the ERP"
        for sku, count in offered.items()
        if sku in on_site and on_site[sku].quantity != count
    ]


def _hold(
    db: apsw.Connection, importing: settings.ImportSettings, orders: Iterable[Order], held: dict[str, Decimal]
) -> None:
    """Add what orders hold that are no sales; the ERP's items are the site's SKUs here."""
    for order in orders:
        is_sale = db.execute(
            """SELECT 1 FROM "order" o JOIN sale_link l ON l.order_id = o.id
               WHERE o.channel_id = ? AND o.external_id = ?""",
            (importing.channel.id, order.external_id),
        ).get
        if is_sale or order.status in importing.refused_statuses:
            continue
        for line in order.lines:
            held[line.sku] = held.get(line.sku, Decimal(0)) + line.held


def _offered(
    db: apsw.Connection, channel: Channel, importing: settings.ImportSettings, held: dict[str, Decimal]
) -> dict[str, int]:
    """SKU → on hand, less what open sales need and what orders hold, less the reserve, at most what is offered."""
    place = importing.pos.warehouse
    left = {balance.item: Decimal(balance.on_hand) for balance in stock.balances(db, warehouse=place)}
    for row in journal.sales(db, limit=-1):
        sale = importing.erp.view(db, importing.erp.key_of(db, row.number) or "")
        if sale is None or sale.warehouse != place or sale.state.closed or sale.state.written_out:
            continue
        needs = {line.external_id: (line.item_code, line.quantity) for line in sale.lines if line.item_code in left}
        for refund in sale.refunds:
            for back in refund.lines:
                if back.external_id in needs:
                    item, pieces = needs[back.external_id]
                    needs[back.external_id] = item, pieces - back.quantity
        for package in sale.packages:
            for external_id, count in package.lines:
                if external_id in needs:
                    item, pieces = needs[external_id]
                    needs[external_id] = item, pieces - count
        for item, pieces in needs.values():
            left[item] -= max(pieces, Decimal(0))
    reserve, limit = int(channel["stock_reserve"] or 0), channel["offer_at_most"]
    offered = {sku: max(0, int(count - held.get(sku, Decimal(0))) - reserve) for sku, count in left.items()}
    return offered if limit in (None, "") else {sku: min(count, int(limit)) for sku, count in offered.items()}
