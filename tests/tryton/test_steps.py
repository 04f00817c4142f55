"""What the contract's suite does not ask: how steps look in Tryton itself, and what is special about it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chansync.demo.tryton.server import DATABASE, Trytond
from chansync.erp.contract import Subject
from chansync.erp.remote import ErpRefused, ErpRights, ErpUnavailable, SaleSteps
from chansync.erp.tryton.company import Options
from chansync.erp.tryton.remote import TrytonRemote
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.model import steps
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import LineKind, MethodAmount, RefundedLine, SaleDraft
from support import tryton

pytestmark = [pytest.mark.tryton, pytest.mark.long]


@pytest.fixture
async def admin(trytond: Trytond) -> AsyncIterator[TrytonRpc]:
    """Whoever looks into Tryton itself."""
    session = tryton.admin_of(trytond)
    yield session
    await session.aclose()


async def _sale(admin: TrytonRpc, draft: SaleDraft, *fields: str) -> dict[str, Any]:
    (row,) = await admin.search_read("sale.sale", [["web_id", "=", draft.key]], list(fields))
    return row


async def _done(erp: Subject, draft: SaleDraft, *todo: steps.Step) -> Any:
    answer = await erp.do(draft, *todo)
    assert [result.sentence for result in answer.results if result.refused] == []
    assert answer.error is None
    return answer.view


async def test_a_sale_has_what_people_look_for_in_it(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft(merchant="Mary Merchant", mark="TEST", delivery_method="Courier", note="Ring twice")
    await _done(erp, draft, steps.Record(draft), steps.Block())
    fields = ("reference", "description", "comment", "quoted_by.party.name", "carrier.party.name", "warehouse.code")
    row = await _sale(admin, draft, *fields, "web_shop.name", "party.name", "shipment_address.city")
    assert (row["reference"], row["description"], row["comment"]) == (draft.number, "TEST", "Ring twice")
    assert row["quoted_by."]["party."]["name"] == "Mary Merchant"
    assert row["carrier."]["party."]["name"] == "Courier"
    assert (row["warehouse."]["code"], row["web_shop."]["name"]) == ("W1", tryton.POS)
    assert (row["party."]["name"], row["shipment_address."]["city"]) == (draft.customer.name, "Berlin")


async def test_a_sale_stays_a_quotation_until_something_is_asked_of_it(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft()
    await _done(erp, draft, steps.Record(draft))
    assert (await _sale(admin, draft, "state"))["state"] == "quotation"
    await _done(erp, draft, steps.Block())
    assert (await _sale(admin, draft, "state"))["state"] == "processing"
    (result,) = (await erp.do(draft, steps.Rewrite(draft, "v2"))).results
    assert (result.code, "cannot be changed" in result.sentence) == ("not_possible", True)


async def test_a_new_address_goes_onto_the_shipment(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft()
    await _done(erp, draft, steps.Record(draft), steps.Block())
    moved = replace(draft.delivery, line_1="Another Street 7", city="Potsdam")
    view = await _done(erp, draft, steps.Amend("v2", delivery=moved))
    assert (view.delivery, view.state.blocked) == (moved, True)
    (shipment,) = (await _sale(admin, draft, "shipments"))["shipments"]
    (row,) = await admin.read("stock.shipment.out", [shipment], ["delivery_address.city", "state"])
    assert (row["delivery_address."]["city"], row["state"]) == ("Potsdam", "assigned")


async def test_a_buyer_who_is_told_later_gets_the_sale(erp: Subject, admin: TrytonRpc) -> None:
    full = erp.draft()
    nobody = Address()
    bare = replace(full, customer=replace(full.customer, name="Unknown", phone="", email=""), billing=nobody)
    bare.delivery = nobody
    view = await _done(erp, bare, steps.Record(bare), steps.Block())
    assert view.nameless == {"billing", "delivery"}
    view = await _done(erp, full, steps.Complete(full, "v2"))
    assert (view.nameless, view.customer, view.billing) == (frozenset(), full.customer.name, full.billing)


async def test_two_methods_pay_one_sale(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft(payments=(MethodAmount("Card", 500),))
    pay = steps.Pay(draft.total, issue_first=True, parts=draft.payments, transaction_id="tx1")
    view = await _done(erp, draft, steps.Record(draft), pay)
    assert (view.state.paid, view.state.unpaid) == (draft.total, 0)
    await _done(erp, draft, pay)
    (invoice,) = (await _sale(admin, draft, "invoices"))["invoices"]
    moves = await admin.search_read(
        "account.move", [["origin", "=", f"account.invoice,{invoice}"], ["description", "like", "chansync:%"]],
        ["description"],
    )  # fmt: skip
    assert sorted(row["description"] for row in moves) == [f"{draft.key} Card", f"{draft.key} tx1"]


async def _payments(admin: TrytonRpc, draft: SaleDraft) -> list[tuple[str, Decimal]]:
    """How each payment of a sale and of its credit notes is described behind the sale's key, and its amount; in their
    order."""
    key = ["move.description", "like", f"{draft.key}%"]
    domain = [key, ["account.type.receivable", "=", True]]
    # The books are in another currency than the sale.
    rows = await admin.search_read("account.move.line", domain, ["move.description", "amount_second_currency"])
    return [
        (row["move."]["description"].removeprefix(draft.key).strip(), -row["amount_second_currency"]) for row in rows
    ]


async def test_what_several_methods_have_paid_goes_back_by_each_of_them(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft(payments=(MethodAmount("Card", 500),))
    pay = steps.Pay(draft.total, issue_first=True, parts=draft.payments, transaction_id="tx1")
    await _done(erp, draft, steps.Record(draft), pay)
    rest = draft.total - 500
    small, large = steps.Refund("r1", 300), steps.Refund("r2", rest)
    view = await _done(erp, draft, small, large)
    assert (view.state.paid, view.state.unpaid) == (200, 0)
    euro = Decimal(100)
    # The sale's own method paid last: all that it paid goes back first, and then what is left by the card.
    paid = [("Card", 500 / euro), ("tx1", rest / euro), ("", -300 / euro), ("", (300 - rest) / euro)]
    assert await _payments(admin, draft) == [*paid, ("Card", -300 / euro)]
    again = await _done(erp, draft, steps.WithdrawRefund("r2"))
    assert (again.state.paid, again.state.unpaid) == (draft.total - 300, 0)
    assert sorted((await _payments(admin, draft))[5:]) == [("", (rest - 300) / euro), ("Card", 300 / euro)]
    view = await _done(erp, draft, steps.Cancel())
    assert (view.state.cancelled, view.state.paid) == (True, 0)
    left: dict[str, Decimal] = {}
    for text, amount in await _payments(admin, draft):
        method = "Card" if text == "Card" else "own"
        left[method] = left.get(method, Decimal(0)) + amount
    assert left == {"Card": 0, "own": 0}


async def _taxed(admin: TrytonRpc, draft: SaleDraft) -> dict[str, Decimal]:
    """The tax of all documents of a sale, by the names of taxes."""
    (sale,) = await admin.search_read("sale.sale", [["web_id", "=", draft.key]], ["invoices"])
    sides = await admin.search_read("sale.sale", [["origin", "=", f"sale.sale,{sale['id']}"]], ["invoices"])
    ids = [invoice for row in (sale, *sides) for invoice in row["invoices"]]
    rows = await admin.search_read("account.invoice.tax", [["invoice", "in", ids]], ["tax.rate", "amount"])
    found: dict[str, Decimal] = {}
    for row in rows:
        rate = f"{row['tax.']['rate']:.2f}"
        found[rate] = found.get(rate, Decimal(0)) + row["amount"]
    return found


async def test_a_refund_by_amount_alone_credits_the_taxes_of_the_sale(erp: Subject, admin: TrytonRpc) -> None:
    books = replace(erp.line("SKU-002", 2, 2000, id="2"), tax=140, rate=Decimal(7))
    free = replace(erp.line("SHIPPING", 1, 500, LineKind.TRANSPORT, id="3"), tax=0, rate=Decimal(0))
    draft = erp.draft([erp.line("SKU-001", 1, 5000, id="1"), books, free])
    assert draft.total == 5950 + 2140 + 500
    await _done(erp, draft, steps.Record(draft), steps.Pay(draft.total, issue_first=True), steps.WriteOut())
    assert await _taxed(admin, draft) == {"0.19": Decimal("9.50"), "0.07": Decimal("1.40")}
    tenth = draft.total // 10
    view = await _done(erp, draft, steps.Refund("r1", tenth))
    assert (view.state.refunded, view.state.unpaid) == (tenth, 0)
    assert await _taxed(admin, draft) == {"0.19": Decimal("8.55"), "0.07": Decimal("1.26")}
    # More than its line comes to: what is beyond is by no line.
    piece = RefundedLine("2", Decimal(1), 1000, 70)
    view = await _done(erp, draft, steps.Refund("r2", 1070 + 665, (piece,)))
    assert view.state.refunded == tenth + 1070 + 665
    await _done(erp, draft, steps.WithdrawRefund("r2"))
    assert await _taxed(admin, draft) == {"0.19": Decimal("8.55"), "0.07": Decimal("1.26")}
    view = await _done(erp, draft, steps.Reverse())
    assert (view.state.reversed, view.state.paid) == (True, 0)
    assert {rate: abs(amount) <= Decimal("0.01") for rate, amount in (await _taxed(admin, draft)).items()} == {
        "0.19": True,
        "0.07": True,
    }


@pytest.mark.parametrize("fee", [-300, -2500], ids=["less than the goods", "more than the goods"])
async def test_what_a_negative_fee_took_off_is_no_part_of_the_reversal(
    fee: int, erp: Subject, admin: TrytonRpc
) -> None:
    free = await erp.free("SKU-001")
    draft = erp.draft([erp.line("SKU-001", 2, 2000, id="1"), erp.line("FEE", 1, fee, LineKind.FEE, id="2")])
    assert draft.total == (2000 + fee) * 119 // 100
    pay = steps.Pay(draft.total, issue_first=True)
    view = await _done(erp, draft, steps.Record(draft), pay, steps.WriteOut())
    assert (view.state.paid, view.state.unpaid) == (draft.total, 0)
    view = await _done(erp, draft, steps.Reverse())
    assert (view.state.reversed, view.state.documented, view.state.paid, view.state.unpaid) == (True, 0, 0, 0)
    assert await _taxed(admin, draft) == {"0.19": 0}
    assert await erp.free("SKU-001") == free
    assert not (await erp.do(draft, steps.Reverse())).results[0].changed


async def test_services_alone_are_written_out_without_a_shipment(erp: Subject) -> None:
    draft = erp.draft([erp.line("SHIPPING", 1, 490, LineKind.TRANSPORT, id="1")])
    view = await _done(erp, draft, steps.Record(draft), steps.WriteOut("DHL", "T1"))
    assert view.state.written_out
    assert not (await erp.do(draft, steps.WriteOut("DHL", "T1"))).results[0].changed


async def test_what_is_refunded_before_it_is_shipped_stays_here(erp: Subject) -> None:
    item = "SKU-003"
    free = await erp.free(item)
    lines = [erp.line(item, 3, 3000, id="1"), erp.line("SKU-004", 1, 1000, id="2")]
    draft = erp.draft(lines)
    await _done(erp, draft, steps.Record(draft), steps.Block(), steps.Pay(draft.total, issue_first=True))
    refund = steps.Refund("r1", 2380, (RefundedLine("1", Decimal(2), 2000, 380),))
    view = await _done(erp, draft, refund)
    assert dict(view.blocked) == {item: 1, "SKU-004": 1}
    view = await _done(erp, draft, steps.WriteOut())
    assert (view.state.written_out, view.state.unpaid, await erp.free(item)) == (True, 0, free - 1)


async def test_a_negative_stock_that_is_allowed_is_issued(trytond: Trytond, admin: TrytonRpc) -> None:
    bold = tryton.remote_of(trytond, options=Options(negative_stock=True))
    assert [each.word for each in (await bold.check()).findings if "Force" in each.sentence] == ["warn"]
    await bold.aclose()
    group = await admin.call("model.ir.model.data.get_id", "stock", "group_stock_force_assignment")
    (user,) = await admin.search_read("res.user", [["login", "=", tryton.USER]], ["id"])
    await admin.write("res.user", [user["id"]], {"groups": [["add", [group]]]})
    remote = tryton.remote_of(trytond, options=Options(negative_stock=True))
    erp = await Subject.of(remote, (), pos=tryton.POS, items=("SCARCE", "SKU-001"))
    draft = erp.draft([erp.line("SCARCE", 5, 5000, id="1")])
    view = await _done(erp, draft, steps.Record(draft), steps.WriteOut())
    assert view.state.written_out
    await _done(erp, draft, steps.Reverse())
    await remote.aclose()


async def test_a_total_that_tryton_does_not_come_to_waits_as_a_quotation(erp: Subject, admin: TrytonRpc) -> None:
    """Somebody changes the rounding of the company between two looks of the connector."""
    draft = erp.draft([erp.line("SKU-001", 3, 1003, id="1"), erp.line("SKU-002", 7, 1009, id="2")])
    wrong = replace(draft, total=draft.total + 1)
    (result, waiting) = (await erp.do(wrong, steps.Record(wrong), steps.Block())).results
    assert not result.refused, "one cent is what rounding explains"
    assert not waiting.refused
    far = erp.draft([erp.line("SKU-001", 3, 1003, id="1")])
    far.total += 100
    (result, waiting) = (await erp.do(far, steps.Record(far), steps.Block())).results
    assert (result.code, waiting.code) == ("total_mismatch", "not_tried")


async def test_a_phone_or_vat_number_that_tryton_refuses_is_kept_as_text(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft()
    draft.customer.tax_numbers = TaxNumbers(vat="DE123")
    draft.customer.keys = TaxNumbers(vat="DE123")
    draft.customer.phone = "+49 0"
    view = await _done(erp, draft, steps.Record(draft))
    party = (await _sale(admin, draft, "party"))["party"]
    codes = await admin.search_read("party.identifier", [["party", "=", party]], ["code", "type"])
    assert [(row["code"], row["type"]) for row in codes] == [("DE123", None)]
    assert view is not None


async def test_old_orders_are_invoiced_today(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft()
    draft.sale_date = draft.sale_date.replace(year=2011, month=3, day=1)
    view = await _done(erp, draft, steps.Record(draft), steps.IssueDocument())
    assert view.state.document_number


async def test_what_tryton_asks_purchasing_for_is_seen(erp: Subject, admin: TrytonRpc) -> None:
    item = "SKU-006"
    (row,) = await admin.search_read("product.product", [["code", "=", item]], ["template", "default_uom"])
    supply = {"purchasable": True, "purchase_uom": row["default_uom"], "supply_on_sale": "always"}
    await admin.write("product.template", [row["template"]], supply)
    lines = [erp.line(item, 1, 1000, id="1")]
    asked, other = erp.draft(lines), erp.draft()
    assert (await _done(erp, asked, steps.Record(asked), steps.Block())).state.requested
    assert not (await _done(erp, other, steps.Record(other), steps.Block())).state.requested


async def test_a_tracking_number_that_is_entered_after_shipping_is_a_change(erp: Subject, admin: TrytonRpc) -> None:
    draft = erp.draft()
    await _done(erp, draft, steps.Record(draft), steps.WriteOut("DHL", "T1"))
    cursor = (await erp.changes({}))[-1].cursor
    (shipment,) = (await _sale(admin, draft, "shipments"))["shipments"]
    await admin.write("stock.shipment.out", [shipment], {"reference": "T2"})
    views = [view for page in await erp.changes(cursor) for view in page.views if view.key == draft.key]
    assert [(view.shipment.carrier, view.shipment.tracking) for view in views if view.shipment] == [("DHL", "T2")]
    # A cursor of before shipments were looked at.
    old = {name: at for name, at in cursor.items() if name != "stock.shipment.out"}
    assert draft.key in {view.key for page in await erp.changes(old) for view in page.views}


async def _leave_a_part(admin: TrytonRpc, draft: SaleDraft, item: str, pieces: int) -> None:
    """What somebody in the warehouse does who sends so many pieces of an item now, and the rest in another shipment."""
    (shipment,) = (await _sale(admin, draft, "shipments"))["shipments"]
    out = "model.stock.shipment.out"
    await admin.call(f"{out}.wait", [shipment])
    await admin.call(f"{out}.draft", [shipment])
    (row,) = await admin.read("stock.shipment.out", [shipment], ["outgoing_moves.product.code"])
    (own,) = [move["id"] for move in row["outgoing_moves."] if move["product."]["code"] == item]
    await admin.write("stock.move", [own], {"quantity": float(pieces)})
    await admin.call("model.sale.sale.process", [(await _sale(admin, draft, "id"))["id"]])
    for button in ("wait", "assign_force", "pick", "pack", "do"):
        await admin.call(f"{out}.{button}", [shipment])
    await admin.write("stock.shipment.out", [shipment], {"reference": "T1"})


@pytest.fixture
async def parted(erp: Subject, admin: TrytonRpc) -> tuple[SaleDraft, tuple[int, int]]:
    """A sale of four and one pieces that is paid, and of which three and one have left; and what was free before."""
    free = await erp.free("SKU-001"), await erp.free("SKU-002")
    draft = erp.draft([erp.line("SKU-001", 4, 4000, id="1"), erp.line("SKU-002", 1, 500, id="2")])
    await _done(erp, draft, steps.Record(draft), steps.Block(), steps.Pay(draft.total, issue_first=True))
    await _leave_a_part(admin, draft, "SKU-001", 3)
    return draft, free


async def _gone(erp: Subject, free: tuple[int, int]) -> tuple[int, int]:
    return free[0] - await erp.free("SKU-001"), free[1] - await erp.free("SKU-002")


async def test_a_sale_that_leaves_in_two_shipments_leaves_in_two_packages(
    parted: tuple[SaleDraft, tuple[int, int]], erp: Subject, admin: TrytonRpc
) -> None:
    draft, free = parted
    cursor = (await erp.changes({}))[-1].cursor
    (view,) = [view for page in await erp.changes(cursor) for view in page.views if view.key == draft.key]
    assert (view.state.partly_written_out, view.state.written_out, view.shipment) == (True, False, None)
    assert [(each.number, each.lines, each.tracking) for each in view.packages] == [(1, (("1", 3), ("2", 1)), "T1")]
    (result,) = (await erp.do(draft, steps.Cancel())).results
    assert (result.code, "reverse it" in result.sentence) == ("not_possible", True)
    view = await _done(erp, draft, steps.WriteOut("", "T2"))
    assert (view.state.partly_written_out, view.state.written_out) == (False, True)
    assert [(each.number, dict(each.lines), each.tracking) for each in view.packages] == [
        (1, {"1": 3, "2": 1}, "T1"), (2, {"1": 1}, "T2"),
    ]  # fmt: skip
    assert view.shipment.tracking == "T2"
    assert await _gone(erp, free) == (4, 1)


async def test_a_sale_that_has_left_in_part_is_reversed(
    parted: tuple[SaleDraft, tuple[int, int]], erp: Subject
) -> None:
    draft, free = parted
    view = await _done(erp, draft, steps.Reverse())
    assert (view.state.reversed, view.state.documented, view.state.paid, view.state.unpaid) == (True, 0, 0, 0)
    assert await _gone(erp, free) == (0, 0)
    assert not (await erp.do(draft, steps.Reverse())).results[0].changed


async def test_what_is_refunded_of_a_sale_that_has_left_in_part_stays_here_first(
    parted: tuple[SaleDraft, tuple[int, int]], erp: Subject
) -> None:
    draft, free = parted
    refund = steps.Refund("r1", 2380, (RefundedLine("1", Decimal(2), 2000, 380),))
    view = await _done(erp, draft, refund)
    assert (view.state.refunded, view.state.paid, view.state.unpaid) == (2380, draft.total - 2380, 0)
    # One that had not left, and one of the three that had: nothing is to leave any more.
    assert await _gone(erp, free) == (2, 1)
    assert (view.state.partly_written_out, view.state.written_out) == (False, True)
    view = await _done(erp, draft, steps.Reverse())
    assert (await _gone(erp, free), view.state.paid, view.state.documented) == ((0, 0), 0, 0)


async def test_two_clients_at_once_do_each_step_once(trytond: Trytond, erp: Subject) -> None:
    await _at_once(trytond, erp)


async def test_two_clients_at_once_on_postgresql_do_each_step_once(
    on_postgresql: Trytond, erp_on_postgresql: Subject
) -> None:
    await _at_once(on_postgresql, erp_on_postgresql)


async def _at_once(trytond: Trytond, erp: Subject) -> None:
    """Recording is one client's at a time, as the runner sees to; of the other steps somebody may be faster."""
    draft = erp.draft()
    await _done(erp, draft, steps.Record(draft))
    remotes = [tryton.remote_of(trytond) for _ in range(2)]
    whole = (
        steps.Block(), steps.Pay(draft.total, issue_first=True), steps.WriteOut("DHL", "T1"), steps.Refund("r1", 500),
    )  # fmt: skip
    for step in whole:
        asked = [remote.apply([SaleSteps(draft.key, draft.pos, (step,))]) for remote in remotes]
        await asyncio.gather(*asked, return_exceptions=True)
        # Whoever was told that another was faster asks once more, as the runner does.
        await _done(erp, draft, step)
    view = await erp.view(draft)
    assert view is not None
    assert (view.state.written_out, view.state.refunded, view.state.unpaid) == (True, 500, 0)
    admin = tryton.admin_of(trytond)
    refunds = await admin.search_read("sale.sale", [["web_id", "like", f"{draft.key}:%"]], ["state"])
    assert len(refunds) == 1
    assert len(await _payments(admin, draft)) == 2
    for session in (*remotes, admin):
        await session.aclose()


