"""A few of the points of ``python -m tests.faults --every 1``, spread over all pieces of work."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.__main__ import SCRIPTS
from faults.every import kill_at_every_point

pytestmark = [pytest.mark.e2e, pytest.mark.long]

#: Script → which points: one in so many, from which on; and how many there are at least.
THINNED = {"upgrade": (60, 11, 200), "shop": (120, 30, 500), "reports": (120, 7, 500)}


@pytest.mark.parametrize("name", THINNED)
def test_killed_work_that_is_done_again_comes_to_the_same(tmp_path: Path, name: str) -> None:
    step, first, least = THINNED[name]
    points, killed, wrong = kill_at_every_point(tmp_path, {name: SCRIPTS[name]}, step, first, lambda text: None)
    assert wrong == []
    assert killed >= 4
    assert points.total() > least
