"""How sales end and change: cancelled, reversed, refunded in part, written anew. Amounts are cents."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.journal import events, last
from chansync.erp.protocol import MissingStock, NotPossible
from chansync.model.sale import SaleState
from support import ledger, world
from support.ledger import available, do, draft, given_back, item_line, on_hand, record, state, two_shirts


class TestCancellingAndReversing:
    def test_a_cancelled_sale_leaves_nothing(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 12, 1200)])
        for step in ("block", "request_missing", "issue_document", "pay"):
            do(shop, step, sale, *([[]] if step == "request_missing" else []))
        do(shop, "cancel", sale)
        assert (available(shop), last(shop.db, "requests")) == (10, [])
        assert state(shop, sale) == SaleState(
            "EUR", 1200, blocked=False, requested=False, documented=0, document_number="", paid=0, unpaid=0,
            refunded=0, written_out=False, cancelled=True, reversed=False,
        )  # fmt: skip
        assert [(row.number, row.total) for row in last(shop.db, "documents")] == [
            ("MAIN/invoice/2", -1200), ("MAIN/invoice/1", 1200),
        ]  # fmt: skip

    def test_a_reversed_sale_brings_its_goods_and_money_back(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "issue_document", sale)
        do(shop, "pay", sale)
        do(shop, "write_out", sale)
        do(shop, "reverse", sale)
        found = state(shop, sale)
        assert (on_hand(shop), found.documented, found.paid, found.unpaid) == (10, 0, 0, 0)
        assert (found.written_out, found.reversed, found.cancelled) == (False, True, False)

    @pytest.mark.parametrize("closing", ["cancel", "reverse"])
    def test_what_was_refunded_before_is_not_credited_or_returned_again(self, shop: Store, closing: str) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "issue_document", sale)
        do(shop, "pay", sale)
        if closing == "reverse":
            do(shop, "write_out", sale)
        do(shop, "refund", sale, "r1", 500, [], True)
        do(shop, closing, sale)
        assert [row.total for row in last(shop.db, "documents")] == [-1273, -500, 1773]
        assert [row.amount for row in last(shop.db, "payments")] == [-1273, -500, 1773]

    @pytest.mark.parametrize("closing", ["cancel", "reverse"])
    def test_nothing_more_happens_to_a_closed_sale(self, shop: Store, closing: str) -> None:
        sale = record(shop, 1, two_shirts())
        if closing == "reverse":
            do(shop, "write_out", sale)
        do(shop, closing, sale)
        for step in ("block", "write_out", "issue_document", "cancel", "reverse"):
            with pytest.raises(NotPossible, match=r"The sale S-1 is (cancelled|reversed)"):
                do(shop, step, sale)
        with pytest.raises(NotPossible, match="nothing of it can be refunded"):
            do(shop, "refund", sale, "r1", 100, [], True)
        with pytest.raises(NotPossible):
            do(shop, "rewrite", sale, draft(1, two_shirts()))
        assert do(shop, "pay", sale) == 0

    def test_what_left_is_reversed_and_what_did_not_is_cancelled(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        with pytest.raises(NotPossible, match="is not written out: cancel it"):
            do(shop, "reverse", sale)
        do(shop, "write_out", sale)
        with pytest.raises(NotPossible, match="is written out: reverse it"):
            do(shop, "cancel", sale)
        with pytest.raises(NotPossible, match="is written out: it cannot be written out"):
            do(shop, "write_out", sale)

    def test_what_came_back_by_a_sale_leaves_again_only_if_it_is_there(self, shop: Store) -> None:
        returned = record(shop, 1, [item_line("SHIRT", -2, -1000)])
        do(shop, "write_out", returned)
        sold = record(shop, 2, [item_line("SHIRT", 12, 12000)])
        do(shop, "write_out", sold)
        with pytest.raises(MissingStock, match="S-1 cannot be reversed: W1 lacks 2 of SHIRT"):
            do(shop, "reverse", returned)
        assert (on_hand(shop), state(shop, returned).reversed) == (0, False)
        do(shop, "reverse", sold)
        do(shop, "reverse", returned)
        assert (on_hand(shop), state(shop, returned).reversed) == (10, True)


class TestRefunds:
    def test_by_amount_the_document_is_credited_and_the_money_returned(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "issue_document", sale)
        do(shop, "pay", sale)
        assert do(shop, "refund", sale, "r1", 500, [], True)
        found = state(shop, sale)
        assert (found.total, found.refunded, found.documented, found.paid, found.unpaid) == (1773, 500, 1273, 1273, 0)
        assert found.document_number == "MAIN/invoice/1"

    def test_the_same_key_is_recorded_once(self, shop: Store) -> None:
        first, second = record(shop, 1, two_shirts()), record(shop, 2, two_shirts())
        assert do(shop, "refund", first, "r1", 500, [], True)
        assert not do(shop, "refund", first, "r1", 500, [], True)
        assert do(shop, "refund", second, "r1", 500, [], True)
        assert state(shop, first).refunded == 500

    @pytest.mark.parametrize(("restock", "there"), [(True, 9), (False, 8)])
    def test_issued_goods_come_back_if_the_refund_says_so(self, shop: Store, restock: bool, there: int) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "write_out", sale)
        do(shop, "refund", sale, "r1", 595, [given_back("SHIRT", 1, 500, 95)], restock)
        assert on_hand(shop) == there
        do(shop, "reverse", sale)
        # What the refund said stays away is not conjured back by the reversal of the rest.
        assert on_hand(shop) == (10 if restock else 9)

    def test_goods_refunded_before_they_left_are_not_issued(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "block", sale)
        do(shop, "refund", sale, "r1", 595, [given_back("SHIRT", 1, 500, 95)], False)
        assert available(shop) == 9
        do(shop, "write_out", sale)
        assert on_hand(shop) == 9

    def test_what_is_refunded_is_not_requested_any_more(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHOE", 3, 300)])
        do(shop, "request_missing", sale, [])
        do(shop, "refund", sale, "r1", 200, [given_back("SHOE", 2, 200)], True)
        assert [(row.item, row.quantity) for row in last(shop.db, "requests")] == [("SHOE", 1)]

    def test_refunded_before_it_is_paid_less_is_owed(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "refund", sale, "r1", 773, [], True)
        assert do(shop, "issue_document", sale) == "MAIN/invoice/1"
        assert do(shop, "pay", sale) == 1000
        assert last(shop.db, "documents")[0].total == 1000

    def test_of_a_part_payment_only_what_is_too_much_is_returned(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "issue_document", sale)
        do(shop, "pay", sale, 1000)
        do(shop, "refund", sale, "r1", 700, [], True)
        assert (state(shop, sale).paid, state(shop, sale).unpaid) == (1000, 73)
        do(shop, "refund", sale, "r2", 100, [], True)
        assert (state(shop, sale).paid, state(shop, sale).unpaid) == (973, 0)

    def test_no_more_is_refunded_than_is_left(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "refund", sale, "r1", 1000, [given_back("SHIRT", 1, 500, 95)], True)
        with pytest.raises(
            NotPossible, match=r"7\.74 EUR cannot be refunded on the sale S-1: 7\.73 EUR of it are left"
        ):
            do(shop, "refund", sale, "r2", 774, [], True)
        with pytest.raises(NotPossible, match="2 of SHIRT cannot be refunded on the sale S-1: 1 are left"):
            do(shop, "refund", sale, "r2", 100, [given_back("SHIRT", 2, 84, 16)], True)

    def test_a_refund_that_names_a_line_twice_takes_no_more_than_was_sold(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        twice = [given_back("SHIRT", 1, 100), given_back("SHIRT", 2, 100)]
        with pytest.raises(NotPossible, match="2 of SHIRT cannot be refunded on the sale S-1: 1 are left"):
            do(shop, "refund", sale, "r1", 200, twice, True)

    def test_a_line_that_was_not_sold_is_named_unless_it_costs_nothing(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        with pytest.raises(NotPossible, match="has no line 77, which a refund names"):
            do(shop, "refund", sale, "r1", 100, [given_back("77", 1, 100)], True)
        assert do(shop, "refund", sale, "r1", 100, [given_back("77", 1, 0)], True)

    def test_all_of_a_sale_can_be_refunded_and_it_is_still_no_cancelled_sale(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "refund", sale, "r1", 1773, [], True)
        found = state(shop, sale)
        assert (found.unpaid, found.cancelled, found.touched) == (0, False, True)
        with pytest.raises(NotPossible, match="nothing is left to issue a document for"):
            do(shop, "issue_document", sale)
        assert do(shop, "pay", sale) == 0


class TestRewriting:
    def test_an_untouched_sale_becomes_the_draft_and_keeps_what_it_was(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "block", sale)
        do(shop, "request_missing", sale, ["W1"])
        changed = draft(1, [item_line("SHIRT", 12, 6000)], payment_method="cash", note="Ring twice")
        do(shop, "rewrite", sale, replace(changed, billing=replace(changed.billing, city="Hamburg")))
        assert state(shop, sale).total == 6000
        assert ledger.view(shop, sale).blocked == (("SHIRT", 10),)
        assert [(row.item, row.quantity) for row in last(shop.db, "requests")] == [("SHIRT", 2)]
        [(method, note, city, number)] = world.rows(
            shop, "SELECT payment_method, note, billing ->> '$.city', number FROM erp_sale WHERE id = ?", sale
        )
        assert (method, note, city, number) == ("cash", "Ring twice", "Hamburg", "S-1")
        [before] = [event.data["before"] for event in events(shop.db, sale) if event.kind == "rewritten"]
        assert (before["total"], before["lines"][0]["quantity"]) == (1773, "2")

    def test_what_it_needs_less_than_before_is_blocked_no_more(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 12, 1200)])
        do(shop, "block", sale)
        do(shop, "request_missing", sale, [])
        do(shop, "rewrite", sale, draft(1, [item_line("SHIRT", 3, 300)]))
        assert (available(shop), last(shop.db, "requests")) == (7, [])

    def test_a_sale_that_was_never_blocked_is_not_blocked_by_it(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "rewrite", sale, draft(1, [item_line("SHIRT", 1, 500)]))
        assert (state(shop, sale).blocked, state(shop, sale).requested) == (False, False)

    def test_a_customer_who_is_looked_for_by_nothing_is_not_made_anew(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts(), match_phone=False)
        do(shop, "rewrite", sale, draft(1, two_shirts(500), match_phone=False))
        assert world.rows(shop, "SELECT count(*) FROM erp_customer") == [(1,)]

    def test_another_customer_takes_its_place(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        other = draft(1, two_shirts())
        other.customer = replace(other.customer, name="Boris Petrov", phone="+359888000111")
        do(shop, "rewrite", sale, other)
        names = world.rows(shop, "SELECT c.name FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id")
        assert names == [("Boris Petrov",)]

    @pytest.mark.parametrize("step", ["issue_document", "write_out"])
    def test_a_touched_sale_stays(self, shop: Store, step: str) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, step, sale)
        with pytest.raises(NotPossible, match="cannot be rewritten"):
            do(shop, "rewrite", sale, draft(1, two_shirts(500)))
        assert ledger.view(shop, sale).lines[0].quantity == Decimal(2)
