"""A short part of what ``python -m tests.faults --turns`` does: each trouble is one sentence, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.network import sell_over_a_bad_network
from support.proxy import KINDS

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def test_a_bad_network_loses_and_doubles_nothing(template: Path, tmp_path: Path) -> None:
    (tmp_path / "chansync.db").write_bytes(template.read_bytes())
    # What is dropped is waited for, half a minute each time.
    kinds = [kind for kind in KINDS if kind != "drop"]
    met, wrong = sell_over_a_bad_network(tmp_path, seed=2, turns=6, kinds=kinds)
    assert len(met) > 5, met
    assert wrong == []
