"""The seller's searches, made as often as Amazon allows, and what a channel takes of what they found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import Any

from chansync.http.failures import Answer
from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.model.times import from_ms
from chansync.platforms.amazon import search
from chansync.platforms.amazon.client import SEARCH_ORDERS, SpApi, rows_of
from chansync.platforms.amazon.search import Step
from chansync.platforms.json_values import fields, moment_or_none, text
from chansync.platforms.system import DealtOrder, FoundOrder

ORDERS = "/orders/2026-01-01/orders"
#: What of an order is asked for.
INCLUDED = "BUYER,RECIPIENT,PROCEEDS,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT"
#: The most orders that Amazon gives at once.
PAGE = 100
#: Amazon tells what changed up to two minutes ago, and nothing later.
DELAY = 120_000
#: How long to wait for another run that is searching, in seconds, and how often to look.
TURN, LOOK = 15.0, 0.25

# How far the clocks of Amazon's machines may be apart, in milliseconds.
_CLOCKS = 60_000


class Inbox:
    """The inbox of a seller."""

    def __init__(self, api: SpApi) -> None:
        self._api = api
        self._state = api.state
        self._name = f"{api.realm}search"
        self._now = api.now
        #: Marketplaces for which something new was found since this was made.
        self.news_for: set[str] = set()
        #: A sentence on why searching has not come to its end; empty when it has.
        self.unfinished = ""

    async def want(self, place: str, since: int) -> None:
        """Let a marketplace's orders be searched for from ``since`` on, UTC milliseconds."""
        now = self._now()
        place = self._api.realm + place
        await self._state.change(self._name, lambda state: (search.want(state, place, since, now), None))
        await self._state.prune(self._name, now - search.KEEP, search.complete, search.pruned)

    async def through(self, place: str) -> int:
        """Up to where all of a marketplace's orders are in the inbox, UTC milliseconds."""
        return search.through(await self._state.read(self._name), self._api.realm + place)

    async def dealt(self, place: str, after: int) -> list[DealtOrder]:
        """Some of a marketplace's orders after that id."""
        return await self._state.dealt(self._api.realm + place, after, PAGE)

    async def search(self) -> AsyncGenerator[None, None]:
        """Search what is due; yields after each page, whose orders are then in the inbox.

        One run searches at a time; another waits for it a moment, and else leaves it to it.

        Raises:
            SiteError: Amazon failed; what was found before stays.
        """
        await self._api.rates.recall(SEARCH_ORDERS)
        if not await self._turn():
            return
        try:
            done: set[str] = set()

            def begin(state: search.State) -> tuple[search.State, Step | None]:
                interval = search.LEISURE / self._api.rates.rate(SEARCH_ORDERS)
                return search.begin(state, self._now(), interval, done)

            while True:
                step = await self._state.change(self._name, begin)
                if step is None:
                    return
                done.add(step.kind)
                try:
                    if not await self._page(step):
                        return
                except SiteUnavailable as error:
                    if error.code != "rate_limited":
                        raise
                    self.unfinished = (
                        f"Amazon allows one search of 100 orders every {1 / self._api.rates.rate(SEARCH_ORDERS):.0f} "
                        "seconds, and there is more to search: the next runs go on."
                    )
                    return
                yield
        finally:
            await self._state.give_back(self._name)

    async def _turn(self) -> bool:
        for _ in range(int(TURN / LOOK)):
            if await self._state.take(self._name):
                return True
            await asyncio.sleep(LOOK)
        return False

    async def _page(self, step: Step) -> bool:
        """Fetch a page and put it in; False when another run has taken over."""
        params = {
            "lastUpdatedAfter": from_ms(step.after).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "marketplaceIds": ",".join(place.removeprefix(self._api.realm) for place in step.places),
            "maxResultsPerPage": str(PAGE),
            "includedData": INCLUDED,
        }
        if step.token:
            params["paginationToken"] = step.token
        try:
            answer = await self._api.ask(SEARCH_ORDERS, ORDERS, params)
        except SiteRefused as error:
            if error.code == "bad_request" and step.token:
                await self._state.change(self._name, lambda state: (search.restart(state, step), None))
                return False
            raise
        rows = rows_of(answer, "orders")
        token = _next_token(answer.fields)
        if token == step.token:
            # A page that leads to itself would be asked for until Amazon's patience ends.
            token = ""
        until, now = self._until(answer), self._now()
        new = await self._state.deal(
            self._name, self._found(rows, step.places), lambda state: search.advance(state, step, until, token, now)
        )
        if new is None:
            return False
        self.news_for |= {place.removeprefix(self._api.realm) for place in new}
        return True

    def _until(self, answer: Answer) -> int:
        """Up to where the search sees: as Amazon says, else by its clock. Nothing sees into the future."""
        clock = answer.site_time
        now = self._now() - DELAY if clock is None else clock
        told = moment_or_none(answer.fields.get("lastUpdatedBefore"))
        return told if told is not None and told <= now + _CLOCKS else now - DELAY

    def _found(self, rows: list[Any], places: Collection[str]) -> list[FoundOrder]:
        """The orders as they are dealt out.

        Raises:
            SiteUnavailable: one of them cannot be known again, or belongs nowhere. To go on without it would lose it:
                the search comes by once.
        """
        found = []
        for row in rows:
            place, own = marketplace_of(row), text(fields(row).get("orderId"))
            if not is_order_id(own) or self._api.realm + place not in places:
                raise SiteUnavailable(
                    "Amazon sent an order without its id or its marketplace: it is asked for again; if it stays, ask "
                    "Amazon's support for developers.",
                    code="bad_order",
                )
            changed = moment_or_none(row.get("lastUpdatedTime")) or self._now()
            found.append(FoundOrder(self._api.realm + place, own, changed, row))
        return found


def _next_token(data: dict[str, Any]) -> str:
    """What leads to the next page; empty at the end.

    Raises:
        SiteUnavailable: it cannot be told whether there is one.
    """
    pagination = data.get("pagination")
    token = pagination.get("nextToken") if isinstance(pagination, dict) else pagination
    if token is None:
        return ""
    if not isinstance(token, str):
        raise SiteUnavailable("Amazon does not say whether more orders follow: it is asked for again.", code="bad_page")
    return token.strip()


def is_order_id(own: str) -> bool:
    """Whether it has the form of Amazon's ids: 902-1106328-1059050, or letters and digits of other programs."""
    return 0 < len(own) <= 60 and own.isascii() and own.replace("-", "").isalnum()


def marketplace_of(raw: Any) -> str:
    """The id of the marketplace that an order is of; empty where it tells none."""
    return text(fields(fields(raw).get("salesChannel")).get("marketplaceId"))
