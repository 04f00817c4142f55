"""What people do in Tryton: sales that changed since, and products whose stock did.

A sale is changed by whatever moves its goods. A part payment or a posted invoice may change the invoice alone, and a
tracking number that is entered later just the shipment, or its package: so these are asked for too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from chansync.erp.remote import ChangesPage
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.records import REFUND, REVERSAL, WITHDRAWAL, Tryton
from chansync.erp.tryton.reference import OVERLAP
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.erp.tryton.views import view_of

#: Changed records of each kind that are asked for at once.
PAGE = 200

#: What is looked at, and what of it leads to sales and products.
_SALES, _INVOICES, _MOVES = "sale.sale", "account.invoice", "stock.move"
_SHIPMENTS, _PACKAGES = "stock.shipment.out", "stock.package"
_OF_SHIPMENTS = ("outgoing_moves.sale.web_id", "outgoing_moves.sale.web_shop")


async def pages(tryton: Tryton, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
    """``Remote.changes``."""
    company = tryton.company
    asked = _asked(company)
    if not cursor:
        now = {model: (await tryton.rpc.last_change(model)).isoformat() for model in asked}
        yield ChangesPage((), frozenset(), now, last=True)
        return
    # A cursor may be older than what is looked at now.
    since = {model: datetime.fromisoformat(cursor.get(model, cursor[_SALES])) for model in asked}
    after = dict.fromkeys(since, 0)
    low = {model: at - OVERLAP for model, at in since.items()}
    while True:
        found = {model: await _rows(tryton.rpc, model, *of, low[model], after[model]) for model, of in asked.items()}
        shipments = [*found[_SHIPMENTS], *(row["shipment."] for row in found.get(_PACKAGES, ()))]
        invoiced = sorted({own for row in found[_INVOICES] for own in row["sales"]})
        sales = await tryton.rpc.read("sale.sale", invoiced, ["web_id", "web_shop"])
        sales += [move["sale."] for row in shipments for move in row["outgoing_moves."] if move["sale."]]
        keys = [row["web_id"] for row in found[_SALES]]
        keys += [sale["web_id"] for sale in sales if sale["web_shop"] in company.shop_names]
        records = await tryton.load(list(dict.fromkeys(map(_own_key, filter(None, keys)))))
        items = {code for row in found[_MOVES] if (code := (row["product."] or {}).get("code"))}
        for model, rows in found.items():
            if rows:
                since[model] = max(since[model], rows[-1]["last_modified_at"])
                low[model], after[model] = rows[-1]["last_modified_at"], rows[-1]["id"]
        is_last = max(map(len, found.values())) < PAGE
        views = tuple(view_of(record, company) for record in records.values() if record.is_recorded)
        told = {model: at.isoformat() for model, at in since.items()}
        yield ChangesPage(views, frozenset(items), told, last=is_last)
        if is_last:
            return


def _asked(company: Company) -> dict[str, tuple[list[Any], list[str]]]:
    """The models that are looked at: which of their records, and what of these."""
    asked: dict[str, tuple[list[Any], list[str]]] = {
        _SALES: ([["web_shop", "in", list(company.shop_names)]], ["web_id"]),
        _INVOICES: ([["type", "=", "out"]], ["sales"]),
        _MOVES: ([], ["product.code"]),
        _SHIPMENTS: ([["state", "=", "done"]], [*_OF_SHIPMENTS]),
    }
    if company.has_packages:
        domain = [["shipment.state", "=", "done", _SHIPMENTS]]
        asked[_PACKAGES] = domain, [f"shipment.{name}" for name in _OF_SHIPMENTS]
    return asked


async def _rows(
    rpc: TrytonRpc, model: str, domain: list[Any], fields: list[str], low: datetime, after: int
) -> list[dict[str, Any]]:
    """The next changed records of a model, in the order of their changes."""
    later = ["OR", ["last_modified_at", ">", low], [["last_modified_at", "=", low], ["id", ">", after]]]
    return await rpc.search_read(
        model, [*domain, later], [*fields, "last_modified_at"], limit=PAGE,
        order=[["last_modified_at", "ASC"], ["id", "ASC"]],
    )  # fmt: skip


def _own_key(web_id: str) -> str:
    """The key of the sale that a refund or reversal belongs to, or its own."""
    for sign in (REFUND, WITHDRAWAL, REVERSAL):
        web_id = web_id.partition(sign)[0]
    return web_id
