"""The contract suite of outside ERPs, on the ledger as one and on the example over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.contract import CHECKS, Check, Seen, Subject, prove
from chansync.erp.http import HTTP, openapi
from chansync.erp.http.forged import forgeries
from chansync.erp.remote import (
    ChangesPage,
    ErpCapability,
    ErpRefused,
    ReferencePage,
    ReferenceRow,
    Remote,
    SaleAnswer,
    SaleSteps,
)
from chansync.model import steps
from chansync.model.sale import SaleView
from chansync.model.steps import Step, StepResult
from support import ledger
from support.ledger_remote import LedgerRemote
from support.own_erp import OwnErp


@pytest.fixture
async def erp(store: Store) -> Subject:
    """The ledger with a company; it is looked into by SQL."""
    ledger.add_company(store)

    async def look(key: str) -> Seen | None:
        rows = store.db.execute(
            """SELECT s.total, (SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = s.id)
               FROM erp_sale s WHERE s.key = ?""",
            (key,),
        ).fetchall()
        return Seen(*rows[0], len(rows)) if rows else None

    async def have(item: str, warehouse: str, pieces: int) -> None:
        ledger.have(store, item, pieces, warehouse)

    return await Subject.of(
        LedgerRemote(store), ErpCapability, pos="MAIN", items=("SHIRT", "SHOE"), look=look, have=have
    )


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_the_ledger_keeps_the_contract(check: Check, erp: Subject) -> None:
    if check.forges:
        pytest.skip("the ledger is not logged in to")
    assert check.applies_to(erp)
    await check(erp)


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Subject]:
    """The example ERP over a socket; it is looked into by SQL in its own file."""
    with OwnErp(tmp_path / "own.db") as server:
        remote = server.connect()
        yield await Subject.of(
            remote, HTTP.capabilities, look=server.look, have=server.have, forgeries=forgeries(remote)
        )
        await remote.aclose()
    assert server.judge.exchanges
    assert server.judge.wrong == []


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_the_example_over_http_keeps_the_contract(check: Check, own: Subject) -> None:
    assert check.applies_to(own)
    await check(own)


#: Checks that send each kind of request, with queries and without.
EVERY_REQUEST = (
    "reference_has_what_a_channel_needs", "items_are_found_by_sku_or_gtin", "views_leave_out_what_there_is_not",
    "changes_are_told", "who_lacks_the_secret_is_turned_away", "changed_stock_is_told",
)  # fmt: skip


async def test_the_example_keeps_the_contract_with_signed_requests(tmp_path: Path) -> None:
    with OwnErp(tmp_path / "own.db") as server:
        remote = server.connect(sign=True)
        forged = forgeries(remote)
        assert len(forged) == 6
        erp = await Subject.of(remote, HTTP.capabilities, look=server.look, have=server.have, forgeries=forged)
        chosen = [each for each in CHECKS if each.name in EVERY_REQUEST]
        outcomes = [outcome async for outcome in prove(erp, chosen)]
        await remote.aclose()
    assert [(each.check.name, each.word, each.sentence) for each in outcomes] == [
        (name, "ok", "") for name in EVERY_REQUEST
    ]
    assert {path for _, path in server.requests} == set(openapi.document()["paths"])
    assert server.judge.wrong == []


@pytest.mark.parametrize("how", ["no proof at all", "another token", "a signature of another body"])
async def test_a_server_that_lets_anybody_in_is_found(how: str, tmp_path: Path) -> None:
    with OwnErp(tmp_path / "own.db") as server:
        remote = server.connect(sign=True)
        erp = await Subject.of(remote, HTTP.capabilities, forgeries={how: remote})
        outcomes = [outcome async for outcome in prove(erp, [each for each in CHECKS if each.forges])]
        await remote.aclose()
    assert [(each.word, each.sentence) for each in outcomes] == [
        ("broken", f"`check` with {how} is answered, right is 401 or 403.")
    ]


# A suite that finds nothing ever proves nothing


class Lying:
    """A connection that passes everything on but for what a subclass changes."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def __getattr__(self, name: str) -> Any:
        return getattr(self._remote, name)


class SaysAlwaysChanged(Lying):
    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return [
            replace(answer, results=tuple(replace(each, changed=not each.refused) for each in answer.results))
            for answer in await self._remote.apply(sales)
        ]


class RoundsTotals(Lying):
    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return [replace(answer, view=_rounded(answer.view)) for answer in await self._remote.apply(sales)]


