# ruff: noqa: F811
"""A member of the group puts links, pipes and files in the place of every name that root or the daemon may use."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import struct
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import apsw
import pytest

from chansync.cli.main import main
from chansync.db import process_locks, transaction
from chansync.db.locations import key_file, private_folder
from chansync.db.version import SCHEMA_VERSION
from functional.cli.test_group import folder, path  # noqa: F401 - fixtures
from functional.cli.test_group_attacks import _meddle, shared  # noqa: F401 - a fixture
from support.patience import PATIENCE
from support.users import ADMIN, DAEMON, GROUP, ROOT, STRANGER, as_user, command, needs_users, start

pytestmark = [needs_users, pytest.mark.long]

#: Replaces whatever appears in a folder by a link to one of the victims, as fast as it can.
_LINKS = """
import os, sys
folder, names, *victims = sys.argv[1:]
print("ready", flush=True)
turn = 0
while True:
    for name in os.listdir(folder):
        if name in names.split("/"):
            continue
        turn += 1
        try:
            own = os.path.join(folder, f"..link{os.getpid()}")
            os.symlink(victims[turn % len(victims)], own)
            os.rename(own, os.path.join(folder, name))
        except OSError:
            pass
"""

#: What the folder always holds; -wal and -shm are spared where commands are to come further.
_DATABASE = "chansync.db/chansync.db-wal/chansync.db-shm"


@pytest.fixture
def victims(shared: Path, tmp_path: Path) -> Iterator[list[Path]]:
    """A file of root's and the daemon's private key and a copy of its own: none may change."""
    of_root = tmp_path / "of-root"
    of_root.write_text("of root\n")
    of_root.chmod(0o600)
    of_daemon = private_folder(shared) / "chansync.before-1-20260101000000-from-0.db"
    of_daemon.write_text("of the daemon\n")
    of_daemon.chmod(0o600)
    os.chown(of_daemon, DAEMON, GROUP)
    found = [of_root, of_daemon, key_file(shared)]
    before = [(each.read_bytes(), each.stat().st_uid, each.stat().st_gid, each.stat().st_mode) for each in found]
    yield found
    after = [(each.read_bytes(), each.stat().st_uid, each.stat().st_gid, each.stat().st_mode) for each in found]
    assert after == before


@contextlib.contextmanager
def _linking(folder: Path, victims: list[Path], spared: str) -> Iterator[None]:
    attacker = start(ADMIN, (str(folder), spared, *map(str, victims)), program=("-c", _LINKS))
    assert attacker.stdout is not None
    assert attacker.stdout.readline() == "ready\n"
    try:
        yield
    finally:
        attacker.kill()
        attacker.communicate()


def _make_older(path: Path) -> None:
    """What forces an upgrade at the next command; the last migration then has nothing left to do."""
    with contextlib.closing(apsw.Connection(str(path))) as db:
        db.pragma("user_version", SCHEMA_VERSION - 1)


@pytest.mark.parametrize("spared", [_DATABASE, "chansync.db"])
@pytest.mark.parametrize("user", [ROOT, DAEMON])
def test_an_upgrade_changes_nothing_that_a_link_leads_to(
    shared: Path,
    victims: list[Path],
    user: int,
    spared: str,
) -> None:
    assert as_user(ADMIN, lambda: _make_older(shared)).code == 0
    with _linking(shared.parent, victims, spared):
        for _ in range(2):
            command(user, "status", database=shared)


@pytest.mark.parametrize(
    "words",
    [
        ("db", "restore", "BACKUP", "--yes"), ("db", "backup", "TARGET"), ("db", "export", "mappings", "-o", "TARGET"),
        ("db", "repair", "--yes"), ("doctor", "--no-sites"), ("channel", "export", "-o", "TARGET"), ("db", "prune"),
    ],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
def test_a_command_of_roots_changes_nothing_that_a_link_leads_to(
    shared: Path,
    victims: list[Path],
    tmp_path: Path,
    words: tuple[str, ...],
) -> None:
    backup = tmp_path / "backup.db"
    assert command(ROOT, "db", "backup", str(backup), database=shared).code == 0
    named = {"BACKUP": str(backup), "TARGET": str(tmp_path / "target")}
    with _linking(shared.parent, victims, "chansync.db"):
        for number in range(2):
            command(ROOT, *(f"{named[word]}{number}" if word == "TARGET" else named.get(word, word) for word in words),
                    database=shared)  # fmt: skip


def test_the_daemon_changes_nothing_that_a_link_leads_to(shared: Path, victims: list[Path]) -> None:
    with _linking(shared.parent, victims, _DATABASE):
        daemon = start(DAEMON, ("daemon",), database=shared)
        assert daemon.stdout is not None
        for _ in range(3):
            daemon.stdout.readline()
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=PATIENCE)


def _journal(database: Path, names: Path) -> bytes:
    """A rollback journal that names a file for deletion, as an old SQLite believes it."""
    magic = bytes.fromhex("d9d505f920a163d7")
    head = (magic + struct.pack(">IIIII", 0, 1, database.stat().st_size // 4096, 512, 4096)).ljust(512, b"\0")
    name = str(names).encode()
    lock_page = 2**30 // 4096 + 1
    return head + struct.pack(">I", lock_page) + name + struct.pack(">II", len(name), sum(name)) + magic


def test_a_journal_that_a_member_plants_deletes_nothing(shared: Path, tmp_path: Path) -> None:
    victim, control = tmp_path / "of-root", tmp_path / "control.db"
    victim.write_text("of root\n")
    planted = Path(f"{shared}-journal")

    def plant() -> None:
        planted.write_bytes(_journal(shared, victim))

    # What Python's own SQLite makes of such a journal: the attack itself works.
    shutil.copy(shared, control)
    Path(f"{control}-journal").write_bytes(_journal(shared, victim))
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(control)) as db:
        db.execute("SELECT count(*) FROM sqlite_master").fetchall()
    assert not victim.exists(), "the journal is none"
    victim.write_text("of root\n")

    assert as_user(ADMIN, plant).code == 0
    told = " ".join(command(ROOT, "doctor", "--no-sites", database=shared).text.split())
    assert f"{planted}, made by {ADMIN}, is not chansync's" in told
    for words in (
        ("db", "export", "mappings"),
        ("status",),
        ("health",),
        ("db", "check"),
        ("db", "repair"),
        ("db", "init"),
    ):
        assert as_user(ADMIN, plant).code == 0
        if words == ("db", "init"):
            _make_older(shared)
            assert as_user(ADMIN, plant).code == 0
        command(ROOT, *words, database=shared)
        assert victim.exists(), words
        assert not planted.exists() or words == ("health",), words


@pytest.mark.parametrize("name", ["chansync.daemon", "chansync.db.migrating", "chansync.lock", "chansync.db-wal"])
def test_a_key_that_an_earlier_version_left_is_opened_to_nobody(path: Path, name: str) -> None:
    before = path.with_suffix(".key")
    shutil.move(key_file(path), before)
    moved = path.with_name(name)
    assert as_user(ADMIN, lambda: moved.unlink(missing_ok=True) or os.rename(before, moved)).code == 0
    content = moved.read_bytes()
    daemon = start(DAEMON, ("daemon",), database=path)
    assert daemon.stdout is not None
    assert daemon.stdout.readline()
    daemon.terminate()
    daemon.communicate()
    for words in (("status",), ("db", "repair", "--yes"), ("doctor", "--no-sites")):
        command(ROOT, *words, database=path)
    left = [each for each in path.parent.iterdir() if each.is_file() and each.read_bytes() == content]
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in left)


def test_a_key_that_an_earlier_version_left_moves_into_the_private_folder(path: Path) -> None:
    before, now = path.with_suffix(".key"), key_file(path)
    content = now.read_text()
    shutil.move(now, before)
    kept = os.open(before, os.O_RDONLY)
    told = command(ROOT, "secrets", "status", database=path)
    assert "enter the keys of stores and sellers anew" in told.text
    assert (now.read_text(), now.stat().st_uid, stat.S_IMODE(now.stat().st_mode)) == (content, DAEMON, 0o600)
    assert not before.exists()
    assert os.read(kept, 100) == b"", "whoever has another name of it reads nothing"
    os.close(kept)


def test_the_public_key_in_the_private_ones_place_is_no_key(path: Path) -> None:
    key_file(path).unlink()
    public = path.with_suffix(".key")
    public.write_text("ab" * 32 + "\n")
    os.chown(public, DAEMON, GROUP)
    public.chmod(0o640)
    command(ROOT, "secrets", "status", database=path)
    assert not key_file(path).exists() or key_file(path).read_text() != public.read_text()


@pytest.mark.parametrize(
    "end", [".db-journal", ".db-wal", ".db-shm", ".daemon", ".db.migrating", ".key", ".pub", ".db"]
)
def test_a_pipe_hangs_nothing(shared: Path, tmp_path: Path, end: str) -> None:
    backup = tmp_path / "backup.db"
    assert command(ROOT, "db", "backup", str(backup), database=shared).code == 0
    name = shared.with_suffix(end)

    def plant() -> None:
        name.unlink(missing_ok=True)
        os.mkfifo(name)

    for words in (
        ("status",), ("health",), ("doctor", "--no-sites"), ("secrets", "status"),
        ("db", "restore", str(backup), "--yes"), ("db", "repair", "--yes"),
    ):  # fmt: skip
        assert as_user(ADMIN, plant).code == 0
        told = command(ROOT, *words, database=shared)
        assert "Traceback" not in told.text
        assert "fault of its own" not in told.text, told.text
    assert as_user(ADMIN, plant).code == 0
    daemon = start(DAEMON, ("daemon",), database=shared)
    assert daemon.stdout is not None
    assert daemon.stdout.readline()
    daemon.terminate()
    daemon.communicate(timeout=PATIENCE)


def test_a_pipe_in_the_keys_place_hangs_nothing(path: Path) -> None:
    key_file(path).unlink()
    os.mkfifo(key_file(path), 0o600)
    os.chown(key_file(path), DAEMON, GROUP)
    for words in (("secrets", "status"), ("doctor", "--no-sites")):
        told = " ".join(command(ROOT, *words, database=path).text.split())
        assert "is not a private key of chansync" in told


_COUNT = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT count(*) FROM n"
_ENDLESS = "AS WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, id AS code FROM n"


def test_a_view_without_end_hangs_nothing(shared: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    assert command(ROOT, "db", "backup", str(backup), database=shared).code == 0
    for database in (shared, backup):
        with contextlib.closing(apsw.Connection(str(database))) as db:
            db.execute(f"PRAGMA foreign_keys = OFF; DROP TABLE channel; CREATE VIEW channel {_ENDLESS}")
    told = command(ROOT, "db", "restore", str(backup), "--yes", database=shared)
    assert (told.code, "is not as chansync makes it" in told.text) == (3, True), told.text
    for words in (
        ("status",),
        ("health",),
        ("doctor", "--no-sites"),
        ("db", "export", "mappings"),
        ("channel", "list"),
    ):
        told = command(ROOT, *words, database=shared)
        assert told.code not in (0, -9), words
        assert "Traceback" not in told.text
        assert "fault of its own" not in told.text, (words, told.text)
    assert command(DAEMON, "daemon", database=shared).code == 65


def test_root_leaves_nothing_of_roots_and_reaches_the_files_that_root_names(
    shared: Path,
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o700)
    for name, text in (("secret.txt", "cs_of_a_file\n"), ("items.csv", "sku,name\nA-1,One\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "set-up.toml").write_text(
        '[channels.shop]\nname = "Shop"\nintegration_system = "woo"\nconsumer_secret = {file = "secret.txt"}\n'
    )
    backup = tmp_path / "copies" / "one.db"
    backup.parent.mkdir(0o700)
    for words in (
        ("status",), ("health",), ("doctor", "--no-sites"), ("secrets", "status"), ("log",), ("channel", "list"),
        ("channel", "set", "shop", f"consumer_secret=@{tmp_path}/secret.txt"),
        ("erp", "import", "items", f"{tmp_path}/items.csv"),
        ("channel", "export", "-o", f"{tmp_path}/channels.toml"), ("channel", "import", f"{tmp_path}/channels.toml"),
        ("db", "export", "mappings", "-o", f"{tmp_path}/mappings.csv"), ("db", "import", f"{tmp_path}/mappings.csv"),
        ("db", "backup", str(backup)), ("db", "backup", f"{backup.parent}/"), ("db", "restore", str(backup), "--yes"),
        ("export-setup", "-o", f"{tmp_path}/all.toml"), ("apply", f"{tmp_path}/all.toml", "--keep-secrets"),
        ("apply", f"{tmp_path}/set-up.toml", "--check"), ("export", "sales", "-o", f"{tmp_path}/sales.csv"),
        ("db", "verify", f"{backup.parent}"), ("db", "drill", str(backup)),
        ("secrets", "rotate"), ("db", "prune"), ("db", "vacuum"), ("db", "check"), ("db", "repair"),
    ):  # fmt: skip
        told = command(ROOT, *words, database=shared)
        assert told.code == 0 or words[0] in ("doctor", "health"), (words, told.text)
    for place in (shared.parent, private_folder(shared)):
        assert {each.stat().st_uid for each in place.iterdir()} <= {DAEMON, ADMIN}
    assert [each.stat().st_uid for each in backup.parent.iterdir()] == [0, 0]
    assert {stat.S_IMODE(each.stat().st_mode) for each in backup.parent.iterdir()} == {0o600}
    assert not [each for each in (*tmp_path.iterdir(), *backup.parent.iterdir()) if each.name.startswith(".")]


def test_root_reads_no_secret_for_a_set_up_that_a_member_wrote(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("of_root\n")
    file = tmp_path / "set-up.toml"
    file.write_text(
        '[channels.shop]\nname = "Shop"\nintegration_system = "woo"\nstore_domain = "https://evil.example"\n'
        'consumer_key = {file = "secret.txt"}\nconsumer_secret = {file = "secret.txt"}\n'
    )
    for owner, mode in ((ADMIN, 0o644), (ROOT, 0o666)):
        os.chown(file, owner, -1)
        file.chmod(mode)
        told = command(ROOT, "apply", str(file), database=shared)
        assert (told.code, "for a set-up of root's own only" in told.text) == (2, True), told.text


def test_a_rotation_of_a_key_that_root_names(shared: Path, tmp_path: Path) -> None:
    named = tmp_path / "decrypted.key"
    shutil.move(key_file(shared), named)
    os.chown(named, 0, 0)
    before = named.read_text()
    told = command(ROOT, "secrets", "rotate", "--key", str(named), database=shared)
    assert told.code == 0, told.text
    assert "Keep the encrypted credential of the old key" in told.text
    assert (len(named.read_text()), named.read_text() == before) == (65, False)
    shutil.copy(named, key_file(shared))
    os.chown(key_file(shared), DAEMON, GROUP)
    assert command(ROOT, "secrets", "status", database=shared).code == 0


def test_root_writes_nothing_where_a_members_link_leads(shared: Path, tmp_path: Path) -> None:
    there = tmp_path / "of-root"
    there.mkdir()
    link = shared.parent / "backups"
    assert as_user(ADMIN, lambda: link.symlink_to(there)).code == 0
    for words in (
        ("db", "backup", f"{link}/"), ("db", "backup", f"{link}/x.db"), ("db", "export", "orders", "-o", f"{link}/x"),
        ("channel", "export", "-o", f"{link}/x"),
    ):  # fmt: skip
        told = command(ROOT, *words, database=shared)
        assert (told.code, "link" in told.text) == (2, True), told.text
    assert list(there.iterdir()) == []


def test_a_member_and_a_stranger_are_told_the_way(shared: Path, tmp_path: Path) -> None:
    told = command(ADMIN, "secrets", "rotate", database=shared)
    assert (told.code, "sudo chansync secrets rotate" in told.text) == (3, True), told.text
    _meddle(shared, f"PRAGMA user_version = {SCHEMA_VERSION - 1}")
    for words, way in (
        (("db", "init"), "or: sudo chansync db upgrade"),
        (("secrets", "rotate"), "or: sudo chansync db upgrade"),
        (("db", "upgrade"), "run the command with sudo"),
    ):
        told = command(ADMIN, *words, database=shared)
        assert (told.code, way in told.text) == (3, True), told.text
    assert command(STRANGER, "doctor", "--no-sites", database=shared).code in (1, 3)


def test_a_folder_of_roots_that_others_may_write_is_none_to_work_in(shared: Path) -> None:
    os.chown(shared.parent, 0, GROUP)
    shared.parent.chmod(0o2770)
    told = command(ROOT, "status", database=shared)
    assert (told.code, "give it to a user of its own" in told.text) == (2, True), told.text


@pytest.mark.parametrize("user", [ROOT, ADMIN, STRANGER])
def test_completing_leaves_nothing_of_roots_and_makes_no_file_that_the_line_names(
    shared: Path, tmp_path: Path, user: int
) -> None:
    tmp_path.chmod(0o777)
    words = f"chansync channel export -o {tmp_path}/out.toml s"
    asked = start(user, (), database=shared, _CHANSYNC_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD="5")
    text, _ = asked.communicate()
    assert text.split() == ([] if user == STRANGER else ["plain,shop"])
    assert {each.stat().st_uid for each in shared.parent.iterdir()} <= {DAEMON, ADMIN}
    assert not list(tmp_path.glob("*out*"))


def test_completing_says_nothing_where_a_command_would_be_refused(shared: Path) -> None:
    os.chown(shared.parent, 0, GROUP)
    shared.parent.chmod(0o2770)
    asked = start(
        ROOT, (), database=shared, _CHANSYNC_COMPLETE="bash_complete", COMP_WORDS="chansync sync s", COMP_CWORD="2"
    )
    assert (asked.communicate()[0].strip(), asked.returncode) == ("", 0)


#: Holds a byte of the lock file for ever.
_HOLD = """
import fcntl, os, struct, sys, time
held = os.open(sys.argv[1], os.O_RDWR)
fcntl.fcntl(held, fcntl.F_OFD_SETLK, struct.pack("hhqqi0q", fcntl.F_WRLCK, 0, int(sys.argv[2]), 1, 0))
print("ready", flush=True)
time.sleep(1000)
"""

#: Puts a new lock file in the place of the old one, as fast as it can.
_REPLACE = """
import os, sys
print("ready", flush=True)
while True:
    os.close(os.open(f"{sys.argv[1]}.new", os.O_RDWR | os.O_CREAT, 0o660))
    os.rename(f"{sys.argv[1]}.new", sys.argv[1])
