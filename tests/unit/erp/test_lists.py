"""The ledger's lists: what they show, and that a page costs what it shows among 100,000 sales."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger import setup
from chansync.erp.ledger.lists import LISTS, parts, read
from chansync.erp.papers import ListRow
from chansync.model import paging
from chansync.model.paging import Key, Span
from support import ledger, world
from support.ledger import do, record, two_shirts
from support.statement_costs import counted

MANY = 100_000
ALL = Span(1000)


def rows(store: Store, name: str, span: Span = ALL, *, text: str = "", warehouse: str = "") -> list[ListRow]:
    return read(store.db, name, text, warehouse, span)


def cells(store: Store, name: str, **chosen: str) -> list[tuple[str, ...]]:
    return [row.cells for row in rows(store, name, **chosen)]


@pytest.fixture
def sold(shop: Store) -> Store:
    """Two sales of two shirts each: one paid and one that lacks its goods."""
    first, second = record(shop, 1, two_shirts()), record(shop, 2, [ledger.item_line("HAT", 2, 500, 95)])
    do(shop, "block", first)
    do(shop, "issue_document", first)
    do(shop, "pay", first)
    do(shop, "request_missing", second, [])
    return shop


def test_each_list_shows_what_happened(sold: Store) -> None:
    [newest, _] = cells(sold, "sales")
    assert newest[-3:] == ("Anna Ivanova", "5.95 EUR", "")
    [document] = cells(sold, "documents")
    assert document[0] == "MAIN/invoice/1"
    assert document[3:] == ("17.73 EUR", "")
    [payment] = cells(sold, "payments")
    assert payment[2:] == ("payment", "BANK", "17.73 EUR")
    [request] = cells(sold, "requests")
    assert request[2:] == ("HAT", "Hat", "2")
    assert cells(sold, "customers") == [("1", "Anna Ivanova", "", "", "+4930100013", "anna@example.com")]


def test_stock_of_every_item_in_every_warehouse(sold: Store) -> None:
    assert cells(sold, "stock", text="shirt") == [
        ("SHIRT", "Shirt", "W1", "10", "2", "8"),
        ("SHIRT", "Shirt", "W2", "0", "0", "0"),
    ]
    assert [row[0] for row in cells(sold, "stock", warehouse="W2")] == ["HAT", "SHIRT", "SHOE"]


def test_accounts_have_the_balance_of_each_currency(sold: Store) -> None:
    sold.db.execute(
        """INSERT INTO erp_payment (sale_id, account_id, kind, currency, amount, at)
           VALUES (2, 1, 'payment', 'JPY', 70, 1)"""
    )
    assert cells(sold, "account") == [
        ("BANK", "Bank", "account", "17.73 EUR, 70 JPY"),
        ("TILL", "T", "cash desk", "nothing yet"),
    ]
    sold.db.execute("DROP TRIGGER erp_payment_no_delete")
    sold.db.execute("DELETE FROM erp_payment WHERE currency = 'JPY'")


def test_reference_data_as_people_read_it(sold: Store) -> None:
    assert cells(sold, "pos")[0] == ("FREE", "Free", "W2", "EUR", "yes", "1")
    assert [row.name for row in rows(sold, "payment-method")] == ["FREE/bank", "MAIN/bank", "MAIN/cash"]
    assert cells(sold, "service") == [("SHIPPING", "Shipping")]
    assert cells(sold, "item", text="ho") == [("SHOE", "Shoe", "")]


def test_a_journal_is_narrowed_by_the_sales_number_or_its_orders(sold: Store) -> None:
    number, order = sold.db.execute("SELECT number, order_number FROM erp_sale WHERE id = 1").get
    for text in (number, order):
        assert len(rows(sold, "documents", text=text)) == 1
        assert [row.name for row in rows(sold, "sales", text=text)] == [number]
    assert rows(sold, "payments", text="nothing") == []


def test_lists_have_as_many_cells_as_columns_and_names_of_what_they_open(sold: Store) -> None:
    for name, found in LISTS.items():
        for row in rows(sold, name):
            assert len(row.cells) == len(found.columns)
            if found.opens == "record":
                assert setup.get(sold.db, name, row.name)["code"] == row.cells[0]


@pytest.fixture(scope="module")
def many(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """As many sales, each with a document and a payment, customers and items."""
    store = world.copy_of(template, tmp_path_factory.mktemp("ledger"))
    ledger.add_company(store)
    counted = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) "
    for statement in (
        "INSERT INTO erp_customer (name, created_at) SELECT 'Customer ' || i, i FROM n",
        """INSERT INTO erp_sale (key, number, order_number, channel_code, pos_id, warehouse_id, customer_id, sale_date,
           currency, total, payment_method, delivery_method, sale_type, tax_transaction, document_type, merchant,
           billing, delivery, note, mark, created_at)
           SELECT 'k' || i, 'S' || i, i, 'shop', 1, 1, i, date('2020-01-01', (i / 40) || ' days'), 'EUR', 100,
           'bank', '', '', '', '', '', '{}',
           '{}', '', '', i FROM n""",
        """INSERT INTO erp_document (sale_id, pos_id, document_type_id, number, currency, total, at)
           SELECT i, 1, 1, i, 'EUR', 100, i FROM n""",
        """INSERT INTO erp_payment (sale_id, account_id, kind, currency, amount, at)
           SELECT i, 1, 'payment', 'EUR', 100, i FROM n""",
        "INSERT INTO erp_item (code, name) SELECT 'I' || i, 'Item ' || i FROM n",
        """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, at)
           SELECT 1, 1, 1, 'correction', i FROM n""",
    ):
        store.db.execute(counted + statement)
    yield store
    store.close()


LONG: dict[str, tuple[Key, str]] = {
    "sales": ((50_000,), "s USING INDEX erp_sale_listed"),
    "documents": ((50_000,), "d USING INTEGER PRIMARY KEY"),
    "payments": ((50_000,), "p USING INTEGER PRIMARY KEY"),
    "customers": ((50_000,), "c USING INTEGER PRIMARY KEY"),
    "item": (("I5",), "t USING INDEX sqlite_autoindex_erp_item_1"),
    "stock": (("I5", "W1"), "i USING INDEX sqlite_autoindex_erp_item_1"),
}


@pytest.mark.parametrize("name", LONG)
def test_a_page_of_a_long_list_is_read_in_its_own_order(many: Store, name: str) -> None:
    after, plan = LONG[name]
    for span in (Span(200, after=after), Span(200, before=after, backwards=True), Span(200, backwards=True)):
        sql, parameters = LISTS[name].query("", "").sql(span)
        steps = [row[3] for row in many.db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        if span.after or span.before:
            assert steps[0].startswith(f"SEARCH {plan}"), "it begins where the page before ended"
        assert not any("TEMP B-TREE" in step for step in steps), "nothing is sorted"
    first = rows(many, name, Span(50))
    assert rows(many, name, Span(50, after=first[-1].key)) == rows(many, name, Span(100))[50:]
    assert rows(many, name, Span(30, before=first[40].key, backwards=True)) == first[10:40]


def test_the_balance_of_an_account_is_summed_from_an_index_alone(many: Store) -> None:
    sql, parameters = LISTS["account"].query("", "").sql(Span(10))
    steps = [row[3] for row in many.db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert any("p USING COVERING INDEX erp_payment_by_account (account_id=?)" in step for step in steps)
    assert cells(many, "account")[0][-1] == "100000.00 EUR"


def test_the_stock_of_an_item_is_read_and_not_summed(many: Store) -> None:
    sql, parameters = LISTS["stock"].query("", "").sql(Span(10))
    steps = [row[3] for row in many.db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    assert sum("SEARCH k USING PRIMARY KEY (item_id=? AND warehouse_id=?)" in step for step in steps) == 2


#: No statement of a list takes more steps of SQLite's machine, where each looks through a thousand rows at most: one
#: that reads all of 100,000 rows takes several times as many.
MOST_STEPS = 120_000


@pytest.mark.parametrize("name", [*LONG, "requests", "service"])
@pytest.mark.parametrize("text", ["", "S5000", "no such text"])
def test_no_statement_of_a_list_grows_with_what_is_there(
    many: Store, name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "STEP", 1000)
    orders = ["", *LISTS[name].sorts]
    with counted(many.db) as costs:
        for by in orders:
            for span in (Span(200), Span(200, backwards=True)):
                *_, (found, _) = parts(many.db, name, text, "", span, by)
            if found:
                *_, (again, _) = parts(many.db, name, text, "", Span(200, before=found[-1].key, backwards=True), by)
                assert again[-len(found) + 1 :] == found[:-1]
    assert costs.above(MOST_STEPS) == {}
    assert len(costs.steps) >= len(orders)


def test_sales_are_listed_by_date_and_by_number(sold: Store) -> None:
    sold.db.execute("UPDATE erp_sale SET sale_date = iif(id = 1, '2026-11-25', '2026-11-24')")
    for by, place in (("date", 1), ("sale", 0)):
        found = read_by(sold, "sales", by)
        texts = [row.cells[place] for row in found]
        assert texts == sorted(texts, reverse=LISTS["sales"].sorts[by].descending)
        assert read_by(sold, "sales", by, Span(5, after=found[0].key)) == found[1:]


def read_by(store: Store, name: str, by: str, span: Span = ALL) -> list[ListRow]:
    *_, (found, _) = parts(store.db, name, "", "", span, by)
    return found


def test_what_an_index_finds_of_a_text_comes_first(many: Store) -> None:
    first, *_, whole = parts(many.db, "sales", "S9999", "", Span(200))
    assert {row.name for row in first[0]} >= {"S9999", "S99990", "S99999"}
    assert set(first[0]) <= set(whole[0])
