"""What a start of the screens loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chansync.cli.support.session import user_name
from chansync_tui.context import user
from support.patience import PATIENCE

_LATER = ("click", "chansync.explain.story", "chansync.erp.ledger.lists", "chansync.store.runs")


def test_only_the_first_screen_is_loaded_at_the_start() -> None:
    code = (
        "import sys, chansync.cli.screens, chansync_tui.app\n"
        "later = ['activity', 'messages', 'orders', 'order', 'erp', 'list_page', 'text_page', 'guide']\n"
        "loaded = [name for name in later if f'chansync_tui.screens.{name}' in sys.modules]\n"
        "loaded += [name for name in sys.modules if name.startswith('chansync_tui.forms')]\n"
        f"loaded += [name for name in {_LATER} if name in sys.modules]\n"
        "sys.exit(' '.join(loaded) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_screens_that_would_be_drawn_into_a_file_are_refused_where_it_is_seen(tmp_path: Path) -> None:
    terminal, inside = os.openpty()
    with open(tmp_path / "log", "wb") as log:
        command = [sys.executable, "-m", "chansync", "--db", str(tmp_path / "chansync.db")]
        done = subprocess.run(command, stdin=inside, stdout=inside, stderr=log, timeout=PATIENCE, check=False)
    os.close(inside)
    assert done.returncode == 2
    assert b"start chansync without 2>" in os.read(terminal, 1000)
    os.close(terminal)
    assert (tmp_path / "log").read_bytes() == b""


def test_the_records_name_who_runs_the_screens_as_they_name_who_runs_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody else")
    assert user() == user_name() != "somebody else"
