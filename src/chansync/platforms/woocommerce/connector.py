"""One channel's connection to a WooCommerce store."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import date
from typing import Any

from chansync.concurrency import task_group
from chansync.http.client import SiteHttp
from chansync.model.errors import SiteError, SiteRefused
from chansync.model.order import Order, Refund, UnreadableOrder, bare_number
from chansync.platforms.json_values import fields, identifier, text, title
from chansync.platforms.protocol import ConnectorSettings, Headline, Lookups, OrderPage, SiteIdentity, not_asked
from chansync.platforms.woocommerce.address import store_address
from chansync.platforms.woocommerce.auth import Keys
from chansync.platforms.woocommerce.by_ids import ByIds
from chansync.platforms.woocommerce.changed_orders import changed_orders
from chansync.platforms.woocommerce.client import EXACT, PAGE, StoreClient
from chansync.platforms.woocommerce.headlines import count_since, headlines
from chansync.platforms.woocommerce.lookups import pull_lookups
from chansync.platforms.woocommerce.pages import unreadable
from chansync.platforms.woocommerce.parse import OrderReader, without_large
from chansync.platforms.woocommerce.refunds import refunds_of
from chansync.platforms.woocommerce.statuses import Statuses
from chansync.platforms.woocommerce.stock import Stock
from chansync.platforms.woocommerce.tracking import Tracking
from chansync.platforms.woocommerce.webhooks import TOPICS, Webhooks

# The pages of a search by number that are looked through: beyond them the number is not among the likely ones.
_SEARCHED = 3
_STATUS_FIELDS = "environment.version,environment.wp_version,settings.currency"
_NUMBER = re.compile(r"\d+")
_OLDEST = (5, 8)


class WooCommerceConnector:
    """One channel's connection to its store; ``Connector`` says what its methods do."""

    # As many as one request takes.
    status_batch = quantity_batch = PAGE
    webhook_topics = TOPICS
    # A shop's own payment providers pay it out, and what comes back it tells with its refunds.
    settlements = returns = not_asked

    def __init__(self, settings: ConnectorSettings, **http_options: Any) -> None:
        values = settings.values
        address = store_address(str(values.get("store_domain") or ""))
        keys = Keys(text(values.get("consumer_key")), text(values.get("consumer_secret")))
        if not keys.key or not keys.secret:
            raise SiteRefused("Enter the consumer key and the consumer secret of the store.", code="no_key")
        self._http = SiteHttp(address.site, secrets=(keys.basic, keys.secret, keys.key), **http_options)
        self.traffic = self._http.traffic
        self.facts = dict(settings.facts)
        version = text(values.get("api_version")) or "wc/v3"
        self._client = client = StoreClient(self._http, address, keys, version, self.facts)
        self._keys = tuple(_names(values.get(f"{kind}_keys")) for kind in ("vat_number", "uic", "personal_number"))
        self.aclose = self._http.aclose
        stock = Stock(client)
        self.items, self.items_by_gtin, self.items_by_id = stock.by_sku, stock.by_gtin, stock.by_id
        self.all_items, self.push_quantities = stock.everything, stock.push
        statuses = Statuses(client, self.read)
        self.statuses, self.push_statuses = statuses.now, statuses.push
        self.push_tracking = Tracking(client, by_note=bool(values.get("tracking_note"))).push
        webhooks = Webhooks(client)
        self.webhooks, self.put_webhook, self.drop_webhook = webhooks.found, webhooks.put, webhooks.drop

    async def check(self) -> SiteIdentity:
        await self._client.connect(fresh=True)
        async with task_group() as asked:
            report = asked.create_task(self._report())
            currency = asked.create_task(self._currency())
            may_write = asked.create_task(self._may_write())
        status = report.result()
        version = text(fields(status.get("environment")).get("version"))
        notes, connection = self._client.take_notes(), await self._client.connect()
        if version and tuple(int(number[:6]) for number in _NUMBER.findall(version)[:3]) < _OLDEST:
            notes.append(f"WooCommerce {version} is too old to tell which orders changed: 5.8 or later is needed.")
        if may_write.result() is False:
            notes.append("The key may only read: statuses and quantities cannot be sent with it.")
        return SiteIdentity(
            title=title(self._client.index.get("name")) or self._http.site,
            version=version or "unknown",
            address=connection.place.base,
            connected_as=connection.words,
            may_write=may_write.result(),
            currency=currency.result() or text(fields(status.get("settings")).get("currency")),
            time_zone=self._client.hours_ahead,
            notes=notes,
        )

    async def _report(self) -> dict[str, Any]:
        """The store's own report; empty where the key may not see it or the store fails at it, as some do."""
        try:
            return (await self._client.ask("GET", "system_status", {"_fields": _STATUS_FIELDS})).fields
        except SiteError:
            return {}

    async def _currency(self) -> str:
        try:
            return text((await self._client.ask("GET", "data/currencies/current")).fields.get("code"))
        except SiteRefused:
            return ""

    async def _may_write(self) -> bool | None:
        """Ask for a batch of no changes: WooCommerce checks the key's right to write before it looks at the batch."""
        try:
            answer = await self._client.ask("POST", "orders/batch", body={}, may_refuse=True)
        except SiteError:
            return None
        if answer.status < 300:
            return True
        return False if answer.status in (401, 403) and answer.is_json else None

    async def lookups(self) -> Lookups:
        return await pull_lookups(self._client)

    def orders(self, cursor: dict[str, Any] | None, start: date | None) -> AsyncGenerator[OrderPage, None]:
        return changed_orders(self._client, self._keys, cursor, start)

    async def order(self, external_id: str) -> Order | UnreadableOrder | None:
        """One order, also one in the trash (its status is ``trash``); None when the store does not have it."""
        own = identifier(external_id)
        if not own:
            return None
        data = await ByIds(self._client).one(own)
        return None if data is None else self._told(own, data)

    async def find(self, number: str) -> Order | UnreadableOrder | None:
        """One order by its number, which plugins make different from the id; else the one of that id."""
        wanted = bare_number(number)
        if not wanted:
            return None
        found = await self.order(wanted)
        if found is not None and bare_number(found.number) == wanted:
            return found
        reader = self._reader()
        async with aclosing(self._client.pages("orders", {"search": wanted, **EXACT}, _SEARCHED)) as pages:
            async for rows in pages:
                for row in rows:
                    if bare_number(text(row.get("number"))) == wanted:
                        return reader.read(row)
        return found

    async def several(self, external_ids: list[str]) -> list[Order | UnreadableOrder]:
        """Orders by their ids, 100 in one request; those that are not there, or in the trash, are left out."""
        wanted = [own for own in map(identifier, external_ids) if own]
        return [self._told(own, data) async for part in ByIds(self._client).each(wanted) for own, data in part.items()]

    def _told(self, own: str, data: Any) -> Order | UnreadableOrder:
        if isinstance(data, SiteError):
            return unreadable(own, data, None, None)
        return without_large(self._reader().read(data))

    async def headlines(self, since: date) -> AsyncGenerator[list[Headline], None]:
        await self._client.connect()
        async with aclosing(headlines(self._client, self._client.beginning(since))) as pages:
            async for page in pages:
                yield page

    async def count_since(self, day: date) -> int:
        await self._client.connect()
        return await count_since(self._client, self._client.beginning(day))

    def read(self, raw: dict[str, Any]) -> Order | UnreadableOrder:
        return self._reader().read(raw)

    async def refunds(self, orders: list[Order]) -> list[list[Refund] | SiteError]:
        return await refunds_of(self._client, orders)

    def _reader(self) -> OrderReader:
        return OrderReader(self._client.hours_ahead, *self._keys)


def _names(value: Any) -> list[str]:
    return (
        [name for name in map(text, value) if name]
        if isinstance(value, Iterable) and not isinstance(value, str)
        else []
    )
