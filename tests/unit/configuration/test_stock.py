"""Stock by movements, and bringing items in from files."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store
from chansync.erp.ledger import setup, stock
from chansync.erp.ledger.items import import_items, read_items
from chansync.model.errors import UsageError
from support.ledger import balance


@pytest.fixture
def ledger(store: Store) -> Store:
    """Two warehouses and an item."""
    for code in ("main", "other"):
        setup.add(store.db, "warehouse", code, {"name": code})
    setup.add(store.db, "item", "A", {"name": "Shirt"})
    setup.add(store.db, "service", "S", {"name": "Shipping"})
    return store


def test_a_number_is_set_by_an_opening_and_then_corrections(ledger: Store) -> None:
    db = ledger.db
    assert stock.set_stock(db, "A", "main", 10) == 10
    assert stock.set_stock(db, "A", "main", 7, note="counted") == -3
    assert stock.set_stock(db, "A", "main", 7) == 0
    assert stock.set_stock(db, "A", "other", 0) == 0
    assert [(m.quantity, m.kind, m.note) for m in stock.movements(db, "A")] == [
        (-3, "correction", "counted"),
        (10, "opening", ""),
    ]
    assert balance(db, "A") == 7
    assert balance(db, "A", "other") == 0


@given(st.lists(st.integers(-(10**9), 10**9), max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_balance_is_what_was_set_last(ledger: Store, numbers: list[int]) -> None:
    for number in numbers:
        stock.set_stock(ledger.db, "A", "main", number)
    moved = [movement.quantity for movement in stock.movements(ledger.db, "A", limit=10_000)]
    if numbers:
        assert balance(ledger.db, "A", "main") == numbers[-1] == sum(moved)
    assert 0 not in moved


@pytest.mark.parametrize(
    ("item", "warehouse", "sentence"),
    [("X", "main", "no item 'X'"), ("A", "nowhere", "no warehouse 'nowhere'"), ("S", "main", "is a service")],
)
def test_wrong_places_are_refused(ledger: Store, item: str, warehouse: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        stock.set_stock(ledger.db, item, warehouse, 1)


@pytest.mark.parametrize("text", ["", "1.5", "one", "1e3", "9" * 16, "--1", "²"])
def test_a_quantity_is_whole_pieces(text: str) -> None:
    with pytest.raises(UsageError, match="whole number of pieces"):
        stock.parse_quantity(text)


def test_a_csv_file_brings_items_and_stock_in(ledger: Store, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    lines = [
        "\ufeffSKU;Name;GTIN;Stock;Warehouse",
        'A;"Shirt; red";4006381333931;5;',
        "",
        "B;Mug;;-2;other",
        'A;"Shirt; red";4006381333931;1;other',
    ]
    file.write_text("\n".join(lines))
    done = import_items(ledger.db, read_items(file, "main"))
    assert (done.added, done.known, done.movements) == (1, 1, 3)
    assert setup.get(ledger.db, "item", "A") == {"code": "A", "name": "Shirt; red", "gtin": "4006381333931"}
    assert balance(ledger.db, "A") == 6
    assert balance(ledger.db, "B", "other") == -2
    again = import_items(ledger.db, read_items(file, "main"))
    assert (again.added, again.known, again.movements) == (0, 2, 0)


def test_a_json_file_does_too(ledger: Store, tmp_path: Path) -> None:
    file = tmp_path / "items.json"
    file.write_text(json.dumps([{"sku": "C", "name": "Cup", "stock": 3, "warehouse": "main"}, {"sku": 7, "name": "Ñ"}]))
    import_items(ledger.db, read_items(file))
    assert setup.codes(ledger.db, "item") == ["7", "A", "C"]
    assert balance(ledger.db, "C") == 3


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "sku,name\nA,One\nB\n", "line 3: it has 1 columns and the first line 2"),
        ("a.csv", "sku,name,gtin\nA,One,123\n", "line 2, column gtin: gtin is no GTIN"),
        ("a.csv", "sku,name,stock\nA,One,1.5\n", "line 2, column stock"),
        ("a.csv", "sku,name,stock\nA,One,1\n", "line 2, column warehouse"),
        ("a.csv", "sku,name\n,One\n", "line 2, column sku: sku is needed"),
        ("a.csv", "sku,name\nA,One\nA,One\n", "line 3, column sku: 'A' is in line 2 already"),
        ("a.csv", "sku,name,warehouse\nA,One,main\nA,Two,other\n", "has another name or GTIN"),
        ("a.csv", "sku,title\nA,One\n", "line 1: 'title' is no column"),
        ("a.csv", "sku\nA\n", "line 1: the column name is missing"),
        ("a.csv", "", "line 1: the column sku is missing"),
        ("a.csv", 'sku,name\nA,"One\n', "this is not CSV"),
        ("a.csv", "sku,name\nA,O\x00ne\n", "line 2"),
        ("a.json", '[{"sku": "A",}]', "line 1, column 14: this is not JSON"),
        ("a.json", '{"sku": "A"}', "must be a list"),
        ("a.json", "[" * 100_000, "nested too deep"),
        ("a.json", '[{"sku": "A", "name": 1.5}]', "entry 1, column name: this must be text"),
        ("a.json", '[{"sku": "A", "name": "\\ud800"}]', "entry 1, column name"),
        ("a.json", '[{"sku": "A", "name": "One"}, 7]', "entry 2: this must be an object"),
    ],
)
def test_a_malformed_file_names_the_place_and_loads_nothing(
    tmp_path: Path, name: str, text: str, sentence: str
) -> None:
    file = tmp_path / name
    file.write_text(text, newline="")
    with pytest.raises(UsageError, match=sentence.replace("(", r"\(")):
        read_items(file)


def test_bytes_that_are_no_text_name_the_line(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_bytes(b"sku,name\nA,One\nB,\xff\n")
    with pytest.raises(UsageError, match="line 3: this is not UTF-8"):
        read_items(file)


@given(st.text(max_size=200), st.sampled_from(["csv", "json"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_read_or_refused_in_a_sentence(tmp_path: Path, text: str, kind: str) -> None:
    file = tmp_path / f"items.{kind}"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(UsageError):
        read_items(file)


def test_an_unknown_warehouse_or_a_service_loads_nothing(ledger: Store, tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text("sku,name,stock,warehouse\nN,New,1,nowhere\n")
    with pytest.raises(UsageError, match="no warehouse nowhere"):
        import_items(ledger.db, read_items(file))
    file.write_text("sku,name\nN,New\nS,Service\n")
    with pytest.raises(UsageError, match="S are services"):
        import_items(ledger.db, read_items(file))
    assert setup.codes(ledger.db, "item") == ["A"]
