"""The refunds of orders, with their lines: many orders in one request where the store can, else order by order."""

from __future__ import annotations

import asyncio
from typing import Any

from chansync.model.errors import DataError, SiteError, SiteUnavailable
from chansync.model.order import Order, Refund
from chansync.platforms.texts import identifier
from chansync.platforms.woocommerce.by_ids import fails_by_content
from chansync.platforms.woocommerce.client import EXACT, StoreClient
from chansync.platforms.woocommerce.failures import is_missing, refusal
from chansync.platforms.woocommerce.parse import read_refund
from chansync.platforms.woocommerce.source import PAGE

# How many pages of refunds one order may have.
_PAGES = 10
_BAD = "bad_refund"


class Refunds:
    """Looks refunds up.

    Args:
        facts: ``refunds_together`` is remembered there as False for a store that cannot give those of many orders
            (its ``refunds`` route came with WooCommerce 9.0).
    """

    def __init__(self, client: StoreClient, facts: dict[str, Any]) -> None:
        self._client = client
        self._facts = facts

    async def of(self, orders: list[Order]) -> list[list[Refund] | SiteError]:
        """Each order's refunds with their lines, in the order of ``orders``; see ``Connector.refunds``.

        Raises:
            SiteError: the store fails, whatever it is asked for.
        """
        together = await self._together(orders) if len(orders) > 1 else {}
        known = [_complete(order, together) for order in orders]
        return await asyncio.gather(
            *(
                self._alone(order) if found is None else _ready(found)
                for order, found in zip(orders, known, strict=True)
            )
        )

    async def _alone(self, order: Order) -> list[Refund] | SiteError:
        try:
            return await self._asked(order)
        except SiteError as error:
            if error.code == _BAD or await fails_by_content(self._client, error):
                return error
            raise

    async def _together(self, orders: list[Order]) -> dict[tuple[str, str], Refund]:
        """Refunds by their order's id and their own, as far as the store gives them by their ids."""
        wanted = [refund.external_id for order in orders for refund in order.refunds]
        found: dict[tuple[str, str], Refund] = {}
        for first in range(0, len(wanted), PAGE):
            if self._facts.get("refunds_together") is False:
                break
            params = {"include": ",".join(wanted[first : first + PAGE]), "per_page": PAGE, **EXACT}
            try:
                answer = await self._client.ask("GET", "refunds", params)
            except SiteError as error:
                if await fails_by_content(self._client, error):
                    # One of them is the cause: they are asked for order by order.
                    continue
                raise
            rows = answer.data if answer.status < 400 and isinstance(answer.data, list) else []
            for row in rows:
                refund = _readable(row)
                if refund is not None:
                    found[identifier(row.get("parent_id")), refund.external_id] = refund
            if not found:
                self._facts["refunds_together"] = False
        return found

    async def _asked(self, order: Order) -> list[Refund]:
        found: dict[str, Refund] = {}
        for page in range(1, _PAGES + 1):
            route = f"orders/{identifier(order.external_id)}/refunds"
            answer = await self._client.ask("GET", route, {"per_page": PAGE, "page": page, **EXACT})
            if is_missing(answer):
                return []
            if answer.status >= 400:
                raise refusal(answer, self._client.http.sentences)
            rows = answer.data if isinstance(answer.data, list) else []
            for row in rows:
                if refund := self._read(row):
                    found[refund.external_id] = refund
            if len(rows) < PAGE:
                break
        return list(found.values())

    def _read(self, row: Any) -> Refund | None:
        try:
            return read_refund(row)
        except DataError as error:
            raise SiteUnavailable(f"{self._client.http.site} sent one that is none: {error}.", code=_BAD) from None


def _readable(row: Any) -> Refund | None:
    try:
        return read_refund(row)
    except DataError:
        # Asked for with its order, it is told what is wrong with it.
        return None


def _complete(order: Order, found: dict[tuple[str, str], Refund]) -> list[Refund] | None:
    """The order's refunds, or None when not all of those that the order names were found."""
    keys = [(order.external_id, refund.external_id) for refund in order.refunds]
    return [found[key] for key in keys] if keys and all(key in found for key in keys) else None


async def _ready(found: list[Refund]) -> list[Refund]:
    return found
