"""A database that others hold, damage, delete or bring up to date, and a disk without room."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest

from chansync.db.version import SCHEMA_VERSION
from chansync.demo.woocommerce import DemoServer, DemoShop
from faults.world import rows
from support import shops
from support.patience import PATIENCE

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@dataclass(slots=True)
class Site:
    """A store and the database of a company that sells from it, which pulls every ten seconds."""

    shop: DemoShop
    server: DemoServer
    path: Path


@pytest.fixture
def site(template: Path, tmp_path: Path) -> Iterator[Site]:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=30)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        yield Site(shop, server, path)


class Daemon:
    """A daemon that runs, and what it says meanwhile."""

    def __init__(self, path: Path, *, limits: str = "") -> None:
        self.log = path.with_name("daemon.log")
        self._output = self.log.open("w")
        words = ["daemon"]
        options = {"stdout": self._output, "stderr": self._output}
        self.process = shops.command(*words, database=path, prefix=limits.split(), pipes=options)

    def says(self, text: str) -> str:
        """Wait until the log holds the text; the log."""
        end = time.monotonic() + PATIENCE
        while text not in (log := self.log.read_text()):
            if time.monotonic() > end or (self.process.poll() is not None and text not in self.log.read_text()):
                raise AssertionError(f"no {text!r} in:\n{log}")
            time.sleep(0.05)
        return log

    def ended(self) -> int:
        """The exit code of one that stops by itself."""
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def daemon(path: Path, *, limits: str = "") -> Iterator[Daemon]:
    running = Daemon(path, limits=limits)
    try:
        running.says("started on")
        yield running
    finally:
        if running.process.poll() is None:
            running.process.send_signal(signal.SIGCONT)
            running.process.send_signal(signal.SIGTERM)
            running.process.wait(PATIENCE)
        running._output.close()
        assert "Traceback" not in running.log.read_text()


def until(path: Path, sql: str) -> None:
    """Wait until the query brings something true."""
    end = time.monotonic() + PATIENCE
    while not rows(path, sql)[0][0]:
        assert time.monotonic() < end, sql
        time.sleep(0.05)


FIRST_RUN = "SELECT count(*) FROM run WHERE state = 'done'"


def test_a_daemon_waits_for_a_database_that_somebody_holds_and_goes_on(site: Site) -> None:
    with daemon(site.path) as running:
        until(site.path, FIRST_RUN)
        with contextlib.closing(apsw.Connection(str(site.path))) as holder:
            holder.set_busy_timeout(int(PATIENCE * 1000))
            holder.execute("BEGIN IMMEDIATE")
            running.says("locked by another process for too long")
        running.says("the database works again")
        own = site.shop.place_order([("SKU-001", 1)], status="processing")
        until(site.path, f"SELECT count(*) FROM erp_sale WHERE order_number = '{own}'")


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_daemon_stops_when_the_database_is_deleted_under_it(site: Site, end: str) -> None:
    with daemon(site.path) as running:
        until(site.path, FIRST_RUN)
        Path(f"{site.path}{end}").unlink()
        assert running.ended() == 66
        assert "was deleted, moved or replaced" in running.log.read_text().splitlines()[-1]
    if end == "":
        assert not site.path.exists()
        # Nor does another start put an empty one in its place: nobody would notice that no channel syncs.
        code, _, err = shops.finished(shops.command("daemon", database=site.path))
        assert (code, "restore a backup (chansync db restore)" in err) == (66, True)
        assert not site.path.exists()
        return
    if end == "-shm":
        # Nothing is lost with it: it is made anew from the other two.
        assert shops.audited(site.path).wrong == []


def test_a_daemon_stops_at_damage_and_says_the_way_back(site: Site) -> None:
    assert shops.sync(site.path).state == "done"
    damage(site.path, "erp_sale")
    with daemon(site.path) as running:
        site.shop.place_order([("SKU-001", 1)], status="processing")
        assert running.ended() == 65
        last = running.log.read_text().splitlines()[-1]
        assert "damaged" in last
        assert "restore a backup" in last


def test_commands_say_damage_in_a_sentence(site: Site) -> None:
    assert shops.sync(site.path).state == "done"
    damage(site.path, "message")
    code, out, err = shops.finished(shops.command("log", "--open", database=site.path))
    assert (code, "damaged" in err, "Traceback" in out + err) == (3, True, False)
    code, out, err = shops.finished(shops.command("db", "check", database=site.path))
    assert (code, "Restore a backup" in err) == (1, True)


def damage(path: Path, table: str) -> None:
    """Write noise over the table's first page."""
    db = apsw.Connection(str(path))
    db.pragma("journal_mode", "delete")
    page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).get
    size = db.pragma("page_size")
    db.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def test_a_daemon_whose_database_is_upgraded_stops_and_writes_nothing_more(site: Site) -> None:
    with daemon(site.path) as running:
        until(site.path, FIRST_RUN)
        newer = apsw.Connection(str(site.path))
        newer.set_busy_timeout(int(PATIENCE * 1000))
        with newer:
            newer.pragma("user_version", SCHEMA_VERSION + 1)
            before = list(newer.execute("SELECT * FROM daemon"))
        # A restart may be of the newer program; one of this program is of no use.
        assert running.ended() == 3
        assert "Restart this program" in running.log.read_text()
        assert list(newer.execute("SELECT * FROM daemon")) == before
        code, _, err = shops.finished(shops.command("daemon", database=site.path))
        assert (code, "Upgrade this program" in err) == (78, True)
        newer.close()


