"""Views and steps as JSON: what is read back is what was written, exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from chansync.model import steps
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import (
    Customer,
    LineKind,
    RecordedRefund,
    RefundedLine,
    SaleDraft,
    SaleLine,
    SaleState,
    SaleView,
    Shipment,
)
from chansync.model.steps import Step, StepResult
from chansync.model.wire import (
    STEPS,
    BadWire,
    from_json,
    from_plain,
    step_from_json,
    step_from_plain,
    step_to_json,
    step_to_plain,
    to_json,
    to_plain,
)

ANNA = Address("Anna", "Иванова", city="София", country="BG", email="anna@example.com")
LINE = SaleLine(LineKind.ITEM, "SKU-001", "Tea, “loose”", Decimal("1.250"), 1000, 190, 5, "1")
BACK = RefundedLine("1", Decimal("0.5"), 500, 95, restock=False)
DRAFT = SaleDraft(
    key="chansync:shop:1", number="", channel_code="shop", order_number="1", pos="MAIN", warehouse="W1",
    sale_date=date(2026, 2, 28), currency="EUR", total=1190, customer=Customer("Anna", ANNA, TaxNumbers(vat="BG1")),
    billing=ANNA, delivery=ANNA, lines=[LINE], payment_method="bank", delivery_method="", sale_type="",
    tax_transaction="", document_type="invoice", merchant="", note="",
)  # fmt: skip
STATE = SaleState("EUR", 1190, True, False, 1190, "7", 0, 1190, 0, False, False, False)
VIEW = SaleView(
    "chansync:shop:1", "17", "S-1", STATE, "Anna", 1, "MAIN", "W1", lines=(LINE,),
    refunds=(RecordedRefund("r1", 595, (BACK,)),), blocked=(("SKU-001", 1),), nameless=frozenset({"billing"}),
    shipment=Shipment("Courier", "1Z", 5), billing=ANNA, tax_numbers=TaxNumbers(uic="1"),
)  # fmt: skip

EVERY: list[Step] = [
    steps.Record(DRAFT),
    steps.Rewrite(DRAFT, "v2", "why"),
    steps.Complete(DRAFT, "v2"),
    steps.Amend("v2", billing=ANNA, note=""),
    steps.Block(),
    steps.Release(),
    steps.RequestMissing(("W1", "W2")),
    steps.IssueDocument("invoice"),
    steps.Pay(1190, issue_first=True),
    steps.WriteOut("Courier", "1Z"),
    steps.Pack(2, (("1", 1), ("2", 0)), "Courier", "1Z"),
    steps.Ship("Courier", "1Z"),
    steps.Cancel(),
    steps.Reverse(),
    steps.Refund("r1", 595, (BACK,), restock=False),
    steps.WithdrawRefund("r1"),
]


@pytest.mark.parametrize("step", EVERY, ids=lambda step: step.word)
def test_a_step_comes_back_as_it_was(step: Step) -> None:
    assert step_from_json(step_to_json(step)) == step
    assert step_from_plain(json.loads(json.dumps(step_to_plain(step)))) == step


def test_every_kind_of_step_is_tested() -> None:
    assert {step.word for step in EVERY} == set(STEPS)
    assert {kind.word for kind in Step.__subclasses__()} == set(STEPS)


@pytest.mark.parametrize("view", [VIEW, replace(VIEW, shipment=None, billing=None, lines=(), refunds=())])
def test_a_view_comes_back_as_it_was(view: SaleView) -> None:
    assert from_json(to_json(view), SaleView) == view
    assert from_plain(json.loads(json.dumps(to_plain(view))), SaleView) == view


def test_decimals_keep_their_places_and_days_are_iso() -> None:
    plain = to_plain(DRAFT)
    assert plain["lines"][0]["quantity"] == "1.250"
    assert plain["sale_date"] == "2026-02-28"
    assert plain["lines"][0]["kind"] == "item"


def test_a_result_comes_back_as_it_was() -> None:
    result = StepResult("k#block", changed=True, missing=(("SKU-001", 2),), warnings=("two",))
    assert from_json(to_json(result), StepResult) == result


def test_what_a_newer_side_adds_is_ignored_and_what_it_leaves_out_has_its_default() -> None:
    assert step_from_plain({"step": "write_out", "colour": "red"}) == steps.WriteOut()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"step": "fly"}, "There is no step 'fly'"),
        ({}, "There is no step None"),
        ([], "There is no step None"),
        ({"step": "pay"}, "This is no Pay: Object missing required field `in_all`"),
        ({"step": "pay", "in_all": "12"}, r"This is no Pay: Expected `int`, got `str` - at `\$.in_all`"),
    ],
)
def test_what_is_none_says_where(value: object, said: str) -> None:
    with pytest.raises(BadWire, match=said):
        step_from_plain(value)


def test_a_quantity_that_is_no_number_says_where() -> None:
    broken = to_plain(VIEW) | {"lines": [to_plain(LINE) | {"quantity": "many"}]}
    with pytest.raises(BadWire, match=r"This is no SaleView: .*quantity"):
        from_plain(broken, SaleView)
