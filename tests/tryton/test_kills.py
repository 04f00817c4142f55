"""Kills between chansync and a real Tryton at chosen points; ``python -m tests.faults --tryton 100`` goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.own_erp import settle
from faults.tryton_erp import prove, tryton_world, turn
from faults.victims import Point

pytestmark = [pytest.mark.tryton, pytest.mark.long]

#: Tryton dies between what it was asked for and what it does of itself afterwards; an answer is lost, and one comes
#: when nobody waits for it any more; chansync dies before it has noted an answer.
POINTS = (
    ("erp", "call:trytond.worker.run_task:4"),
    ("answer", "late:20"),
    ("chansync", "answered:POST:12"),
    ("answer", "lose:9"),
)


def test_whoever_dies_nothing_is_lost_or_doubled_in_tryton(tmp_path: Path) -> None:
    with tryton_world(tmp_path, seed=1) as made:
        came = [turn(made, victim, Point(text)) for victim, text in POINTS]
        # A point that is never come to proves nothing.
        assert any(came), came
        assert settle(made) + prove(made) == []
