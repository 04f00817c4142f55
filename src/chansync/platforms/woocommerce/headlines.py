"""The headlines of many orders, cheaply: which there are and in which status, for comparing both sides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from chansync.http.client import ATTEMPTS
from chansync.model.errors import SiteError
from chansync.model.times import from_ms
from chansync.platforms.protocol import Headline
from chansync.platforms.texts import identifier, text
from chansync.platforms.woocommerce.by_ids import fails_by_content
from chansync.platforms.woocommerce.client import EXACT, StoreClient
from chansync.platforms.woocommerce.failures import refusal
from chansync.platforms.woocommerce.parse import summary
from chansync.platforms.woocommerce.source import PAGE, not_a_list

_FIELDS = "id,number,status,total,refunds,date_modified_gmt"
# How many pages are asked for at once.
_AT_ONCE = 4
#: What is told of an order that has no id, or at which the store fails.
NAMELESS = Headline("", "", "")
# Sizes of the parts of a page that fails; each divides the one before.
_SIZES = (25, 5, 1)


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
        for found, _ in await asyncio.gather(*(_page(client, since, number) for number in numbers)):
            yield found


async def count_since(client: StoreClient, since: int) -> int:
    """How many orders were placed after ``since`` (UTC milliseconds), by one small request."""
    return (await _asked(client, since, 1, 1, ATTEMPTS))[1]


async def _page(client: StoreClient, since: int, number: int) -> tuple[list[Headline], int]:
    try:
        return await _asked(client, since, number, PAGE, ATTEMPTS)
    except SiteError as error:
        if not await fails_by_content(client, error):
            raise
    return await _in_parts(client, since, (number - 1) * PAGE, number * PAGE, 0)


async def _in_parts(client: StoreClient, since: int, start: int, end: int, depth: int) -> tuple[list[Headline], int]:
    """A page from smaller ones, without the orders that the store fails at."""
    rows: list[Headline] = []
    total, size = 0, _SIZES[depth]
    for first in range(start, end, size):
        try:
            found, counted = await _asked(client, since, first // size + 1, size, 1 if depth < len(_SIZES) - 1 else 2)
            if not found:
                break
        except SiteError as error:
            if not await fails_by_content(client, error):
                raise
            if depth == len(_SIZES) - 1:
                rows.append(NAMELESS)
                continue
            found, counted = await _in_parts(client, since, first, first + size, depth + 1)
        rows += found
        total = max(total, counted)
    return rows, total


async def _asked(client: StoreClient, since: int, number: int, size: int, attempts: int) -> tuple[list[Headline], int]:
    params = {
        "per_page": size,
        "page": number,
        "orderby": "id",
        "order": "asc",
        "after": from_ms(since).strftime("%Y-%m-%dT%H:%M:%S"),
        "dates_are_gmt": "true",
        "_fields": _FIELDS,
        **EXACT,
    }
    answer = await client.ask("GET", "orders", params, attempts=attempts)
    if answer.status >= 400:
        raise refusal(answer, client.http.sentences)
    if not isinstance(answer.data, list):
        raise not_a_list(client.http.sentences, answer)
    total = answer.headers.get("x-wp-total", "").strip()
    rows = [_headline(row) for row in answer.data]
    return rows, int(total) if total.isascii() and total.isdigit() and len(total) < 12 else len(rows)


def _headline(row: Any) -> Headline:
    own = identifier(row.get("id")) if isinstance(row, dict) else ""
    if not own:
        return NAMELESS
    total, refunds = summary(row)
    return Headline(own, text(row.get("number")) or own, text(row.get("status")), total, refunds)
