"""Items and services: the products of Tryton that may be sold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from chansync.erp.remote import ReferenceRow
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.rpc import Domain, Row, TrytonRpc
from chansync.model.gtin import gtin_forms

#: Products in one page.
PAGE = 1000

#: SKUs and GTINs in one search.
_AT_ONCE = 200

_FIELDS = ("code", "name", "type")

#: The kinds of identifiers that are GTINs.
_GTIN = ("ean", "isbn")


async def pages(rpc: TrytonRpc, domain: Domain) -> AsyncIterator[tuple[list[ReferenceRow], int]]:
    """The products that match, page by page, with the last id of each."""
    last = 0
    while True:
        rows = await rpc.search_read("product.product", [*domain, ["id", ">", last]], _FIELDS, limit=PAGE)
        if not rows:
            return
        last = rows[-1]["id"]
        yield await _with_gtins(rpc, rows), last
        if len(rows) < PAGE:
            return


def sold() -> Domain:
    """What may be sold and has a code."""
    return [["salable", "=", True], ["code", "!=", None], ["code", "!=", ""]]


async def find(rpc: TrytonRpc, company: Company, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
    """``Remote.find_items``."""
    found: dict[str, ReferenceRow] = {}
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        codes = sorted({sku for sku, _ in part if sku})
        gtins = sorted({form for _, gtin in part for form in gtin_forms(gtin)})
        wanted: Domain = ["OR", ["code", "in", codes]]
        if gtins:
            wanted.append(["identifiers", "where", [["code", "in", gtins]]])
        rows = await rpc.search_read("product.product", [wanted, *sold()], _FIELDS)
        found |= {row.code: row for row in await _with_gtins(rpc, rows)}
    return list(found.values())


async def _with_gtins(rpc: TrytonRpc, rows: Sequence[Row]) -> list[ReferenceRow]:
    domain = [["product", "in", [row["id"] for row in rows]], ["type", "in", list(_GTIN)]]
    gtins: dict[int, str] = {}
    for row in await rpc.search_read("product.identifier", domain, ["product", "code"]) if rows else []:
        gtins.setdefault(row["product"], row["code"])
    return [_row(row, gtins.get(row["id"], "")) for row in rows]


def _row(row: Row, gtin: str) -> ReferenceRow:
    kind = "service" if row["type"] == "service" else "item"
    return ReferenceRow(kind, row["code"], row["name"] or row["code"], gtin=gtin)
