"""The refunds of orders, with their lines: many orders in one request where the store can, else order by order."""

from __future__ import annotations

from chansync.concurrency import all_or_cancel
from chansync.model.errors import DataError, SiteError, SiteUnavailable
from chansync.model.order import Order, Refund
from chansync.platforms.json_values import identifier
from chansync.platforms.woocommerce.by_ids import fails_by_content
from chansync.platforms.woocommerce.client import EXACT, PAGE, StoreClient
from chansync.platforms.woocommerce.failures import Missing
from chansync.platforms.woocommerce.parse import read_refund

# How many pages of refunds one order may have.
_PAGES = 10


async def refunds_of(client: StoreClient, orders: list[Order]) -> list[list[Refund] | SiteError]:
    """Each order's refunds with their lines, in the order of ``orders``; see ``Connector.refunds``.

    Raises:
        SiteError: the store fails, whatever it is asked for.
    """
    together = await _together(client, orders) if len(orders) > 1 else {}
    return await all_or_cancel(_of(client, order, together) for order in orders)


async def _together(client: StoreClient, orders: list[Order]) -> dict[tuple[str, str], Refund]:
    """Refunds by their order's id and their own, as far as the store gives them by their ids.

    The fact ``refunds_together`` is False of a store that cannot: the route came with WooCommerce 9.0.
    """
    wanted = [refund.external_id for order in orders for refund in order.refunds]
    found: dict[tuple[str, str], Refund] = {}
    for first in range(0, len(wanted), PAGE):
        if client.facts.get("refunds_together") is False:
            break
        params = {"include": ",".join(wanted[first : first + PAGE]), "per_page": PAGE, **EXACT}
        try:
            answer = await client.ask("GET", "refunds", params, may_refuse=True)
        except SiteError as error:
            if await fails_by_content(client, error):
                # One of them is the cause: they are asked for order by order.
                continue
            raise
        for row in answer.data if answer.status < 400 and isinstance(answer.data, list) else ():
            try:
                refund = read_refund(row)
            except DataError:
                # Asked for with its order, it is told what is wrong with it.
                continue
            if refund is not None:
                found[identifier(row.get("parent_id")), refund.external_id] = refund
        if not found:
            client.facts["refunds_together"] = False
    return found


async def _of(client: StoreClient, order: Order, together: dict[tuple[str, str], Refund]) -> list[Refund] | SiteError:
    """The order's refunds: from ``together`` where all that it names are there, else by a request of its own."""
    keys = [(order.external_id, refund.external_id) for refund in order.refunds]
    if keys and all(key in together for key in keys):
        return [together[key] for key in keys]
    found: dict[str, Refund] = {}
    try:
        async for rows in client.pages(f"orders/{identifier(order.external_id)}/refunds", EXACT, _PAGES):
            found |= {refund.external_id: refund for refund in map(read_refund, rows) if refund}
    except Missing:
        return []
    except DataError as error:
        return SiteUnavailable(f"{client.http.site} sent one that is none: {error}.", code="bad_refund")
    except SiteError as error:
        if await fails_by_content(client, error):
            return error
        raise
    return list(found.values())
