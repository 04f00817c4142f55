"""Backups that can be relied on, and the way back."""

from __future__ import annotations

import os
import random
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from chansync.db import backup as backups
from chansync.db import private_files, settings
from chansync.db.backup import look_through
from chansync.db.connection import Store, open_store
from chansync.db.version import SCHEMA_VERSION
from support import shops, world

#: Writes as fast as it can until it is killed.
_HAMMER = """
import sys
from chansync.db import settings
from chansync.db.connection import open_store
from pathlib import Path
store = open_store(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    with store.db:
        settings.put(store.db, "first", str(number))
        settings.put(store.db, "second", str(number))
    if number == 1:
        print("ready", flush=True)
"""


@pytest.fixture
def hammer(company: Store) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", _HAMMER, str(company.path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield
    process.kill()
    process.communicate()


def run(path: Path, *words: str) -> tuple[int, str, str]:
    return shops.called("db", *words, database=path)


def value(path: Path, name: str) -> str | None:
    store = open_store(path, create=False)
    try:
        return settings.get(store.db, name)
    finally:
        store.close()


def fill(store: Store, rows: int = 3000) -> None:
    """Make the database some megabytes large."""
    store.db.execute(
        """INSERT INTO message (channel_id, severity, code, sentence, data, first_at, last_at)
           WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
           SELECT 1, 'warning', 'site_odd', 'x', hex(randomblob(500)), 1, 1 FROM n""",
        (rows,),
    )


