"""A short part of what ``python -m tests.faults --nonsense`` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chansync.db.connection import Store
from faults.mutations import Bench, amazon_bench, judged, store_bench
from faults.talking import listen_to_a_store, listen_to_amazon
from support import world


@pytest.mark.long
@pytest.mark.parametrize("bench", [store_bench, amazon_bench])
def test_a_spoilt_order_is_a_sale_of_exactly_its_total_or_an_open_problem(
    store: Store, bench: Callable[[Store], Bench]
) -> None:
    world.add_erp(store, currencies="EUR,BGN,GBP,JPY,USD")
    world.add_channel(store)
    met, wrong = judged(store, bench(store), range(300))
    assert wrong == []
    assert {"create", "order_unreadable", "total_mismatch"} <= met.keys()


@pytest.mark.long
def test_a_store_that_talks_nonsense_leaves_no_trace(template: Path, tmp_path: Path) -> None:
    (tmp_path / "chansync.db").write_bytes(template.read_bytes())
    met, wrong = listen_to_a_store(tmp_path, seed=4, turns=6)
    assert wrong == []
    assert len(met) > 10, met


@pytest.mark.long
def test_an_amazon_that_talks_nonsense_leaves_no_trace(template: Path, tmp_path: Path) -> None:
    (tmp_path / "chansync.db").write_bytes(template.read_bytes())
    met, wrong = listen_to_amazon(tmp_path, seed=4, turns=6)
    assert wrong == []
    assert len(met) > 5, met
