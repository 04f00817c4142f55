"""What the doctor finds on machine, disk, files and in the database, and what it says to do."""

from __future__ import annotations

import compileall
import stat
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from chansync.db import settings
from chansync.db.connection import Store
from chansync.doctor import files, machine, records, repair
from chansync.doctor.examination import examine
from chansync.doctor.findings import Finding, Level
from chansync.model.errors import UsageError
from chansync.model.times import now_ms
from chansync.store import daemons, messages, streams


def _of(findings: Iterator[Finding], area: str) -> list[Finding]:
    return [finding for finding in findings if finding.area == area]


def _one(findings: Iterator[Finding], area: str) -> Finding:
    [finding] = _of(findings, area)
    return finding


class TestMachine:
    def test_a_sound_one(self, tmp_path: Path) -> None:
        found = _of(machine.versions(), "versions")
        assert [finding.level for finding in found] == [Level.OK]
        assert "SQLite 3." in found[0].sentence

    @pytest.mark.parametrize(
        ("kind", "level"),
        [("nfs4", "problem"), ("fuse.sshfs", "problem"), ("virtiofs", "problem"), ("fuse.ext2", "ok"), ("ext4", "ok")],
    )
    def test_a_network_disk_is_no_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, level: str
    ) -> None:
        monkeypatch.setattr(machine, "file_system", lambda folder: kind)
        worst = _of(machine.disk(tmp_path / "chansync.db"), "disk")[-1]
        assert worst.level == level
        assert ("file system that machines share" in worst.sentence) == (level == "problem")

    def test_the_file_system_is_the_nearest_mount(self, tmp_path: Path) -> None:
        inner = tmp_path / "a b"
        inner.mkdir()
        mounts = tmp_path / "mountinfo"
        escaped = str(inner).replace(" ", "\\040")
        mounts.write_text(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
            f"23 22 0:44 / {escaped} rw shared:1 - nfs4 server:/x rw\n"
            "nonsense\n"
            f"24 22 0:45 / {tmp_path}/a rw - tmpfs tmpfs rw\n"
        )
        assert machine.file_system(inner / "deep", str(mounts)) == "nfs4"
        assert machine.file_system(tmp_path, str(mounts)) == "ext4"
        assert machine.file_system(tmp_path, str(tmp_path / "none")) == ""

    def test_a_full_disk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machine, "LEAST_FREE", 2**62)
        found = _of(machine.disk(tmp_path / "chansync.db"), "disk")[0]
        assert (found.level, found.sentence.startswith("Only ")) == (Level.PROBLEM, True)

    @pytest.mark.parametrize(("zone", "level"), [("Europe/Berlin", "ok"), ("Mars/Olympus", "problem"), ("UTC", "ok")])
    def test_a_time_zone_that_there_is_not(self, monkeypatch: pytest.MonkeyPatch, zone: str, level: str) -> None:
        monkeypatch.setenv("TZ", zone)
        assert _one(machine.time_zone(), "clock").level == level

    def test_a_package_that_is_too_old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            machine.importlib.metadata, "requires", lambda name: ["click>=99.1", "gone-for-good", "x; y"]
        )
        found = _of(machine.versions(), "versions")[-1]
        assert found.level is Level.PROBLEM
        assert "(99.1 is needed)" in found.sentence
        assert "gone-for-good (missing)" in found.sentence


