"""The files of the service: what is put in place, and what of it is somebody's own."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.cli.support import exit_codes
from chansync_daemon.systemd import installation
from chansync_daemon.systemd.files import ServiceFile, State, quoted, service_files
from chansync_daemon.systemd.installation import why_hidden

PROGRAM = ["/opt/chansync/bin/chansync"]


def _put(root: Path, program: list[str] = PROGRAM) -> list[ServiceFile]:
    files = service_files(root, program)
    for file in files:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(file.text)
    return files


def test_the_unit_starts_the_program_that_was_given(tmp_path: Path) -> None:
    unit = service_files(tmp_path, ["/opt/a b/python", "-m", "chansync"])[0]
    assert re.findall(r"^Exec(?:Start)=.*$", unit.text, re.MULTILINE) == [
        'ExecStart="/opt/a b/python" -m chansync daemon'
    ]
    backup = service_files(tmp_path, ["/opt/a b/python", "-m", "chansync"])[1]
    assert re.findall(r"^ExecStart=.*$", backup.text, re.MULTILINE) == [
        'ExecStart="/opt/a b/python" -m chansync db backup ${CHANSYNC_BACKUPS} --keep ${CHANSYNC_KEEP} '
        "$CHANSYNC_BACKUP_OPTIONS"
    ]


def test_a_file_in_place_is_current_until_the_program_moves(tmp_path: Path) -> None:
    files = _put(tmp_path)
    assert [file.state() for file in files] == [State.CURRENT] * 5
    moved = service_files(tmp_path, ["/elsewhere/chansync"])
    assert [file.state() for file in moved] == [State.OUTDATED] * 2 + [State.CURRENT] * 3


@pytest.mark.parametrize("change", ["first", "middle", "last", "mark"])
def test_an_edit_anywhere_is_seen(tmp_path: Path, change: str) -> None:
    unit = _put(tmp_path)[0]
    text = unit.text
    edited = {
        "first": "# mine\n" + text,
        "middle": text.replace("WatchdogSec=60s", "WatchdogSec=600s"),
        "last": text + "Environment=TZ=UTC\n",
        "mark": "\n".join(text.splitlines()[:-1]),
    }[change]
    unit.path.write_text(edited)
    assert unit.state() is State.EDITED
    assert service_files(tmp_path, ["/elsewhere/chansync"])[0].state() is State.EDITED


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_a_word_survives_systemds_reading(word: str) -> None:
    """By the rules of systemd.service(5): quotes and backslashes first, then specifiers and variables."""
    text = quoted(word)
    if text.startswith('"'):
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    else:
        assert not re.search(r"[\s\"'\\;]", text)
    assert text.replace("%%", "%").replace("$$", "$") == word


@pytest.mark.parametrize(
    "folder", ["/root/.local/share/pipx/venvs/chansync/bin", "/home/ann/venv/bin", "/tmp/venv/bin"]
)
def test_a_program_that_the_sandbox_hides_is_refused_with_a_way_out(folder: str) -> None:
    sentence = why_hidden([Path(folder) / "chansync"])
    assert f"{folder}/chansync is under /" in sentence
    assert "which the service cannot see" in sentence
    assert "/opt/chansync" in sentence


def test_a_folder_that_is_closed_to_others_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert why_hidden([Path("/usr/bin/env")]) == ""
    monkeypatch.setattr(installation, "_TEMPORARY", ())
    closed = tmp_path / "venv"
    closed.mkdir(mode=0o700)
    told = why_hidden([closed / "bin" / "chansync"])
    assert f"{closed}, on the way to {closed}/bin/chansync, is closed to other users: run chmod o+x" in told


def test_growing_delays_are_for_a_systemd_that_knows_them(tmp_path: Path) -> None:
    old, new, unknown = (service_files(tmp_path, PROGRAM, version)[0].text for version in (253, 254, None))
    assert "RestartSteps=5\nRestartMaxDelaySec=60s\n" in new
    assert "RestartSteps" not in old
    assert "RestartSec=5s\n# What does not mend itself" in old
    assert unknown == new


def test_no_setting_of_the_unit_is_overridden_by_a_later_line(tmp_path: Path) -> None:
    names = re.findall(r"^(\w+)=", service_files(tmp_path, PROGRAM)[0].text, re.MULTILINE)
    # The lines of these add up.
    assert {name for name in names if names.count(name) > 1} <= {"Environment", "SystemCallFilter"}


def test_the_service_is_not_started_again_for_what_only_a_person_mends(tmp_path: Path) -> None:
    found = re.search(r"^RestartPreventExitStatus=(.*)$", service_files(tmp_path, PROGRAM)[0].text, re.MULTILINE)
    assert found
    assert {int(code) for code in found[1].split()} == {
        exit_codes.USAGE,
        exit_codes.DATABASE_DAMAGED,
        exit_codes.DATABASE_GONE,
        exit_codes.DATABASE_FORBIDDEN,
        exit_codes.DATABASE_OTHER,
    }


def test_the_unit_is_tight_and_correct(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    version = re.match(r"systemd (\d+)", subprocess.check_output([analyze, "--version"], text=True))
    assert version
    unit = service_files(tmp_path, ["/usr/bin/env"], int(version[1]))[0]
    unit.path.parent.mkdir(parents=True)
    unit.path.write_text(unit.text)
    told = subprocess.run(
        [analyze, "security", "--offline=true", str(unit.path)], capture_output=True, text=True, check=False
    )
    found = re.search(r"Overall exposure level for chansync.service: ([\d.]+)", told.stdout)
    assert found, told.stdout + told.stderr
    assert float(found[1]) <= 1.5
    verified = subprocess.run([analyze, "verify", str(unit.path)], capture_output=True, text=True, check=False)
    assert [line for line in verified.stderr.splitlines() if "chansync.service" in line] == []
