"""``chansync service``, on a root of the test's own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from chansync.db.connection import Store
from chansync.store import daemons
from chansync_daemon.systemd.files import PLACES, service_files
from functional.cli.conftest import Run

UNIT = "etc/systemd/system/chansync.service"


def test_install_twice_then_status_then_uninstall(run: Run, tmp_path: Path) -> None:
    root = str(tmp_path)
    first = run("service", "install", "--root", root)
    assert first.code == 0
    assert f"{tmp_path / UNIT} is put in place." in first.out
    text = (tmp_path / UNIT).read_text()
    assert f"ExecStart={Path(sys.executable).parent}/" in text
    assert " daemon\n" in text
    second = run("service", "install", "--root", root)
    assert (second.code, "is put" in second.out) == (0, False)
    assert (tmp_path / UNIT).read_text() == text
    told = run("service", "status", "--root", root, "--json")
    assert told.code == 0
    assert json.loads(told.out)["current"] is True
    own = tmp_path / f"{UNIT}.d" / "override.conf"
    own.parent.mkdir()
    own.touch()
    gone = run("service", "uninstall", "--root", root)
    assert (gone.code, gone.out.count("is removed.")) == (0, 5)
    assert f"{own.parent}, which is yours, is left." in gone.out
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [own]
    assert run("service", "status", "--root", root).code == 1
    assert run("service", "uninstall", "--root", root).out == "The service is not installed.\n"


def test_an_edited_unit_is_never_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    root = str(tmp_path)
    run("service", "install", "--root", root)
    unit = tmp_path / UNIT
    unit.write_text(unit.read_text().replace("WatchdogSec=60s", "WatchdogSec=600s"))
    mine = unit.read_text()
    refused = run("service", "install", "--root", root, "--program", "/usr/bin/chansync")
    assert refused.code == 2
    assert "was edited by hand, and nothing was changed" in refused.err
    assert "systemctl edit chansync" in refused.err
    assert unit.read_text() == mine
    assert "edited by hand" in run("service", "status", "--root", root).out
    assert run("service", "uninstall", "--root", root).code == 2
    assert unit.read_text() == mine
    assert run("service", "install", "--root", root, "--program", "/usr/bin/chansync", "--force").code == 0
    assert "ExecStart=/usr/bin/chansync daemon\n" in unit.read_text()
    assert unit.with_name("chansync.service.edited").read_text() == mine


def test_a_unit_of_an_earlier_installation_is_brought_up_to_date(run: Run, tmp_path: Path) -> None:
    root = str(tmp_path)
    run("service", "install", "--root", root, "--program", "/opt/old/bin/chansync")
    told = run("service", "status", "--root", root)
    assert (told.code, "bring it up to date: chansync service install" in told.out) == (1, True)
    assert "is brought up to date" in run("service", "install", "--root", root).out
    assert run("service", "status", "--root", root).code == 0


def test_a_package_brings_the_service_and_its_files_are_left_alone(run: Run, tmp_path: Path) -> None:
    root = str(tmp_path)
    for file in service_files(tmp_path, ["/usr/bin/chansync"], packaged=True):
        file.path.parent.mkdir(parents=True, exist_ok=True)
        file.path.write_text(f"{file.text}# as the package has it\n")
    there = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    told = run("service", "status", "--root", root)
    assert (told.code, told.out.count(": in place\n")) == (0, len(PLACES))
    assert run("service", "install", "--root", root).code == 0
    gone = run("service", "uninstall", "--root", root)
    assert (gone.code, "apt remove chansync" in gone.err) == (2, True)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == there


def test_a_unit_of_an_earlier_installation_that_hides_the_packages_is_told_and_removed(
    run: Run, tmp_path: Path
) -> None:
    root = str(tmp_path)
    run("service", "install", "--root", root, "--program", "/opt/chansync/bin/chansync")
    unit = service_files(tmp_path, ["/usr/bin/chansync"], packaged=True)[0]
    unit.path.parent.mkdir(parents=True)
    unit.path.write_text(unit.text)
    told = run("service", "status", "--root", root)
    assert (told.code, f"{tmp_path / UNIT}: of an earlier installation" in told.out) == (1, True)
    refused = run("service", "install", "--root", root)
    assert (refused.code, "chansync service uninstall" in refused.err) == (2, True)
    gone = run("service", "uninstall", "--root", root)
    assert (gone.code, "The package's service takes over" in gone.out) == (0, True)
    assert not (tmp_path / UNIT).exists()
    assert unit.path.read_text() == unit.text


def test_a_dry_run_prints_the_files_and_writes_none(run: Run, tmp_path: Path) -> None:
    told = run("service", "install", "--root", str(tmp_path), "--dry-run")
    assert told.code == 0
    assert "[Service]\n" in told.out
    assert "WatchdogSec=" in told.out
    assert "u chansync - " in told.out
    assert list(tmp_path.iterdir()) == []


def test_a_program_without_a_path_is_refused(run: Run, tmp_path: Path) -> None:
    told = run("service", "install", "--root", str(tmp_path), "--program", "chansync")
    assert (told.code, "is not an absolute path" in told.err) == (2, True)


def test_the_machine_itself_needs_root(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    told = run("service", "install", "--program", "/usr/bin/env")
    assert told.code == 2
    assert "This needs root: sudo /" in told.err
    assert run("service", "uninstall").code == 2


def test_another_machines_daemon_is_taken_over_when_somebody_says_that_it_is_off(chansync: Run, company: Store) -> None:
    nothing = chansync("service", "take-over")
    assert (nothing.code, "No daemon of another machine is known here" in nothing.out) == (0, True)
    assert daemons.claim(company.db) is None
    company.db.execute("UPDATE daemon SET owner = 'gone', host = 'erp9', machine = 'other/other'")
    with pytest.raises(daemons.DaemonElsewhere, match="erp9"):
        daemons.claim(company.db)
    unasked = chansync("service", "take-over")
    assert (unasked.code, "there is no terminal to confirm on; give --yes" in unasked.err) == (2, True)
    assert daemons.state(company.db) is not None
    done = chansync("service", "take-over", "--yes")
    assert (done.code, "erp9 must be off" in done.err, "systemctl start chansync" in done.out) == (0, True, True)
    assert daemons.claim(company.db) is None