class TestFiles:
    @pytest.fixture
    def shared(self, company: Store) -> Path:
        company.path.parent.chmod(0o2770)
        private = Path(f"{company.path.parent}-private")
        private.mkdir(mode=0o710)
        company.path.with_suffix(".key").rename(private / "chansync.key")
        company.path.chmod(0o660)
        for name in ("-wal", "-shm"):
            Path(f"{company.path}{name}").chmod(0o660)
        return company.path

    def test_a_shared_folder(self, shared: Path) -> None:
        found = _one(files.files(shared), "permissions")
        assert (found.level, "shared by the group" in found.sentence) == (Level.OK, True)

    @pytest.mark.parametrize("name", ["", "-wal", "-shm"])
    def test_a_file_that_the_group_cannot_write(self, shared: Path, name: str) -> None:
        Path(f"{shared}{name}").chmod(0o640)
        found = _one(files.files(shared), "permissions")
        assert found.level is Level.PROBLEM
        assert (f"{shared}{name} cannot be written" in found.sentence, found.remedy) == (True, files.REPAIR)
        assert any(f"{shared}{name} is 660 now" in told for told in repair.files(shared))
        assert _one(files.files(shared), "permissions").level is Level.OK

    @pytest.mark.parametrize(
        ("mode", "said"), [(0o2775, "is open to every user"), (0o2750, "shuts members of its group")]
    )
    def test_a_folder_with_another_mode(self, shared: Path, mode: int, said: str) -> None:
        shared.parent.chmod(mode)
        found = _one(files.files(shared), "permissions")
        assert (said in found.sentence, found.remedy) == (True, files.REPAIR)
        list(repair.files(shared))
        assert _one(files.files(shared), "permissions").level is Level.OK

    def test_one_persons_own(self, company: Store) -> None:
        company.path.parent.chmod(0o700)
        assert _one(files.files(company.path), "permissions").level is Level.OK
        company.path.parent.chmod(0o755)
        company.path.chmod(0o644)
        assert "open to every user" in _one(files.files(company.path), "permissions").sentence


