"""Payments by several methods, and sales that take goods or money back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from chansync.erp.ledger.embedded import LEDGER
from chansync.erp.protocol import NotPossible
from chansync.model.sale import MethodAmount
from support.ledger import do, have, item_line, key, record, state

WAREHOUSE = ["W1"]


def payments(shop: Store, sale: int) -> list[tuple[str, int, str, str]]:
    rows = shop.db.execute(
        """SELECT a.code, p.amount, p.transaction_id, p.paid_on FROM erp_payment p
           JOIN erp_account a ON a.id = p.account_id WHERE p.sale_id = ? ORDER BY p.id""",
        (sale,),
    )
    return [tuple(row) for row in rows]  # type: ignore[misc]


def balance(shop: Store, sale: int) -> dict[str, int]:
    return dict(
        shop.db.execute(
            """SELECT a.code, sum(p.amount) FROM erp_payment p JOIN erp_account a ON a.id = p.account_id
               WHERE p.sale_id = ? GROUP BY a.id HAVING sum(p.amount) <> 0""",
            (sale,),
        ).fetchall()
    )


def test_each_method_is_paid_to_its_own_account_once(shop: Store) -> None:
    sale = record(shop, 1, [item_line("SHIRT", 1, 1000, 190)])
    parts = (MethodAmount("cash", 1000),)
    do(shop, "issue_document", sale)
    do(shop, "pay", sale, 600, parts=parts)
    do(shop, "pay", sale, parts=parts, transaction_id="pi_1", paid_on="2026-11-02")
    assert payments(shop, sale) == [("TILL", 600, "", ""), ("TILL", 400, "", ""), ("BANK", 190, "pi_1", "2026-11-02")]
    assert (state(shop, sale).unpaid, check(shop.db)) == (0, [])
    do(shop, "cancel", sale)
    assert sorted(payments(shop, sale)[3:]) == [("BANK", -190, "", ""), ("TILL", -1000, "", "")]
    assert check(shop.db) == []


def test_the_view_keeps_rates_and_part_payments(shop: Store) -> None:
    line = item_line("SHIRT", 1, 1000, 190)
    line.rate = Decimal("19")
    sale = record(shop, 1, [line], payments=(MethodAmount("cash", 500),))
    view = LEDGER.view(shop.db, key(shop, sale))
    assert view is not None
    assert (view.lines[0].rate, view.payments) == (Decimal(19), (MethodAmount("cash", 500),))


@pytest.mark.parametrize("first", [300, 1000])
def test_a_refund_that_is_taken_back_pays_the_accounts_that_returned_it(shop: Store, first: int) -> None:
    sale = record(shop, 1, [item_line("SHIRT", 1, 1000, 190)])
    do(shop, "issue_document", sale)
    do(shop, "pay", sale, parts=(MethodAmount("cash", 1000),))
    do(shop, "refund", sale, "a", first, [], False)
    do(shop, "refund", sale, "b", 100, [], False)
    balances = balance(shop, sale)
    assert sum(balances.values()) == 1190 - first - 100
    do(shop, "withdraw_refund", sale, "a")
    do(shop, "withdraw_refund", sale, "b")
    assert (balance(shop, sale), check(shop.db)) == ({"TILL": 1000, "BANK": 190}, [])


def test_the_payment_method_changes_while_only_a_gift_card_is_paid(shop: Store) -> None:
    sale = record(shop, 1, [item_line("SHIRT", 1, 1000, 190)])
    do(shop, "issue_document", sale)
    do(shop, "pay", sale, 190, parts=(MethodAmount("cash", 190),))
    do(shop, "amend", sale, "v2", payment_method="cash")
    do(shop, "pay", sale, parts=(MethodAmount("cash", 190),))
    assert (balance(shop, sale), check(shop.db)) == ({"TILL": 1190}, [])


class TestReturnsWithinASale:
    def test_writing_out_brings_them_back_and_a_reversal_takes_them_again(self, shop: Store) -> None:
        have(shop, "SHOE", 5)
        sale = record(shop, 1, [item_line("SHIRT", -1, -1000, -190), item_line("SHOE", 2, 2000, 380)])
        do(shop, "block", sale)
        do(shop, "write_out", sale)
        stock = LEDGER.stock(shop.db, WAREHOUSE)
        assert (stock["SHIRT"], stock["SHOE"], check(shop.db)) == (11, 3, [])
        do(shop, "reverse", sale)
        stock = LEDGER.stock(shop.db, WAREHOUSE)
        assert (stock["SHIRT"], stock["SHOE"], check(shop.db)) == (10, 5, [])

    def test_they_need_no_stock_and_nothing_is_requested_for_them(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", -1, -1000, -190)])
        assert do(shop, "request_missing", sale, []) == []
        do(shop, "write_out", sale)
        assert (LEDGER.stock(shop.db, WAREHOUSE)["SHIRT"], check(shop.db)) == (11, [])

    def test_a_sale_below_zero_has_a_credit_document_and_is_paid_back(self, shop: Store) -> None:
        sale = record(shop, 1, [item_line("SHIRT", -1, -1000, -190)])
        do(shop, "issue_document", sale)
        assert (state(shop, sale).documented, state(shop, sale).unpaid) == (-1190, -1190)
        do(shop, "pay", sale, -1190)
        assert (payments(shop, sale), state(shop, sale).unpaid) == ([("BANK", -1190, "", "")], 0)
        with pytest.raises(NotPossible):
            do(shop, "pay", sale, -1)
        assert check(shop.db) == []
        do(shop, "cancel", sale)
        assert (state(shop, sale).paid, state(shop, sale).documented, check(shop.db)) == (0, 0, [])