# Being let in


async def test_a_wrong_password_is_tried_once(trytond: Trytond) -> None:
    remote = TrytonRemote(tryton.rpc_of(trytond, user="nobody", password="wrong"), Options())
    for _ in range(3):
        with pytest.raises(ErpRights, match="nobody"):
            await remote.stock(["W1"])
    assert remote._rpc.calls == 1
    await remote.aclose()


async def test_a_session_that_is_over_is_begun_again_once(trytond: Trytond) -> None:
    rpc = tryton.rpc_of(trytond)
    remote = TrytonRemote(rpc, Options())
    await remote.stock(["W1"], ["SKU-001"])
    rpc._session = "Session bm9ib2R5OjE6d3Jvbmc="
    before = rpc.calls
    assert "SKU-001" in await remote.stock(["W1"], ["SKU-001"])
    # The call, the login with its preferences, the call again.
    assert rpc.calls - before == 4
    await remote.aclose()


async def test_no_such_database_is_said(trytond: Trytond) -> None:
    remote = TrytonRemote(TrytonRpc(trytond.url, "nowhere", "chansync", "x"), Options())
    with pytest.raises(ErpRefused, match="no database nowhere"):
        await remote.views(["x"])
    await remote.aclose()


async def test_a_server_that_is_gone_is_unavailable() -> None:
    remote = TrytonRemote(TrytonRpc("http://127.0.0.1:9", DATABASE, "chansync", "x"), Options())
    with pytest.raises(ErpUnavailable, match="refuses the connection"):
        await remote.views(["x"])
    await remote.aclose()