class TestRecords:
    def test_a_damaged_database(self, company: Store) -> None:
        for number in range(3000):
            company.db.execute("INSERT INTO setting VALUES (?, ?)", (f"n{number}", "x" * 200))
        company.db.pragma("wal_checkpoint")
        company.close()
        raw = bytearray(company.path.read_bytes())
        raw[len(raw) // 2 : len(raw) // 2 + 8192] = b"\xff" * 8192
        company.path.write_bytes(raw)
        found = _of(examine(company.path, look_at_sites=False), "database")
        assert found[0].level is Level.PROBLEM
        assert "damaged" in found[0].sentence
        assert "backup" in found[0].remedy

    def test_a_search_that_takes_too_long_is_broken_off(self, company: Store) -> None:
        for number in range(3000):
            company.db.execute("INSERT INTO setting VALUES (?, ?)", (f"n{number}", "x" * 200))
        found = _one(records.soundness(company.db, seconds=0), "database")
        assert (found.level, "chansync db check" in found.sentence) == (Level.OK, True)

    def test_the_daemon(self, company: Store) -> None:
        assert "never run here" in _one(records.daemon(company.db), "daemon").sentence
        daemons.claim(company.db)
        assert _one(records.daemon(company.db), "daemon").level is Level.OK
        company.db.execute("UPDATE daemon SET version = '0.0.1'")
        assert "restart it" in _one(records.daemon(company.db), "daemon").remedy
        company.db.execute("UPDATE daemon SET host = 'elsewhere', machine = 'other/other', owner = 'elsewhere:1:1'")
        assert "of the machine elsewhere" in _one(records.daemon(company.db), "daemon").sentence

    def test_a_clock_that_went_back(self, company: Store) -> None:
        assert list(records.clock(company.db)) == []
        company.db.execute(
            """INSERT INTO run (channel_id, stream, trigger, owner, state, started_at)
               VALUES (1, 'orders', 'x', 'x', 'done', ?)""",
            (now_ms() + 7_200_000,),
        )
        assert "in the future" in _one(records.clock(company.db), "clock").sentence

    def test_channels_that_fail(self, company: Store) -> None:
        assert _one(records.streams(company.db), "channels").level is Level.OK
        streams.acquire(company.db, 1, "orders", "x")
        streams.release(company.db, 1, "orders", "x", ok=True, next_run_at=now_ms())
        company.db.execute("UPDATE stream SET failures = 7")
        company.db.execute(
            """INSERT INTO run (channel_id, stream, trigger, owner, state, started_at, sentence)
               VALUES (1, 'orders', 'x', 'x', 'failed', 1, 'The site is down: ask its host.')"""
        )
        found = _one(records.streams(company.db), "channels")
        assert found.sentence == "shop: orders failed 7 times in a row."
        assert found.remedy == "The site is down: ask its host."

    def test_problems_that_wait_for_long(self, company: Store) -> None:
        assert _one(records.open_problems(company.db), "problems").level is Level.OK
        messages.log(company.db, "site_refused", "x", channel_id=1)
        assert _one(records.open_problems(company.db), "problems").level is Level.WARNING
        company.db.execute("UPDATE message SET first_at = first_at - 8 * 86400000")
        found = _one(records.open_problems(company.db), "problems")
        assert (found.level, found.sentence) == (Level.PROBLEM, "1 problem is open, the oldest for 8 d.")

    def test_secrets(self, company: Store) -> None:
        assert _one(records.sealed_secrets(company.db, company.path), "secrets").level is Level.OK
        key = company.path.with_suffix(".key")
        kept = key.read_text()
        key.unlink()
        found = _one(records.sealed_secrets(company.db, company.path), "secrets")
        assert (found.level, "is missing" in found.sentence) == (Level.PROBLEM, True)
        key.write_text(kept)
        key.chmod(0o644)
        assert "chansync db repair" in _one(records.sealed_secrets(company.db, company.path), "secrets").sentence
        assert stat.S_IMODE(key.stat().st_mode) == 0o644

    def test_a_secret_that_ends(self, company: Store) -> None:
        made = (date.today() - timedelta(days=170)).isoformat()  # noqa: DTZ011 - the day by which the user counts
        company.db.execute(
            "INSERT INTO integration_system (id, code, name, kind, created_at) VALUES (9, 'eu', 'EU', 'amazon', 0)"
        )
        company.db.execute("INSERT INTO system_secret VALUES (9, 'client_secret', x'00', 0)")
        company.db.execute("INSERT INTO system_parameter VALUES (9, 'client_secret_made', ?)", (f'"{made}"',))
        found = _of(records.sealed_secrets(company.db, company.path), "secrets")
        assert any("ends on" in finding.sentence and "in 10 days" in finding.sentence for finding in found)

    def test_backups(self, company: Store) -> None:
        assert "never" in _one(records.backups(company.db), "backups").sentence
        settings.put(company.db, settings.BACKED_UP_AT, str(now_ms() - 3_600_000))
        assert _one(records.backups(company.db), "backups").level is Level.OK
        settings.put(company.db, settings.BACKED_UP_AT, str(now_ms() - 5 * 86_400_000))
        assert _one(records.backups(company.db), "backups").level is Level.WARNING


class TestTheWhole:
    def test_no_database(self, tmp_path: Path) -> None:
        found = _one(examine(tmp_path / "none.db"), "database")
        assert (found.level, found.remedy) == (Level.PROBLEM, "Make one: chansync db init")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(("version", "said"), [(1, "this program needs"), (999, "newer chansync")])
    def test_another_schema_is_told_and_left_alone(self, company: Store, version: int, said: str) -> None:
        company.db.pragma("user_version", version)
        found = _of(examine(company.path), "database")[0]
        assert (found.level, said in found.sentence) == (Level.PROBLEM, True)
        assert company.db.pragma("user_version") == version

    def test_the_books(self, company: Store) -> None:
        found = _one(examine(company.path, look_at_sites=False, look_at_ledger=True), "ledger")
        assert found.level is Level.OK

    def test_a_channel_that_there_is_not(self, company: Store) -> None:
        with pytest.raises(UsageError, match="There is no channel 'none'"):
            next(examine(company.path, only=["none"]))


def test_modules_that_are_not_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "chansync_probe"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(machine, "PACKAGES", ("chansync_probe",))
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    found = _one(machine.compiled(), "compiled modules")
    assert (found.level, f"-m compileall -q {package}" in found.remedy) == (Level.WARNING, True)
    assert "PYTHONDONTWRITEBYTECODE" in found.sentence
    compileall.compile_dir(package, quiet=1)
    assert list(machine.compiled()) == []


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0.1.0", "0.1.1"), ("0.1.9", "0.1.10"), ("0.9.0", "0.10.0"), ("0.2.0rc1", "0.2.0"), ("0.10.0", "1.0.0")],
)
@pytest.mark.parametrize("daemon_is_older", [True, False])
def test_of_two_versions_the_older_is_the_one_to_restart(
    company: Store, monkeypatch: pytest.MonkeyPatch, older: str, newer: str, daemon_is_older: bool
) -> None:
    daemons.claim(company.db)
    running, own = (older, newer) if daemon_is_older else (newer, older)
    company.db.execute("UPDATE daemon SET version = ?", (running,))
    monkeypatch.setattr("chansync.doctor.daemon.__version__", own)
    found = _one(records.daemon(company.db), "daemon")
    assert found.level is Level.WARNING
    assert found.remedy.startswith("The daemon is older" if daemon_is_older else "This program is older"), found
