"""The daemon under a service manager: when it says that it is ready, and what becomes of a loop that hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import shops
from support.service_manager import FakeManager

pytestmark = pytest.mark.e2e

#: The daemon, with a signal that makes its loop hang as a bug would.
_HANGS_ON_SIGUSR1 = """
import signal, sys, time
from chansync.cli.main import main
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))
sys.exit(main(["daemon"]))
"""


@pytest.fixture
def path(template: Path, tmp_path: Path) -> Path:
    made = tmp_path / "chansync.db"
    made.write_bytes(template.read_bytes())
    return made


@pytest.fixture
def systemd() -> Iterator[FakeManager]:
    with FakeManager(watchdog=1.5) as manager:
        yield manager


def _start(path: Path, systemd: FakeManager) -> subprocess.Popen[str]:
    environment = os.environ | systemd.environment | {"CHANSYNC_DB": str(path)}
    return subprocess.Popen(
        [sys.executable, "-c", _HANGS_ON_SIGUSR1], env=environment, stderr=subprocess.PIPE, text=True
    )


def test_it_tells_of_its_whole_life(path: Path, systemd: FakeManager) -> None:
    process = _start(path, systemd)
    try:
        assert systemd.next() == f"STATUS=opening {path}"
        assert systemd.next() == "READY=1"
        assert shops.query(path, "SELECT count(*) FROM daemon WHERE stopped_at IS NULL") == [(1,)]
        assert systemd.until("STATUS=") == "STATUS=0 channels in use, 0 running, 0 open problems"
        systemd.until("WATCHDOG=1")
        systemd.until("WATCHDOG=1")
        process.send_signal(signal.SIGHUP)
        assert systemd.until("RELOADING=1").startswith("RELOADING=1\nMONOTONIC_USEC=")
        assert systemd.until("READY=1")
        # Taken up in the order in which they come, as the reload shows.
        process.send_signal(signal.SIGUSR2)
        process.send_signal(signal.SIGHUP)
        systemd.until("READY=1")
        code, _, err = shops.stopped(process)
        assert (code, "Traceback" in err, "the log is detailed from now on" in err) == (0, False, True)
        assert systemd.until("STOPPING=1")
    finally:
        process.kill()
        process.communicate()


def test_a_database_that_cannot_be_used_is_never_ready(path: Path, systemd: FakeManager) -> None:
    path.write_bytes(b"this is no database" * 1000)
    code, _, err = shops.finished(_start(path, systemd))
    assert (code, "This is not an SQLite database" in err) == (65, True)
    [why] = [text for text in systemd.told() if not text.startswith("STATUS=opening")]
    assert why.startswith("STATUS=This is not an SQLite database")


def test_the_last_line_is_one_of_the_log_too(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)
    code, _, err = shops.finished(shops.command("daemon", "--json-logs", database=path))
    [line] = [json.loads(each) for each in err.splitlines()]
    assert (code, line["level"]) == (65, "critical")
    assert line["message"].startswith("This is not an SQLite database")


def test_a_loop_that_hangs_starves_the_watchdog_and_leaves_its_stack(path: Path, systemd: FakeManager) -> None:
    process = _start(path, systemd)
    try:
        systemd.until("WATCHDOG=1")
        process.send_signal(signal.SIGUSR1)
        # As systemd does it: nothing within the limit means SIGABRT, and another start.
        systemd.falls_silent(1.5)
        assert process.poll() is None
        process.send_signal(signal.SIGABRT)
        code, _, err = shops.finished(process)
        assert code == -signal.SIGABRT
        assert "Current thread" in err
        assert "run_forever" in err or "run_until_complete" in err
    finally:
        process.kill()
        process.communicate()
    with FakeManager(watchdog=1.5) as again:
        second = _start(path, again)
        try:
            again.until("READY=1")
        finally:
            assert shops.stopped(second)[0] == 0
