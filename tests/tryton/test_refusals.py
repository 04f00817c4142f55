"""What Tryton refuses because somebody has to set something up there: it is said what and where, and once it is done,
the same step goes through."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chansync.demo.tryton.server import Trytond, running
from chansync.erp.contract import Subject
from chansync.erp.remote import ErpRefused, SaleSteps
from chansync.erp.tryton import documents
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.model import steps
from chansync.model.message import CODES
from chansync.model.sale import LineKind
from chansync.model.steps import StepResult
from support import tryton

pytestmark = [pytest.mark.tryton, pytest.mark.long]

Work = Callable[[TrytonRpc], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Lack:
    """What somebody has set up wrongly.

    Attributes:
        undo: sets it right again.
        words: what the sentence says, each of them.
        steps: after ``record``: the last of all is refused.
    """

    do: Work
    undo: Work
    words: tuple[str, ...]
    steps: tuple[steps.Step, ...] = ()
    code: str = "erp_refused"
    currency: str = ""


@pytest.fixture(scope="module")
def trytond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trytond]:
    """A server of these tests' own: others would not like how it is set up."""
    with running(tryton.restored(tmp_path_factory.mktemp("refusals"))) as server:
        yield server


@pytest.fixture
async def admin(trytond: Trytond) -> AsyncIterator[TrytonRpc]:
    session = tryton.admin_of(trytond)
    yield session
    await session.aclose()


async def _id(admin: TrytonRpc, model: str, *domain: Any, **context: Any) -> int:
    (row,) = await admin.search_read(model, list(domain), ["id"], limit=1, **context)
    own: int = row["id"]
    return own


async def _user(admin: TrytonRpc) -> int:
    return await _id(admin, "res.user", ["login", "=", tryton.USER])


async def _group(admin: TrytonRpc, module: str, name: str) -> int:
    own: int = await admin.call("model.ir.model.data.get_id", module, name)
    return own


def _without_group(module: str, name: str) -> tuple[Work, Work]:
    async def leave(admin: TrytonRpc) -> None:
        group = await _group(admin, module, name)
        await admin.write("res.user", [await _user(admin)], {"groups": [["remove", [group]]]})

    async def enter(admin: TrytonRpc) -> None:
        group = await _group(admin, module, name)
        await admin.write("res.user", [await _user(admin)], {"groups": [["add", [group]]]})

    return leave, enter


def _active(value: bool) -> Work:
    async def write(admin: TrytonRpc) -> None:
        own = await _id(admin, "currency.currency", ["code", "=", "CHF"], ["active", "in", [True, False]])
        await admin.write("currency.currency", [own], {"active": value})

    return write


async def _drop_rates(admin: TrytonRpc) -> None:
    own = await _id(admin, "currency.currency", ["code", "=", "SEK"])
    rates = await admin.search_read("currency.currency.rate", [["currency", "=", own]], ["id"])
    await admin.call("model.currency.currency.rate.delete", [row["id"] for row in rates])


async def _add_rate(admin: TrytonRpc) -> None:
    own = await _id(admin, "currency.currency", ["code", "=", "SEK"])
    await admin.create("currency.currency.rate", [{"currency": own, "date": date(2020, 1, 1), "rate": Decimal("11.2")}])


async def _period(admin: TrytonRpc) -> int:
    today = documents.today()
    return await _id(admin, "account.period", ["start_date", "<=", today], ["end_date", ">=", today])


async def _close_period(admin: TrytonRpc) -> None:
    await admin.call("model.account.period.close", [await _period(admin)])


async def _reopen_period(admin: TrytonRpc) -> None:
    await admin.call("model.account.period.reopen", [await _period(admin)])
    journals = await admin.search_read("account.journal.period", [["state", "=", "closed"]], ["id"])
    await admin.call("model.account.journal.period.reopen", [row["id"] for row in journals])


_kept: dict[str, Any] = {}


def _setting(model: str, domain: list[Any], field: str) -> tuple[Work, Work]:
    async def take(admin: TrytonRpc) -> None:
        (row,) = await admin.search_read(model, domain, [field], limit=1)
        _kept[field] = row
        await admin.write(model, [row["id"]], {field: None})

    async def give(admin: TrytonRpc) -> None:
        await admin.write(model, [_kept[field]["id"]], {field: _kept[field][field]})

    return take, give


_ISSUE = (steps.IssueDocument(),)
_RECEIVABLE = _setting("account.configuration", [], "default_account_receivable")
_REVENUE = _setting("product.category", [["name", "=", "Goods"]], "account_revenue")

