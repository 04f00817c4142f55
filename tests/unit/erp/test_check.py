"""The checker finds what no command can do: each test damages a sound ledger by hand."""

from __future__ import annotations

import apsw
import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from support import world
from support.ledger import do, given_back, item_line, record, two_shirts

JOURNALS = ("stock_movement", "request", "document", "payment", "refund", "refund_line", "event")


@pytest.fixture
def sold(goods: Store) -> Store:
    """Sale 1 is paid and written out, 2 cancelled, 3 reversed, 4 blocked; one shirt of 1 came back."""
    for serial in range(1, 5):
        record(goods, serial, two_shirts())
    for sale in (1, 2, 3):
        do(goods, "issue_document", sale)
        do(goods, "pay", sale)
    do(goods, "write_out", 1)
    do(goods, "refund", 1, "r1", 595, [given_back("SHIRT", 1, 500, 95)], True)
    do(goods, "cancel", 2)
    do(goods, "write_out", 3)
    do(goods, "reverse", 3)
    do(goods, "block", 4)
    assert check(goods.db) == []
    return goods


@pytest.mark.parametrize("journal", JOURNALS)
def test_the_database_itself_lets_nobody_change_or_remove_an_entry(sold: Store, journal: str) -> None:
    record(sold, 5, [item_line("SHIRT", 99, 0)])
    do(sold, "request_missing", 5, [])
    [column] = {"event": ["at"], "refund_line": ["net"]}.get(journal, ["at"])
    for statement in (f"UPDATE erp_{journal} SET {column} = 0", f"DELETE FROM erp_{journal}"):
        with pytest.raises(apsw.ConstraintError, match="is a journal: undo an entry by another"):
            sold.db.execute(statement)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (
            "UPDATE erp_sale SET total = 1 WHERE id = 4",
            "Sale S-4: its total is 0.01 EUR, its lines add up to 17.73 EUR.",
        ),
        (
            "UPDATE erp_stock SET on_hand = on_hand + 5 WHERE item_id = 1",
            "SHIRT in W1: the balance is 14 on hand and 2 blocked, and its movements add up to 9 and 2.",
        ),
        (
            "UPDATE erp_document SET number = 9 WHERE number = 2",
            "Documents MAIN/invoice: they are numbered from 1 to 9, but there are 6.",
        ),
        (
            "UPDATE erp_document SET total = 1000 WHERE sale_id = 1 AND reverses_id IS NULL",
            "Sale S-1: its documents less their credits are 4.05 EUR, not 11.78 EUR.",
        ),
        (
            "UPDATE erp_document SET reverses_id = NULL WHERE sale_id = 2",
            "Sale S-2: it has 2 financial documents that are no credits.",
        ),
        (
            "UPDATE erp_document SET reverses_id = 1 WHERE sale_id = 2 AND reverses_id IS NOT NULL",
            "Sale S-2: one of its credits belongs to a document of the sale S-1 that it does not fit.",
        ),
        (
            "DELETE FROM erp_payment WHERE sale_id = 2 AND kind = 'return'",
            "Sale S-2: it is closed, and 17.73 EUR paid on it were not returned.",
        ),
        (
            "UPDATE erp_payment SET amount = 2000 WHERE sale_id = 1 AND kind = 'payment'",
            "Sale S-1: 14.05 EUR are paid, and 11.78 EUR are owed.",
        ),
        (
            "UPDATE erp_payment SET account_id = 2 WHERE sale_id = 1 AND kind = 'return'",
            "Sale S-1: TILL returned 5.95 EUR more than it took in.",
        ),
        (
            "UPDATE erp_payment SET currency = 'BGN' WHERE sale_id = 1",
            "Sale S-1: it is in EUR, and a document or payment of it in BGN.",
        ),
        ("DELETE FROM erp_document WHERE sale_id = 1", "Sale S-1: it has a payment and no financial document."),
        ("UPDATE erp_refund SET total = 9999", "Sale S-1: 99.99 EUR are refunded, and its total is 17.73 EUR."),
        (
            "DELETE FROM erp_event WHERE sale_id = 3 AND kind = 'written out'",
            "Sale S-3: it was reversed, and these cannot follow each other.",
        ),
        (
            "DELETE FROM erp_event WHERE sale_id = 1 AND kind = 'paid'",
            "Sale S-1: it has entries of erp_payment, and no event says 'paid'.",
        ),
        (
            "DELETE FROM erp_event WHERE sale_id = 4",
            "Sale S-4: it has movements of the kind block, and no such thing happened to it.",
        ),
        (
            "DELETE FROM erp_stock_movement WHERE sale_id = 3 AND kind = 'reversal'",
            "SHIRT of the sale S-3: it changed the stock by -2, and its lines and refunds say 0.",
        ),
        (
            "DELETE FROM erp_stock_movement WHERE sale_id = 1 AND kind = 'return'",
            "SHIRT in W1: 8 are on hand, and a replay of its history gives 9.",
        ),
        (
            "UPDATE erp_stock_movement SET warehouse_id = 2 WHERE kind = 'write out' AND sale_id = 1",
            "SHIRT of the sale S-1 moved in another warehouse than the sale's: -2, blocked +0.",
        ),
        (
            "UPDATE erp_stock_movement SET blocked = 5 WHERE kind = 'block'",
            "SHIRT of the sale S-4: 5 are blocked, and it needs 2.",
        ),
        (
            "INSERT INTO erp_event (sale_id, kind, at) VALUES (4, 'cancelled', 0)",
            "SHIRT of the sale S-4: 2 are still blocked, though the sale is written out or closed.",
        ),
        (
            "INSERT INTO erp_request (sale_id, item_id, quantity, at) VALUES (1, 1, 1, 0)",
            "SHIRT of the sale S-1: 1 are still requested, though the sale is written out or closed.",
        ),
        (
            "INSERT INTO erp_request (sale_id, item_id, quantity, at) VALUES (4, 1, -1, 0)",
            "SHIRT of the sale S-4: -1 are requested, and it needs 2.",
        ),
        ("UPDATE erp_stock_movement SET quantity = 3 WHERE kind = 'block'", "Movement 7 of SHIRT is no block."),
        (
            """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, sale_id, at)
               VALUES (1, 1, 1, 'return', 4, 0)""",
            "Sale S-4: it has movements of the kind return, and no such thing happened to it.",
        ),
        (
            "UPDATE erp_stock_movement SET quantity = 1 WHERE kind = 'opening'",
            "SHIRT in W1 went to -1 by writing out the sale S-1, and its POS does not allow that.",
        ),
        (
            """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, at)
               VALUES (1, 1, -20, 'correction', 0)""",
            "SHIRT in W1: -11 are on hand, and no POS that takes from there allows negative stock. "
            "Count it: chansync erp stock set",
        ),
        (
            "UPDATE erp_payment SET sale_id = 77 WHERE sale_id = 1 AND kind = 'return'",
            "of erp_payment belongs to something of erp_sale that does not exist.",
        ),
        (
            "UPDATE erp_stock_movement SET item_id = 77 WHERE kind = 'block'",
            "of erp_stock_movement belongs to something of erp_item that does not exist.",
        ),
    ],
)
def test_damage_is_found_and_told(sold: Store, damage: str, sentence: str) -> None:
    for journal in JOURNALS:
        for change in ("update", "delete"):
            sold.db.execute(f"DROP TRIGGER erp_{journal}_no_{change}")
    sold.db.execute("PRAGMA foreign_keys = OFF")
    sold.db.execute(damage)
    found = check(sold.db)
    assert [fault for fault in found if fault.endswith(sentence)], found


def test_a_check_writes_nothing_and_ends_its_reading(sold: Store) -> None:
    before = sold.db.total_changes()
    check(sold.db)
    assert (sold.db.total_changes(), sold.db.in_transaction) == (before, False)


def test_it_can_look_inside_a_transaction(sold: Store) -> None:
    with sold.db:
        assert check(sold.db) == []
        assert sold.db.in_transaction
    assert world.rows(sold, "SELECT count(*) FROM erp_sale") == [(4,)]
