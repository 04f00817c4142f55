"""What an accountant and a storekeeper expect of a sale, one deal at a time. Amounts are cents."""

from __future__ import annotations

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.journal import events, last
from chansync.erp.protocol import DocumentTypeMissing, MissingStock, NoDocument, NotPossible
from chansync.model.sale import SaleState
from support import ledger, world
from support.ledger import available, do, have, item_line, on_hand, record, shipping_line, state, two_shirts


class TestAPlainDeal:
    def test_blocked_documented_paid_and_written_out(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        assert state(shop, sale) == SaleState(
            "EUR", 1773, blocked=False, requested=False, documented=0, document_number="", paid=0, unpaid=1773,
            refunded=0, written_out=False, cancelled=False, reversed=False,
        )  # fmt: skip
        do(shop, "block", sale)
        assert (on_hand(shop), available(shop), state(shop, sale).blocked) == (10, 8, True)
        assert do(shop, "issue_document", sale) == "MAIN/invoice/1"
        assert do(shop, "pay", sale) == 1773
        do(shop, "write_out", sale)
        assert (on_hand(shop), available(shop)) == (8, 8)
        assert state(shop, sale) == SaleState(
            "EUR", 1773, blocked=False, requested=False, documented=1773, document_number="MAIN/invoice/1", paid=1773,
            unpaid=0, refunded=0, written_out=True, cancelled=False, reversed=False,
        )  # fmt: skip
        assert [event.kind for event in events(shop.db, sale)] == ["blocked", "document issued", "paid", "written out"]

    def test_each_step_done_again_does_nothing_more(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        for _ in range(2):
            do(shop, "block", sale)
            do(shop, "request_missing", sale, [])
            do(shop, "issue_document", sale)
            do(shop, "pay", sale)
        assert available(shop) == 8
        assert (len(last(shop.db, "documents")), len(last(shop.db, "payments"))) == (1, 1)
        assert [event.kind for event in events(shop.db, sale)] == ["blocked", "requested", "document issued", "paid"]

    def test_only_an_untouched_sale_is_untouched(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "block", sale)
        do(shop, "request_missing", sale, [])
        assert not state(shop, sale).touched
        do(shop, "issue_document", sale)
        assert state(shop, sale).touched

    def test_a_free_sale_is_touched_by_its_document_though_it_is_over_nothing(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 1, 0)], payment_method="")
        assert do(shop, "issue_document", sale) == "MAIN/invoice/1"
        assert (state(shop, sale).documented, state(shop, sale).touched) == (0, True)
        assert do(shop, "pay", sale) == 0
        do(shop, "cancel", sale)
        assert [(row.number, row.total, row.credits) for row in last(shop.db, "documents")] == [
            ("MAIN/invoice/2", 0, "MAIN/invoice/1"), ("MAIN/invoice/1", 0, ""),
        ]  # fmt: skip

    def test_a_sale_of_services_alone_moves_no_goods(self, shop: Store) -> None:
        sale = record(shop, 1, [shipping_line(500)])
        do(shop, "block", sale)
        do(shop, "write_out", sale)
        assert (state(shop, sale).written_out, state(shop, sale).blocked) == (True, False)
        do(shop, "reverse", sale)
        assert world.rows(shop, "SELECT 1 FROM erp_stock_movement WHERE sale_id = ?", sale) == []

    def test_a_quantity_that_is_no_whole_piece_cannot_be_issued(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", "0.5", 500)])
        with pytest.raises(NotPossible, match=r"0\.5 of SHIRT cannot be taken from stock"):
            do(shop, "write_out", sale)


class TestBlocksAndRequests:
    def test_only_what_is_there_is_blocked_and_the_rest_is_requested(self, shop: Store) -> None:
        first = record(shop, 1, [item_line("SHIRT", 8, 800)])
        second = record(shop, 2, [item_line("SHIRT", 5, 500)])
        do(shop, "block", first)
        do(shop, "block", second)
        assert [ledger.view(shop, sale).blocked for sale in (first, second)] == [(("SHIRT", 8),), (("SHIRT", 2),)]
        assert do(shop, "request_missing", first, []) == []
        assert do(shop, "request_missing", second, []) == [("SHIRT", 3)]
        assert [(row.sale, row.item, row.quantity) for row in last(shop.db, "requests")] == [("S-2", "SHIRT", 3)]
        assert (state(shop, first).requested, state(shop, second).requested) == (False, True)

    def test_when_goods_come_in_the_block_grows_and_the_request_ends(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 12, 1200)])
        do(shop, "block", sale)
        assert do(shop, "request_missing", sale, []) == [("SHIRT", 2)]
        have(shop, "SHIRT", 15)
        do(shop, "block", sale)
        assert do(shop, "request_missing", sale, []) == []
        assert (available(shop), state(shop, sale).requested) == (3, False)

    def test_what_another_warehouse_has_is_not_missing(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("HAT", 4, 400)])
        assert do(shop, "request_missing", sale, ["W1", "W2"]) == [("HAT", 1)]
        assert do(shop, "request_missing", sale, []) == [("HAT", 4)]
        assert do(shop, "request_missing", sale, ["W2"]) == [("HAT", 1)]
        assert state(shop, sale).requested

    def test_what_others_blocked_is_missing_though_it_is_on_hand(self, shop: Store) -> None:
        do(shop, "block", record(shop, 1, [item_line("SHIRT", 9, 900)]))
        second = record(shop, 2, [item_line("SHIRT", 2, 200)])
        assert do(shop, "request_missing", second, []) == [("SHIRT", 1)]

    def test_a_pos_with_negative_stock_blocks_what_is_not_there_and_still_requests_it(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("HAT", 5, 500)], pos="FREE", warehouse="W2")
        do(shop, "block", sale)
        assert available(shop, "HAT", "W2") == -2
        assert do(shop, "request_missing", sale, []) == [("HAT", 2)]

    def test_released_goods_are_there_for_others(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "block", sale)
        do(shop, "release", sale)
        do(shop, "release", sale)
        second = record(shop, 2, [item_line("SHIRT", 10, 1000)])
        do(shop, "block", second)
        assert (state(shop, sale).blocked, ledger.view(shop, second).blocked) == (False, (("SHIRT", 10),))
        assert [event.kind for event in events(shop.db, sale)] == ["blocked", "released"]

    def test_the_changed_items_are_those_after_the_mark(self, shop: Store) -> None:
        everything, mark = ledger.LEDGER.stock_changes(shop.db, ["W1", "W2"], 0)
        assert everything == {"SHIRT", "HAT"}
        assert ledger.LEDGER.stock_changes(shop.db, ["W1", "W2"], mark) == (set(), mark)
        sale = record(shop, 1, two_shirts())
        changed, later = ledger.LEDGER.stock_changes(shop.db, ["W1"], mark)
        assert changed == {"SHIRT"}
        assert later > mark
        assert ledger.LEDGER.stock_changes(shop.db, ["W2"], mark) == (set(), later)
        do(shop, "cancel", sale)
        assert ledger.LEDGER.stock_changes(shop.db, ["W1"], later)[0] == {"SHIRT"}

    def test_what_open_sales_need_is_not_available_until_they_are_issued_or_closed(self, shop: Store) -> None:
        first, second = record(shop, 1, two_shirts()), record(shop, 2, [item_line("SHIRT", 3, 300)])
        assert available(shop) == 5
        do(shop, "write_out", first)
        assert (available(shop), ledger.on_hand(shop)) == (5, 8)
        do(shop, "reverse", first)
        assert available(shop) == 7
        do(shop, "cancel", second)
        assert available(shop) == 10

    def test_a_request_counts_what_earlier_sales_need_and_not_what_later_ones_do(self, shop: Store) -> None:
        first = record(shop, 1, [item_line("SHIRT", 9, 900)])
        second = record(shop, 2, [item_line("SHIRT", 2, 200)])
        assert do(shop, "request_missing", second, []) == [("SHIRT", 1)]
        assert do(shop, "request_missing", first, []) == []

    def test_what_is_available_names_every_item_of_goods_and_no_service(self, shop: Store) -> None:
        assert ledger.LEDGER.stock(shop.db, ["W1"]) == {"SHIRT": 10, "SHOE": 0, "HAT": 0}
        assert ledger.LEDGER.stock(shop.db, ["W1", "W2"]) == {"SHIRT": 10, "SHOE": 0, "HAT": 3}


