"""Which ERP a POS, a sale and a piece of reference data belong to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp import registry
from chansync.model.errors import UsageError
from support import tiny_erp


@pytest.fixture
def tiny(company: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Another ERP is installed beside the ledger, and connected."""
    erp = tiny_erp.install(monkeypatch)
    tiny_erp.connect(company.db)
    yield erp
    monkeypatch.undo()
    tiny_erp.forget()


def test_the_ledger_is_registered_like_any_other_and_comes_first(tiny: Any) -> None:
    first, *others = registry.kinds()
    assert first == "ledger"
    assert {"http", "tiny"} <= set(others)


def test_a_kind_of_erp_that_is_not_installed_is_said_so() -> None:
    with pytest.raises(UsageError, match="There is no kind of ERP 'nowhere': installed are ledger"):
        registry.kind_named("nowhere")


def test_an_erp_that_is_not_connected_is_said_so(company: Store) -> None:
    with pytest.raises(UsageError, match="There is no ERP 'tiny': connected are ledger"):
        registry.erp(company.db, "tiny")


@pytest.mark.parametrize(("pos", "kind"), [("MAIN", "ledger"), ("TINY", "tiny"), ("OTHER", "ledger"), (None, "ledger")])
def test_a_pos_belongs_to_one_erp(company: Store, tiny: Any, pos: str | None, kind: str) -> None:
    assert registry.of_pos(company.db, pos).code == kind


def test_a_channel_may_name_every_pos_and_what_its_own_has(company: Store, tiny: Any) -> None:
    assert list(registry.codes(company.db, "pos", None)) == ["MAIN", "TINY"]
    assert list(registry.codes(company.db, "delivery_method", "MAIN")) == ["courier"]
    assert list(registry.codes(company.db, "delivery_method", "TINY")) == ["van"]


def test_what_can_be_chosen_is_listed_with_its_name(company: Store, tiny: Any) -> None:
    found = registry.rows(company.db, "payment_method", "TINY", text="", limit=10)
    assert [(row["code"], row["name"]) for row in found] == [("cash", "Cash")]


def test_a_sale_that_no_erp_has(company: Store, tiny: Any) -> None:
    with pytest.raises(UsageError, match="There is no sale 'X-1' in the ERP"):
        registry.find_sale(company.db, "X-1")
