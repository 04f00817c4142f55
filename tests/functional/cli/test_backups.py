"""Backups of a schedule: rotation, failures that are told, and drills."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from chansync.cli.db import backup
from chansync.db import settings
from chansync.db.connection import Store
from chansync.store import messages
from chansync.store.message_search import Filter
from functional.cli.conftest import Run

_NOON = datetime(2026, 11, 24, 12)  # noqa: DTZ001 - local time, as in the names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups"


def _back_up(chansync: Run, folder: Path, patch: pytest.MonkeyPatch, day: int, keep: str = "2d") -> tuple[int, str]:
    patch.setattr(backup, "here", lambda: _NOON.replace(day=day))
    done = chansync("db", "backup", str(folder), "--keep", keep)
    return done.code, done.out


def test_a_schedule_keeps_what_it_is_to_keep(chansync: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "notes.txt").touch()
    for day in (20, 21):
        assert _back_up(chansync, folder, monkeypatch, day)[0] == 0
    code, said = _back_up(chansync, folder, monkeypatch, 22)
    assert (code, said.splitlines()[1]) == (0, "Deleted 1 older backup that is not to be kept.")
    assert sorted(path.name for path in folder.iterdir()) == [
        "chansync-20261121-120000.db", "chansync-20261122-120000.db", "notes.txt",
    ]  # fmt: skip


def test_a_failure_is_an_open_problem_until_a_backup_succeeds(
    chansync: Run, company: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.rmdir()
    assert _back_up(chansync, folder, monkeypatch, 20)[0] == 2
    [problem] = messages.messages(company.db, Filter(open_only=True))
    assert (problem.code, problem.sentence) == (
        "backup_failed",
        f"The backup to {folder} failed: There is no folder {folder}/ (is its disk mounted?). Nothing was copied.",
    )
    offered = json.loads(chansync("mend", str(problem.id), "--json").out)
    assert f"chansync db backup {folder} --keep 2d" in json.dumps(offered)
    assert settings.get(company.db, settings.BACKED_UP_AT) is None
    folder.mkdir()
    assert _back_up(chansync, folder, monkeypatch, 21)[0] == 0
    assert messages.messages(company.db, Filter(open_only=True)) == []
    assert settings.moment(company.db, settings.BACKED_UP_AT)


def test_a_backup_that_a_person_mistypes_is_no_problem_of_the_log(chansync: Run, company: Store, folder: Path) -> None:
    assert chansync("db", "backup", f"{folder}/none/").code == 2
    assert messages.messages(company.db, Filter(open_only=True)) == []


def test_a_folder_is_looked_through_and_what_is_damaged_is_named(
    chansync: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (20, 21):
        _back_up(chansync, folder, monkeypatch, day)
    sound = chansync("db", "verify", str(folder))
    assert (sound.code, sound.out.count("Sound: ")) == (0, 2)
    with (folder / "chansync-20261120-120000.db").open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\0" * 4096 * 20)
    damaged = chansync("db", "verify", str(folder))
    assert (damaged.code, damaged.out.count("Sound: ")) == (1, 1)
    assert "chansync-20261120-120000.db is damaged" in damaged.err
    one = chansync("db", "verify", str(folder / "chansync-20261121-120000.db"), "--json")
    assert json.loads(one.out)["files"] == {str(folder / "chansync-20261121-120000.db"): True}


def test_a_drill_restores_the_newest_and_opens_its_secrets(
    chansync: Run, company: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (20, 21):
        _back_up(chansync, folder, monkeypatch, day)
    before = sorted(path.name for path in company.path.parent.iterdir())
    done = chansync("db", "drill", str(folder))
    assert done.code == 0, done.err
    assert done.out.splitlines()[:3] == [
        f"Sound: {folder}/chansync-20261121-120000.db has 1 channel, 0 orders and 0 sales; nothing ran yet.",
        "Its ledger is consistent.",
        "The private key opens all 2 secrets.",
    ]
    assert sorted(path.name for path in company.path.parent.iterdir()) == before
    other = tmp_path / "other.key"
    other.write_text("ab" * 32 + "\n")
    lost = chansync("db", "drill", str(folder), "--key", str(other))
    said = "2 of 2 secrets cannot be opened by that private key: channel shop consumer_key"
    assert (lost.code, said in lost.err) == (1, True)
    other.write_text("nonsense\n")
    assert "is no private key of chansync" in chansync("db", "drill", str(folder), "--key", str(other)).err


def test_a_drill_says_what_is_no_backup(chansync: Run, company: Store, tmp_path: Path) -> None:
    assert "There is no backup of chansync in" in chansync("db", "drill", str(tmp_path)).err
    (tmp_path / "chansync-20261121-120000.db").write_bytes(b"no database" * 99)
    result = chansync("db", "drill", str(tmp_path))
    assert (result.code, "is damaged, or no database at all" in result.err) == (1, True)


def test_a_key_that_is_sealed_to_a_passphrase_is_enough_to_begin_anew(
    chansync: Run, company: Store, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "passphrase").write_text("correct horse\n")
    monkeypatch.setattr(backup, "here", lambda: _NOON)
    made = chansync("db", "backup", f"{folder}/", "--keep", "1d", "--seal-key", f"@{tmp_path}/passphrase")
    assert made.code == 0, made.err
    sealed, key = folder / "chansync-20261124-120000.key", company.path.with_suffix(".key")
    assert sealed.stat().st_mode & 0o777 == 0o600
    assert key.read_bytes().strip() not in sealed.read_bytes()
    words = ("secrets", "recover", str(sealed), "-o", str(tmp_path / "again.key"))
    wrong = chansync(*words, stdin="battery staple\n")
    assert (wrong.code, "another passphrase" in wrong.err, (tmp_path / "again.key").exists()) == (3, True, False)
    assert chansync(*words, stdin="correct horse\n").code == 0
    assert (tmp_path / "again.key").read_text() == key.read_text()
    drilled = chansync("db", "drill", str(folder), "--key", str(sealed), "--passphrase", f"@{tmp_path}/passphrase")
    assert (drilled.code, "opens all 2 secrets" in drilled.out) == (0, True)
    monkeypatch.setattr(backup, "here", lambda: _NOON.replace(day=25))
    assert chansync("db", "backup", str(folder), "--keep", "1d").code == 0
    assert [path.name for path in folder.iterdir()] == ["chansync-20261125-120000.db"]
