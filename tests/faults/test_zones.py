"""A TZ that names no zone on earth ends nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import shops
from support.patience import PATIENCE

pytestmark = pytest.mark.long


@pytest.mark.parametrize("zone", ["UTC-99:99", "Nonsense/City", "/etc/passwd"])
@pytest.mark.parametrize("command", [["status"], ["doctor"], ["log"]])
def test_a_command_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, command: list[str]) -> None:
    monkeypatch.setenv("TZ", zone)
    path = tmp_path / "chansync.db"
    shops.finished(shops.command("db", "init", database=path))
    process = shops.command(*command, database=path)
    _, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    assert "fault of its own" not in err