def test_a_full_disk_is_said_and_waited_out(site: Site) -> None:
    # A limit to the size of every file is what a full disk is to SQLite; the database itself fits.
    room = site.path.stat().st_size + 200_000
    assert room < 3_000_000
    for _ in range(3):
        place_many(site.shop, 100)
    with daemon(site.path, limits=f"prlimit --fsize={room}:unlimited") as running:
        log = running.says("goes on trying")
        assert "disk" in log
        subprocess.run(["prlimit", "--fsize=unlimited:unlimited", "--pid", str(running.process.pid)], check=True)
        running.says("the database works again")
        until(site.path, "SELECT count(*) >= 280 FROM erp_sale")
    assert shops.audited(site.path).wrong == []


def place_many(shop: DemoShop, count: int) -> None:
    for number in range(count):
        shop.place_order([(f"SKU-{number % 30 + 1:03}", 1)], status="processing")


def test_a_stopped_daemon_is_followed_by_none_that_doubles(site: Site) -> None:
    with daemon(site.path) as running:
        until(site.path, "SELECT count(*) FROM run")
        db = apsw.Connection(str(site.path))
        db.set_busy_timeout(int(PATIENCE * 1000))
        # One that stopped in the middle of a write would let nobody else write.
        db.execute("BEGIN IMMEDIATE")
        running.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, running.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        # As after minutes: the leases have run out, and the daemon seems to be gone.
        db.execute("UPDATE stream SET lease_until = 1 WHERE owner IS NOT NULL")
        db.execute("UPDATE daemon SET beat_at = 1")
        db.execute("COMMIT")
        db.close()
        code, _, err = shops.finished(shops.command("sync", database=site.path))
        assert code in (0, 1), err
        running.process.send_signal(signal.SIGCONT)
        until(site.path, f"SELECT beat_at > 1 FROM daemon WHERE beat_at < {2**62}")
        site.shop.place_order([("SKU-001", 1)], status="processing")
    assert shops.sync(site.path).state == "done"
    judged = shops.audited(site.path)
    assert (judged.wrong, judged.newer) == ([], 0)
    assert rows(site.path, "SELECT count(*) - count(DISTINCT key) FROM erp_sale") == [(0,)]


def test_two_daemons_started_at_once_are_one(site: Site) -> None:
    both = [shops.command("daemon", database=site.path) for _ in range(2)]
    end = time.monotonic() + PATIENCE
    while all(each.poll() is None for each in both):
        assert time.monotonic() < end
        time.sleep(0.05)
    [loser] = [each for each in both if each.poll() is not None]
    [winner] = [each for each in both if each is not loser]
    code, _, err = shops.finished(loser)
    assert (code, "A daemon works on" in err, len(err.strip().splitlines())) == (3, True, 1)
    until(site.path, FIRST_RUN)
    assert shops.stopped(winner)[0] == 0


def test_few_open_files_are_a_sentence(site: Site) -> None:
    command = shops.command("sync", database=site.path, prefix=["prlimit", "--nofile=12"])
    code, out, err = shops.finished(command)
    assert code != 0
    assert "Traceback" not in out + err
    assert len(err.strip().splitlines()) <= 2, err
    assert shops.sync(site.path).state == "done"


def test_a_read_only_file_is_a_sentence(site: Site) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everything")
    site.path.chmod(0o440)
    code, out, err = shops.finished(shops.command("sync", database=site.path))
    assert (code, "may not be written" in err, "Traceback" in out + err) == (3, True, False)


_UNREADABLE = """
import sys
class Broken:
    def find_spec(self, name, path, target=None):
        if name in ("chansync.cli.program", "chansync.cli.support.failures"):
            raise OSError(5, "Input/output error", name)
sys.meta_path.insert(0, Broken())
from chansync.cli.main import main
sys.exit(main(["channel", "list"]))
"""


def test_a_program_whose_own_files_cannot_be_read_says_so() -> None:
    done = subprocess.run([sys.executable, "-c", _UNREADABLE], capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "cannot be read" in done.stderr
