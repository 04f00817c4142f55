"""A sale that is written out in several packages: what leaves, what stays needed, and what it comes to in the end."""

from __future__ import annotations

import random
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from chansync.erp.ledger.embedded import LEDGER
from chansync.erp.protocol import MissingStock, NotPossible
from chansync.model.sale import SaleLine
from support import world
from support.ledger import (
    available,
    do,
    given_back,
    have,
    item_line,
    key,
    on_hand,
    record,
    shipping_line,
    state,
    view,
)


def _lines() -> list[SaleLine]:
    """Three shirts in one line, two in another, two hats, and shipping."""
    return [
        item_line("SHIRT", 3, 300, external_id="1"), item_line("SHIRT", 2, 200, external_id="2"),
        item_line("HAT", 2, 100, external_id="3"), shipping_line(50),
    ]  # fmt: skip


@pytest.fixture
def sold(shop: Store) -> Store:
    have(shop, "HAT", 4)
    record(shop, 1, _lines())
    return shop


def _left(store: Store, sale: int = 1) -> dict[str, int]:
    papers = LEDGER.papers(store.db, key(store, sale))
    assert papers is not None
    return {line.external_id: int(line.quantity) for line in papers.left}


def _standing(store: Store, sale: int = 1) -> dict[str, Any]:
    """What a sale has come to, and what its warehouse has."""
    stock = world.rows(store, "SELECT item_id, on_hand, blocked, needed FROM erp_stock ORDER BY item_id, warehouse_id")
    return {"state": state(store, sale), "stock": stock, "left": _left(store, sale)}


def test_a_package_takes_its_pieces_and_the_rest_stays_needed(sold: Store) -> None:
    do(sold, "block", 1)
    do(sold, "pack", 1, 1, (("1", 2), ("3", 0)), "DHL", "T1")
    assert state(sold, 1).partly_written_out
    assert not state(sold, 1).written_out
    assert (on_hand(sold), on_hand(sold, "HAT")) == (8, 2)
    assert view(sold, 1).blocked == (("SHIRT", 3),)
    assert available(sold) == 10 - 5
    assert _left(sold) == {"1": 1, "2": 2}
    do(sold, "write_out", 1, "GLS", "T2")
    assert state(sold, 1).written_out
    assert not state(sold, 1).partly_written_out
    assert [(each.number, each.lines, each.carrier, each.tracking) for each in view(sold, 1).packages] == [
        (1, (("1", 2), ("3", 2)), "DHL", "T1"), (2, (("1", 1), ("2", 2)), "GLS", "T2"),
    ]  # fmt: skip
    assert view(sold, 1).blocked == ()
    assert (on_hand(sold), available(sold), _left(sold)) == (5, 5, {})


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("before", [(), ("block",), ("block", "request_missing")])
def test_any_way_of_splitting_ends_as_one_write_out_does(sold: Store, seed: int, before: tuple[str, ...]) -> None:
    chance = random.Random(seed)
    record(sold, 2, _lines())
    have(sold, "SHIRT", 10)
    for step in before:
        for sale in (1, 2):
            do(sold, step, sale, *([[]] if step == "request_missing" else []))
    do(sold, "write_out", 2)
    whole = _standing(sold, 2)["state"]
    while left := _left(sold):
        chosen = chance.sample(sorted(left), chance.randint(1, len(left)))
        packed = tuple((line, chance.randint(1, left[line])) for line in chosen)
        number = len(view(sold, 1).packages) + 1
        assert do(sold, "pack", 1, number, packed).changed
        again = _standing(sold)
        assert not do(sold, "pack", 1, number, packed).changed, "a repeated step did it again"
        assert _standing(sold) == again
        assert check(sold.db) == []
    assert state(sold, 1) == whole
    assert (on_hand(sold), on_hand(sold, "HAT"), available(sold)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ((("1", 4),), "4 of SHIRT cannot be written out of the sale S-1: 3 are left"),
        ((("nothing", 1),), "Nothing of the line nothing is left to be written out of S-1"),
        ((("ship", 1),), "Nothing of the line ship is left"),
        ((("1", 1), ("1", 1)), "Nothing of the line 1 is left"),
        ((), "needs at least one piece"),
    ],
)
def test_what_is_not_there_to_be_packed_is_refused(sold: Store, lines: Any, sentence: str) -> None:
    before = _standing(sold)
    with pytest.raises(NotPossible, match=sentence):
        do(sold, "pack", 1, 1, lines)
    assert _standing(sold) == before


