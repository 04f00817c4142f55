"""The headlines of many orders, cheaply: which there are and in which status, for comparing both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from chansync.model.errors import SiteUnavailable
from chansync.model.times import from_ms
from chansync.platforms.protocol import Headline
from chansync.platforms.texts import identifier, text
from chansync.platforms.woocommerce.client import StoreClient
from chansync.platforms.woocommerce.failures import refusal
from chansync.platforms.woocommerce.source import PAGE

_FIELDS = "id,number,status"
# How many pages are asked for at once.
_AT_ONCE = 4


async def headlines(client: StoreClient, since: int) -> AsyncGenerator[list[Headline], None]:
    """Every order that was placed after ``since`` (UTC milliseconds), by id, 100 in a request.

    An order that leaves the list meanwhile may hide another for this time: whoever compares looks at what seems
    missing once more by itself.
    """
    first, total = await _page(client, since, 1)
    yield first
    last = -(-total // PAGE)
    for begin in range(2, last + 1, _AT_ONCE):
        numbers = range(begin, min(begin + _AT_ONCE, last + 1))
        for found, _ in await asyncio.gather(*(_page(client, since, number) for number in numbers)):
            yield found


async def _page(client: StoreClient, since: int, number: int) -> tuple[list[Headline], int]:
    params = {
        "per_page": PAGE,
        "page": number,
        "orderby": "id",
        "order": "asc",
        "after": from_ms(since).strftime("%Y-%m-%dT%H:%M:%S"),
        "dates_are_gmt": "true",
        "_fields": _FIELDS,
    }
    answer = await client.ask("GET", "orders", params)
    if answer.status >= 400:
        raise refusal(answer, client.http.sentences)
    if not isinstance(answer.data, list):
        raise SiteUnavailable(f"{client.http.site} sent something else than a list of orders.", code="not_a_list")
    total = answer.headers.get("x-wp-total", "").strip()
    rows = [_headline(row) for row in answer.data if isinstance(row, dict) and identifier(row.get("id"))]
    return rows, int(total) if total.isascii() and total.isdigit() and len(total) < 12 else len(rows)


def _headline(row: dict[str, Any]) -> Headline:
    own = identifier(row.get("id"))
    return Headline(own, text(row.get("number")) or own, text(row.get("status")))
