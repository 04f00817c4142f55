"""Orders by their ids, where one of them may make the store fail: the others are told all the same.

A store can fail at a single order: a plugin puts megabytes into it, its PHP runs out of memory or dies over a value, a
firewall dislikes a word. Every list that holds the order then fails as a whole. So a list that fails while the store
answers is asked for in halves, down to the one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from chansync.http.client import ATTEMPTS
from chansync.http.failures import Answer
from chansync.model.errors import SiteError
from chansync.platforms.json_values import identifier, text
from chansync.platforms.woocommerce.client import EXACT, PAGE, StoreClient
from chansync.platforms.woocommerce.failures import Missing

#: Failures that what was asked for may be the cause of, unlike a site that is down, overloaded or locked.
_CONTENT = frozenset(
    "bad_encoding connection_lost empty forbidden html http_500 http_502 http_504 http_520 http_524 not_a_list "
    "not_a_batch not_json timeout too_deep too_large too_many truncated".split()
)
# A page that no store has: asking for it proves the connection and reads no order.
_PAST_THE_END = {"per_page": 1, "page": 999_999, "_fields": "id"}
# How often a single order is asked for before it is taken to be the cause.
_SINGLE = 2
# So many orders may fail with none well among them, before it is the store that fails.
_TOO_MANY = 5


async def fails_by_content(client: StoreClient, error: SiteError) -> Answer | None:
    """An answer of the store's where it fails at what it was asked for, and answers otherwise."""
    if error.code not in _CONTENT:
        return None
    try:
        return await client.ask_orders(_PAST_THE_END, attempts=1)
    except SiteError:
        return None


class ByIds:
    """Asks for orders by their ids.

    Args:
        fields: the names of what is wanted of them, with commas; empty for all.

    Attributes:
        most: how many the store has been seen to give at once.
    """

    def __init__(self, client: StoreClient, fields: str = "") -> None:
        self._client = client
        self._fields = {**EXACT, "_fields": fields} if fields else EXACT
        self.most = PAGE
        self._well = self._failed = 0

    async def each(self, ids: list[str], *, attempts: int = ATTEMPTS) -> AsyncGenerator[dict[str, Any], None]:
        """The store's data of each, or the ``SiteError`` with which it fails at it, by id; in parts, as the store gives
        them, for large orders need not be in memory at once.

        Lists leave out the trash, and orders whose status no plugin knows any more: so does this.

        Raises:
            SiteError: the store fails, whatever it is asked for.
        """
        at = 0
        while at < len(ids):
            chunk = ids[at : at + self.most]
            at += len(chunk)
            async for part in self._read(chunk, attempts):
                yield part

    async def one(self, own: str) -> Any:
        """One order's data, also in the trash; None where the store has none; the ``SiteError`` where it fails at it.

        Raises:
            SiteError: the store fails, whatever it is asked for.
        """
        try:
            return (await self._client.ask("GET", f"orders/{own}", self._fields, attempts=_SINGLE)).data
        except Missing:
            return None
        except SiteError as error:
            if await fails_by_content(self._client, error):
                return error
            raise

    async def _read(self, ids: list[str], attempts: int) -> AsyncGenerator[dict[str, Any], None]:
        """What the store gives of them; what it fails at is the failure."""
        try:
            found = await self._listed(ids, attempts if len(ids) > 1 else _SINGLE)
        except SiteError as error:
            if not await fails_by_content(self._client, error):
                raise
            trouble = error
        else:
            self._well += len(ids)
            yield found
            return
        if len(ids) == 1:
            self._failed += 1
            if self._failed >= _TOO_MANY and not self._well:
                raise trouble
            yield {ids[0]: trouble}
            return
        half, are_well = (len(ids) + 1) // 2, True
        for part in (ids[:half], ids[half:]):
            async for found in self._read(part, 1):
                are_well = are_well and not any(isinstance(data, SiteError) for data in found.values())
                yield found
        if are_well:
            # It was too much together, and none of them by itself.
            self.most = min(self.most, half)

    async def _listed(self, ids: list[str], attempts: int) -> dict[str, Any]:
        params = {"include": ",".join(ids), "per_page": PAGE, "orderby": "id", **self._fields}
        answer = await self._client.ask_orders(params, attempts=attempts)
        rows = {identifier(row.get("id")): row for row in answer.data if isinstance(row, dict)}
        return {own: rows[own] for own in ids if own in rows}


def is_gone(data: Any) -> bool:
    """Whether ``ByIds.one`` tells of no order, or of one in the trash."""
    return data is None or (isinstance(data, dict) and text(data.get("status")) == "trash")
