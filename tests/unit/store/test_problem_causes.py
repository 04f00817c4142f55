"""Open problems by cause, and opening one again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.explain import find
from chansync.model.errors import UsageError
from chansync.orders.remedies import REMEDIES
from chansync.setup import mending
from chansync.store import exporting, messages
from chansync.store.problem_causes import cause_of, causes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "chansync.db")
    with transaction(opened.db):
        opened.db.execute(
            "INSERT INTO integration_system (code, name, kind, created_at) VALUES ('woo', 'Woo', 'woocommerce', 0)"
        )
        for code in ("de", "fr"):
            opened.db.execute(
                "INSERT INTO channel (code, system_id, created_at, updated_at) VALUES (?, 1, 0, 0)", (code,)
            )
        for number in range(1, 7):
            opened.db.execute(
                """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at,
                   currency, total, state, digest, first_seen_at, changed_at) VALUES (?, ?, ?, 'x', 0, '', 0, ?, ?,
                   'problem', '', 0, 0)""",
                (1 + number % 2, f"30{number}-77", f"30{number}-77", "EUR" if number % 2 else "GBP", f"{number}.10"),
            )
    yield opened
    opened.close()


def _problem(store: Store, order_id: int, code: str, data: dict[str, Any]) -> None:
    with transaction(store.db):
        messages.log(store.db, code, f"{code} {order_id}", channel_id=1 + order_id % 2, order_id=order_id, data=data)


def test_orders_that_wait_for_the_same_are_one_cause_and_their_totals_add_up_by_currency(store: Store) -> None:
    for order_id in (1, 2, 3):
        _problem(store, order_id, "item_unknown", {"items": [{"sku": "BOX", "map": str(order_id)}]})
    _problem(store, 4, "item_unknown", {"items": [{"sku": "", "map": "9"}]})
    _problem(store, 5, "payment_unmapped", {"site_code": "klarna"})
    _problem(store, 6, "payment_unmapped", {"site_code": "klarna"})
    found = {cause.key: cause for cause in causes(store.db)}
    assert {key: cause.count for key, cause in found.items()} == {
        ("item_unknown", "BOX"): 3, ("item_unknown", "9"): 1, ("payment_unmapped", "klarna"): 2,
    }  # fmt: skip
    box = found["item_unknown", "BOX"]
    assert box.money == "4.20 EUR, 2.10 GBP"
    assert box.channels == {1: "de", 2: "fr"}
    assert {channel: sorted(ids) for channel, ids in box.orders.items()} == {1: [2], 2: [1, 3]}
    assert cause_of(store.db, 1) == box


def test_the_currency_of_an_order_is_a_cause_only_where_it_is_not_allowed(store: Store) -> None:
    for order_id in (1, 2):
        facts = {"currency": "EUR" if order_id % 2 else "GBP"}
        _problem(store, order_id, "order_changed", facts)
        _problem(store, order_id, "currency_not_allowed", facts)
    assert {cause.key for cause in causes(store.db)} == {
        ("order_changed", ""), ("currency_not_allowed", "EUR"), ("currency_not_allowed", "GBP"),
    }  # fmt: skip


def test_data_that_other_programs_wrote_is_a_cause_too(store: Store) -> None:
    _problem(store, 1, "item_unknown", {})
    store.db.execute("UPDATE message SET data = 'no json'")
    assert [(cause.code, cause.thing) for cause in causes(store.db)] == [("item_unknown", "")]


@pytest.mark.parametrize(
    ("code", "name", "count"),
    [("item_unknown", "map", 2), ("item_unknown", "add-item", 1), ("item_unknown", "retry", 3)],
    ids=["once a channel", "once", "for each"],
)
def test_a_remedy_is_performed_as_often_as_it_names_things(store: Store, code: str, name: str, count: int) -> None:
    for order_id in (1, 2, 3):
        _problem(store, order_id, code, {"items": [{"sku": "BOX", "map": "7", "name": "Box"}]})
    remedy = next(remedy for remedy in REMEDIES[code] if remedy.name == name)
    assert len(mending.performed_on(store.db, remedy, [1, 2, 3], "anna")) == count


def test_a_solved_problem_is_open_again_unless_it_came_again(store: Store) -> None:
    _problem(store, 1, "item_unknown", {})
    assert messages.solve(store.db, 1, "anna")
    assert messages.reopen(store.db, 1)
    assert not messages.reopen(store.db, 1)
    assert messages.solve(store.db, 1, "anna")
    _problem(store, 1, "item_unknown", {})
    assert not messages.reopen(store.db, 1)


def test_numbers_are_found_by_their_beginning_and_the_missing_by_their_form(store: Store) -> None:
    assert [each.title for each in find.find(store.db, "303-77")] == ["Order 303-77"]
    assert len(find.find(store.db, "30")) == 0, "so little begins too many"
    assert len([each for each in find.find(store.db, "#30") if each.kind == "order"]) == 0
    store.db.execute("UPDATE \"order\" SET number = '55' WHERE channel_id = 2")
    assert find.channels_that_may_have(store.db, "999-11") == [1]
    assert find.channels_that_may_have(store.db, "#77") == [2]
    assert find.channels_that_may_have(store.db, "302-77") == [1]
    assert find.channels_that_may_have(store.db, "A") == [1, 2]


def test_an_export_runs_no_formula_and_keeps_numbers(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    exporting.reserve(path)
    assert exporting.write_reserved(path, ("a", "b"), [[("=cmd()", "-1.50")], [("-x", "a,b")]]) == 2
    assert path.read_text() == "a,b\n'=cmd(),-1.50\n'-x,\"a,b\"\n"


def test_an_export_that_fails_leaves_no_part_of_a_list(tmp_path: Path) -> None:
    def broken() -> Iterator[list[tuple[str]]]:
        yield [("1",)]
        raise OSError(28, "No space left on device")

    path = tmp_path / "rows.json"
    exporting.reserve(path)
    with pytest.raises(UsageError, match="already"):
        exporting.reserve(path)
    with pytest.raises(UsageError, match=r"rows.json cannot be written: No space left"):
        exporting.write_reserved(path, ("a",), broken())
    assert list(tmp_path.glob("rows*")) == []
