"""Compares every order of a site with the ERP, independently of what the import believes."""

from __future__ import annotations

from dataclasses import dataclass, field

import apsw

from chansync.model.money import from_minor
from chansync.model.order import Order
from chansync.store import channels
from chansync.store.connection import Store
from chansync.orders import settings
from chansync.sync.connecting import connect
from chansync.orders.select import reason_to_skip


@dataclass(slots=True)
class Audit:
    """What a comparison found; ``wrong`` holds a sentence for each order that is lost, doubled or off.

    Attributes:
        newer: orders that changed on the site after the last pull; they are not judged.
    """

    orders: int = 0
    selected: int = 0
    sold: int = 0
    problems: dict[str, int] = field(default_factory=dict)
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
            """SELECT o.digest, s.total, s.currency, (SELECT code FROM message WHERE order_id = o.id AND open = 1)
               FROM "order" o LEFT JOIN erp_sale s ON s.id = o.sale_id WHERE o.channel_id = ? AND o.external_id = ?""",
            (importing.channel.id, order.external_id),
        ).fetchone()
        digest, total, currency, problem = row or (None, None, None, None)
        if digest != order.digest:
            found.newer += 1
            continue
        selected = not reason_to_skip(importing, order.status, order.placed_on.isoformat(), order.awaits_prices)
        found.selected += selected
        if total is not None and currency is not None:
            found.sold += 1
            if from_minor(total, currency) != order.total and not problem:
                found.wrong.append(f"order {order.number}: {order.total} on the site, {total} in the ERP")
        elif problem:
            found.problems[problem] = found.problems.get(problem, 0) + 1
        elif selected:
            found.wrong.append(f"order {order.number} is neither a sale nor a problem")