def _rounded(view: SaleView | None) -> SaleView | None:
    return view and replace(view, state=replace(view.state, total=view.state.total // 5 * 5))


class PaysEachTime(Lying):
    """It takes ``in_all`` for what is to be paid now."""

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        views = await self._remote.views([sale.key for sale in sales])
        changed = []
        for sale in sales:
            paid = views[sale.key].state.paid if sale.key in views else 0
            todo = tuple(replace(s, in_all=s.in_all + paid) if isinstance(s, steps.Pay) else s for s in sale.steps)
            changed.append(replace(sale, steps=todo))
        return await self._remote.apply(changed)


class RefundsEachTime(Lying):
    count = 0

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        self.count += 1
        answers = await self._remote.apply([replace(s, steps=tuple(map(self._another, s.steps))) for s in sales])
        return [replace(each, results=_keys_of(sale, each)) for sale, each in zip(sales, answers, strict=True)]

    def _another(self, step: Step) -> Step:
        return replace(step, refund_id=f"{step.refund_id}/{self.count}") if isinstance(step, steps.Refund) else step


def _keys_of(sale: SaleSteps, answer: SaleAnswer) -> tuple[StepResult, ...]:
    pairs = zip(answer.results, sale.steps, strict=True)
    return tuple(replace(result, key=step.key(sale.key)) for result, step in pairs)


class PacksEachTime(Lying):
    """It takes a package that comes again for another one."""

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        views = await self._remote.views([sale.key for sale in sales])
        changed = []
        for sale in sales:
            number = len(views[sale.key].packages) + 1 if sale.key in views else 1
            todo = tuple(replace(s, package=number) if isinstance(s, steps.Pack) else s for s in sale.steps)
            changed.append(replace(sale, steps=todo))
        answers = await self._remote.apply(changed)
        return [replace(each, results=_keys_of(sale, each)) for sale, each in zip(sales, answers, strict=True)]


class AllOrNothing(Lying):
    """One sale that is refused takes the others of its batch with it."""

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        answers = await self._remote.apply(sales)
        if len(sales) > 1 and any(result.code == "item_unknown" for each in answers for result in each.results):
            raise ErpRefused("One of the sales is bad.")
        return answers


class RefusesWithoutAWord(Lying):
    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return [
            replace(answer, results=tuple(replace(each, sentence="") for each in answer.results))
            for answer in await self._remote.apply(sales)
        ]


class RefusesWithoutASale(Lying):
    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return [
            replace(answer, view=None) if any(each.refused for each in answer.results) else answer
            for answer in await self._remote.apply(sales)
        ]


class ForgetsChanges(Lying):
    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        async for page in self._remote.changes(cursor):
            yield replace(page, views=(), items=frozenset())


class BlocksNothing(Lying):
    """What is blocked counts as free."""

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        return dict.fromkeys(items or ("SHIRT", "SHOE"), 7)


class ShowsWhatThereIsNot(Lying):
    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        found = await self._remote.views(keys)
        return {key: found[min(found)] for key in keys} if found else {}


class FindsAnything(Lying):
    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        return [ReferenceRow("item", sku, sku) for sku, _ in keys]


class HasNoEnd(Lying):
    async def reference(self, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
        async for page in self._remote.reference(cursor):
            yield replace(page, last=False)


LIES: dict[type[Lying], set[str]] = {
    SaysAlwaysChanged: {"a_sale_is_recorded_once_for_its_key", "the_amount_paid_is_paid_in_all"},
    RoundsTotals: {"totals_are_exact"},
    PaysEachTime: {"the_amount_paid_is_paid_in_all"},
    RefundsEachTime: {"a_refund_is_booked_once_for_its_id"},
    PacksEachTime: {"a_sale_leaves_in_packages"},
    AllOrNothing: {"a_bad_sale_keeps_no_other_back"},
    RefusesWithoutAWord: {"a_touched_sale_is_not_rewritten", "a_payment_needs_a_document"},
    RefusesWithoutASale: {"a_touched_sale_is_not_rewritten", "a_payment_needs_a_document"},
    ForgetsChanges: {"changes_are_told", "changed_stock_is_told"},
    BlocksNothing: {"goods_are_blocked_once", "goods_are_written_out_once"},
    ShowsWhatThereIsNot: {"views_leave_out_what_there_is_not", "a_bad_sale_keeps_no_other_back"},
    FindsAnything: {"items_are_found_by_sku_or_gtin"},
    HasNoEnd: {"reference_has_what_a_channel_needs"},
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
async def test_what_breaks_the_contract_is_found(lie: type[Lying], erp: Subject) -> None:
    await erp.prepare("SHIRT", 20)
    erp.remote = lie(erp.remote)
    found = {outcome.check.name: outcome async for outcome in prove(erp, CHECKS)}
    assert len(found) == len(CHECKS)
    broken = {name for name, outcome in found.items() if outcome.word == "broken"}
    assert LIES[lie] <= broken
    assert all(found[name].sentence.endswith(".") for name in broken)


async def test_what_does_not_apply_is_skipped_and_says_why(erp: Subject) -> None:
    erp.capabilities -= {ErpCapability.STOCK}
    found = [outcome async for outcome in prove(erp, CHECKS)]
    assert {outcome.word for outcome in found} == {"ok", "skipped"}
    assert {outcome.sentence for outcome in found if outcome.word == "skipped"} == {
        "this kind of ERP lacks: stock.", "with this kind of ERP it is not known how to be turned away.",
    }  # fmt: skip


async def test_without_stock_it_is_said_what_to_bring_in(erp: Subject) -> None:
    erp.have = None
    found = {outcome.check.name: outcome async for outcome in prove(erp, CHECKS)}
    assert found["goods_are_written_out_once"].word == "skipped"
    assert found["goods_are_written_out_once"].sentence == ("Bring 2 pieces of SHIRT at least into the warehouse W1.")
