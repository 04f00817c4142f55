"""The company's reference data, as channels and forms name it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from chansync.erp.remote import ReferencePage, ReferenceRow
from chansync.erp.tryton import items
from chansync.erp.tryton.records import Tryton
from chansync.erp.tryton.rpc import Domain

#: The kinds that are told whole each time; an ERP that has no sale types tells that too.
_WHOLE = frozenset(
    {
        "pos", "warehouse", "user", "sale-type", "customer-type", "document-type", "payment-method", "delivery-method",
        "tax-transaction",
    }
)  # fmt: skip

#: Changes that commit late are told again.
OVERLAP = timedelta(seconds=120)


async def pages(tryton: Tryton, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
    """``Remote.reference``: everything but items each time, and the items that were changed since."""
    since = datetime.fromisoformat(cursor["since"]) if cursor.get("since") else None
    begun = (await tryton.rpc.last_change("product.product")).isoformat()
    yield ReferencePage(tuple(await _small(tryton)), cursor=dict(cursor), complete=_WHOLE)
    domain: Domain = []
    if since is not None:
        changed = since - OVERLAP
        domain = [["OR", ["last_modified_at", ">=", changed], ["template.last_modified_at", ">=", changed]]]
    async for rows in items.pages(tryton.rpc, domain):
        yield ReferencePage(tuple(rows), cursor=dict(cursor))
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
        data = {"warehouse": warehouse, "currencies": ",".join(sorted(company.digits))}
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