async def test_a_user_without_groups_is_told_which_are_lacking(trytond: Trytond, admin: TrytonRpc) -> None:
    (company,) = await admin.search_read("company.company", [], ["id"])
    values = {
        "name": "Bare", "login": "bare", "password": "bare-secret-9", "companies": [["add", [company["id"]]]],
        "company": company["id"],
    }  # fmt: skip
    await admin.create("res.user", [values])
    remote = TrytonRemote(tryton.rpc_of(trytond, user="bare", password="bare-secret-9"), Options())
    bad = [finding.sentence for finding in (await remote.check()).findings if finding.word == "bad"]
    assert any("Sales" in sentence and "Accounting" in sentence for sentence in bad), bad
    await remote.aclose()


async def test_what_is_not_set_up_is_found(trytond: Trytond) -> None:
    remote = tryton.remote_of(trytond, options=Options(rounding="NOTHING"))
    found = await remote.check()
    bad = [finding.sentence for finding in found.findings if finding.word == "bad"]
    assert len(bad) == 1
    assert "NOTHING" in bad[0]
    await remote.aclose()
    remote = tryton.remote_of(trytond, options=Options(company="Nobody Ltd"))
    found = await remote.check()
    assert ["Demo company" in each.sentence for each in found.findings if each.word == "bad"] == [True]
    await remote.aclose()


