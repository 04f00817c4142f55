"""Which processes are alive, by the kernel's locks on one file: stopped, killed, forked, in other namespaces."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chansync.db import process_locks
from chansync.db.process_locks import DAEMON, LockFileRefused, LockLost
from chansync.model.errors import StoreError
from support.patience import PATIENCE
from support.processes import holder
from support.users import umask


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A database's path; the lock file is made at its first use."""
    database = tmp_path / "chansync.db"
    database.write_bytes(b"a database")
    yield database
    for byte in (DAEMON, process_locks.MIGRATION):
        process_locks.unlock(str(database), byte)


def lock_file(path: Path) -> Path:
    return path.with_suffix(".lock")


def test_a_process_is_alive_while_it_runs_or_is_stopped_and_dead_when_it_was_killed(path: Path) -> None:
    with holder(path) as (process, owner):
        assert process_locks.is_alive(str(path), owner)
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert process_locks.is_alive(str(path), owner)
        process.kill()
        os.waitpid(process.pid, 0)
        assert not process_locks.is_alive(str(path), owner)


@pytest.mark.parametrize(
    "prefix",
    [
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ["unshare", "--uts", "--ipc", "--net", "--time", "--fork", "--kill-child"],
        ["unshare", "--mount", "sh", "-c", 'mount -t proc -o hidepid=2 proc /proc 2>/dev/null; exec "$@"', "sh"],
    ],
    ids=["another process namespace", "another machine's name and clock", "hidden processes"],
)
def test_a_process_of_another_container_tells_itself_too(path: Path, prefix: Sequence[str]) -> None:
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces here")
    with holder(path, prefix=prefix) as (_, owner):
        assert process_locks.is_alive(str(path), owner)
    assert not process_locks.is_alive(str(path), owner)


def test_a_copy_of_the_database_knows_nobody(path: Path, tmp_path: Path) -> None:
    with holder(path) as (_, owner):
        copy = tmp_path / "elsewhere" / "chansync.db"
        copy.parent.mkdir()
        for file in (path, lock_file(path)):
            shutil.copy2(file, copy.parent)
        assert process_locks.is_alive(str(path), owner)
        assert not process_locks.is_alive(str(copy), owner)


@pytest.mark.parametrize("owner", ["", "erp1:12:34", "nobody:1", "0", "0:1", "-5:1", f"{1 << 70:x}:1", "ü:1"])
def test_what_is_no_owner_of_ours_is_dead(path: Path, owner: str) -> None:
    process_locks.hold(str(path))
    assert not process_locks.is_alive(str(path), owner)


def test_this_process_lives_and_a_task_that_it_abandoned_does_not(path: Path) -> None:
    first, second = process_locks.task_owner(), process_locks.task_owner()
    assert first != second
    process_locks.abandon(first)
    assert (process_locks.is_alive(str(path), first), process_locks.is_alive(str(path), second)) == (False, True)


