"""Compares every order of a site with the ERP, independently of the import."""

from __future__ import annotations

from dataclasses import dataclass, field

import apsw

from chansync.db.connection import Store
from chansync.demo.comparing import differences
from chansync.model.order import Order
from chansync.orders import settings
from chansync.orders.selection import reason_to_skip
from chansync.setup.connect import connect
from chansync.store import channels
from chansync.store import orders as stored


@dataclass(slots=True)
class Audit:
    """The result of a comparison; ``wrong`` has a sentence for each order that is lost, doubled or has a wrong total.

    Attributes:
        sold: orders whose sale was compared.
        problems: code → orders that have it open; it says what is not right of them, so they are not compared.
        kept: orders of which a person decided to keep the sale as it is.
        newer: orders that changed on the site after the last pull, or whose refunds it did not come to; they are not
            compared.
    """

    orders: int = 0
    selected: int = 0
    sold: int = 0
    problems: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    newer: int = 0
    wrong: list[str] = field(default_factory=list)


async def audit(store: Store, channel_code: str) -> Audit:
    """Fetch every order of the channel's site and look for its sale or its open problem."""
    channel = await store.run(channels.channel, channel_code)
    importing = await store.run(settings.load, channel)
    connector = await connect(store, channel)
    found = Audit()
    seen: set[str] = set()
    try:
        async for page in connector.orders(None, None):
            fresh = [order for order in page.orders if isinstance(order, Order) and order.external_id not in seen]
            seen.update(order.external_id for order in fresh)
            await store.run(_judge, importing, fresh, found)
    finally:
        await connector.aclose()
    return found


def _judge(db: apsw.Connection, importing: settings.ImportSettings, orders: list[Order], found: Audit) -> None:
    for order in orders:
        found.orders += 1
        row = db.execute(
            """SELECT o.id, o.digest, l.sale_key, (SELECT code FROM message WHERE order_id = o.id AND open = 1),
                   coalesce(l.taken ->> '$.kept', '{}') <> '{}'
               FROM "order" o LEFT JOIN sale_link l ON l.order_id = o.id
               WHERE o.channel_id = ? AND o.external_id = ?""",
            (importing.channel.id, order.external_id),
        ).fetchone()
        order_id, digest, key, problem, kept = row or (0, None, None, None, False)
        if digest != order.digest:
            found.newer += 1
            continue
        selected = not reason_to_skip(importing, order.status, order.placed_on.isoformat(), order.awaits_prices)
        found.selected += selected
        sale = importing.erp.view(db, key) if key is not None else None
        if problem:
            found.problems[problem] = found.problems.get(problem, 0) + 1
        elif kept:
            found.kept += 1
        elif sale is not None and stored.lacking_refund(db, order_id) is not None:
            found.newer += 1
        elif sale is not None:
            found.sold += 1
            if order.status in importing.refused_statuses and not sale.state.closed:
                found.wrong.append(f"order {order.number} is {order.status}, and its sale stands")
            elif not sale.state.closed:
                wrong = differences(db, importing, order, sale)
                found.wrong += [f"order {order.number}: {phrase}" for phrase in wrong]
        elif selected:
            found.wrong.append(f"order {order.number} is neither a sale nor a problem")
