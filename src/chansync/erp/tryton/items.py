"""Items and services: the products of Tryton that may be sold, and how many of them can be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from chansync.erp.remote import ReferenceRow
from chansync.erp.tryton.documents import today
from chansync.erp.tryton.records import Tryton
from chansync.erp.tryton.rpc import Domain, Row, TrytonRpc
from chansync.model.gtin import gtin_forms

#: Products in one page.
PAGE = 1000

#: SKUs and GTINs in one search.
_AT_ONCE = 200

_FIELDS = ("code", "name", "type")

#: What may be sold and has a code.
_SOLD: Domain = [["salable", "=", True], ["code", "!=", None], ["code", "!=", ""]]


async def pages(rpc: TrytonRpc, domain: Domain) -> AsyncIterator[list[ReferenceRow]]:
    """The products that may be sold and match, page by page."""
    async for rows in _pages(rpc, domain, _FIELDS):
        yield await _with_gtins(rpc, rows)


async def _pages(rpc: TrytonRpc, domain: Domain, fields: Sequence[str], **context: Any) -> AsyncIterator[list[Row]]:
    last, is_last = 0, False
    while not is_last:
        wanted = [*_SOLD, *domain, ["id", ">", last]]
        rows = await rpc.search_read("product.product", wanted, fields, limit=PAGE, **context)
        if rows:
            yield rows
            last = rows[-1]["id"]
        is_last = len(rows) < PAGE


async def find(rpc: TrytonRpc, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
    """``Remote.find_items``."""
    found: dict[str, ReferenceRow] = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        codes = sorted({sku for sku, _ in part if sku})
        gtins = sorted({form for _, gtin in part for form in gtin_forms(gtin)})
        wanted: Domain = ["OR", ["code", "in", codes]]
        if gtins:
            wanted.append(["identifiers", "where", [["code", "in", gtins]]])
        rows = await rpc.search_read("product.product", [wanted, *_SOLD], _FIELDS)
        found |= {row.code: row for row in await _with_gtins(rpc, rows)}
    return list(found.values())


async def _with_gtins(rpc: TrytonRpc, rows: Sequence[Row]) -> list[ReferenceRow]:
    domain = [["product", "in", [row["id"] for row in rows]], ["type", "in", ["ean", "isbn"]]]
    gtins: dict[int, str] = {}
    for row in await rpc.search_read("product.identifier", domain, ["product", "code"]) if rows else []:
        gtins.setdefault(row["product"], row["code"])
    return [
        ReferenceRow(
            "service" if row["type"] == "service" else "item", row["code"], row["name"] or row["code"],
            gtin=gtins.get(row["id"], ""),
        )
        for row in rows
    ]  # fmt: skip


async def levels(tryton: Tryton, warehouses: Sequence[str], items: Sequence[str] | None) -> dict[str, int]:
    """``Remote.stock``: what is on hand less what is assigned; an unknown warehouse has nothing."""
    known = tryton.company.warehouses
    places = [known[code]["id"] for code in warehouses if code in known]
    domains: list[Domain] = [[]]
    if items is not None:
        parts = [list(items[start : start + PAGE]) for start in range(0, len(items), PAGE)]
        domains = [[["code", "in", part]] for part in parts]
    found: dict[str, int] = {}
    for domain in domains:
        goods = [["type", "=", "goods"], *domain]
        async for rows in _pages(
            tryton.rpc, goods, ("code", "quantity"), locations=places, stock_date_end=today(), stock_assign=True
        ):
            found |= {row["code"]: int((row["quantity"] or 0) // 1) if places else 0 for row in rows}
    return found
