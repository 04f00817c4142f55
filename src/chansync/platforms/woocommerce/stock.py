"""The store's items and their stock: found by SKU or id, set in batches.

A variation goes through its parent's route: the products' route refuses it (seen), and another parent's route would
move it there (``WC_REST_Product_Variations_Controller`` writes the parent of the route into it).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from chansync.concurrency import all_of
from chansync.model.errors import SiteError, SiteRefused
from chansync.model.gtin import gtin_forms
from chansync.platforms.json_values import identifier, objects, text
from chansync.platforms.protocol import PushResult, QuantityChange, SiteItem
from chansync.platforms.woocommerce.by_ids import fails_by_content
from chansync.platforms.woocommerce.client import PAGE, StoreClient
from chansync.platforms.woocommerce.failures import NO_ROUTE, Missing
from chansync.platforms.woocommerce.statuses import entry_error, send_batch

_FIELDS = (
    "id,sku,global_unique_id,type,virtual,parent_id,status,catalog_visibility,manage_stock,stock_quantity,stock_status"
)
# How long a list of SKUs may be in a URL: servers take 8,190 bytes for the whole, and a signature is in it too.
_LONGEST_LIST = 5000
# GTINs in one request, each in four forms.
_GTINS = 25
# Types of products that are sold by what they hold, or elsewhere.
_HOLDERS = frozenset({"variable", "variable-subscription", "grouped", "external"})
_HIDDEN = "hidden"
_PRIVATE = "private"
_PUBLISHED = "publish"


class Stock:
    """Reads and sets what a store has in stock."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def by_sku(self, skus: list[str]) -> list[SiteItem]:
        """Products and variations with one of the SKUs; a store that holds a SKU twice gives both."""
        wanted = set(filter(None, skus))
        folded = {sku.casefold() for sku in wanted}
        lists = await all_of(self._listed({"sku": ",".join(chunk)}) for chunk in _chunks(sorted(wanted)))
        # The store's comparison takes no notice of case.
        found = {item.site_id: item for rows in lists for item in map(_item, rows) if item.sku.casefold() in folded}
        return list(found.values())

    async def by_gtin(self, gtins: list[str]) -> list[SiteItem]:
        """Products and variations with one of the GTINs, with any number of leading zeros."""
        forms = {gtin: gtin_forms(gtin) for gtin in dict.fromkeys(gtins)}
        known = [gtin for gtin in forms if forms[gtin]]
        found: dict[str, SiteItem] = {}
        for first in range(0, len(known), _GTINS):
            asked = {form for gtin in known[first : first + _GTINS] for form in forms[gtin]}
            params = {"global_unique_id": ",".join(sorted(asked)), "per_page": PAGE, "_fields": _FIELDS}
            items = list(map(_item, objects((await self._client.ask("GET", "products", params)).data)))
            if any(asked.isdisjoint(gtin_forms(item.gtin)) for item in items):
                # Before WooCommerce 9.4 a store does not know that filter, and lists whatever it has.
                return []
            found |= {item.site_id: item for item in items if item.site_id}
        return list(found.values())

    async def everything(self) -> AsyncIterator[list[SiteItem]]:
        """All goods, products and variations, in pages; as far as the store lists variations."""
        for route in ("products", "variations"):
            async for rows in self._pages(route, {}):
                yield [
                    _item(row)
                    for row in rows
                    if text(row.get("type")) not in _HOLDERS and row.get("virtual") is not True
                ]

    async def by_id(self, site_ids: list[str]) -> list[SiteItem]:
        """Products by id, 100 in a request; variations, which that list leaves out, one by one."""
        wanted = [own for own in dict.fromkeys(map(identifier, site_ids)) if own]
        found: dict[str, SiteItem] = {}
        for first in range(0, len(wanted), PAGE):
            rows = await self._listed({"include": ",".join(wanted[first : first + PAGE])})
            found |= {item.site_id: item for item in map(_item, rows)}
        for own in wanted:
            if own not in found and (row := await self._alone(own)):
                found[own] = _item(row)
        return [found[own] for own in wanted if own in found]

    async def _listed(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """All pages: more than a page comes only where a store holds SKUs twice."""
        return [row async for rows in self._pages("products", params) for row in rows]

    async def _pages(self, route: str, params: dict[str, Any]) -> AsyncIterator[list[dict[str, Any]]]:
        """The rows of a list; none where the store has no such route."""
        try:
            async for rows in self._client.pages(route, {**params, "_fields": _FIELDS}, may_lack=route != "products"):
                yield [row for row in rows if identifier(row.get("id"))]
        except SiteRefused as error:
            if error.code != NO_ROUTE:
                raise

    async def _alone(self, own: str) -> dict[str, Any] | None:
        try:
            row = (await self._client.ask("GET", f"products/{own}", {"_fields": _FIELDS})).fields
        except Missing:
            return None
        return row if identifier(row.get("id")) else None

    async def push(self, changes: list[QuantityChange]) -> list[PushResult]:
        sent = await all_of(self._batch(*batch) for batch in _batches(changes))
        results = {result.target: result for done in sent for result in done}
        return [results[change.site_id] for change in changes]

    async def _batch(self, route: str, changes: list[QuantityChange]) -> list[PushResult]:
        try:
            entries = await send_batch(self._client, route, list(map(_update, changes)), repeatable=True)
        except SiteError as error:
            if not await fails_by_content(self._client, error):
                raise
            if len(changes) == 1:
                return [PushResult(changes[0].site_id, str(error).rstrip("."))]
            # One of them is the cause, or they are too many: doing it again does no harm.
            half = (len(changes) + 1) // 2
            return [*await self._batch(route, changes[:half]), *await self._batch(route, changes[half:])]
        results = []
        for change in changes:
            entry = entries.get(change.site_id)
            wrong = entry_error(self._client, entry) or _difference(change, entry or {})
            results.append(PushResult(change.site_id, wrong))
        return results


def _chunks(skus: list[str]) -> Iterator[list[str]]:
    """Lists that fit a request. A SKU with a comma in it goes alone: the store then takes it whole."""
    chunk: list[str] = []
    length = 0
    for sku in skus:
        size = len(quote(sku, safe="")) + 3
        if "," in sku:
            yield [sku]
            continue
        if chunk and (len(chunk) == PAGE or length + size > _LONGEST_LIST):
            yield chunk
            chunk, length = [], 0
        chunk.append(sku)
        length += size
    if chunk:
        yield chunk


def _batches(changes: Iterable[QuantityChange]) -> Iterator[tuple[str, list[QuantityChange]]]:
    """Routes and the changes that go to each, at most 100 together."""
    routes: dict[str, list[QuantityChange]] = {}
    for change in changes:
        parent = change.parent_id
        routes.setdefault(f"products/{parent}/variations/batch" if parent else "products/batch", []).append(change)
    for route, its in routes.items():
        for first in range(0, len(its), PAGE):
            yield route, its[first : first + PAGE]


def _update(change: QuantityChange) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": int(change.site_id)}
    if change.quantity is None:
        # Whether the shop keeps stock is its own business.
        entry |= {"stock_status": "instock" if change.in_stock else "outofstock"}
    else:
        entry |= {"manage_stock": True, "stock_quantity": change.quantity}
    visibility = (_PRIVATE if change.parent_id else _HIDDEN) if change.hide else change.visibility
    if visibility:
        entry["status" if change.parent_id else "catalog_visibility"] = visibility
    return entry


def _difference(change: QuantityChange, entry: dict[str, Any]) -> str:
    """What the store made of it where that is not what was asked, for people."""
    item = _item(entry)
    if change.quantity is not None and item.quantity != change.quantity:
        if item.quantity is None:
            return "the site does not count stock: enable it under WooCommerce → Settings → Products → Inventory"
        return f"the site made it {item.quantity} pieces instead of {change.quantity}"
    if change.quantity is None and item.in_stock != change.in_stock:
        return f"the site leaves it {text(entry.get('stock_status'))}: its stock is kept at its parent, or a plugin's"
    if change.hide and item.shown:
        return "the site still shows it"
    return ""


def _item(row: dict[str, Any]) -> SiteItem:
    parent = identifier(row.get("parent_id")) if text(row.get("type")) in ("variation", "") else ""
    visibility = text(row.get("status" if parent else "catalog_visibility"))
    counted = row.get("stock_quantity") if row.get("manage_stock") else None
    return SiteItem(
        sku=text(row.get("sku")),
        site_id=identifier(row.get("id")),
        parent_id=parent,
        quantity=int(counted) if isinstance(counted, (int, Decimal)) else None,
        in_stock=text(row.get("stock_status")) != "outofstock",
        visibility=visibility or (_PUBLISHED if parent else "visible"),
        shown=visibility not in (_PRIVATE, "draft") if parent else visibility != _HIDDEN,
        gtin=text(row.get("global_unique_id")),
        # A variation whose stock its parent keeps says "parent".
        counted=row.get("manage_stock") is True,
    )
