"""One channel's connection to its marketplace; what the seller's channels share is the system's."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from datetime import date, datetime
from typing import Any

from chansync.model.errors import SiteRefused, SiteUnavailable
from chansync.model.order import Order, Refund, UnreadableOrder
from chansync.model.returns import SiteReturn
from chansync.model.settlement import Settlement
from chansync.model.times import to_ms
from chansync.platforms.amazon import reports
from chansync.platforms.amazon.account import lookups, participations
from chansync.platforms.amazon.client import GET_ORDER, SpApi, part
from chansync.platforms.amazon.inbox import INCLUDED, ORDERS, Inbox, is_order_id, marketplace_of
from chansync.platforms.amazon.listings import Listings
from chansync.platforms.amazon.parse import OrderReader, hours_ahead
from chansync.platforms.amazon.places import PLACES
from chansync.platforms.amazon.shipments import Shipments
from chansync.platforms.json_values import fields, text
from chansync.platforms.protocol import (
    ConnectorSettings,
    Lookups,
    OrderPage,
    SiteIdentity,
    SiteItem,
    UnreadableSettlement,
    not_asked,
)

#: Amazon keeps orders for two years.
OLDEST_DAYS = 730
#: Orders asked for one by one within a run before the rest is left to the next.
AT_A_TIME = 25


class AmazonConnector:
    """One channel's connection to its marketplace; ``Connector`` says what its methods do."""

    #: Orders are asked for one by one, one every two seconds.
    status_batch = 20
    #: As many as a feed is made of.
    quantity_batch = 5000
    # Orders do not vanish from Amazon, and of listings it lists no more than a thousand.
    headlines = all_items = not_asked

    def __init__(self, settings: ConnectorSettings, **options: Any) -> None:
        values = settings.values
        self._place = text(values.get("store_domain"))
        if not self._place:
            raise SiteRefused(
                f"The channel {settings.channel_code} has no marketplace yet: set its store_domain to one of those "
                f"that chansync system test {settings.system.code} lists.",
                code="no_place",
            )
        self._api = api = SpApi(settings.system, sandbox=values.get("system_type") == "working", **options)
        self.traffic = api.http.traffic
        self.facts = dict(settings.facts)
        self._is_tired = False
        self._reader = OrderReader(
            self._place, text(self.facts.get("country")), currency=text(self.facts.get("currency"))
        )
        shipments = Shipments(api, self._place, text(values.get("carrier")), self.order)
        self.statuses, self.push_statuses = shipments.statuses, shipments.push
        self.push_tracking = shipments.push_packages
        listings = Listings(api, self._place)
        self.items, self.push_quantities = listings.by_sku, listings.push

    async def check(self) -> SiteIdentity:
        found = await participations(self._api)
        own = next((each for each in found if each.id == self._place), None)
        if own is None or not own.active:
            have = ", ".join(f"{each.id} ({each.title})" for each in found if each.active) or "none"
            raise SiteRefused(
                f"The seller does not sell in the marketplace {self._place:.40}: the system {self._api.system} has "
                f"{have}.",
                code="no_place",
            )
        self.facts |= {"country": own.country, "title": own.title, "currency": own.currency}
        suspended = f"The seller's listings at {own.title} are suspended: nothing is sold there now."
        sandbox = ", sandbox" if self._api.realm else ""
        return SiteIdentity(
            title=f"{own.title} ({own.store})" if own.store else own.title,
            version="",
            address=self._api.base,
            connected_as=f"the Selling Partner API, region {self._api.login.region}{sandbox}",
            may_write=None,
            currency=own.currency,
            time_zone=hours_ahead(self._reader.zone),
            notes=[suspended] if own.suspended else [],
        )

    async def lookups(self) -> Lookups:
        """What Amazon's marketplaces have in common; no request."""
        known = PLACES.get(self._place)
        return lookups(text(self.facts.get("currency")) or (known.currency if known else ""))

    async def orders(self, cursor: dict[str, Any] | None, start: date | None) -> AsyncGenerator[OrderPage, None]:
        # The search is the seller's, not the channel's: it is made only when Amazon allows the next one, and what
        # another channel's run found is taken without a request.
        inbox = Inbox(self._api)
        since = int(cursor["through"]) if cursor else await self._beginning(start)
        last = int(cursor["id"]) if cursor else 0
        await inbox.want(self._place, since)
        async with aclosing(inbox.search()) as steps:
            async for _ in steps:
                while page := await self._dealt(inbox, last, since):
                    last = page.cursor["id"]
                    yield page
        # First up to where all is known, then all that is there: what is dealt between the two comes again.
        through = max(since, await inbox.through(self._place))
        while page := await self._dealt(inbox, last, since):
            last = page.cursor["id"]
            yield page
        # Told once, by the first run: how long a backfill takes is no news afterwards.
        notes = [inbox.unfinished] if inbox.unfinished and cursor is None else []
        cursor = {"id": last, "through": through}
        yield OrderPage([], cursor, last=True, notes=notes, news_for=inbox.news_for - {self._place})

    async def _dealt(self, inbox: Inbox, after: int, since: int) -> OrderPage | None:
        rows = await inbox.dealt(self._place, after)
        if not rows:
            return None
        return OrderPage([self._reader.read(row.raw) for row in rows], {"id": rows[-1].id, "through": since})

    async def _beginning(self, start: date | None) -> int:
        """The first moment of that day in the marketplace's time, UTC milliseconds; not before Amazon's memory.

        That is by Amazon's clock: a clock of ours that is years ahead would leave out all that is between, for good.
        """
        oldest = await self._api.login.clock() - OLDEST_DAYS * 86_400_000
        if start is None:
            return oldest
        return max(oldest, to_ms(datetime(start.year, start.month, start.day, tzinfo=self._reader.zone)))

    async def order(self, external_id: str) -> Order | UnreadableOrder | None:
        """One order by its Amazon id; None where Amazon has none, or it is of another marketplace."""
        wanted = external_id.strip()
        if not is_order_id(wanted):
            return None
        answer = await self._api.ask(
            GET_ORDER, f"{ORDERS}/{part(wanted)}", {"includedData": INCLUDED}, allow=(400, 404)
        )
        if answer.status >= 400 and answer.fields.get("errors"):
            return None
        raw = fields(answer.fields.get("order")) if answer.status < 300 else {}
        place = marketplace_of(raw)
        if not place or text(raw.get("orderId")) != wanted:
            # Not that it has no such order: what is to be done with it would be dropped for that.
            raise SiteUnavailable(
                f"Amazon sent something else than the order {wanted}: it is asked for again.", code="not_an_order"
            )
        return self._reader.read(raw) if place == self._place else None

    async def find(self, number: str) -> Order | UnreadableOrder | None:
        """The same: an order's number is its id."""
        return await self.order(number)

    async def several(self, external_ids: list[str]) -> list[Order | UnreadableOrder]:
        """Orders by their ids, one request each; what Amazon's pace does not allow now is left to the next run."""
        found: list[Order | UnreadableOrder] = []
        for external_id in () if self._is_tired else external_ids[:AT_A_TIME]:
            try:
                order = await self.order(external_id)
            except SiteUnavailable as error:
                if error.code != "rate_limited":
                    raise
                self._is_tired = True
                break
            if order is not None:
                found.append(order)
        return found

    def read(self, raw: dict[str, Any]) -> Order | UnreadableOrder:
        return self._reader.read(raw)

    async def refunds(self, orders: list[Order]) -> list[list[Refund]]:
        """None: Amazon's orders do not tell what was given back later."""
        return [[] for _ in orders]

    async def items_by_gtin(self, gtins: list[str]) -> list[SiteItem]:
        """None: a seller's listings are known by their SKUs."""
        return []

    async def items_by_id(self, site_ids: list[str]) -> list[SiteItem]:
        """The same as ``items``: a listing's id is its SKU."""
        return await self.items(site_ids)

    def settlements(self, known: Collection[str]) -> AsyncGenerator[Settlement | UnreadableSettlement, None]:
        """Those of the last 90 days, of all marketplaces."""
        return reports.settlements(self._api, known)

    def returns(self) -> AsyncGenerator[list[SiteReturn], None]:
        """Those of the last 59 days."""
        return reports.returns(self._api, self._place)

    async def aclose(self) -> None:
        await self._api.aclose()
