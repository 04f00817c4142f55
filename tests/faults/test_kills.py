"""A short, fixed part of the harness; ``python -m tests.faults`` goes on for as long as one likes."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from faults import upgrading, victims
from faults.killing import WORKS, quiet
from faults.proof import prove
from faults.victims import Point
from faults.world import world

pytestmark = [pytest.mark.e2e, pytest.mark.long]

#: One of every sort, at moments that matter: in an import, between a push and its answer, before its confirmation.
POINTS = (
    ("daemon", "write::40"),
    ("daemon", "commit::30"),
    ("daemon", "answered::2"),
    ("write-out", "commit::3"),
    ("sync", "send:POST:1"),
    ("sync", "answered:POST:1"),
    ("daemon", "answered:POST:2"),
    ("sync", "committed::9"),
    ("plan", "line:chansync.sync.pull:150"),
    ("daemon", "line:chansync.store.outbox:40"),
)


def test_kills_at_chosen_points_leave_both_sides_the_same(tmp_path: Path) -> None:
    with world(tmp_path, seed=1, orders=60, rate=10) as made:
        killed = []
        for name, text in POINTS:
            death = WORKS[name](made, Point(text, victims.LONGEST_LIFE))
            assert "Traceback" not in death.err
            killed.append(death.killed)
        # A point that is never come to proves nothing.
        assert killed.count(True) >= 8
        quiet(made)
        assert prove(made) == []


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_making_is_finished_by_the_next(tmp_path: Path, seed: int) -> None:
    assert upgrading.make(tmp_path, random.Random(seed))[1] == []


@pytest.mark.parametrize("line", [28, 31, 34, 36])
def test_a_kill_while_the_keys_are_made_leaves_them_whole_or_not_there(tmp_path: Path, line: int) -> None:
    path = tmp_path / "chansync.db"
    upgrading.make_system(path)
    words = upgrading.CHANNEL_WORDS
    killed = victims.run(words, path, Point(f"line:chansync.secrets.sealing:{line}"), stdin="cs_1\n").killed
    assert killed
    again = victims.run(words, path, Point(), stdin="cs_1\n")
    assert again.code == 0 or "already" in again.err, again.err
    assert upgrading.opened(path) == {"consumer_secret": "cs_1"}


def test_a_backup_that_is_killed_is_nobodys_to_read_and_the_next_sweeps_it(template: Path, tmp_path: Path) -> None:
    path, copies = tmp_path / "chansync.db", tmp_path / "copies"
    path.write_bytes(template.read_bytes())
    path.chmod(0o660)
    copies.mkdir()
    words = ["db", "backup", str(copies / "copy.db")]
    # In the middle of looking the copy through: that is a copy of everything.
    assert victims.run(words, path, Point("call:chansync.db.backup.look_through:1")).killed
    [left] = tmp_path.glob(".chansync.backup.*")
    assert left.stat().st_size > 0
    assert {stat.S_IMODE(each.stat().st_mode) for each in (left, *copies.iterdir())} == {0o600}
    assert victims.run(words, path, Point()).code == 0
    assert [each.name for each in copies.iterdir()] == ["copy.db"]
    assert not left.exists()


def test_a_plan_that_is_killed_leaves_no_customers_data_behind(tmp_path: Path) -> None:
    with world(tmp_path, seed=2, orders=60, rate=0) as made:
        assert WORKS["plan"](made, Point("answered::2")).killed
        assert list((tmp_path / "tmp").iterdir()) == []
        # One that is killed while it copies leaves a folder, and the next sweeps it.
        assert WORKS["plan"](made, Point("line:chansync.db.connection:95")).killed
        WORKS["plan"](made, Point())
        assert list((tmp_path / "tmp").iterdir()) == []
