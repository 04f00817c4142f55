"""The company's reference data, as channels and forms name it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from chansync.erp.remote import ReferencePage, ReferenceRow
from chansync.erp.tryton import items
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.rpc import TrytonRpc

#: The kinds that are told whole each time; an ERP that has no sale types tells that too.
_WHOLE = frozenset(
    {
        "pos", "warehouse", "user", "sale-type", "customer-type", "document-type", "payment-method", "delivery-method",
        "tax-transaction",
    }
)  # fmt: skip

#: The one type of document: the company's invoice.
DOCUMENT_TYPE = "invoice"

#: The delivery method where Tryton has no carriers: it stands in the sale's comment.
BY_TEXT = "delivery"

#: Changes that commit late are told again.
OVERLAP = timedelta(seconds=120)


async def pages(rpc: TrytonRpc, company: Company, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
    """``Remote.reference``: everything but items each time, and the items that were changed since."""
    since = datetime.fromisoformat(cursor["since"]) if cursor.get("since") else None
    begun = (await _now(rpc)).isoformat()
    small = [row async for row in _small(rpc, company)]
    yield ReferencePage(tuple(small), cursor=dict(cursor), complete=_WHOLE)
    domain = items.sold()
    if since is not None:
        changed = since - OVERLAP
        domain = [
            *domain,
            ["OR", ["last_modified_at", ">=", changed], ["template.last_modified_at", ">=", changed]],
        ]
    async for rows, _ in items.pages(rpc, domain):
        yield ReferencePage(tuple(rows), cursor=dict(cursor))
    complete = frozenset({"item", "service"}) if since is None else frozenset()
    yield ReferencePage((), cursor={"since": begun}, complete=complete, last=True)


async def _now(rpc: TrytonRpc) -> datetime:
    """The time of the server's last change: its clock is not ours."""
    rows = await rpc.search_read(
        "product.product", [["last_modified_at", "!=", None]], ["last_modified_at"], limit=1,
        order=[["last_modified_at", "DESC"]],
    )  # fmt: skip
    found: datetime = rows[0]["last_modified_at"] if rows else datetime(2000, 1, 1)  # noqa: DTZ001 - as Tryton has it
    return found


async def _small(rpc: TrytonRpc, company: Company) -> AsyncIterator[ReferenceRow]:
    for row in _of_shops(company):
        yield row
    for code, warehouse in company.warehouses.items():
        yield ReferenceRow("warehouse", code, warehouse["name"])
    for kind, names in (("user", company.employees), ("customer-type", company.categories)):
        for name in names:
            yield ReferenceRow(kind, name, name)
    yield ReferenceRow("document-type", DOCUMENT_TYPE, "Invoice")
    rates = await _rates(rpc, company)
    for name, own in company.tax_rules.items():
        yield ReferenceRow("tax-transaction", name, name, data={"rate": rates.get(own, "0")})


def _of_shops(company: Company) -> Iterator[ReferenceRow]:
    """The web shops as POSs, each with the methods of the company."""
    for name, shop in company.shops.items():
        codes = [code for own in shop["warehouses"] if (code := company.code_of_warehouse(own))]
        warehouse = codes[0] if codes else next(iter(company.warehouses), "")
        data = {"warehouse": warehouse, "currencies": ",".join(sorted(company.digits))}
        yield ReferenceRow("pos", name, name, data=data)
        for method in company.methods:
            yield ReferenceRow("payment-method", method, method, pos=name)
        for carrier in company.carriers or {BY_TEXT: 0}:
            yield ReferenceRow("delivery-method", carrier, carrier, pos=name)


async def _rates(rpc: TrytonRpc, company: Company) -> dict[int, str]:
    """Tax rule → the rate in percent of the tax that it sets."""
    rules = list(company.tax_rules.values())
    lines = await rpc.search_read("account.tax.rule.line", [["rule", "in", rules]], ["rule", "tax"])
    percent = {tax.id: f"{tax.rate * 100:f}".rstrip("0").rstrip(".") for tax in company.taxes}
    found: dict[int, str] = {}
    for line in lines:
        if line["tax"] in percent:
            found.setdefault(line["rule"], percent[line["tax"]] or "0")
    return found
