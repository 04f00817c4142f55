"""What the store has, in short: the headlines of its orders, and how many there are."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from chansync.concurrency import all_or_cancel
from chansync.model.errors import SiteError
from chansync.platforms.json_values import fields, identifier, text
from chansync.platforms.protocol import Headline
from chansync.platforms.woocommerce.by_ids import fails_by_content
from chansync.platforms.woocommerce.client import PAGE, StoreClient
from chansync.platforms.woocommerce.pages import BY_ID, Parts, Query, fetch_page
from chansync.platforms.woocommerce.parse import summary

# What is asked for of orders to compare both sides, and how many pages of it at once.
_HEADLINE = "id,number,status,total,refunds,date_modified_gmt"
_AT_ONCE = 4


async def headlines(client: StoreClient, since: int) -> AsyncGenerator[list[Headline], None]:
    """Every order that was placed after ``since`` (UTC milliseconds), by id, 100 in a request.

    An order that leaves the list meanwhile may hide another for this time, and one that the store fails at is left
    without a name: whoever compares looks at what seems missing once more by itself.
    """
    first, total = await _page(client, since, 1)
    yield first
    last = -(-total // PAGE)
    for begin in range(2, last + 1, _AT_ONCE):
        numbers = range(begin, min(begin + _AT_ONCE, last + 1))
        for found, _ in await all_or_cancel(_page(client, since, number) for number in numbers):
            yield found


async def count_since(client: StoreClient, since: int) -> int:
    """How many orders were placed after ``since`` (UTC milliseconds), by one small request."""
    page = await fetch_page(client, Query(None, None, BY_ID, since), 1, 1, fields="id")
    return len(page.rows) if page.total is None else page.total


async def _page(client: StoreClient, since: int, number: int) -> tuple[list[Headline], int]:
    query = Query(None, None, BY_ID, since)
    try:
        page = await fetch_page(client, query, number, fields=_HEADLINE)
        rows, total = page.rows, page.total
    except SiteError as error:
        if not await fails_by_content(client, error):
            raise
        parts = Parts(client, query, _HEADLINE)
        rows = await parts.read((number - 1) * PAGE, number * PAGE)
        total = max(parts.counts, default=None)
    return [_headline(fields(row.raw)) for row in rows], len(rows) if total is None else total


def _headline(row: dict[str, Any]) -> Headline:
    own = identifier(row.get("id"))
    if not own:
        # It has none, or the store fails at it.
        return Headline("", "", "")
    total, refunds = summary(row)
    return Headline(own, text(row.get("number")) or own, text(row.get("status")), total, refunds)
