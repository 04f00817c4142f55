"""Kills between chansync and an outside ERP at chosen points; ``python -m tests.faults --own-erp 1000`` goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.own_erp import own_world, prove, settle, turn
from faults.victims import Point

pytestmark = [pytest.mark.e2e, pytest.mark.long]

#: Before and after what matters: steps marked as sent, on their way, done and not answered, answered and not noted.
POINTS = (
    ("chansync", "send:POST:1"),
    ("chansync", "answered:POST:1"),
    ("erp", "line:chansync.erp.http.example.books:600"),
    ("chansync", "line:chansync.sync.erp_run:230"),
    ("erp", "line:chansync.erp.http.example.books:2000"),
    ("chansync", "answered:POST:2"),
    ("erp", "line:chansync.erp.http.example.server:40"),
    ("chansync", "commit::25"),
    ("erp", "line:chansync.erp.http.example.books:20000"),
    ("chansync", "line:chansync.erp.outside.sales:300"),
)


def test_whoever_dies_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with own_world(tmp_path, seed=1) as made:
        killed = [turn(made, victim, Point(text)) for victim, text in POINTS]
        # A point that is never come to proves nothing.
        assert killed.count(True) >= 7, killed
        assert settle(made) + prove(made) == []
        assert made.sql("SELECT count(*) >= 30 FROM sale") == [(1,)]
