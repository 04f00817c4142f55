"""Whatever is killed or lost on the way, and however often: everything is done once.

Each step is tried by clients that die after their first call that changes anything in Tryton, until one of them
finishes. Then the books must be as where nobody died, which the administrator counts past the connector.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chansync.demo.tryton.server import Trytond
from chansync.erp.contract import Subject
from chansync.erp.remote import ErpUnavailable, SaleSteps
from chansync.erp.tryton.company import Options
from chansync.erp.tryton.remote import TrytonRemote
from chansync.model import steps
from chansync.model.sale import LineKind, MethodAmount, RefundedLine, SaleDraft, SaleState
from chansync.model.steps import Step, StepResult
from support import tryton
from support.dying_rpc import DyingRpc, Killed

pytestmark = [pytest.mark.tryton, pytest.mark.long]

#: More calls that change something no step makes.
_MOST = 60


def _sale(erp: Subject) -> SaleDraft:
    lines = [
        erp.line("SKU-001", 2, 2000, id="1"), erp.line("SKU-002", 3, 3000, id="2"),
        erp.line("SHIPPING", 1, 490, LineKind.TRANSPORT, id="3"),
    ]  # fmt: skip
    return erp.draft(lines)


def _part(quantity: int, tax: int, *, restock: bool = True) -> steps.Refund:
    line = RefundedLine("1", Decimal(quantity), 1000 * quantity, tax)
    return steps.Refund("r1", 1000 * quantity + tax, (line,), restock)


#: What happens to a sale, after it is recorded; amounts are those of ``_sale`` with 19 % tax: 65.33.
_TOTAL = 5490 + 380 + 570 + 93
LIVES: dict[str, Sequence[Step]] = {
    "shipped, paid, refunded, taken back, reversed": (
        steps.Block(), steps.IssueDocument(), steps.Pay(_TOTAL), steps.WriteOut("DHL", "T1"), _part(1, 190),
        steps.WithdrawRefund("r1"), steps.Reverse(),
    ),
    "paid in two parts, then cancelled": (
        steps.Block(), steps.IssueDocument(), steps.Pay(1000), steps.Pay(_TOTAL), steps.Cancel(),
    ),
    "posted, then cancelled unpaid": (steps.Block(), steps.IssueDocument(), steps.Cancel()),
    "refunded before it is shipped": (
        steps.Block(), steps.IssueDocument(), steps.Pay(_TOTAL), _part(1, 190), steps.WriteOut(),
    ),
    "paid by two methods, given back by amount, taken back, cancelled": (
        steps.Pay(_TOTAL, issue_first=True, parts=(MethodAmount("Card", 500),)), steps.Refund("r1", 1000),
        steps.Refund("r2", _TOTAL - 1200), steps.WithdrawRefund("r2"), steps.Cancel(),
    ),
    "cancelled in quotation": (steps.Cancel(),),
}  # fmt: skip


async def _until_done(trytond: Trytond, sale: SaleSteps) -> tuple[StepResult, int]:
    """The result of the client that finished the step, and how many died."""
    for deaths in range(_MOST):
        rpc = DyingRpc(trytond, tryton.USER, tryton.PASSWORD)
        remote = TrytonRemote(rpc, Options())
        try:
            (answer,) = await remote.apply([sale])
        except Killed:
            continue
        finally:
            await remote.aclose()
        if answer.error:
            raise answer.error
        return answer.results[0], deaths
    raise AssertionError(f"{sale.steps} is never done")


async def _books(admin: Any, key: str) -> dict[str, Any]:
    """What there is of a sale, counted by the administrator."""
    own = await admin.search_read("sale.sale", [["web_id", "=", key]], ["party", "invoices", "shipments", "state"])
    origins = [f"sale.sale,{row['id']}" for row in own]
    fields = ["invoices", "shipments", "shipment_returns", "state"]
    sides = await admin.search_read("sale.sale", [["origin", "in", origins]], fields)
    ids = [invoice for row in (*own, *sides) for invoice in row["invoices"]]
    invoices = await admin.read("account.invoice", ids, ["state", "total_amount", "amount_to_pay", "lines"])
    lines = [f"account.invoice.line,{line}" for row in invoices for line in row["lines"]]
    credited = await admin.search_read("account.invoice.line", [["origin", "in", lines]], ["invoice"])
    notes = await admin.read(
        "account.invoice", sorted({row["invoice"] for row in credited}), ["state", "total_amount", "amount_to_pay"]
    )
    moves = await admin.search_read(
        "account.move", [["origin", "in", [f"account.invoice,{row['id']}" for row in (*invoices, *notes)]]], ["id"]
    )
    shipments = await admin.read(
        "stock.shipment.out", [each for row in (*own, *sides) for each in row["shipments"]], ["state"]
    )
    returns = await admin.read(
        "stock.shipment.out.return", [each for row in sides for each in row["shipment_returns"]], ["state"]
    )
    parties = await admin.read("party.party", [row["party"] for row in own], ["name"])
    named = await admin.search_read("party.party", [["name", "=", parties[0]["name"]]], ["id"])
    return {
        "sales": [row["state"] for row in own],
        "sides": sorted(row["state"] for row in sides),
        "invoices": sorted((row["state"], row["total_amount"], row["amount_to_pay"]) for row in invoices),
        "credit notes": sorted((row["state"], row["total_amount"], row["amount_to_pay"]) for row in notes),
        "moves of documents and payments": len(moves),
        "shipments": sorted(row["state"] for row in shipments),
        "returns": sorted(row["state"] for row in returns),
        "parties": len(named),
    }


async def _state(erp: Subject, draft: SaleDraft) -> SaleState:
    view = await erp.view(draft)
    assert view is not None
    return replace(view.state, document_number="yes" if view.state.document_number else "")


@pytest.mark.parametrize("life", LIVES)
async def test_a_client_killed_after_each_call_does_everything_once(life: str, trytond: Trytond, erp: Subject) -> None:
    admin = tryton.admin_of(trytond)
    calm, killed = _sale(erp), _sale(erp)
    for step in LIVES[life]:
        assert not (await erp.do(calm, steps.Record(calm))).results[0].refused
        (result,) = (await erp.do(calm, step)).results
        assert not result.refused, result.sentence
    _, deaths = await _until_done(trytond, SaleSteps(killed.key, killed.pos, (steps.Record(killed),)))
    for step in LIVES[life]:
        result, died = await _until_done(trytond, SaleSteps(killed.key, killed.pos, (step,)))
        assert not result.refused, result.sentence
        deaths += died
    assert await _state(erp, killed) == await _state(erp, calm)
    assert await _books(admin, killed.key) == await _books(admin, calm.key)
    assert deaths > 2 * len(LIVES[life])
    await admin.aclose()


#: What a sale, and what belongs to it, is where Tryton did not look at it after what happened.
_FORGOTTEN = {
    "sale_sale": "state = 'processing', invoice_state = 'awaiting payment', shipment_state = 'waiting'",
    "account_invoice": "state = 'posted'",
}
_OF_SALE = "id IN (SELECT id FROM sale_sale WHERE web_id LIKE ? || '%' AND state = 'done')"
_OF_INVOICE = """state = 'paid' AND id IN (SELECT invoice FROM account_invoice_line WHERE origin IN
    (SELECT 'sale.line,' || l.id FROM sale_line l JOIN sale_sale s ON s.id = l.sale WHERE s.web_id LIKE ? || '%'))"""


@pytest.mark.parametrize(
    "last",
    [(steps.WriteOut("DHL", "T1"),), (steps.WriteOut("DHL", "T1"), steps.Reverse()), (steps.Cancel(),)],
    ids=lambda words: words[-1].word,
)
async def test_what_a_dying_server_forgets_is_made_up_for(last: Sequence[Step], trytond: Trytond, erp: Subject) -> None:
    """Tryton looks at an invoice after its payment, and at a sale after its shipment, in a transaction of its own: a
    server that dies between does not do it later."""
    admin = tryton.admin_of(trytond)
    draft = _sale(erp)
    whole = (steps.Record(draft), steps.Pay(_TOTAL, issue_first=True), *last)
    assert not any(result.refused for result in (await erp.do(draft, *whole)).results)
    calm = await _books(admin, draft.key)
    with contextlib.closing(sqlite3.connect(trytond.database, timeout=60)) as database, database:
        for table, where in (("account_invoice", _OF_INVOICE), ("sale_sale", _OF_SALE)):
            database.execute(f"UPDATE {table} SET {_FORGOTTEN[table]} WHERE {where}", (draft.key,))
    assert await _books(admin, draft.key) != calm
    (result,) = (await erp.do(draft, whole[-1])).results
    assert not result.refused
    assert await _books(admin, draft.key) == calm
    await admin.aclose()


async def test_a_batch_killed_after_each_call_is_recorded_once(trytond: Trytond, erp: Subject) -> None:
    admin = tryton.admin_of(trytond)
    drafts = [_sale(erp) for _ in range(5)]
    drafts.append(replace(_sale(erp), customer=drafts[0].customer, billing=drafts[0].billing))
    todo = [SaleSteps(draft.key, draft.pos, (steps.Record(draft), steps.Block())) for draft in drafts]
    for _ in range(_MOST):
        remote = TrytonRemote(DyingRpc(trytond, tryton.USER, tryton.PASSWORD), Options())
        try:
            answers = await remote.apply(todo)
        except Killed:
            continue
        finally:
            await remote.aclose()
        break
    assert all(not result.refused for answer in answers for result in answer.results)
    for draft in drafts:
        books = await _books(admin, draft.key)
        assert (books["sales"], books["parties"], len(books["shipments"])) == (["processing"], 1, 1)
        seen = await tryton.look(admin, draft.key)
        assert seen is not None
        assert seen.total == draft.total
    await admin.aclose()


async def test_a_server_killed_over_and_over_has_each_sale_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The server dies while it works, six times; the client asks again each time."""
    trytond = tryton.restored(tmp_path_factory.mktemp("killed"))
    trytond.start()
    try:
        remote = tryton.remote_of(trytond)
        erp = await Subject.of(remote, (), pos=tryton.POS, items=("SKU-001", "SKU-002"), rate=Decimal(19))
        drafts = [_sale(erp) for _ in range(6)]
        todo = [
            SaleSteps(each.key, each.pos, (steps.Record(each), steps.IssueDocument(), steps.Pay(each.total)))
            for each in drafts
        ]
        for deaths in range(6):
            work = asyncio.ensure_future(remote.apply(todo))
            # Anywhere in its work: further on each time, as nothing says where it stands.
            await asyncio.wait({work}, timeout=0.4 + 0.7 * deaths)
            trytond.kill()
            await asyncio.gather(work, return_exceptions=True)
            assert work.exception() is None or isinstance(work.exception(), ErpUnavailable)
            trytond.start()
        answers = await remote.apply(todo)
        assert [[result.sentence for result in each.results if result.refused] for each in answers] == [[]] * 6
        admin = tryton.admin_of(trytond)
        for draft in drafts:
            seen = await tryton.look(admin, draft.key)
            assert seen is not None
            assert (seen.sales, seen.total, seen.paid) == (1, draft.total, draft.total)
            books = await _books(admin, draft.key)
            assert (len(books["invoices"]), books["moves of documents and payments"], books["parties"]) == (1, 2, 1)
        await admin.aclose()
        await remote.aclose()
    finally:
        trytond.stop()
