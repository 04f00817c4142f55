"""How fast sales reach Tryton's *processing*, as a ratio to a bare client of its JSON-RPC in the same run.

The bare client makes the same parties and sales of two lines in the same batches, quotes and confirms them: five calls
a batch, without a look at what is there already. Batches of the two alternate, so that both find the same machine.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from chansync.demo.tryton.server import DATABASE, Trytond, running
from chansync.erp.contract import Subject
from chansync.erp.remote import Remote, SaleSteps
from chansync.erp.tryton.remote import BATCH
from chansync.erp.tryton.rpc import dumps, loads
from chansync.model import steps
from chansync.model.errors import ChansyncError
from chansync.model.sale import SaleDraft
from support import tryton

ROUNDS = 3

#: Seconds and seconds of our own CPU for each order, of each round.
Spent = list[tuple[float, float]]


def to_processing(folder: Path) -> None:
    """Print orders a second and the ratio; and our own CPU for an order that is posted and paid too."""
    try:
        trytond = tryton.restored(folder / "tryton")
    except ChansyncError as error:
        print(f"tryton: left out: {error}")
        return
    with running(trytond):
        asyncio.run(_measure(trytond))


async def _measure(trytond: Trytond) -> None:
    remote = tryton.remote_of(trytond)
    erp = await Subject.of(remote, (), pos=tryton.POS, items=("SKU-001", "SKU-002"), rate=Decimal(19))
    ours: Spent = []
    bare: Spent = []
    paid: Spent = []
    with Bare(trytond) as client:
        await _timed([], erp, lambda drafts: _recorded(remote, drafts))
        client.record([erp.draft()])
        for _ in range(ROUNDS):
            await _timed(bare, erp, lambda drafts: asyncio.to_thread(client.record, drafts))
            await _timed(ours, erp, lambda drafts: _recorded(remote, drafts))
            await _timed(paid, erp, lambda drafts: _paid(remote, drafts))
    await remote.aclose()
    floor, own, all_of_it = (statistics.median(wall for wall, _ in each) for each in (bare, ours, paid))
    cpu, cpu_paid = (statistics.median(each for _, each in spent) * 1000 for spent in (ours, paid))
    print(f"tryton: to processing {1 / own:.1f} orders a second, bare client {1 / floor:.1f}, in batches of {BATCH}")
    print(f"  ratio {floor / own:.2f} (wanted: at least 0.9)")
    print(
        f"  own CPU {cpu:.1f} ms an order; posted and paid too: {cpu_paid:.1f} ms, {1 / all_of_it:.1f} orders a second"
    )


async def _timed(spent: Spent, erp: Subject, work: Callable[[Sequence[SaleDraft]], Any]) -> None:
    drafts = [erp.draft() for _ in range(BATCH)]
    began, cpu = time.perf_counter(), time.process_time()
    await work(drafts)
    spent.append(((time.perf_counter() - began) / BATCH, (time.process_time() - cpu) / BATCH))


async def _recorded(remote: Remote, drafts: Sequence[SaleDraft]) -> None:
    # Giving up what is assigned needs a sale that is processed, and changes nothing of it.
    await _applied(remote, drafts, lambda draft: (steps.Record(draft), steps.Release()))


async def _paid(remote: Remote, drafts: Sequence[SaleDraft]) -> None:
    await _applied(
        remote, drafts, lambda draft: (steps.Record(draft), steps.IssueDocument(), steps.Pay(draft.total))
    )  # fmt: skip


async def _applied(
    remote: Remote, drafts: Sequence[SaleDraft], todo: Callable[[SaleDraft], tuple[steps.Step, ...]]
) -> None:
    for answer in await remote.apply([SaleSteps(draft.key, draft.pos, todo(draft)) for draft in drafts]):
        assert answer.error is None
        assert not any(result.refused for result in answer.results), answer.results


class Bare(contextlib.AbstractContextManager["Bare"]):
    """A client that does nothing but make sales."""

    def __init__(self, trytond: Trytond) -> None:
        self._client = httpx.Client(base_url=trytond.url, timeout=120, headers={"Content-Type": "application/json"})
        self._context: dict[str, Any] = {}
        login = self._call("common.db.login", tryton.USER, {"password": tryton.PASSWORD}, "en")
        session = f"{tryton.USER}:{login[0]}:{login[1]}".encode()
        self._client.headers["Authorization"] = f"Session {base64.b64encode(session).decode()}"
        self._context = self._call("model.res.user.get_preferences", True, {}) | {"language": "en"}
        (self._company,) = self._found("company.company", [])
        self._context["company"] = self._company
        (self._currency,) = self._found("currency.currency", [["code", "=", "EUR"]])
        (self._shop,) = self._found("web.shop", [["name", "=", tryton.POS]])
        (self._warehouse,) = self._found("stock.location", [["code", "=", "W1"]])
        (self._tax,) = self._found("account.tax", [["rate", "=", Decimal("0.19")], ["parent", "=", None]])
        self._products = [
            self._call("model.product.product.search_read", [["code", "=", code]], 0, None, None, ["default_uom"], {})[
                0
            ]
            for code in ("SKU-001", "SKU-002")
        ]

    def record(self, drafts: Sequence[SaleDraft]) -> None:
        """Parties, sales, quoted and confirmed."""
        parties = self._call("model.party.party.create", [_party(draft) for draft in drafts], self._context)
        rows = self._call("model.party.party.read", parties, ["addresses"], self._context)
        address = {row["id"]: row["addresses"][0] for row in rows}
        values = [
            self._sale(draft, party, address[party]) for draft, party in zip(drafts, parties, strict=True)
        ]  # fmt: skip
        sales = self._call("model.sale.sale.create", values, self._context)
        self._call("model.sale.sale.quote", sales, self._context)
        self._call("model.sale.sale.confirm", sales, self._context)

    def _sale(self, draft: SaleDraft, party: int, address: int) -> dict[str, Any]:
        lines = [
            {
                "type": "line", "product": product["id"], "unit": product["default_uom"],
                "quantity": float(line.quantity), "unit_price": Decimal(line.net) / 100 / line.quantity,
                "taxes": [["add", [self._tax]]],
            }
            for product, line in zip(self._products, draft.lines[:2], strict=True)
        ]  # fmt: skip
        return {
            "company": self._company, "web_shop": self._shop, "web_id": draft.key, "party": party,
            "invoice_address": address, "shipment_address": address, "currency": self._currency,
            "warehouse": self._warehouse, "sale_date": datetime.now(UTC).date(), "invoice_method": "order",
            "shipment_method": "order", "shipment_cost_method": None, "lines": [["create", lines]],
        }  # fmt: skip

    def _found(self, model: str, domain: list[Any]) -> list[int]:
        ids: list[int] = self._call(f"model.{model}.search", domain, 0, 1, None, self._context)
        return ids

    def _call(self, method: str, *params: Any) -> Any:
        body = dumps({"id": 1, "method": method, "params": params})
        told = loads(self._client.post(f"/{DATABASE}/rpc/", content=body).content)
        assert "error" not in told, told["error"][:2]
        return told["result"]

    def __exit__(self, *error: object) -> None:
        self._client.close()


def _party(draft: SaleDraft) -> dict[str, Any]:
    home = draft.billing
    address = {"street_unstructured": home.line_1, "postal_code": home.postcode, "city": home.city}
    contacts = [{"type": "phone", "value": home.phone}, {"type": "email", "value": home.email}]
    return {
        "name": draft.customer.name, "addresses": [["create", [address]]],
        "contact_mechanisms": [["create", contacts]],
    }  # fmt: skip