def test_goods_that_are_missing_keep_back_only_their_package(sold: Store) -> None:
    have(sold, "HAT", 0)
    with pytest.raises(MissingStock):
        do(sold, "write_out", 1)
    do(sold, "pack", 1, 1, (("1", 0), ("2", 0)))
    with pytest.raises(MissingStock):
        do(sold, "write_out", 1)
    assert state(sold, 1).partly_written_out
    have(sold, "HAT", 2)
    do(sold, "write_out", 1)
    assert state(sold, 1).written_out


def test_a_partly_written_out_sale_is_not_cancelled_but_reversed(sold: Store) -> None:
    do(sold, "block", 1)
    do(sold, "pack", 1, 1, (("1", 2),))
    with pytest.raises(NotPossible, match=r"is partly written out: reverse it \(chansync erp reverse S-1\)"):
        do(sold, "cancel", 1)
    do(sold, "reverse", 1)
    assert state(sold, 1).reversed
    assert not state(sold, 1).partly_written_out
    assert (on_hand(sold), available(sold), view(sold, 1).blocked, _left(sold)) == (10, 10, (), {})


def test_how_a_package_travels_is_changed_by_its_number(sold: Store) -> None:
    do(sold, "pack", 1, 1, (("1", 2),), "DHL", "T1")
    do(sold, "pack", 1, 2, (("1", 1),))
    assert do(sold, "pack", 1, 2, (("1", 1),), "GLS", "T2").changed
    assert [(each.carrier, each.tracking) for each in view(sold, 1).packages] == [("DHL", "T1"), ("GLS", "T2")]


#: Refunded pieces of line 1 (two of its three are out) → what came back, what is left of the line.
REFUNDED = [(1, 0, 0), (2, 1, 0), (3, 2, 0)]


@pytest.mark.parametrize(("pieces", "back", "left"), REFUNDED)
def test_a_refund_takes_first_what_is_not_issued(sold: Store, pieces: int, back: int, left: int) -> None:
    do(sold, "block", 1)
    do(sold, "pack", 1, 1, (("1", 2),))
    before = _standing(sold)
    do(sold, "refund", 1, "r", 100 * pieces, [given_back("1", pieces, 100 * pieces)], True)
    assert on_hand(sold) == 8 + back
    assert _left(sold).get("1", 0) == left
    assert sum(line.net for refund in view(sold, 1).refunds for line in refund.lines) == 100 * pieces
    do(sold, "withdraw_refund", 1, "r")
    after = _standing(sold)
    assert after["state"] == before["state"]
    assert (after["stock"], after["left"]) == (before["stock"], before["left"])


def test_a_sale_whose_rest_is_refunded_is_written_out(sold: Store) -> None:
    do(sold, "block", 1)
    do(sold, "pack", 1, 1, (("1", 0), ("2", 0)))
    do(sold, "refund", 1, "r", 100, [given_back("3", 2, 100)], True)
    assert state(sold, 1).written_out
    assert (on_hand(sold), on_hand(sold, "HAT"), view(sold, 1).blocked) == (5, 4, ())
    assert len(view(sold, 1).packages) == 1


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("UPDATE erp_package_line SET quantity = 1 WHERE external_id = '1'", "its lines and refunds say -1"),
        ("UPDATE erp_package SET number = 3", "it has 1 packages up to the number 3"),
        (
            "DELETE FROM erp_event WHERE kind = 'partly written out'",
            "it has 1 packages up to the number 1 that no event",
        ),
        ("DELETE FROM erp_package", "it is partly written out, and has no package"),
        (
            "INSERT INTO erp_event (sale_id, kind, at) VALUES (1, 'cancelled', 0)",
            "it was partly written out, cancelled, and these cannot follow each other",
        ),
    ],
)
def test_the_checker_finds_packages_that_do_not_fit(goods: Store, damage: str, sentence: str) -> None:
    have(goods, "HAT", 4)
    record(goods, 1, _lines())
    do(goods, "pack", 1, 1, (("1", 2),))
    assert check(goods.db) == []
    for (trigger,) in world.rows(goods, "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB '*_no_*'"):
        goods.db.execute(f"DROP TRIGGER {trigger}")
    goods.db.execute("PRAGMA foreign_keys = OFF")
    goods.db.execute(damage)
    assert any(sentence in fault for fault in check(goods.db))


def test_the_database_lets_nobody_change_a_package(sold: Store) -> None:
    do(sold, "pack", 1, 1, (("1", 2),))
    for statement in ("UPDATE erp_package SET at = 0", "DELETE FROM erp_package_line"):
        with pytest.raises(Exception, match="is a journal: undo an entry by another"):
            sold.db.execute(statement)


def test_a_refund_from_before_the_document_is_credited_when_it_is_taken_back(sold: Store) -> None:
    do(sold, "refund", 1, "r", 100, [], False)
    do(sold, "issue_document", 1)
    do(sold, "withdraw_refund", 1, "r")
    assert state(sold, 1).documented == state(sold, 1).total
