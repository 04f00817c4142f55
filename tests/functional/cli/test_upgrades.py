"""Who may bring a database up to date, what is said of it, and the way back after a downgrade."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from chansync.db.locations import private_folder
from chansync.db.upgrade import newest_that_fits
from chansync.db.version import SCHEMA_VERSION
from faults.upgrading import make_version
from support import shops
from support.patience import PATIENCE
from support.users import DAEMON, GROUP, needs_users, start

pytestmark = needs_users

OLD = SCHEMA_VERSION - 1


def version(path: Path) -> int:
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return int(db.pragma("user_version"))
    finally:
        db.close()


def run(path: Path, *words: str) -> tuple[int, str, str]:
    """As the folder's owner: root's own folder is none that a group may write."""
    if path.parent.stat().st_uid != DAEMON:
        return shops.finished(shops.command(*words, database=path))
    process = start(DAEMON, words, database=path, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database as the version before made it."""
    path = tmp_path_factory.mktemp("older") / "chansync.db"
    make_version(path, OLD)
    return path


@pytest.fixture
def own(older: Path, tmp_path: Path) -> Path:
    """It is one person's."""
    return Path(shutil.copy(older, tmp_path / "chansync.db"))


@pytest.fixture
def shared(older: Path) -> Iterator[Path]:
    """It is a service's: a group shares its folder."""
    with tempfile.TemporaryDirectory(prefix="chansync-upgrade-") as base:
        Path(base).chmod(0o755)
        folder = Path(base, "chansync")
        for made, mode in ((folder, 0o2770), (Path(f"{folder}-private"), 0o710)):
            made.mkdir()
            os.chown(made, DAEMON, GROUP)
            made.chmod(mode)
        path = Path(shutil.copy(older, folder / "chansync.db"))
        os.chown(path, DAEMON, GROUP)
        yield path


@pytest.mark.parametrize(
    "words",
    [
        "status",
        "channel list",
        "db init",
        "db check",
        "log",
        "sync",
        "retry --all",
        "secrets status",
        "erp list item",
    ],
)
def test_a_command_never_upgrades_the_database_of_a_service(shared: Path, words: str) -> None:
    code, out, err = run(shared, *words.split())
    assert (code, out, version(shared)) == (3, "", OLD), err
    assert f"has schema {OLD}, and this program needs {SCHEMA_VERSION}: restart the daemon, which upgrades it" in err
    assert "or: chansync db upgrade." in err
    assert list(private_folder(shared).glob("*before*")) == []


def test_health_and_doctor_say_the_same_of_it(shared: Path) -> None:
    code, out, _ = run(shared, "health")
    assert (code, "restart the daemon, which upgrades it, or: chansync" in out) == (3, True), out
    code, out, _ = run(shared, "doctor", "--no-sites")
    assert (code, "Restart the daemon, which upgrades it, or: chansync" in " ".join(out.split())) == (1, True), out
    assert version(shared) == OLD


def test_it_is_upgraded_by_the_command_for_it_which_names_the_copy(shared: Path) -> None:
    code, out, err = run(shared, "db", "upgrade")
    assert (code, out) == (0, f"The database {shared} is up to date.\n"), err
    [copy] = private_folder(shared).glob("chansync.before-*.db")
    said = f"was upgraded from schema {OLD} to {SCHEMA_VERSION}. The copy from before is {copy}."
    assert said in err
    assert (version(shared), version(copy)) == (SCHEMA_VERSION, OLD)
    assert run(shared, "db", "upgrade") == (0, out, "")


def test_its_daemon_upgrades_it_and_says_so_in_its_log(shared: Path) -> None:
    daemon = start(DAEMON, ("daemon",), database=shared, stderr=subprocess.PIPE)
    assert daemon.stderr is not None
    first = daemon.stderr.readline()
    assert re.fullmatch(
        rf"WARNING The database {shared} was upgraded from schema {OLD} to {SCHEMA_VERSION}\. The copy .*\n", first
    )
    assert "started on" in daemon.stderr.readline()
    daemon.send_signal(signal.SIGTERM)
    daemon.communicate(timeout=PATIENCE)
    assert daemon.returncode == 0
    assert version(shared) == SCHEMA_VERSION


def test_ones_own_database_is_upgraded_by_any_command_which_says_so(own: Path) -> None:
    own.parent.chmod(0o700)
    code, out, err = run(own, "channel", "list")
    assert (code, version(own)) == (0, SCHEMA_VERSION), out
    assert [line.partition(" was upgraded")[0] for line in err.splitlines()] == [f"The database {own}"]


def test_a_downgrade_names_the_copy_from_before_and_the_way_back(shared: Path) -> None:
    assert run(shared, "db", "upgrade")[0] == 0
    [copy] = private_folder(shared).glob("chansync.before-*.db")
    # What a version after this one would have left.
    db = apsw.Connection(str(shared))
    db.pragma("user_version", SCHEMA_VERSION + 1)
    db.close()
    way = f"chansync db restore {copy}"
    for words, code in ((["status"], 3), (["health"], 3), (["doctor", "--no-sites"], 1), (["daemon"], 78)):
        ended, out, err = run(shared, *words)
        told = (out + err).replace("\n           ", " ").replace("\n         ", " ")
        assert (ended, way in told.replace("- ", "-")) == (code, True), told
    assert run(shared, "db", "restore", str(copy), "--yes")[0] == 0
    assert version(shared) == SCHEMA_VERSION
    assert run(shared, "status")[0] == 0


def test_the_newest_copy_that_this_program_can_read_is_named(tmp_path: Path) -> None:
    folder, private = tmp_path / "state", tmp_path / "state-private"
    folder.mkdir()
    assert newest_that_fits(folder / "chansync.db") is None
    own, other = f"chansync.before-9-20260101000000-from-{OLD}.db", "other.before-9-20270101000000-from-1.db"
    kept = f"chansync.before-9-20260301000000-from-{OLD}.db"
    too_new = f"chansync.before-99-20260401000000-from-{SCHEMA_VERSION + 1}.db"
    names = {folder: [own, "chansync.before-x.db", other], private: [kept, too_new]}
    for place, each in names.items():
        place.mkdir(exist_ok=True)
        for name in each:
            (place / name).touch()
    assert newest_that_fits(folder / "chansync.db") == private / kept
    (private / kept).unlink()
    assert newest_that_fits(folder / "chansync.db") is None, "nothing is believed that a member can have put there"
