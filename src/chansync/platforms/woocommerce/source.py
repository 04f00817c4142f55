"""Pages of a store's orders, and the request for one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chansync.http.client import ATTEMPTS
from chansync.http.failures import Answer
from chansync.model.errors import SiteUnavailable
from chansync.model.order import Order, UnreadableOrder
from chansync.model.times import from_ms, now_ms
from chansync.platforms.json_values import identifier, moment_or_none
from chansync.platforms.woocommerce.client import EXACT, PAGE, StoreClient
from chansync.platforms.woocommerce.failures import refusal

BY_CHANGE = "modified"
BY_ID = "id"
#: What is asked for of orders where all of each is too much.
FRAME = "id,number,status,date_modified_gmt,date_modified"
# How far behind our own clock a store without a ``Date`` header is taken to be, in milliseconds.
_UNKNOWN_CLOCK = 600_000


@dataclass(frozen=True, slots=True)
class Query:
    """Which orders: those changed after one time and before another, or placed after one; all exclusive, UTC
    milliseconds."""

    after: int | None
    before: int | None
    order: str
    placed_after: int | None = None

    def params(self, page: int, size: int) -> dict[str, Any]:
        """The parameters of the request. No ``status``: every order that is not in the trash."""
        params: dict[str, Any] = {"per_page": size, "page": page, "orderby": self.order, "order": "asc", **EXACT}
        bounds = {"modified_after": self.after, "modified_before": self.before, "after": self.placed_after}
        for name, bound in bounds.items():
            if bound is not None:
                params |= {name: from_ms(bound).strftime("%Y-%m-%dT%H:%M:%S"), "dates_are_gmt": "true"}
        return params


@dataclass(frozen=True, slots=True)
class Row:
    """An order as sent, and its keys as far as they can be read.

    Attributes:
        changed: UTC milliseconds of the last change; None where unreadable.
        local: the same in the store's time, which older stores sort by; None where unreadable.
        order: what ``raw`` was read as already, or what is known of an order that the store fails at; then there is no
            ``raw``.
    """

    raw: Any
    id: int | None
    changed: int | None
    local: int | None
    order: Order | UnreadableOrder | None = None


@dataclass(slots=True)
class Page:
    """One page.

    Attributes:
        total: how many orders the query has, as counted for this answer; None where the store does not say.
        clock: the store's clock at the answer, UTC milliseconds, whole seconds.
        is_part: whether it says nothing of how much there is: a window must be read.
        told: whether the store told its clock; else it is guessed by ours.
        is_frame: whether its rows lack all but their keys (``FRAME``): ``CarefulSource.complete`` brings the rest.
        weight: bytes of memory that it takes, at the most.
    """

    rows: list[Row]
    total: int | None
    clock: int
    notes: list[str] = field(default_factory=list)
    is_part: bool = False
    told: bool = True
    is_frame: bool = False
    weight: int = 0


class SortRefused(Exception):
    """The store does not know ``orderby=modified``."""


class Shattered(Exception):
    """The store fails at an order of the page and does not tell at which; sorted by id it can be found.

    Attributes:
        clock: the store's clock, UTC milliseconds.
        told: whether the store told it; else it is guessed by ours.
    """

    def __init__(self, clock: int | None) -> None:
        super().__init__()
        self.clock = now_ms() - _UNKNOWN_CLOCK if clock is None else clock
        self.told = clock is not None


async def fetch_page(
    client: StoreClient, query: Query, page: int, size: int = PAGE, *, attempts: int = ATTEMPTS, fields: str = ""
) -> Page:
    """One page of a query; pages are counted from 1.

    Args:
        attempts: how often it is tried in all.
        fields: the names of what is wanted of each order, with commas; empty for all.

    Raises:
        SortRefused: the store cannot sort like this.
        SiteError: what went wrong, in a sentence.
    """
    params = query.params(page, size) | ({"_fields": fields} if fields else {})
    answer = await client.ask("GET", "orders", params, attempts=attempts, may_refuse=True)
    if answer.status == 400 and query.order == BY_CHANGE and "orderby" in str(answer.data):
        raise SortRefused
    if answer.status >= 400:
        raise refusal(answer, client.http.sentences)
    rows = [_row(raw) for raw in orders_in(answer, client)]
    total = answer.headers.get("x-wp-total", "").strip()
    clock = answer.asked_at
    return Page(
        rows,
        int(total) if total.isascii() and total.isdigit() and len(total) < 12 else None,
        now_ms() - _UNKNOWN_CLOCK if clock is None else clock,
        client.take_notes(),
        told=clock is not None,
        weight=answer.weight,
    )


def orders_in(answer: Answer, client: StoreClient) -> list[Any]:
    """The list of orders that an answer is.

    Raises:
        SiteUnavailable: it is none.
    """
    if not isinstance(answer.data, list):
        sentences = client.http.sentences
        raise SiteUnavailable(
            f"{sentences.site} sent something else than a list of orders{sentences.said(answer)}: a plugin there "
            "changes what its REST API answers.",
            code="not_a_list",
        )
    return answer.data


def _row(raw: Any) -> Row:
    if not isinstance(raw, dict):
        return Row(raw, None, None, None)
    own = identifier(raw.get("id"))
    changed, local = moment_or_none(raw.get("date_modified_gmt")), moment_or_none(raw.get("date_modified"))
    return Row(raw, int(own) if own else None, changed, local)