def test_a_backup_is_one_moment_while_somebody_writes(company: Store, tmp_path: Path, hammer: None) -> None:
    fill(company)
    target = tmp_path / "copy.db"
    code, out, _ = run(company.path, "backup", str(target))
    assert (code, out) == (0, f"Copied to {target}.\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert look_through(target).channels == 1
    assert value(target, "first") == value(target, "second")
    assert [path.name for path in tmp_path.glob(".copy*")] == []


def test_a_backup_never_replaces_a_file_silently(company: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    code, _, err = run(company.path, "backup", str(target))
    assert (code, target.read_text()) == (5, "precious")
    assert "is there already" in err


def test_a_name_that_ends_with_a_slash_is_a_folder_that_must_be_there(company: Store, tmp_path: Path) -> None:
    code, _, err = run(company.path, "backup", f"{tmp_path}/unmounted/")
    assert (code, "There is no folder" in err, (tmp_path / "unmounted").exists()) == (2, True, False)


def test_a_restored_database_knows_of_its_backup(company: Store, backup: Path) -> None:
    company.close()
    assert value(backup, settings.BACKED_UP_AT)
    assert run(company.path, "restore", str(backup), "--yes")[0] == 0
    assert value(company.path, settings.BACKED_UP_AT)


def test_copies_are_cleared_but_the_newest_three_and_those_of_a_month(company: Store) -> None:
    made = [*(f"2020010{day}000000" for day in range(1, 6)), private_files.stamp()]
    for kind in private_files.KINDS:
        for stamp in made:
            company.path.with_name(f"{company.path.stem}.{kind}-{stamp}.db").touch()
    private_files.clear_copies(company.path)
    for kind in private_files.KINDS:
        left = [path.name for path in private_files.copies(company.path)[kind]]
        assert left == [f"{company.path.stem}.{kind}-{stamp}.db" for stamp in reversed(made[3:])]


def test_no_backup_is_made_of_a_damaged_database(company: Store, tmp_path: Path) -> None:
    fill(company)
    company.close()
    damage(company.path)
    target = tmp_path / "copy.db"
    code, _, err = run(company.path, "backup", str(target))
    assert (code, "is damaged" in err, target.exists()) == (3, True, False)
    assert list(tmp_path.glob(".copy*")) == []


def damage(path: Path) -> None:
    """Overwrite pages in the middle of the file."""
    with open(path, "r+b") as file:
        for page in range(300, 420):
            file.seek(page * 4096)
            file.write(os.urandom(4096))


@pytest.fixture
def backup(company: Store, tmp_path: Path) -> Path:
    """A backup from before ``when`` was set to ``after``."""
    settings.put(company.db, "when", "before")
    target = tmp_path / "backup.db"
    assert run(company.path, "backup", str(target))[0] == 0
    settings.put(company.db, "when", "after")
    return target


def test_there_and_back(company: Store, backup: Path) -> None:
    mode = stat.S_IMODE(company.path.stat().st_mode)
    company.close()
    code, out, err = run(company.path, "restore", str(backup), "--yes")
    assert code == 0, err
    assert "has 1 channel, 0 orders and 0 sales; nothing ran yet." in err
    assert "imported again without duplicates" in err
    assert value(company.path, "when") == "before"
    assert stat.S_IMODE(company.path.stat().st_mode) == mode
    [kept] = company.path.parent.glob("chansync.replaced-*.db")
    assert f"What was there before is kept: {kept}" in out
    assert value(kept, "when") == "after"
    assert run(company.path, "check")[0] == 0
    assert [path.name for path in company.path.parent.glob(".chansync*")] == []
    # And back again, from what was kept.
    assert run(company.path, "restore", str(kept), "--yes")[0] == 0
    assert value(company.path, "when") == "after"


def test_nothing_is_restored_unasked(company: Store, backup: Path) -> None:
    company.close()
    code, _, err = run(company.path, "restore", str(backup))
    assert (code, "give --yes" in err) == (2, True)
    assert value(company.path, "when") == "after"


def test_a_dry_run_says_what_would_be_lost_and_restores_nothing(company: Store, backup: Path) -> None:
    # Also while somebody has the database open.
    code, out, _ = run(company.path, "restore", str(backup), "--dry-run")
    assert (code, "LOST: every manual change since the backup" in out) == (0, True)
    assert value(company.path, "when") == "after"


def test_a_restore_waits_for_nobody_who_has_the_database_open(
    company: Store, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "PATIENCE_MS", 100)
    # As the screens do: open, and nothing under way.
    assert settings.get(company.db, "when") == "after"
    with pytest.raises(backups.InUse, match="is in use by another program"):
        backups.restore(backup, company.path)
    assert list(company.path.parent.glob("*replaced*")) == []
    assert settings.get(company.db, "when") == "after"


def test_a_restore_is_refused_beside_a_daemon(company: Store, backup: Path) -> None:
    company.close()
    daemon = shops.command("daemon", database=company.path)
    shops.until_it_says(daemon, "started on")
    try:
        code, _, err = run(company.path, "restore", str(backup), "--yes")
        assert (code, "The daemon works on" in err) == (3, True)
    finally:
        shops.stopped(daemon)
    assert value(company.path, "when") == "after"


@pytest.mark.parametrize("what", ["damaged", "newer", "other", "text", "missing", "pipe"])
def test_a_bad_backup_is_refused_and_nothing_changes(company: Store, backup: Path, tmp_path: Path, what: str) -> None:
    company.close()
    bad = tmp_path / "bad.db"
    if what == "other":
        with apsw.Connection(str(bad)) as other:
            other.execute("CREATE TABLE theirs (a)")
    elif what == "pipe":
        os.mkfifo(bad)
    elif what == "text":
        bad.write_text("no database " * 1000)
    elif what != "missing":
        bad.write_bytes(backup.read_bytes())
        db = apsw.Connection(str(bad))
        if what == "newer":
            db.pragma("user_version", SCHEMA_VERSION + 1)
        db.close()
    if what == "damaged":
        with open(bad, "r+b") as file:
            file.seek(5 * 4096)
            file.write(os.urandom(40 * 4096))
    code, _, err = run(company.path, "restore", str(bad), "--yes")
    assert code in (2, 3)
    assert len(err.strip().splitlines()) == 1, err
    assert value(company.path, "when") == "after"
    assert list(company.path.parent.glob("*replaced*")) == []


def test_a_damaged_database_is_restored_and_kept(company: Store, backup: Path) -> None:
    fill(company)
    company.close()
    damage(company.path)
    assert run(company.path, "check")[0] in (1, 3)
    assert run(company.path, "restore", str(backup), "--yes")[0] == 0
    assert run(company.path, "check")[0] == 0
    assert value(company.path, "when") == "before"


def test_what_is_no_database_any_more_steps_aside(company: Store, backup: Path) -> None:
    company.close()
    company.path.write_bytes(os.urandom(20_000))
    assert run(company.path, "restore", str(backup), "--yes")[0] == 0
    assert value(company.path, "when") == "before"
    [kept] = company.path.parent.glob("chansync.replaced-*.db")
    assert kept.stat().st_size == 20_000


def test_a_fresh_machine_says_that_the_key_is_missing(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "fresh" / "chansync.db"
    path.parent.mkdir()
    code, out, err = run(path, "restore", str(backup), "--yes")
    assert (code, out) == (1, f"Restored {backup} to {path}.\n")
    assert "private key" in err
    assert value(path, "when") == "before"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_leaves_the_old_contents_or_the_new(company: Store, backup: Path, seed: int) -> None:
    fill(company)
    company.close()
    process = shops.command("db", "restore", str(backup), "--yes", database=company.path)
    time.sleep(random.Random(seed).uniform(0.2, 0.6))
    process.kill()
    process.communicate()
    assert run(company.path, "check")[0] == 0
    count = shops.query(company.path, "SELECT count(*) FROM message")
    assert (value(company.path, "when"), count) in (("after", [(3000,)]), ("before", [(0,)]))
    assert run(company.path, "restore", str(backup), "--yes")[0] == 0
    assert value(company.path, "when") == "before"


def test_the_restored_database_goes_on(company: Store, backup: Path) -> None:
    """What the backup did not know is there again after the next pull: nothing is doubled."""
    company.close()
    assert run(company.path, "restore", str(backup), "--yes")[0] == 0
    restored = open_store(company.path)
    assert world.rows(restored, "SELECT count(*) FROM channel_secret") == [(2,)]
    restored.close()
    code, out, _ = shops.called("status", "--json", database=company.path)
    assert (code, shops.as_json(out)["channels"][0]["channel"]) == (0, "shop")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("company.db", "is the database itself"),
        ("link.db", "is the database itself"),
        ("company.db-wal", "belongs to the database"),
        ("company.key", "belongs to the database"),
        ("company.lock", "belongs to the database"),
        ("letter.txt", "is no database, and a copy replaces nothing else"),
        ("pipe", "is no database, and a copy replaces nothing else"),
        ("used.db", "is a database that somebody has open"),
    ],
)
def test_a_copy_that_is_forced_still_replaces_copies_only(company: Store, tmp_path: Path, name: str, said: str) -> None:
    path = tmp_path / "company.db"
    company.db.execute("VACUUM INTO ?", (str(path),))
    (tmp_path / "link.db").symlink_to(path)
    (tmp_path / "letter.txt").write_text("Dear Ann, all our money is in")
    os.mkfifo(tmp_path / "pipe")
    for other in ("used.db", "used.db-wal"):
        (tmp_path / other).write_bytes(path.read_bytes())
    before = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    code, _, err = run(path, "backup", "--force", str(tmp_path / name))
    assert (code, said in err) == (2, True), err
    after = {file.name: file.stat().st_ino for file in tmp_path.iterdir()}
    assert {each: after[each] for each in before} == before
    assert not [each for each in after if each.startswith(".")]


def test_an_earlier_copy_is_replaced_where_that_is_forced(company: Store, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.touch()
    assert run(company.path, "backup", "--force", str(target))[0] == 0
    settings.put(company.db, "first", "later")
    assert run(company.path, "backup", "--force", str(target))[0] == 0
    assert value(target, "first") == "later"


def test_a_place_that_cannot_take_the_copy_is_named(company: Store, tmp_path: Path) -> None:
    fill(company)
    words = [sys.executable, "-m", "chansync", "--db", str(company.path), "db", "backup", str(tmp_path / "copy.db")]
    # A limit to the size of files is what a full disk is to SQLite.
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 1500; trap "" XFSZ; exec "$@"', "-", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert f"There is no room for the copy in {tmp_path}: it takes " in done.stderr
    assert not [file for file in tmp_path.iterdir() if "copy.db" in file.name]
    code, _, err = run(company.path, "backup", "/proc/copy.db")
    assert (code, err.startswith("/proc/copy.db cannot be written: ")) == (2, True), err
