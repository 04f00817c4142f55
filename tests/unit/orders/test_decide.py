"""The state machine of an order, to be read as a table: the order as the site shows it, its sale as the ERP shows it,
the channel's settings, and what is then done with the sale.

The order is of 10.00 and 1.90 tax for one piece of SKU-001, with shipping of 4.90 and 0.93 tax: 17.73 EUR.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from chansync.erp.protocol import PointOfSale
from chansync.model.channel import Channel, IntegrationSystem
from chansync.model.channel_parameters import default_values
from chansync.model.order import Order, PartPayment, Refund, RefundLine, TaxNumbers
from chansync.model.sale import (
    Customer,
    LineKind,
    RecordedRefund,
    SaleDraft,
    SaleLine,
    SaleState,
    SaleView,
)
from chansync.model.steps import Step
from chansync.model.wire import step_to_json
from chansync.orders.case import Case, History, Plan
from chansync.orders.decide import decide
from chansync.orders.differences import differences
from chansync.orders.problem import Problem
from chansync.orders.selection import reason_to_skip
from chansync.orders.settings import ImportSettings
from support.orders import ANNA, line, order

TOTAL, KEY = 1773, "chansync:shop:1"
NOW, HOUR = 1_700_000_000_000, 3_600_000

OPEN = SaleState(
    currency="EUR", total=TOTAL, blocked=False, requested=False, documented=0, document_number="", paid=0,
    unpaid=TOTAL, refunded=0, written_out=False, cancelled=False, reversed=False,
)  # fmt: skip
DOCUMENTED = replace(OPEN, documented=TOTAL, document_number="MAIN/invoice/1")
PAID = replace(DOCUMENTED, paid=TOTAL, unpaid=0)
OUT = replace(PAID, written_out=True)
CANCELLED = replace(OPEN, cancelled=True, unpaid=0)
REVERSED = replace(OUT, written_out=False, reversed=True, documented=0, document_number="", paid=0)

LINES = (
    SaleLine(LineKind.ITEM, "SKU-001", "Item", Decimal(1), 1000, 190, 0, "1"),
    SaleLine(LineKind.TRANSPORT, "SHIPPING", "Flat rate", Decimal(1), 490, 93, 0, "90"),
)
DRAFT = SaleDraft(
    key=KEY, number="shop-1", channel_code="shop", order_number="1", pos="MAIN", warehouse="W1",
    sale_date=date(2026, 11, 1), currency="EUR", total=TOTAL,
    customer=Customer("Anna Ivanova", ANNA, TaxNumbers()), billing=ANNA, delivery=ANNA, lines=list(LINES),
    payment_method="bank", delivery_method="courier", sale_type="", tax_transaction="", document_type="invoice",
    merchant="", note="",
)  # fmt: skip
UNMAPPED = Problem("item_unknown", "Order 1: not in the ERP: NOPE.", {})


def written(step: Step) -> Any:
    """The fields of a step as JSON has them."""
    return json.loads(step_to_json(step))


def settings(**values: Any) -> ImportSettings:
    """A channel that imports processing, on-hold and completed, and counts completed as paid."""
    channel = Channel(1, IntegrationSystem(1, "woo", "WooCommerce", "woocommerce"), default_values() | values)
    return ImportSettings(
        channel=channel, version=1, erp=None, pos=PointOfSale("MAIN", "W1", frozenset({"EUR"})),  # type: ignore[arg-type]
        order_statuses=frozenset({"processing", "on-hold", "completed"}), paid_statuses=frozenset({"completed"}),
        refused_statuses=frozenset({"cancelled", "refunded"}), known_statuses=frozenset(), start="2020-01-01",
        payments={}, deliveries={}, items={}, taxes={},
    )  # fmt: skip


def plan(
    found: Order,
    state: SaleState | None,
    *,
    draft: SaleDraft | Problem = DRAFT,
    before: str | None = "on-hold",
    own: str | None = None,
    todo: tuple[str, ...] = (),
    problems: frozenset[str] = frozenset(),
    asked: dict[str, Any] | None = None,
    **sale: Any,
) -> Plan:
    view = SaleView(KEY, "7", "shop-1", state, lines=LINES, **sale) if state else None
    history = History(before, own, todo, problems) if state and before is not None else None
    return decided(found, view, history, draft, settings(**asked or {}))


def decided(
    found: Order, view: SaleView | None, history: History | None, draft: SaleDraft | Problem, own: ImportSettings
) -> Plan:
    changes = differences(found, view, history.taken if history else {}) if view else []
    return decide(Case(found, KEY, view, history, draft, changes, now=NOW), own)


def words(found: Plan) -> str:
    return " ".join(step.word for step in found.steps)


@dataclass(frozen=True, slots=True)
class Row:
    """What is seen, and what is decided: the words of the steps, and the codes of the problems.

    Attributes:
        sale: None: there is none yet.
        status: of the order now; ``before``: when it was last seen.
        asked: the channel's settings; ``todo``: what is left of the creation; ``problems``: what is open.
    """

    steps: str
    found: str = ""
    sale: SaleState | None = OPEN
    status: str = "on-hold"
    before: str | None = "on-hold"
    own: str | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    todo: tuple[str, ...] = ()
    problems: frozenset[str] = frozenset()
    draft: SaleDraft | Problem = field(default_factory=lambda: DRAFT)
    changes: dict[str, Any] = field(default_factory=dict)


ALL = {
    "block_quantities": True, "create_request": True, "issue_document": True, "pay_immediately": True,
    "write_out_immediately": True,
}  # fmt: skip
ELSEWHERE = {"write_out_what_the_site_ships": True}
ON_PAYMENT = {"issue_document_on_payment": True}
EDIT = {"lines": [line(quantity=2, total=Decimal(20), tax=Decimal("3.80"))]}
SMALLER = {"lines": [], "shipping": [], "total": Decimal("0.00"), "shrinks": True}
REFUND = {"refunds": [Refund("50", Decimal("2.00"), "damaged", [])]}
REFUND_UNKNOWN = {"refunds": [Refund("50", Decimal("2.00"), "damaged", None)]}

TABLE = {
    # A new order
    "new, nothing asked for": Row("record", sale=None),
    "new, everything asked for": Row("record block request issue pay write_out", sale=None, asked=ALL),
    "new and paid": Row("record pay", sale=None, status="completed"),
    "new and paid, and asked to pay: once": Row("record issue pay", sale=None, status="completed",
                                                asked={"issue_document": True, "pay_immediately": True}),
    "new, paid, written out: the goods first": Row("record write_out pay", sale=None, status="completed",
                                                   asked={"write_out_immediately": True}),
    "new with a refund": Row("record refund", sale=None, changes=REFUND),
    "new with a refund whose lines are not known yet": Row("record", sale=None, changes=REFUND_UNKNOWN),
    "new, but it cannot be mapped": Row("", "item_unknown", sale=None, draft=UNMAPPED, asked=ALL),
    "recorded, but its mark was lost": Row("issue", before=None, asked={"issue_document": True}),
    "recorded and closed, but its mark was lost": Row("", "order_returned", sale=CANCELLED, before=None),
    # What is left of the creation
    "nothing left, nothing new": Row(""),
    "goods were missing: tried again": Row("write_out", todo=("write_out",)),
    "written out by a person meanwhile: nothing left": Row("", sale=OUT, todo=("block", "request", "write_out")),
    "issued by a person meanwhile: the payment is left": Row("pay", sale=DOCUMENTED, todo=("issue", "pay")),
    "paid by a person meanwhile: nothing left": Row("", sale=PAID, todo=("issue", "pay")),
    # Payment
    "paid on the site": Row("pay", status="completed"),
    "paid on the site, its document upon payment": Row("pay", status="completed", asked=ON_PAYMENT),
    "paid on the site and in the ERP": Row("", sale=PAID, status="completed"),
    "the paid status is our own: nobody paid by it": Row("", status="completed", own="completed"),
    "it was paid, and is not any more": Row("", "payment_withdrawn", sale=PAID, before="completed"),
    "it is still not paid": Row("", "payment_withdrawn", sale=PAID, problems=frozenset({"payment_withdrawn"})),
    "paid again": Row("", sale=PAID, status="completed", problems=frozenset({"payment_withdrawn"})),
    "paid by a person, never on the site": Row("", sale=PAID),
    "it was paid, and its sale is not": Row("", sale=DOCUMENTED, before="completed"),
    # Refusal
    "refused": Row("cancel", status="cancelled"),
    "refused, its goods are issued": Row("reverse", sale=OUT, status="refunded"),
    "refused, cancelled already": Row("", sale=CANCELLED, status="cancelled"),
    "refused, reversed already": Row("", sale=REVERSED, status="refunded", before="cancelled"),
    "refused and edited: the edit does not matter": Row("cancel", status="cancelled", changes=EDIT),
    "back after its sale was cancelled": Row("", "order_returned", sale=CANCELLED, before="cancelled"),
    "still back": Row("", "order_returned", sale=CANCELLED, problems=frozenset({"order_returned"})),
    "its sale was cancelled by a person": Row("", sale=CANCELLED),
    "its sale was cancelled by a person, and it goes on": Row("", "order_returned", sale=CANCELLED, status="completed"),
    "its sale was reversed by a person, and it goes on": Row("", "order_returned", sale=REVERSED, status="completed"),
    "its sale was reversed after we completed it": Row("", sale=REVERSED, status="completed", own="completed"),
    # Edits
    "edited, untouched": Row("rewrite", changes=EDIT),
    "edited, untouched, paid": Row("rewrite pay", status="completed", changes=EDIT),
    "edited, but it cannot be mapped now": Row("", "item_unknown", changes=EDIT, draft=UNMAPPED),
    "edited, documented": Row("", "order_changed", sale=DOCUMENTED, changes=EDIT),
    "edited, documented, paid on the site": Row("", "order_changed", sale=DOCUMENTED, status="completed",
                                                changes=EDIT),
    "as it was again: the difference is gone": Row("", sale=DOCUMENTED, problems=frozenset({"order_changed"})),
    "all of it was cancelled, untouched": Row("rewrite", changes=SMALLER),
    "all of it was cancelled, documented": Row("refund", sale=DOCUMENTED, changes=SMALLER),
    "without prices nothing is compared": Row("", sale=DOCUMENTED, changes=EDIT | {"awaits_prices": True}),
    "prices are not told any more": Row("", "prices_missing", sale=DOCUMENTED, changes={"lacks_prices": True}),
    # What has to be known before goods leave
    "the buyer asks to cancel": Row("", "cancel_wished", changes={"cancel_wish": "Too late"}),
    "the buyer asks to cancel, without a reason": Row("", "cancel_wished", changes={"cancel_wish": ""}),
    "the buyer asks to cancel, too late": Row("", sale=OUT, changes={"cancel_wish": ""}),
    "the buyer asks to cancel, it was done": Row("", sale=CANCELLED, changes={"cancel_wish": ""}),
    "new, the buyer asks to cancel: its goods stay": Row("record block request issue pay", "cancel_wished", sale=None,
                                                         asked=ALL, changes={"cancel_wish": ""}),
    "it cannot be fulfilled": Row("", "order_unfulfillable", sale=PAID, changes={"unfulfillable": True}),
    "it cannot be fulfilled, its goods are issued": Row("", "order_unfulfillable", sale=OUT,
                                                        changes={"unfulfillable": True}),
    "it cannot be fulfilled, its sale was ended": Row("", sale=REVERSED, changes={"unfulfillable": True}),
    "to be shipped in two days": Row("", changes={"ship_by": NOW + 48 * HOUR}),
    "to be shipped today": Row("", "ship_by_near", changes={"ship_by": NOW + 5 * HOUR}),
    "to be shipped yesterday": Row("", "ship_by_near", changes={"ship_by": NOW - 24 * HOUR}),
    "to be shipped yesterday, and it was": Row("", sale=OUT, changes={"ship_by": NOW - 24 * HOUR}),
    "new, to be shipped today, and it is": Row("record write_out", sale=None, asked={"write_out_immediately": True},
                                               changes={"ship_by": NOW}),
    # Shipped elsewhere
    "shipped elsewhere, not asked for": Row("", changes={"shipped_by": ("", "")}),
    "shipped elsewhere": Row("write_out", asked=ELSEWHERE, changes={"shipped_by": ("DHL", "1")}),
    "new, shipped elsewhere": Row("record write_out", sale=None, asked=ELSEWHERE, changes={"shipped_by": ("", "")}),
    "shipped elsewhere and written out": Row("", sale=OUT, asked=ELSEWHERE, changes={"shipped_by": ("", "")}),
    "shipped elsewhere, its sale is closed": Row("", sale=CANCELLED, asked=ELSEWHERE, changes={"shipped_by": ("", "")}),
    "shipped elsewhere, its goods were missing": Row("write_out", asked=ELSEWHERE, todo=("write_out",),
                                                     changes={"shipped_by": ("", "")}),
    # Refunds
    "refunded in part": Row("refund", sale=PAID, changes=REFUND),
    "refunded in part, closed": Row("", sale=CANCELLED, changes=REFUND),
    "refunded in part, its lines are not known yet": Row("", sale=PAID, changes=REFUND_UNKNOWN),
}  # fmt: skip


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE.keys())
def test_row(row: Row) -> None:
    found = plan(
        order(status=row.status, **row.changes), row.sale, draft=row.draft, before=row.before, own=row.own,
        todo=row.todo, problems=row.problems, asked=row.asked,
    )  # fmt: skip
    assert (words(found), " ".join(problem.code for problem in found.problems)) == (row.steps, row.found)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": "cancelled"}, "refused"),
        ({"status": "pending"}, "status"),
        ({"placed_on": date(2019, 12, 31)}, "before_start"),
        ({"awaits_prices": True}, "no_prices"),
    ],
)
def test_an_order_outside_the_selection_is_skipped(changes: dict[str, Any], reason: str) -> None:
    found = order(**changes)
    assert reason_to_skip(settings(), found.status, found.placed_on.isoformat(), found.awaits_prices) == reason


@pytest.mark.parametrize(
    ("status", "done", "is_withdrawn"),
    [("on-hold", False, True), ("delivered", True, False), ("packed", None, False), ("chargeback", None, True)],
)
def test_an_order_that_goes_on_from_its_paid_status_is_still_paid(
    status: str, done: bool | None, is_withdrawn: bool
) -> None:
    """Statuses that a shop has made up are steps on its way where the channel takes orders of them."""
    own = replace(
        settings(), order_statuses=frozenset({"processing", "packed"}), paid_statuses=frozenset({"processing"})
    )
    view = SaleView(KEY, "7", "shop-1", PAID, lines=LINES)
    made = replace(order(status=status), done=done)
    found = decided(made, view, History("processing"), DRAFT, own)
    assert ([problem.code for problem in found.problems] == ["payment_withdrawn"]) is is_withdrawn


class TestAmounts:
    def test_a_payment_says_what_shall_be_paid_in_all(self) -> None:
        partly = replace(DOCUMENTED, paid=500, unpaid=TOTAL - 200 - 500, refunded=200)
        [payment] = plan(order(status="completed"), partly).steps
        assert (payment.word, written(payment)["in_all"]) == ("pay", TOTAL - 200)
        assert not written(payment)["issue_first"]

    def test_a_payment_carries_its_transaction_and_its_day(self) -> None:
        paid = order(status="completed", transaction_id="pi_123", paid_on=date(2026, 11, 2))
        [payment] = plan(paid, DOCUMENTED).steps
        assert written(payment)["transaction_id"] == "pi_123"
        assert written(payment)["paid_on"] == "2026-11-02"

    @pytest.mark.parametrize(
        ("method", "in_all", "parts", "found"),
        [("voucher", TOTAL, [{"method": "voucher", "amount": 500}], []), (None, TOTAL - 500, [], ["payment_unmapped"])],
    )
    def test_gift_cards_are_paid_by_their_own_method(
        self, method: str | None, in_all: int, parts: list[dict[str, Any]], found: list[str]
    ) -> None:
        paid = order(status="completed", part_payments=[PartPayment("", "Gift card A", Decimal(5))])
        made = plan(paid, DOCUMENTED, asked={"gift_card_payment_method": method})
        [payment] = made.steps
        assert (written(payment)["in_all"], written(payment)["parts"]) == (in_all, parts)
        assert [problem.code for problem in made.problems] == found

    def test_a_gift_card_of_an_unpaid_order_is_paid_once_there_is_a_document(self) -> None:
        waits = order(status="on-hold", part_payments=[PartPayment("", "Gift card A", Decimal(5))])
        asked = {"gift_card_payment_method": "voucher"}
        [payment] = plan(waits, DOCUMENTED, asked=asked).steps
        assert (written(payment)["in_all"], written(payment)["parts"]) == (
            500,
            [{"method": "voucher", "amount": 500}],
        )
        partly = replace(DOCUMENTED, paid=500, unpaid=DOCUMENTED.unpaid - 500)
        assert plan(waits, partly, asked=asked).steps == []
        assert plan(waits, OPEN, asked=asked).steps == []
        [rest] = plan(replace(waits, status="completed"), partly, asked=asked).steps
        assert written(rest)["in_all"] == TOTAL

    def test_an_order_of_less_than_nothing_is_paid_back(self) -> None:
        state = replace(DOCUMENTED, total=-1190, documented=-1190, unpaid=-1190)
        draft = replace(DRAFT, total=-1190)
        [_, payment] = plan(order(status="completed"), None, draft=draft).steps
        assert written(payment)["in_all"] == -1190
        returned = replace(state, paid=-1190, unpaid=0)
        back = order(lines=[line(quantity=-1, total=Decimal(-10), subtotal=Decimal(-10), tax=Decimal("-1.90"))])
        back = replace(back, status="completed", shipping=[], total=Decimal("-11.90"))
        lines = (SaleLine(LineKind.ITEM, "SKU-001", "Item", Decimal(-1), -1000, -190, 0, "1"),)
        view = SaleView(KEY, "7", "shop-1", returned, lines=lines)
        found = decided(back, view, History("completed"), draft, settings())
        assert (found.steps, found.problems) == ([], [])


@pytest.mark.parametrize(
    ("method", "status", "is_paid"),
    [
        ("bacs", "processing", False),
        ("bacs", "completed", True),
        ("cod", "processing", True),
        ("cod", "completed", False),
    ],
)
def test_a_payment_method_has_its_own_paid_statuses(method: str, status: str, is_paid: bool) -> None:
    own = replace(settings(), paid_by_method={"cod": frozenset({"processing"})})
    view = SaleView(KEY, "7", "shop-1", DOCUMENTED, lines=LINES)
    found = decided(order(payment_code=method, status=status), view, History("on-hold"), DRAFT, own)
    assert (words(found) == "pay") is is_paid

    def test_after_a_rewrite_it_is_the_new_total(self) -> None:
        draft = replace(DRAFT, total=2963)
        _, payment = plan(order(status="completed", **EDIT), OPEN, draft=draft).steps
        assert written(payment)["in_all"] == 2963

    def test_what_was_cancelled_is_given_back_and_not_paid_any_more(self) -> None:
        smaller = order(status="completed", lines=[line()], shipping=[], shrinks=True)
        found = plan(smaller, DOCUMENTED)
        refund, payment = (written(step) for step in found.steps)
        assert (refund["total"], refund["lines"]) == (
            583, [{"external_id": "90", "quantity": "1", "net": 490, "tax": 93, "restock": True}],
        )  # fmt: skip
        assert payment["in_all"] == 1190
        assert [problem.code for problem in found.otherwise.values()] == ["order_changed"]

    @pytest.mark.parametrize("restocked", [Decimal(1), Decimal(0)])
    def test_a_refund_restocks_as_the_site_did(self, restocked: Decimal) -> None:
        back = RefundLine("item", "1", Decimal(1), Decimal("10.00"), Decimal("1.90"))
        refunds = [Refund("51", Decimal("11.90"), "returned", [back])]
        [refund] = plan(order(refunds=refunds, lines=[line(restocked=restocked)]), OUT).steps
        told = written(refund)
        assert (refund.name, told["total"], told["restock"]) == ("refund:51", 1190, bool(restocked))

    def test_a_refund_that_is_recorded_is_not_refunded_again(self) -> None:
        found = plan(order(**REFUND), PAID, refunds=(RecordedRefund("50", 200),))
        assert found.steps == []


class TestBuyers:
    """A sale that was recorded without a buyer, because the site told none then."""

    def test_it_gets_its_customer_wherever_it_stands(self) -> None:
        assert words(plan(order(), OUT, nameless=frozenset({"billing", "delivery"}))) == "complete"

    def test_it_waits_for_one_that_can_be_drafted(self) -> None:
        assert words(plan(order(), OUT, nameless=frozenset({"billing"}), draft=UNMAPPED)) == ""

    def test_a_buyer_of_another_tax_transaction_is_a_problem(self) -> None:
        told = order(divided_by="distance")
        found = plan(told, OUT, nameless=frozenset({"billing"}), tax_transaction="home")
        assert (words(found), [problem.code for problem in found.problems]) == ("complete", ["order_changed"])

    def test_which_stays_until_it_is_solved(self) -> None:
        told = order(divided_by="distance")
        still = plan(told, OUT, tax_transaction="home", problems=frozenset({"order_changed"}))
        solved = plan(told, OUT, tax_transaction="home")
        assert ([problem.code for problem in still.problems], solved.problems) == (["order_changed"], [])


def test_every_step_is_json_and_has_a_key_of_its_own() -> None:
    found = plan(order(status="completed", **REFUND), None, asked=ALL)
    keys = [step.key(KEY) for step in found.steps]
    assert keys == [
        f"{KEY}#{name}" for name in ("record", "block", "request", "issue", "pay", "write_out", "refund:50")
    ]
    assert written(found.steps[0])["draft"]["total"] == TOTAL


def test_what_the_creation_asks_for_stays_until_it_is_done() -> None:
    assert plan(order(status="completed"), None, asked=ALL).todo == ["block", "request", "issue", "pay", "write_out"]
    assert plan(order(status="completed", **REFUND), OPEN).todo == []


def test_what_waits_for_the_buyers_wish_is_done_once_it_is_withdrawn() -> None:
    found = plan(order(cancel_wish="Too late"), OPEN, todo=("block", "write_out"))
    assert (words(found), found.deferred) == ("block", ["write_out"])
    assert words(plan(order(), OPEN, todo=("write_out",))) == "write_out"


@pytest.mark.parametrize("state", [None, OPEN, DOCUMENTED, PAID])
def test_an_order_is_looked_at_again_a_day_before_it_is_to_be_shipped(state: SaleState | None) -> None:
    assert plan(order(ship_by=NOW + 100 * HOUR), state).look_again == NOW + 76 * HOUR
    assert plan(order(), state).look_again is None
