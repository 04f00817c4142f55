"""A process that was stopped in the middle of a write: who waits for it is told which one, and what to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from chansync.db.connection import Store
from chansync.db.lock_holders import holders
from chansync.db.sqlite_errors import explained
from chansync.model.errors import StoreError

WRITER = """
import sys, apsw
db = apsw.Connection(sys.argv[1])
db.execute("BEGIN IMMEDIATE")
print("writes", flush=True)
sys.stdin.read()
"""


def test_who_writes_and_is_stopped_is_named(company: Store) -> None:
    command = [sys.executable, "-c", WRITER, str(company.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writes\n"
        company.db.set_busy_timeout(0)
        try:
            assert f"for too long (process {writer.pid}); try again" in refused(company)
            writer.send_signal(signal.SIGSTOP)
            os.waitpid(writer.pid, os.WUNTRACED)
            stopped = f"(process {writer.pid}, which is stopped: kill -CONT {writer.pid} lets it go on); try again"
            assert stopped in refused(company)
            # A command puts it into its sentence when its own connections are closed.
            assert stopped in refused(company, closes=True)
        finally:
            writer.kill()


def refused(store: Store, *, closes: bool = False) -> str:
    with pytest.raises(StoreError) as caught, explained():
        write(store, closes)
    assert isinstance(caught.value.__cause__, apsw.BusyError)
    return str(caught.value)


def write(store: Store, closes: bool) -> None:
    try:
        store.db.execute("BEGIN IMMEDIATE")
    finally:
        if closes:
            store.close()


def test_readers_and_those_who_wait_are_not_taken_for_writers(tmp_path: Path) -> None:
    file = tmp_path / "x-shm"
    file.write_text("")
    found = file.stat()
    inode = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    locks = tmp_path / "locks"
    locks.write_text(
        f"1: POSIX  ADVISORY  READ 11 {inode} 124 124\n"
        f"2: POSIX  ADVISORY  WRITE 12 {inode} 120 120\n"
        f"2: -> POSIX  ADVISORY  WRITE 13 {inode} 120 120\n"
        f"3: POSIX  ADVISORY  WRITE 14 {inode} 121 122\n"
        "4: POSIX  ADVISORY  WRITE 15 00:00:1 120 120\n"
        f"5: FLOCK  ADVISORY  WRITE 16 {inode} 0 EOF\n"
        "nonsense\n"
    )
    assert holders(found, str(locks), byte=120) == [12, 16]
    assert holders(found, str(locks)) == [11, 12, 14, 16]
    assert holders(found, str(tmp_path / "none")) == []
