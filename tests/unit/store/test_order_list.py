"""The list of orders: its order, its filters, and that a page costs what it shows among 200,000 orders."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store
from chansync.model import paging
from chansync.model.paging import Span
from chansync.store import channels
from chansync.store.order_list import OrderFilter, OrderLine, order_parts
from support import world
from support.statement_costs import counted

MANY = 200_000


@pytest.fixture(scope="module")
def shops(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Two channels with many orders; every 1,000th is a problem, every tenth of the rest skipped."""
    store = world.copy_of(template, tmp_path_factory.mktemp("orders"))
    world.add_erp(store)
    world.add_channel(store)
    channels.add_channel(store.db, world.CHANNEL | {"code": "other"}, {})
    store.db.execute(
        """WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
               total, state, reason, digest, raw, first_seen_at, changed_at, customer)
           SELECT 1 + (i % 50 = 0), i, 'N' || i, CASE i % 10 WHEN 0 THEN 'pending' ELSE 'completed' END, i,
               '2026-11-24', i, 'EUR', '1.00',
               CASE WHEN i % 1000 = 0 THEN 'problem' WHEN i % 10 = 0 THEN 'skipped' ELSE 'imported' END, '', 'd',
               '{}', i, i / 3, CASE i WHEN 777 THEN 'Zoé 100% Müller' ELSE 'Anna' END FROM n""",
        (MANY,),
    )
    yield store
    store.close()


def read(store: Store, chosen: OrderFilter, span: Span) -> list[OrderLine]:
    return chosen.query().read(store.db, span, OrderLine)


@pytest.mark.parametrize(
    "chosen",
    [OrderFilter(), OrderFilter(channel_id=2), OrderFilter(state="problem"), OrderFilter(2, "skipped", "pending")],
)
def test_pages_forwards_and_backwards_are_cuts_of_one_list(shops: Store, chosen: OrderFilter) -> None:
    whole = read(shops, chosen, Span(1000))
    keys = [line.key for line in whole]
    assert keys == sorted(keys, reverse=True)
    first = read(shops, chosen, Span(60))
    second = read(shops, chosen, Span(60, after=first[-1].key))
    assert first + second == whole[:120]
    assert read(shops, chosen, Span(60, before=second[0].key, backwards=True)) == first
    assert (
        read(shops, chosen, Span(500, after=keys[10], before=keys[40], with_after=True, with_before=True))
        == whole[10:41]
    )
    last = read(shops, chosen, Span(10, backwards=True))
    assert read(shops, chosen, Span(20, after=last[0].key)) == last[1:]


@pytest.mark.parametrize(
    ("chosen", "plan"),
    [
        (OrderFilter(), "order_listed"),
        (OrderFilter(text="Anna"), "order_listed"),
        (OrderFilter(state="imported", status="completed"), "order_listed"),
        (OrderFilter(state="problem"), "order_problems"),
        (OrderFilter(channel_id=2), "order_of_channel"),
        (OrderFilter(channel_id=2, state="imported"), "order_of_channel"),
    ],
)
@pytest.mark.parametrize("span", [Span(200), Span(200, after=(50_000, 150_001)), Span(200, backwards=True)])
def test_a_page_is_read_in_the_order_of_an_index(shops: Store, chosen: OrderFilter, plan: str, span: Span) -> None:
    sql, parameters = chosen.query().sql(span)
    steps = [row[3] for row in shops.db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert f"o USING INDEX {plan}" in steps[0]
    if span.after:
        assert "changed_at" in steps[0], "it begins where the page before ended"
    assert not any("TEMP B-TREE" in step for step in steps), "nothing is sorted"


def test_a_filter_that_matches_one_of_all_looks_into_no_other_row(shops: Store) -> None:
    [found] = read(shops, OrderFilter(text="100% mü"), Span(200))
    assert (found.number, found.customer) == ("N777", "Zoé 100% Müller")
    # Rows hold the site's own data; the index alone decides which of them are read.
    columns = shops.db.execute("SELECT group_concat(name) FROM pragma_index_info('order_listed')").get
    assert set(columns.split(",")) >= {"changed_at", "state", "status", "channel_id", "number", "customer"}


def test_text_looks_into_numbers_and_marks_of_patterns_mean_themselves(shops: Store) -> None:
    assert [line.number for line in read(shops, OrderFilter(text="N19999"), Span(3))] == [
        "N199999",
        "N199998",
        "N199997",
    ]
    assert read(shops, OrderFilter(text="N1_999"), Span(3)) == []


@pytest.mark.parametrize(
    "chosen",
    [
        OrderFilter(),
        OrderFilter(text="N1"),
        OrderFilter(text="no such text"),
        OrderFilter(channel_id=2),
        OrderFilter(state="problem"),
        OrderFilter(channel_id=2, text="Anna"),
    ],
)
def test_no_statement_grows_with_what_is_there(
    shops: Store, chosen: OrderFilter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "STEP", 1000)
    with counted(shops.db) as costs:
        for span in (Span(200), Span(200, backwards=True), Span(200, after=(50_000, 150_001))):
            read(shops, chosen, span)
    assert costs.above(100_000) == {}, "one that reads all of 200,000 rows takes a million steps and more"


@pytest.mark.parametrize("span", [Span(9), Span(9, backwards=True), Span(9, after=(40_000, 120_000)), Span(400)])
@pytest.mark.parametrize("text", ["N1234", "77", "Anna", "mü", "nothing"])
def test_however_few_rows_a_statement_looks_through_the_same_orders_are_found(
    shops: Store, span: Span, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = OrderFilter(text=text)
    at_once = read(shops, chosen, span)
    monkeypatch.setattr(paging, "STEP", 7001)
    assert read(shops, chosen, span) == at_once
    inclusive = (
        Span(400, after=at_once[0].key, before=at_once[-1].key, with_after=True, with_before=True) if at_once else span
    )
    assert read(shops, chosen, inclusive)[: len(at_once)] == at_once


def test_an_order_is_found_by_its_number_before_the_list_is_looked_through(shops: Store) -> None:
    found, looked = next(iter(order_parts(shops.db, OrderFilter(text="N150000"), Span(200))))
    assert ([line.number for line in found], looked) == (["N150000"], 0)
    found, _ = next(iter(order_parts(shops.db, OrderFilter(channel_id=2, text="N15005"), Span(200))))
    assert [line.number for line in found] == ["N150050"], "and as the other filters let it through"


@pytest.mark.parametrize("text", ["\0", "N1\0", "\ud800", "%\ud800"])
def test_what_no_order_can_hold_is_found_in_none(shops: Store, text: str) -> None:
    assert read(shops, OrderFilter(text=text), Span(3)) == []


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_whatever_the_pages_nothing_is_missed_or_doubled(shops: Store, data: st.DataObject) -> None:
    chosen = OrderFilter(channel_id=2, state="problem")
    whole = read(shops, chosen, Span(1000))
    seen: list[OrderLine] = []
    while len(seen) < len(whole):
        limit = data.draw(st.integers(1, 90))
        page = read(shops, chosen, Span(limit, after=seen[-1].key if seen else None))
        assert page
        seen += page
    assert seen == whole
