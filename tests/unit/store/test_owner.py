"""Whose lease it is, where machines, containers and restarts give the same names and numbers again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from chansync.store import owner

FIRST = "4026531836"


@pytest.fixture
def alive() -> Iterator[str]:
    """``pid:start`` of a process that lives, and is another's."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with open(f"/proc/{process.pid}/stat") as file:
        yield f"{process.pid}:{file.read().rsplit(')', 1)[1].split()[19]}"
    process.kill()
    process.communicate()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "_here_text", lambda: f"erp/machine1/boot1/{FIRST}/4026531834")


def holder(process: str, *, name: str = "erp", machine: str = "machine1", boot: str = "boot1", pids: str = FIRST,
           ticks: str = "4026531834") -> str:  # fmt: skip
    return f"{name}/{machine}/{boot}/{pids}/{ticks}:{process}:1"


DEAD = "999999999:1"


@pytest.mark.usefixtures("here")
class TestADeadProcess:
    def test_of_this_machine_is_known_to_be_dead(self) -> None:
        assert owner.is_surely_dead(holder(DEAD))

    def test_whose_number_another_has_now_is_known_to_be_dead(self, alive: str) -> None:
        pid = alive.partition(":")[0]
        assert owner.is_surely_dead(holder(f"{pid}:5"))

    def test_is_known_though_the_machine_was_renamed(self) -> None:
        assert owner.is_surely_dead(holder(DEAD, name="erp-old"))

    def test_of_before_a_restart_is_dead_though_all_its_numbers_came_again(self, alive: str) -> None:
        assert owner.is_surely_dead(holder(alive, boot="boot0"))

    def test_of_another_machine_nobody_knows(self) -> None:
        assert not owner.is_surely_dead(holder(DEAD, boot="boot2", machine="machine2"))
        assert not owner.is_surely_dead(holder(DEAD, boot="boot2", name="other"))

    def test_of_another_container_nobody_knows(self) -> None:
        assert not owner.is_surely_dead(holder(DEAD, pids="4026532300"))

    def test_of_another_machine_with_the_same_image_nobody_knows(self) -> None:
        """Containers have the name and the machine's id of their image, and mostly the same process ids."""
        assert not owner.is_surely_dead(holder("7:1234", boot="boot2", pids="4026532300"))

    def test_of_an_older_version_nobody_knows(self) -> None:
        assert not owner.is_surely_dead("erp:999999999:1:1")

    def test_is_known_where_a_sandbox_hides_which_start_of_the_machine_it_is(self) -> None:
        assert owner.is_surely_dead(holder(DEAD, boot=""))


@pytest.mark.usefixtures("here")
class TestALivingProcess:
    def test_of_this_machine_lives(self, alive: str) -> None:
        assert not owner.is_surely_dead(holder(alive))
        assert owner.is_in_sight(holder(alive))

    def test_lives_though_the_machine_was_renamed(self, alive: str) -> None:
        assert not owner.is_surely_dead(holder(alive, name="erp-old"))

    def test_whose_clock_counts_from_elsewhere_lives(self, alive: str) -> None:
        """In a time namespace the kernel tells another start of the same process."""
        pid = alive.partition(":")[0]
        assert not owner.is_surely_dead(holder(f"{pid}:5", ticks="4026532999"))
        assert owner.is_surely_dead(holder("999999999:5", ticks="4026532999"))

    def test_of_another_container_is_of_this_kernel_and_out_of_sight(self, alive: str) -> None:
        theirs = holder(alive, pids="4026532300", name="container")
        assert owner.is_of_this_kernel(theirs)
        assert not owner.is_in_sight(theirs)
        assert not owner.is_of_this_kernel(holder(alive, boot="boot2"))


def test_the_own_process_lives_and_sees_itself() -> None:
    own = owner.task_owner()
    assert owner.is_in_sight(own)
    assert not owner.is_surely_dead(own)
    assert own.split(":")[1] == str(os.getpid())
    assert len(own.split(":")) == 4
