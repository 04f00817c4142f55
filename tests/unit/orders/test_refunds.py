"""A refund is recorded where its three witnesses agree and the sale has what it gives back; else a person decides."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.model.order import Refund, RefundLine
from chansync.model.sale import RecordedRefund
from chansync.orders.refunds import Refundable, new_refunds
from support.orders import order

SALE = Refundable("EUR", 1773, {"1": Decimal(2), "90": Decimal(1)})


def back(line: str, quantity: int, total: str, kind: str = "item") -> RefundLine:
    return RefundLine(kind, line, Decimal(quantity), Decimal(total), Decimal(0))


def refund(amount: str, *lines: RefundLine, own: str = "7") -> Refund:
    return Refund(own, Decimal(amount), "", list(lines), Decimal(amount))


@pytest.mark.parametrize(
    ("told", "unclear"),
    [
        (refund("5.00"), ""),
        (refund("17.73"), ""),
        (
            refund("17.74"),
            "Refund 7: the order and the refund itself say 17.74 EUR, its lines say nothing; only 17.73 EUR are left",
        ),
        (refund("5.00", back("1", 2, "5.00")), ""),
        (refund("5.00", back("1", 3, "5.00")), "pieces that the sale does not have"),
        (refund("5.00", back("", 1, "5.00")), "pieces that the sale does not have"),
        (refund("5.00", back("8", 0, "5.00")), "pieces that the sale does not have"),
        (refund("5.00", back("1", 0, "5.00"), back("91", 0, "0", "shipping")), ""),
        (refund("5.00", back("90", 1, "5.00", "shipping")), ""),
        (refund("5.001"), "say 5.001 EUR, its lines say nothing; EUR has 2 decimals."),
        (
            replace(refund("5.001"), amount=None),
            "the order says 5.001 EUR, the refund itself and its lines say nothing;",
        ),
        (
            refund("5.00", back("1", 1, "6.00")),
            "the order and the refund itself say 5.00 EUR, its lines say 6.00 EUR. ",
        ),
        (
            replace(refund("5.00"), amount=Decimal(0)),
            "the order says 5.00 EUR, the refund itself says 0 EUR, its lines say nothing. ",
        ),
    ],
)
def test_what_is_recorded_and_what_a_person_decides(told: Refund, unclear: str) -> None:
    found = new_refunds(order(refunds=[told]), (), {}, SALE, "")
    assert [step.total for step in found.steps] == ([] if unclear else [int(told.total * 100)])
    assert [problem.code for problem in found.problems] == (["refund_unclear"] if unclear else [])
    assert all(unclear in problem.sentence for problem in found.problems)


def test_what_a_person_chose_leaves_out_the_pieces_that_the_sale_does_not_have() -> None:
    told = refund("5.00", back("", 1, "4.00"), back("1", 1, "1.00"))
    [step] = new_refunds(order(refunds=[told]), (), {}, SALE, "summary").steps
    assert (step.total, [(line.external_id, line.quantity) for line in step.lines]) == (500, [("1", Decimal(1))])
    kept = new_refunds(order(refunds=[told]), (), {}, SALE, "keep")
    assert not kept.steps
    assert not new_refunds(order(refunds=[told]), (), {"kept": kept.kept}, SALE, "").problems


@given(st.lists(st.decimals(0, 30, places=2), max_size=6), st.sampled_from(["", "summary", "refund", "lines", "keep"]))
def test_never_more_is_refunded_than_is_left_and_nothing_is_passed_over(amounts: list[Decimal], decision: str) -> None:
    told = [refund(str(amount), own=str(place)) for place, amount in enumerate(amounts, 1)]
    found = new_refunds(order(refunds=told), (), {}, SALE, decision)
    assert sum(step.total for step in found.steps) <= SALE.total
    passed_over = len(told) - len(found.steps) - len(found.kept)
    assert bool(passed_over) == bool(found.problems)


def test_a_refund_of_an_amount_that_a_person_entered_may_be_the_same() -> None:
    entered = (
        RecordedRefund("manual 1", 500),
        RecordedRefund("manual 2", 300),
        RecordedRefund("manual 2 withdrawn", -300),
    )
    told = [refund("5.00", own="7"), refund("5.00", own="8"), refund("3.00", own="9")]
    found = new_refunds(order(refunds=told), entered, {}, SALE, "")
    assert [step.refund_id for step in found.steps] == ["8", "9"]
    assert [
        "Refund 7: the order says 5.00 EUR, and a person entered" in problem.sentence for problem in found.problems
    ] == [True]
    kept = new_refunds(order(refunds=told), entered, {}, SALE, "keep")
    assert list(kept.kept) == ["refund:7"]
    later = new_refunds(order(refunds=told), entered, {"kept": kept.kept}, SALE, "")
    assert ([step.refund_id for step in later.steps], later.problems) == (["8", "9"], [])
    both = new_refunds(order(refunds=told), entered, {}, SALE, "refund")
    assert ([step.refund_id for step in both.steps], both.problems) == (["7", "8", "9"], [])
