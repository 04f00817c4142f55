"""How the daemon of a database is started on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from chansync import service_place


def test_the_service_is_named_where_it_is_installed_and_for_its_own_database_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_place, "_UNIT_FOLDERS", (str(tmp_path),))
    assert service_place.how_to_start("/var/lib/chansync/chansync.db") == "chansync daemon"
    (tmp_path / "chansync.service").touch()
    assert service_place.how_to_start("/var/lib/chansync/chansync.db") == "systemctl start chansync"
    assert service_place.how_to_start("/home/ann/chansync.db") == "chansync daemon"