_FORKS = """
import os, sys, time
from chansync.db import process_locks
process_locks.hold(sys.argv[1])
owner = process_locks.process_owner()
reader, writer = os.pipe()
if os.fork() == 0:
    assert process_locks.process_owner() != owner
    os.close(writer)
    os.read(reader, 1)
    print("forked", flush=True)
    sys.stdin.read()
    os._exit(0)
print(owner, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_fork_does_not_keep_its_dead_parent_alive(path: Path) -> None:
    command = [sys.executable, "-c", _FORKS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        assert process.stdout.readline() == "forked\n"
        process.wait()
        assert not process_locks.is_alive(str(path), owner)


def test_a_program_that_a_holder_started_does_not_keep_it_alive(path: Path) -> None:
    code = (
        "import subprocess, sys; from chansync.db import process_locks as p; p.hold(sys.argv[1]); "
        "subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL); print(p.process_owner())"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, check=True)
    assert not process_locks.is_alive(str(path), done.stdout.strip())


def test_closing_another_descriptor_of_the_file_loses_nothing(path: Path) -> None:
    assert process_locks.lock(str(path), DAEMON)
    lock_file(path).open("rb").close()
    code = "import sys; from chansync.db import process_locks as p; sys.exit(p.lock(sys.argv[1], p.DAEMON))"
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == 0


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_it_is_for_the_whole_group_whatever_the_umask(path: Path, mask: int) -> None:
    with umask(mask):
        process_locks.hold(str(path))
    found = lock_file(path).stat()
    assert (stat.S_IMODE(found.st_mode), found.st_size) == (0o660, 0)


def test_no_mode_of_a_file_that_was_there_is_changed(path: Path) -> None:
    lock_file(path).touch(0o600)
    process_locks.hold(str(path))
    assert stat.S_IMODE(lock_file(path).stat().st_mode) == 0o600


def _link(path: Path) -> None:
    path.with_name("key").write_bytes(b"")
    lock_file(path).symlink_to("key")


def _second_name(path: Path) -> None:
    path.with_name("key").write_bytes(b"")
    os.link(path.with_name("key"), lock_file(path))


PLANTED = {
    "a link": _link,
    "a second name of a file": _second_name,
    "a pipe": lambda path: os.mkfifo(lock_file(path)),
    "a folder": lambda path: lock_file(path).mkdir(),
    "a private key": lambda path: lock_file(path).write_text("secret"),
    "the database": lambda path: os.link(path, lock_file(path)),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED.keys())
def test_what_somebody_planted_is_refused_and_left_as_it_is(path: Path, plant: object) -> None:
    assert callable(plant)
    plant(path)
    before = lock_file(path).lstat()
    for use in (
        lambda: process_locks.hold(str(path)),
        lambda: process_locks.is_locked(str(path), DAEMON),
        lambda: process_locks.lock(str(path), DAEMON),
    ):
        with pytest.raises(LockFileRefused, match="remove it, and start again"):
            use()
    after = lock_file(path).lstat()
    assert (before.st_mode, before.st_ino, before.st_size) == (after.st_mode, after.st_ino, after.st_size)


def test_a_folder_that_takes_no_file_is_a_sentence(path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be used: No such file"):
        process_locks.lock(str(path.parent / "gone" / "chansync.db"), DAEMON)


def test_a_lock_file_that_was_replaced_is_locked_anew(path: Path) -> None:
    assert process_locks.lock(str(path), DAEMON)
    for _ in range(2):
        lock_file(path).unlink()
        process_locks.hold(str(path))
        with lock_file(path).open("r+b") as file, pytest.raises(BlockingIOError):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, DAEMON)


def test_of_two_that_hold_it_on_two_files_one_loses(path: Path) -> None:
    """Whoever replaces the file lets a second one in; the first finds out with its next look."""
    assert process_locks.lock(str(path), DAEMON)
    lock_file(path).unlink()
    code = (
        "import sys; from chansync.db import process_locks as p; print(p.lock(sys.argv[1], p.DAEMON), "
        "flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout is not None
        assert second.stdout.readline() == "True\n"
        for _ in range(2):
            with pytest.raises(LockLost, match="was replaced"):
                process_locks.hold(str(path))
        second.communicate()
    process_locks.hold(str(path))
    assert process_locks.is_locked(str(path), DAEMON)


def test_whoever_waits_gets_it_when_it_is_free(path: Path) -> None:
    with holder(path):
        code = (
            "import sys; from chansync.db import process_locks as p\n"
            "with p.locked(sys.argv[1], p.MIGRATION): print('mine', flush=True); sys.stdin.readline()"
        )
        command = [sys.executable, "-c", code, str(path)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "mine\n"
            got = threading.Event()

            def wait() -> None:
                with process_locks.locked(path, process_locks.MIGRATION):
                    got.set()

            waiting = threading.Thread(target=wait)
            waiting.start()
            assert process_locks.is_locked(str(path), process_locks.MIGRATION)
            assert not got.is_set()
            other.communicate("\n")
            waiting.join(PATIENCE)
            assert got.is_set()
