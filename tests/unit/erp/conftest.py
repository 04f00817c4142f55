"""A shop whose ledger is sound whatever a test does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from support import ledger
from support.ledger import have


@pytest.fixture
def goods(store: Store) -> Store:
    """Ten shirts in W1, three hats in W2."""
    ledger.add_company(store)
    have(store, "SHIRT", 10)
    have(store, "HAT", 3, "W2")
    return store


@pytest.fixture
def shop(goods: Store) -> Iterator[Store]:
    """The same; the ledger is sound at the test's end."""
    yield goods
    assert check(goods.db) == []