class TestWritingOut:
    def test_what_is_not_there_is_named(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 12, 1200), item_line("SHOE", 1, 100)])
        with pytest.raises(MissingStock, match="S-1 cannot be written out: W1 lacks 2 of SHIRT, 1 of SHOE") as refused:
            do(shop, "write_out", sale)
        assert refused.value.missing == [("SHIRT", 2), ("SHOE", 1)]
        assert (on_hand(shop), state(shop, sale).written_out) == (10, False)

    def test_what_is_blocked_for_others_is_not_there(self, shop: Store) -> None:
        do(shop, "block", record(shop, 1, [item_line("SHIRT", 9, 900)]))
        second = record(shop, 2, two_shirts())
        with pytest.raises(MissingStock, match="lacks 1 of SHIRT"):
            do(shop, "write_out", second)

    def test_its_own_block_is_there(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 10, 900)])
        do(shop, "block", sale)
        do(shop, "write_out", sale)
        assert (on_hand(shop), available(shop)) == (0, 0)

    def test_a_pos_with_negative_stock_goes_below_zero(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("HAT", 5, 500)], pos="FREE", warehouse="W2")
        do(shop, "write_out", sale)
        assert on_hand(shop, "HAT", "W2") == -2

    def test_the_same_item_on_two_lines_leaves_once_for_each(self, shop: Store) -> None:
        lines = [item_line("SHIRT", 1, 100, external_id="a"), item_line("SHIRT", 2, 200, external_id="b")]
        do(shop, "write_out", record(shop, 1, lines))
        assert on_hand(shop) == 7

    def test_requests_end_with_it(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", 12, 1200)])
        do(shop, "request_missing", sale, [])
        have(shop, "SHIRT", 12)
        do(shop, "write_out", sale)
        assert last(shop.db, "requests") == []


class TestDocumentsAndPayments:
    def test_numbers_have_no_gaps_for_each_pos_and_type(self, shop: Store) -> None:
        first, second, third = (record(shop, serial, two_shirts()) for serial in range(1, 4))
        free = record(shop, 4, two_shirts(), pos="FREE", warehouse="W2")
        assert do(shop, "issue_document", first) == "MAIN/invoice/1"
        assert do(shop, "issue_document", second, "receipt") == "MAIN/receipt/1"
        assert do(shop, "issue_document", third) == "MAIN/invoice/2"
        do(shop, "cancel", first)
        assert do(shop, "issue_document", free) == "FREE/invoice/1"
        assert last(shop.db, "documents", sale=first)[0].number == "MAIN/invoice/3"

    def test_a_document_needs_a_type_that_the_erp_has(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts(), document_type="")
        with pytest.raises(DocumentTypeMissing, match="says no type of financial document"):
            do(shop, "issue_document", sale)
        with pytest.raises(DocumentTypeMissing, match="There is no document type slip in the ERP"):
            do(shop, "issue_document", sale, "slip")
        assert do(shop, "issue_document", sale, "receipt") == "MAIN/receipt/1"

    def test_a_payment_needs_a_document(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        with pytest.raises(NoDocument, match="has no financial document"):
            do(shop, "pay", sale)
        do(shop, "issue_document", sale)
        assert do(shop, "pay", sale, 773) == 773
        assert do(shop, "pay", sale) == 1000
        assert do(shop, "pay", sale) == 0

    def test_a_payment_can_issue_its_document_first(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        assert do(shop, "pay", sale, issue_first=True) == 1773
        assert state(shop, sale).document_number == "MAIN/invoice/1"
        without = record(shop, 2, two_shirts(), document_type="")
        with pytest.raises(DocumentTypeMissing):
            do(shop, "pay", without, issue_first=True)

    def test_no_more_is_paid_than_is_owed(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts())
        do(shop, "issue_document", sale)
        with pytest.raises(NotPossible, match=r"17\.74 EUR cannot be paid on the sale S-1: 17\.73 EUR are unpaid"):
            do(shop, "pay", sale, 1774)

    def test_money_goes_to_the_account_of_the_method_and_comes_back_from_there(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts(), payment_method="cash")
        do(shop, "issue_document", sale)
        do(shop, "pay", sale, 700)
        shop.db.execute("UPDATE erp_payment_method SET account_id = 1 WHERE code = 'cash'")
        do(shop, "pay", sale)
        do(shop, "cancel", sale)
        assert [(row.account, row.amount) for row in last(shop.db, "payments")] == [
            ("TILL", -700), ("BANK", -1073), ("BANK", 1073), ("TILL", 700),
        ]  # fmt: skip

    def test_a_method_that_the_pos_has_not_is_named(self, shop: Store) -> None:
        sale = record(shop, 1, two_shirts(), payment_method="card")
        do(shop, "issue_document", sale)
        with pytest.raises(NotPossible, match="the POS MAIN has no payment method card"):
            do(shop, "pay", sale)
