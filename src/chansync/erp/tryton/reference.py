"""What the company sells, and its other reference data, as channels and forms name it; and the stock of its items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from chansync.erp.remote import ReferencePage, ReferenceRow
from chansync.erp.tryton.documents import today
from chansync.erp.tryton.records import Tryton
from chansync.erp.tryton.rpc import Domain, Row, TrytonRpc
from chansync.model.gtin import gtin_forms

#: The kinds that are told whole each time; an ERP that has no sale types tells that too.
_WHOLE = frozenset(
    {
        "pos", "warehouse", "user", "sale-type", "customer-type", "document-type", "payment-method", "delivery-method",
        "tax-transaction",
    }
)  # fmt: skip

#: Changes that commit late are told again.
OVERLAP = timedelta(seconds=120)

#: Products in one page.
PAGE = 1000

#: SKUs and GTINs in one search.
_AT_ONCE = 200

_FIELDS = ("code", "name", "type")

#: What may be sold and has a code.
_SOLD: Domain = [["salable", "=", True], ["code", "!=", None], ["code", "!=", ""]]


async def pages(tryton: Tryton, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
    """``Remote.reference``: everything but items each time, and the items that were changed since."""
    since = datetime.fromisoformat(cursor["since"]) if cursor.get("since") else None
    begun = (await tryton.rpc.last_change("product.product")).isoformat()
    yield ReferencePage(tuple(await _small(tryton)), cursor=dict(cursor), complete=_WHOLE)
    domain: Domain = []
    if since is not None:
        changed = since - OVERLAP
        domain = [["OR", ["last_modified_at", ">=", changed], ["template.last_modified_at", ">=", changed]]]
    async for rows in _pages(tryton.rpc, domain, _FIELDS):
        yield ReferencePage(tuple(await _with_gtins(tryton.rpc, rows)), cursor=dict(cursor))
    complete = frozenset({"item", "service"}) if since is None else frozenset()
    yield ReferencePage((), cursor={"since": begun}, complete=complete, last=True)


async def _small(tryton: Tryton) -> list[ReferenceRow]:
    """All but the items; the web shops are POSs, each with the methods of the company."""
    company = tryton.company
    # Invoices are numbered in one series. Where Tryton has no carriers, how goods travel stands in the sale's comment.
    found, carriers = [ReferenceRow("document-type", "invoice", "Invoice")], company.carriers or ["delivery"]
    for name, shop in company.shops.items():
        codes = [code for own in shop["warehouses"] if (code := company.code_of_warehouse(own))]
        warehouse = codes[0] if codes else next(iter(company.warehouses), "")
        data = {"warehouse": warehouse, "currencies": ",".join(sorted(company.sells_in))}
        found.append(ReferenceRow("pos", name, name, data=data))
        for kind, methods in (("payment-method", company.methods), ("delivery-method", carriers)):
            found += [ReferenceRow(kind, method, method, pos=name) for method in methods]
    found += [ReferenceRow("warehouse", code, warehouse["name"]) for code, warehouse in company.warehouses.items()]
    for kind, names in (("user", company.employees), ("customer-type", company.categories)):
        found += [ReferenceRow(kind, name, name) for name in names]
    # A tax rule has the rate of the tax that it sets.
    rules = list(company.tax_rules.values())
    lines = await tryton.rpc.search_read("account.tax.rule.line", [["rule", "in", rules]], ["rule", "tax"])
    percent = {tax.id: tax.percent for tax in company.taxes}
    rates = {line["rule"]: percent[line["tax"]] for line in reversed(lines) if line["tax"] in percent}
    for name, own in company.tax_rules.items():
        found.append(ReferenceRow("tax-transaction", name, name, data={"rate": rates.get(own, "0")}))
    return found


async def _pages(rpc: TrytonRpc, domain: Domain, fields: Sequence[str], **context: Any) -> AsyncIterator[list[Row]]:
    """The products that may be sold and match, page by page."""
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