async def test_a_lost_answer_does_nothing_twice(trytond: Trytond, erp: Subject) -> None:
    """The server works, and the network takes its answer away."""
    draft = erp.draft()
    rpc = _Lossy(trytond)
    remote = TrytonRemote(rpc, Options())
    todo = SaleSteps(draft.key, draft.pos, (steps.Record(draft), steps.IssueDocument(), steps.Pay(draft.total)))
    lost = 0
    for _ in range(20):
        try:
            (answer,) = await remote.apply([todo])
        except ErpUnavailable:
            lost += 1
            continue
        if answer.error is None:
            break
        lost += 1
    assert lost >= 3
    assert [result.refused for result in answer.results] == [False] * 3
    assert erp.look is not None
    seen = await erp.look(draft.key)
    assert seen is not None
    assert (seen.sales, seen.total, seen.paid) == (1, draft.total, draft.total)
    await remote.aclose()


class _Lossy(TrytonRpc):
    """Loses the first answer to each kind of call that changes something."""

    def __init__(self, trytond: Trytond) -> None:
        super().__init__(trytond.url, DATABASE, tryton.USER, tryton.PASSWORD)
        self._lost: set[str] = set()

    async def _post(self, method: str, params: list[Any], *, of_server: bool = False) -> Any:
        answer = await super()._post(method, params, of_server=of_server)
        if method.endswith((".create", ".quote", ".confirm", ".post", ".execute")) and method not in self._lost:
            self._lost.add(method)
            raise ErpUnavailable("The answer is lost.")
        return answer
