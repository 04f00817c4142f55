"""Setting up the ledger's reference data."""

from __future__ import annotations

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import KINDS
from chansync.model.errors import UsageError


@pytest.fixture
def ledger(store: Store) -> Store:
    """A warehouse, an account and two POSs."""
    setup.add(store.db, "warehouse", "main", {"name": "Main"})
    setup.add(store.db, "account", "bank", {"name": "Bank"})
    for code in ("web", "shop"):
        setup.add(store.db, "pos", code, {"name": code, "warehouse": "main", "currencies": "eur, bgn"})
    return store


def test_what_is_added_is_read_back_typed(ledger: Store) -> None:
    setup.change(ledger.db, "pos", "web", {"negative_stock": "yes", "next_sale_number": "1000"})
    assert setup.get(ledger.db, "pos", "web") == {
        "code": "web",
        "name": "web",
        "warehouse": "main",
        "currencies": ["EUR", "BGN"],
        "negative_stock": True,
        "next_sale_number": 1000,
    }
    assert setup.codes(ledger.db, "pos") == ["shop", "web"]


@pytest.mark.parametrize("kind", [name for name in KINDS if name not in ("pos", "payment-method", "delivery-method")])
def test_every_simple_kind_can_be_added_changed_and_removed(store: Store, kind: str) -> None:
    setup.add(store.db, kind, "one", {"name": "One"})
    setup.change(store.db, kind, "one", {"name": "First"})
    assert [row["name"] for row in setup.rows(store.db, kind)] == ["First"]
    setup.remove(store.db, kind, "one")
    assert setup.codes(store.db, kind) == []


@pytest.mark.parametrize(
    ("kind", "code", "texts", "sentence"),
    [
        ("pos", "x", {"name": "X", "warehouse": "nowhere", "currencies": "EUR"}, "no such warehouse; there is main"),
        ("pos", "x", {"name": "X", "warehouse": "main", "currencies": "EURO"}, "currencies holds EURO"),
        ("pos", "x", {"name": "X", "warehouse": "main"}, "currencies is needed"),
        ("warehouse", "with space", {"name": "X"}, "code may hold letters"),
        ("warehouse", "", {"name": "X"}, "code is needed"),
        ("warehouse", "x", {}, "name is needed"),
        ("warehouse", "x", {"name": "X", "colour": "red"}, "'colour' is no field of a warehouse"),
        ("warehouse", "x", {"name": "a\x1bb"}, "cannot be printed"),
        ("item", "x", {"name": "X", "gtin": "4006381333932"}, "is no GTIN"),
        ("user", "x", {"name": "X", "email": "nobody"}, "is no e-mail address"),
        ("tax-transaction", "x", {"name": "X", "rate": "101"}, "is no rate"),
        ("tax-transaction", "x", {"name": "X", "rate": "NaN"}, "is no rate"),
        ("account", "x", {"name": "X", "type": "sock"}, "is one of account, cash desk"),
        ("warehouse", "main", {"name": "Main"}, "There is a warehouse 'main' already"),
        ("payment-method", "x", {"name": "X", "account": "bank"}, "pos is needed"),
        ("sock", "x", {"name": "X"}, "There is no kind 'sock'"),
    ],
)
def test_wrong_input_is_named(ledger: Store, kind: str, code: str, texts: dict[str, str], sentence: str) -> None:
    before = setup.rows(ledger.db, "pos") + setup.rows(ledger.db, "warehouse")
    with pytest.raises(UsageError, match=sentence.replace("(", r"\(")):
        setup.add(ledger.db, kind, code, texts)
    assert setup.rows(ledger.db, "pos") + setup.rows(ledger.db, "warehouse") == before


def test_methods_of_two_points_of_sale_may_share_a_code(ledger: Store) -> None:
    for pos in ("web", "shop"):
        setup.add(ledger.db, "payment-method", "card", {"name": f"Card {pos}", "pos": pos, "account": "bank"})
    assert setup.codes(ledger.db, "payment-method") == ["card"]
    assert setup.codes(ledger.db, "payment-method", pos="web") == ["card"]
    assert setup.codes(ledger.db, "payment-method", pos="nowhere") == []
    assert setup.get(ledger.db, "payment-method", "shop/card")["name"] == "Card shop"
    with pytest.raises(UsageError, match="write POS/CODE"):
        setup.get(ledger.db, "payment-method", "card")
    with pytest.raises(UsageError, match="already at that POS"):
        setup.add(ledger.db, "payment-method", "card", {"name": "Again", "pos": "web", "account": "bank"})
    with pytest.raises(UsageError, match="pos is fixed"):
        setup.change(ledger.db, "payment-method", "shop/card", {"pos": "web"})


def test_what_is_used_is_not_removed(ledger: Store) -> None:
    with pytest.raises(UsageError, match="2 POSs use it"):
        setup.remove(ledger.db, "warehouse", "main")
    assert setup.codes(ledger.db, "warehouse") == ["main"]


def test_an_emptied_field_gets_its_default(ledger: Store) -> None:
    setup.change(ledger.db, "pos", "web", {"negative_stock": "yes"})
    setup.change(ledger.db, "pos", "web", {"negative_stock": ""})
    assert setup.get(ledger.db, "pos", "web")["negative_stock"] is False
    with pytest.raises(UsageError, match="name is needed"):
        setup.change(ledger.db, "pos", "web", {"name": " "})


def test_items_and_services_share_codes_but_not_lists(store: Store) -> None:
    setup.add(store.db, "item", "A", {"name": "Shirt", "gtin": "4006381-333931"})
    setup.add(store.db, "service", "S", {"name": "Shipping"})
    assert setup.get(store.db, "item", "A")["gtin"] == "4006381333931"
    assert setup.codes(store.db, "item") == ["A"]
    assert setup.codes(store.db, "service") == ["S"]
    with pytest.raises(UsageError, match="is an item's already"):
        setup.add(store.db, "service", "A", {"name": "X"})
    with pytest.raises(UsageError, match="is a service's already"):
        setup.add(store.db, "item", "S", {"name": "X"})
    with pytest.raises(UsageError, match="no item 'S'"):
        setup.remove(store.db, "item", "S")


def test_rows_are_searched_by_code_and_name(store: Store) -> None:
    for code, name in (("A-1", "Red shirt"), ("B-2", "Blue trousers"), ("C%", "Per cent")):
        setup.add(store.db, "item", code, {"name": name})
    assert [row["code"] for row in setup.rows(store.db, "item", text="SHIRT")] == ["A-1"]
    assert [row["code"] for row in setup.rows(store.db, "item", text="%")] == ["C%"]
    assert len(setup.rows(store.db, "item", limit=2)) == 2