"""


@pytest.mark.parametrize("program", [_HOLD, _REPLACE])
def test_a_lock_that_a_member_holds_is_waited_for_no_longer_than_said(
    shared: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    backup = shared.parent.parent / "backup.db"
    assert command(ROOT, "db", "backup", str(backup), database=shared).code == 0
    backup.chmod(0o644)
    import_module("chansync.cli.db.backup")
    monkeypatch.setattr(process_locks, "PATIENCE", 1.0)
    lock = shared.with_suffix(".lock")
    lock.touch()
    os.chown(lock, DAEMON, GROUP)
    lock.chmod(0o660)
    attacker = start(ADMIN, (str(lock), str(process_locks.MIGRATION)), program=("-c", program))
    assert attacker.stdout is not None
    assert attacker.stdout.readline() == "ready\n"
    try:
        told = as_user(DAEMON, lambda: main(["db", "restore", str(backup), "--yes"]))
        assert told.code in ((3,) if program == _HOLD else (0, 3)), told.text
        assert ("end it, and try again" in told.text) == (program == _HOLD), told.text
        assert as_user(ADMIN, lambda: _make_older(shared)).code == 0
        told = as_user(DAEMON, lambda: main(["db", "upgrade"]))
        assert told.code in ((3,) if program == _HOLD else (0, 3)), told.text
    finally:
        attacker.kill()
        attacker.communicate()


def test_a_trigger_without_end_hangs_nothing(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "LONGEST", 1.0)
    for module in ("chansync.cli.daemon", "chansync_daemon.main", "apsw.aio"):
        import_module(module)
    for table in ("channel", "channel_parameter", "stream", "run", "setting", "job", "daemon"):
        for change in ("INSERT", "UPDATE", "DELETE"):
            _meddle(shared, f'CREATE TRIGGER "{table} {change}" BEFORE {change} ON {table} BEGIN {_COUNT}; END')
    for words in (["channel", "set", "shop", "used=no"], ["sync", "shop"], ["secrets", "rotate"], ["daemon"]):
        told = as_user(DAEMON, lambda words=words: main(words))
        assert (told.code != 0, "may have no end" in told.text) == (True, True), (words, told.text)
    assert command(ROOT, "db", "repair", "--yes", database=shared).code == 0
    assert command(ROOT, "channel", "set", "shop", "used=no", database=shared).code == 0


#: Runs a command from a small process: what a process was forked from counts as its memory.
_MEASURED = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-P", "-m", "chansync", *sys.argv[1:]], check=False)
print("peak in kB:", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_a_huge_row_takes_no_memory(shared: Path) -> None:
    # 80 MB: whoever reads one has it twice, as bytes and as text.
    huge = "'\"' || replace(hex(zeroblob(40000000)), '0', 'a') || '\"'"
    _meddle(
        shared,
        f"UPDATE channel SET facts = {huge}",
        f"UPDATE channel_parameter SET value = {huge} WHERE name = 'name'",
        f"""INSERT INTO message (severity, code, sentence, first_at, last_at, open)
            VALUES ('problem', 'note', {huge}, 1, 1, 1)""",
        f"INSERT INTO job (kind, args, asked_by, state, created_at) VALUES ('notices', {huge}, 'x', 'queued', 1)",
    )
    for words in (
        ("status",), ("doctor", "--no-sites"), ("channel", "show", "shop"), ("log",), ("db", "export", "orders"),
        ("sync", "shop"), ("daemon",),
    ):  # fmt: skip
        with start(DAEMON, words, database=shared, program=("-c", _MEASURED)) as process:
            assert process.stdout is not None
            told, peak = process.stdout.read().rsplit("peak in kB:", 1)
        assert int(peak) < 180_000, (words, peak)
        assert "fault of its own" not in told, (words, told)


def test_nonsense_in_a_job_is_that_jobs_own(shared: Path) -> None:
    """Whatever a member asks for, the daemon goes on, opens no file and sends nothing elsewhere."""
    kinds = ("sync", "look", "test", "confirm", "system", "retry", "notices", "lookups", "../../x", "\x1b]0;x\x07")
    arguments = (
        "{}", "[]", "5", '{"request": [1]}', '{"request": {"nonsense": 1}}', '{"code": {"a": 1}}', "{", "[" * 5000,
        '{"request": {"order_numbers": ["../../../etc/passwd", "http://evil.example/"]}}', '{"user": "\x1b[31m"}',
        '{"request": {"since": "9999999-01-01"}}', '{"order_ids": "x"}', '{"request": {"order_numbers": 7}}',
    )  # fmt: skip

    def plant() -> None:
        with contextlib.closing(apsw.Connection(str(shared))) as db:
            db.executemany(
                """INSERT INTO job (kind, channel_id, args, asked_by, state, created_at)
                   VALUES (?, 1, ?, char(27) || '[31m' || char(10) || 'INFO forged', 'queued', 1)""",
                [(kind, text) for kind in kinds for text in arguments],
            )

    assert as_user(ADMIN, plant).text == ""
    daemon = start(DAEMON, ("daemon",), database=shared)
    with contextlib.closing(apsw.Connection(str(shared))) as db:
        end = time.monotonic() + PATIENCE
        while db.execute("SELECT count(*) FROM job WHERE state IN ('queued', 'running')").get:
            assert time.monotonic() < end
            assert daemon.poll() is None
            time.sleep(0.1)
    daemon.terminate()
    told, _ = daemon.communicate(timeout=PATIENCE)
    assert not any(each in told for each in ("Traceback", "fault of its own", "\x1b", "\nINFO forged")), told


@pytest.mark.parametrize("end", [".lock", ".db-wal", ".db-shm", ".db-journal", ".db"])
def test_a_folder_in_the_place_of_a_file_is_told_and_left(shared: Path, end: str) -> None:
    name = shared.with_suffix(end)

    def plant() -> None:
        name.unlink(missing_ok=True)
        name.mkdir()

    assert as_user(ADMIN, plant).text == ""
    for words in (("status",), ("db", "upgrade"), ("sync", "shop"), ("doctor", "--no-sites")):
        told = command(ROOT, *words, database=shared)
        assert not any(each in told.text for each in ("Traceback", "fault of its own")), (words, told.text)
    told = command(ROOT, "db", "repair", "--yes", database=shared)
    assert any(each in told.text for each in ("and is left", "It cannot be opened", "no file")), told.text
    assert name.is_dir()


def test_a_lock_file_that_shuts_others_out_is_repaired(shared: Path) -> None:
    lock = shared.with_suffix(".lock")

    def plant() -> None:
        lock.unlink(missing_ok=True)
        lock.touch(0o600)

    assert as_user(ADMIN, plant).text == ""
    assert command(ROOT, "status", database=shared).code == 3
    assert "is removed" in command(ROOT, "db", "repair", "--yes", database=shared).text
    assert command(ROOT, "status", database=shared).code == 0


def test_no_copy_that_a_member_has_put_there_is_named(shared: Path) -> None:
    planted = shared.parent / f"chansync.before-12-20991231000000-from-{SCHEMA_VERSION}.db"
    assert as_user(ADMIN, planted.touch).text == ""
    _meddle(shared, "PRAGMA user_version = 99")
    for words in (("status",), ("doctor", "--no-sites"), ("daemon",)):
        told = command(DAEMON, *words, database=shared)
        assert "by a newer chansync" in " ".join(told.text.split())
        assert "restore" not in told.text