LACKS: dict[str, Lack] = {
    "a currency that is not there": Lack(_active(False), _active(True), ("CHF", "add it"), currency="CHF"),
    "a currency without rate": Lack(_drop_rates, _add_rate, ("SEK", "Add a rate"), _ISSUE, currency="SEK"),
    "a closed period": Lack(_close_period, _reopen_period, ("reopen the period", "Fiscal Years"), _ISSUE),
    "no right to invoices": Lack(
        *_without_group("account", "group_account"), ("Accounting",), _ISSUE, code="erp_rights"
    ),
    "no right to shipments": Lack(
        *_without_group("stock", "group_stock"), ("Stock",), (steps.Block(),), code="erp_rights"
    ),
    "no right to sales": Lack(*_without_group("sale", "group_sale"), ("Sales",), code="erp_rights"),
    "no receivable account": Lack(*_RECEIVABLE, ("receivable account for the party",), _ISSUE),
    "a product without account": Lack(*_REVENUE, ("revenue account for the product SKU-00",), _ISSUE),
}  # fmt: skip


@pytest.mark.parametrize("name", LACKS)
async def test_what_is_not_set_up_is_said_and_goes_through_once_it_is(
    name: str, trytond: Trytond, admin: TrytonRpc
) -> None:
    lack = LACKS[name]
    whole = tryton.remote_of(trytond)
    erp = await Subject.of(whole, (), pos=tryton.POS, items=("SKU-001", "SKU-002"))
    draft, other = erp.draft(), erp.draft()
    draft.currency = lack.currency or draft.currency
    asked = SaleSteps(draft.key, draft.pos, (steps.Record(draft), *lack.steps))
    await lack.do(admin)
    try:
        result = await _refusal(trytond, asked)
    finally:
        await lack.undo(admin)
    assert result.code == lack.code
    assert result.code in CODES
    assert [word for word in (*lack.words, "chansync erp retry") if word not in result.sentence] == []
    # A connection knows the company as it was when it was made.
    remote = tryton.remote_of(trytond)
    answers = await remote.apply([asked, SaleSteps(other.key, other.pos, (steps.Record(other), steps.IssueDocument()))])
    assert [each.sentence for answer in answers for each in answer.results if each.refused] == []
    seen = await tryton.look(admin, draft.key)
    assert seen is not None
    assert (seen.sales, seen.total) == (1, draft.total)
    await remote.aclose()
    await whole.aclose()


async def _refusal(trytond: Trytond, asked: SaleSteps) -> StepResult:
    """The one step that is refused, or the refusal of the whole call."""
    remote = tryton.remote_of(trytond)
    try:
        (answer,) = await remote.apply([asked])
    except ErpRefused as error:
        return StepResult(asked.key, code=error.code, sentence=str(error))
    finally:
        await remote.aclose()
    assert answer.error is None
    (found,) = [result for result in answer.results if result.refused]
    return found


async def test_a_sale_that_cannot_be_processed_keeps_no_other_back(trytond: Trytond, admin: TrytonRpc) -> None:
    whole = tryton.remote_of(trytond)
    erp = await Subject.of(whole, (), pos=tryton.POS, items=("SKU-001", "SKU-002"))
    good, bad = erp.draft([erp.line("SHIPPING", 1, 490, LineKind.TRANSPORT)]), erp.draft([erp.line("SCARCE", 1, 500)])
    (template,) = await admin.search_read("product.product", [["code", "=", "SCARCE"]], ["template.account_category"])
    own = template["template."]["id"]
    await admin.write("product.template", [own], {"account_category": None})
    try:
        todo = [SaleSteps(each.key, each.pos, (steps.Record(each), steps.IssueDocument())) for each in (bad, good)]
        answers = await whole.apply(todo)
    finally:
        await admin.write("product.template", [own], {"account_category": template["template."]["account_category"]})
    assert [[result.code for result in answer.results] for answer in answers] == [["", "erp_refused"], ["", ""]]
    assert "SCARCE" in answers[0].results[1].sentence
    await whole.aclose()


@pytest.mark.parametrize(
    ("model", "name", "kept"), [("currency.currency", "code", "BGN"), ("web.shop", "name", tryton.POS)]
)
async def test_a_sale_in_a_currency_or_of_a_shop_that_is_used_no_more_is_followed(
    model: str, name: str, kept: str, trytond: Trytond, admin: TrytonRpc
) -> None:
    """As sales in leva when the country has the euro."""
    remote = tryton.remote_of(trytond)
    erp = await Subject.of(remote, (), pos=tryton.POS, items=("SKU-001", "SKU-002"))
    sale = erp.draft(currency="BGN")
    [recorded] = await remote.apply([SaleSteps(sale.key, sale.pos, (steps.Record(sale), steps.IssueDocument()))])
    own = await _id(admin, model, [name, "=", kept])
    await remote.aclose()
    await admin.write(model, [own], {"active": False})
    try:
        remote = tryton.remote_of(trytond)
        rows = [row async for page in remote.reference({}) for row in page.rows if row.kind == "pos"]
        assert not any(kept in (row.code, *row.data["currencies"].split(",")) for row in rows)
        assert (await remote.views([sale.key]))[sale.key] == recorded.view
        [ended] = await remote.apply([SaleSteps(sale.key, sale.pos, (steps.Cancel(),))])
        assert (ended.error, [result.code for result in ended.results]) == (None, [""])
        await remote.aclose()
    finally:
        await admin.write(model, [own], {"active": True})
