"""What several users of one machine share: lock files, and the knowledge of who still lives."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.store import owner
from chansync.store.sharing import open_lock


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def _owner_of(process: subprocess.Popen[bytes]) -> str:
    with open(f"/proc/{process.pid}/stat") as file:
        started = file.read().rsplit(")", 1)[1].split()[19]
    return f"{owner.process_owner().partition(':')[0]}:{process.pid}:{started}:1"


def test_a_holder_is_dead_when_its_process_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    holder = _owner_of(sleeper)
    assert not owner.is_surely_dead(holder)
    assert owner.is_surely_dead(holder.replace(f":{sleeper.pid}:", f":{sleeper.pid}:9"))
    sleeper.kill()
    sleeper.communicate()
    assert owner.is_surely_dead(holder)


def test_a_process_that_proc_hides_is_not_taken_for_dead(
    sleeper: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a machine with hidepid, or in the service's own sandbox."""
    holder = _owner_of(sleeper)
    monkeypatch.setattr(owner, "_PROC", str(tmp_path))
    assert not owner.is_surely_dead(holder)
    sleeper.kill()
    sleeper.communicate()
    assert owner.is_surely_dead(holder)


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_lock_file_is_for_the_whole_group_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        descriptor = open_lock(tmp_path / "lock")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o660
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    second = open_lock(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(second)
