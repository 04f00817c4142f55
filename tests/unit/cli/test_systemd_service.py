"""How the daemon of a database is started on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from chansync import systemd_service
from chansync.systemd_service import ServiceState


def test_the_service_is_named_where_it_is_installed_and_for_its_own_database_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd_service, "_UNIT_FOLDERS", (str(tmp_path),))
    assert systemd_service.how_to("start", "/var/lib/chansync/chansync.db") == "chansync daemon"
    (tmp_path / "chansync.service").touch()
    assert systemd_service.how_to("start", "/var/lib/chansync/chansync.db") == "systemctl start chansync"
    assert systemd_service.how_to("start", "/home/ann/chansync.db") == "chansync daemon"


def test_backups_are_expected_where_the_service_has_its_timer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = "/var/lib/chansync/chansync.db"
    monkeypatch.setattr(systemd_service, "_UNIT_FOLDERS", (str(tmp_path),))
    (tmp_path / "chansync-backup.timer").touch()
    assert not systemd_service.has_backups(database)
    (tmp_path / "chansync.service").touch()
    assert systemd_service.has_backups(database)
    assert not systemd_service.has_backups("/home/ann/chansync.db")
    (tmp_path / "chansync-backup.timer").unlink()
    assert not systemd_service.has_backups(database)
    # Masked.
    (tmp_path / "chansync-backup.timer").symlink_to("/dev/null")
    assert not systemd_service.has_backups(database)


_STOPPED = {"ActiveState": "failed", "SubState": "failed", "ExecMainCode": "1", "ExecMainStatus": "65"}


def test_why_the_service_does_not_run_is_what_systemd_knows() -> None:
    dead = ServiceState(_STOPPED | {"StatusText": "The database is damaged"})
    assert dead.trouble == "The service ended with exit code 65 and is not started again: The database is damaged"
    waiting = {"ActiveState": "activating", "SubState": "auto-restart", "ExecMainCode": "2", "ExecMainStatus": "9"}
    killed = ServiceState(waiting | {"NRestarts": "3"})
    assert killed.trouble == "The service was killed and is started again in a while, 3 times so far"
    closed = ServiceState(waiting | {"ExecMainCode": "1", "ExecMainStatus": "243", "NRestarts": "0"})
    assert closed.trouble.startswith(
        "The service ended with exit code 243 and is started again in a while: its credential cannot be decrypted"
    )
    assert ServiceState({"ActiveState": "active", "SubState": "running", "ExecMainCode": "0"}).trouble == ""
    assert ServiceState({"ActiveState": "inactive"}).trouble == ServiceState({}).trouble == ""
