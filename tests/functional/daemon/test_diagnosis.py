"""How the daemon is, each state made for real and told alike by every means, with advice that does no harm."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from chansync import __version__
from chansync.db import process_locks
from chansync.db.connection import Store, open_store
from chansync.store import daemons
from chansync_daemon import metrics
from chansync_tui.app import ChansyncApp
from functional.tui.looking import until_seen
from support import shops
from support.patience import PATIENCE
from support.service_manager import FakeManager

_AS_VERSION = """
import sys, chansync
chansync.__version__ = sys.argv.pop(1)
from chansync.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

_HANGS = """
import sys, time
from chansync_daemon import service

async def hangs(self):
    print("hangs", flush=True)
    time.sleep(3600)

service.Service._turn = hangs
from chansync.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

#: Another machine: its name, its id and that of its running kernel.
_ELSEWHERE = """
hostname opshost; echo 0123456789abcdef > "$1"
mount --bind "$1" /etc/machine-id; mount --bind "$1" /proc/sys/kernel/random/boot_id
shift; exec "$@"
"""


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


class Place:
    """A database and the daemons that were started on it; they are killed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._started: list[subprocess.Popen[str]] = []

    def daemon(
        self, *, code: str = "", arguments: Sequence[str] = (), prefix: Sequence[str] = ()
    ) -> subprocess.Popen[str]:
        """Start one and wait until it says that it works."""
        program = [sys.executable, "-c", code] if code else [sys.executable, "-m", "chansync"]
        with FakeManager() as systemd:
            process = subprocess.Popen(
                [*prefix, *program, *arguments, "--db", str(self.path), "daemon"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                env=os.environ | systemd.environment,
            )  # fmt: skip
            self._started.append(process)
            systemd.until("READY=1")
        return process

    def silence(self) -> None:
        """As after a minute without a sign of life."""
        store = open_store(self.path)
        store.db.execute("UPDATE daemon SET beat_at = beat_at - 60000")
        store.close()

    def close(self) -> None:
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def place(store: Store) -> Iterator[Place]:
    made = Place(store.path)
    store.close()
    yield made
    made.close()


@dataclass(frozen=True, slots=True)
class Told:
    """What one means says of the daemon: ``kind`` is the state's name where it is told."""

    means: str
    kind: str
    text: str


def every_means(path: Path) -> list[Told]:
    """The daemon as it is told by the commands, the metrics and the screens."""

    def run(*words: str) -> str:
        return shops.called(*words, database=path)[1]

    status = shops.as_json(run("status", "--json"))["daemon"]
    health = shops.as_json(run("health", "--json"))
    [doctor] = [
        f"{each['sentence']} {each['remedy']}"
        for each in shops.as_json(run("doctor", "--no-sites", "--json"))["findings"]
        if each["area"] == "daemon"
    ]
    [state] = re.findall(r'^chansync_daemon_state\{state="(\w+)"\} 1\.0$', metrics.text(path), re.MULTILINE)
    return [
        Told("status", status["state"], run("status")),
        Told("health", health["daemon"], health["sentence"]),
        Told("doctor", "", doctor),
        Told("metrics", state, ""),
        Told("screens", "", asyncio.run(_screens(path))),
    ]


async def _screens(path: Path) -> str:
    app = ChansyncApp(path)
    async with app.run_test(size=(200, 30)) as pilot:
        return (await until_seen(pilot, "aemon")).splitlines()[1]


def agree(path: Path, kind: str, *words: str, without: Sequence[str] = ("kill",)) -> None:
    """Make sure that every means tells that state in these words, and advises nothing else."""
    for told in every_means(path):
        assert told.kind in (kind, ""), told
        for word in words if told.text and told.means != "screens" else words[:1]:
            assert not told.text or word.lower() in told.text.lower(), told
        assert not [word for word in without if word in told.text], told


def test_never_ran_here(place: Place) -> None:
    agree(place.path, "never", "has never run here", "start it: chansync daemon")


def test_running(place: Place) -> None:
    process = place.daemon()
    for told in every_means(place.path):
        assert told.kind in ("running", ""), told
        assert "kill" not in told.text
        if told.means in ("status", "doctor", "screens"):
            assert f"process {process.pid}" in told.text
    assert shops.called("health", database=place.path)[0] == 0


def test_stopped(place: Place) -> None:
    assert shops.stopped(place.daemon())[0] == 0
    agree(place.path, "stopped", "the daemon is not running", "it stopped 20", "start it: chansync daemon")


def test_killed(place: Place) -> None:
    process = place.daemon()
    process.kill()
    process.wait()
    agree(
        place.path,
        "stopped",
        "the daemon is not running",
        "it was killed",
        "start it: chansync daemon",
        without=["kill "],
    )


@pytest.mark.long
def test_stopped_by_a_signal(place: Place) -> None:
    process = place.daemon()
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    place.silence()
    agree(place.path, "hung", "is stopped by a signal", f"kill -CONT {process.pid}", without=["ABRT"])
    process.send_signal(signal.SIGCONT)
    until(lambda: shops.as_json(_status(place.path))["daemon"]["state"] == "running")


def _status(path: Path) -> str:
    return shops.called("status", "--json", database=path)[1]


def test_a_loop_that_hangs(place: Place) -> None:
    process = place.daemon(code=_HANGS)
    assert process.stdout is not None
    assert process.stdout.readline() == "hangs\n"
    place.silence()
    restart = f"restart it: kill -ABRT {process.pid}, then chansync daemon"
    agree(place.path, "hung", restart, "lives and does not get on", without=["CONT"])


@pytest.fixture
def small_disk(tmp_path: Path, template: Path) -> Iterator[Place]:
    """A database on a disk of a few megabytes."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", folder], check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        shutil.copy(template, folder / "chansync.db")
        made = Place(folder / "chansync.db")
        yield made
        made.close()
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.long
def test_a_full_disk(small_disk: Place) -> None:
    process = small_disk.daemon()
    filler = small_disk.path.with_name("filler")
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    until(lambda: shops.as_json(_status(small_disk.path))["daemon"]["state"] == "waiting")
    agree(small_disk.path, "waiting", "the disk is full; make room", "goes on by itself", without=["kill", "restart"])
    filler.unlink()
    until(lambda: shops.as_json(_status(small_disk.path))["daemon"]["state"] == "running")
    assert shops.stopped(process)[0] == 0


@pytest.mark.long
def test_a_locked_database(place: Place) -> None:
    place.daemon(code=_AS_VERSION.replace("chansync.__version__ = sys.argv.pop(1)", _IMPATIENT))
    writer = open_store(place.path)
    writer.db.execute("BEGIN IMMEDIATE")
    try:
        until(lambda: shops.as_json(_status(place.path))["daemon"]["state"] == "waiting")
        said = f"locked by another process for too long (process {os.getpid()})"
        found = shops.called("status", database=place.path)[1]
        assert said in found
        assert "kill" not in found
    finally:
        writer.db.execute("COMMIT")
        writer.close()


_IMPATIENT = "from chansync.db import connection; connection.BUSY_TIMEOUT_MS = 1000"


@pytest.mark.long
def test_a_copy_of_another_machines_database(place: Place, tmp_path: Path) -> None:
    identity = tmp_path / "identity"
    prefix = ["unshare", "--uts", "--mount", "sh", "-c", _ELSEWHERE, "sh", str(identity)]
    if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no namespaces here")
    process = place.daemon(prefix=prefix)
    copy = tmp_path / "copy.db"
    assert shops.called("db", "backup", str(copy), database=place.path)[0] == 0
    agree(
        copy,
        "elsewhere",
        "opshost",
        "no daemon runs here",
        "make sure that it is off, then: chansync daemon --take-over",
    )
    # The machine itself, which shares the kernel with this one, knows it to be well.
    assert shops.as_json(_status(place.path))["daemon"]["state"] == "running"
    code, _, err = shops.finished(shops.command("daemon", database=copy))
    assert (code, "The daemon of opshost worked on this database" in err) == (78, True), err
    second = shops.command("daemon", "--take-over", database=copy)
    until(lambda: shops.as_json(_status(copy))["daemon"]["state"] == "running")
    assert shops.stopped(second)[0] == 0
    assert process.poll() is None


def test_a_daemon_of_a_newer_version(place: Place) -> None:
    process = place.daemon(code=_AS_VERSION, arguments=["9.0.0"])
    agree(
        place.path, "other_version", "this program is older: leave it and start it again",
        "the daemon 9.0.0 is running since", __version__, without=["kill", "restart"],
    )  # fmt: skip
    assert process.poll() is None


@pytest.mark.long
def test_a_daemon_of_an_older_version(place: Place) -> None:
    process = place.daemon(code=_AS_VERSION, arguments=["0.0.9"])
    restart = f"the daemon is older: restart it: kill {process.pid}, then chansync daemon"
    agree(place.path, "other_version", restart, "the daemon 0.0.9 is running since", without=["CONT", "ABRT"])


def test_an_upgrade_or_a_restore_under_way(place: Place) -> None:
    with process_locks.locked(place.path, process_locks.MIGRATION):
        agree(place.path, "starting", "is being upgraded", without=["kill", "start it"])


def test_a_restore_forgets_the_daemon_of_its_source(place: Place, tmp_path: Path) -> None:
    place.daemon()
    copy, other = tmp_path / "copy.db", tmp_path / "other" / "chansync.db"
    other.parent.mkdir()
    assert shops.called("db", "backup", str(copy), database=place.path)[0] == 0
    code, _, err = shops.called("db", "restore", str(copy), "--yes", database=other)
    # The private key is not part of a backup: the code says so.
    assert (code, "its daemon was alive" in err, f"on {os.uname().nodename}" in err) == (1, True, True), err
    agree(other, "never", "has never run here")
    store = open_store(other)
    assert daemons.state(store.db) is None
    store.close()


def test_a_lock_file_that_somebody_planted_is_told_by_all(place: Place) -> None:
    lock = Path(process_locks.lock_path(place.path))
    lock.unlink(missing_ok=True)
    lock.write_text("a key")
    daemon = shops.finished(shops.command("daemon", database=place.path))
    others = {
        words: shops.called(*words.split(), database=place.path) for words in ("status", "health", "doctor --no-sites")
    }
    for words, code in (("status", 3), ("health", 3), ("doctor --no-sites", 1), ("daemon", 78)):
        ended, out, err = others.get(words, daemon)
        assert ended == code, (words, out, err)
        assert "should be an empty file" in " ".join((out + err).split()), (words, out, err)
        assert "Traceback" not in out + err
    assert lock.read_text() == "a key"


def test_a_daemon_whose_lock_file_was_replaced_goes_on_and_lets_no_second_one_in(place: Place) -> None:
    process = place.daemon()
    lock = Path(process_locks.lock_path(place.path))
    lock.unlink()
    until(lock.exists)
    until(lambda: process_locks.is_locked(str(place.path), process_locks.DAEMON))
    code, _, err = shops.finished(shops.command("daemon", database=place.path))
    assert (code, "works on" in err) == (3, True)
    assert process.poll() is None


def test_of_two_daemons_on_two_lock_files_one_ends(place: Place) -> None:
    first = place.daemon()
    first.send_signal(signal.SIGSTOP)
    os.waitpid(first.pid, os.WUNTRACED)
    Path(process_locks.lock_path(place.path)).unlink()
    second = place.daemon()
    first.send_signal(signal.SIGCONT)
    assert first.wait(PATIENCE) != 0
    assert second.poll() is None
    assert shops.as_json(_status(place.path))["daemon"]["pid"] == second.pid
