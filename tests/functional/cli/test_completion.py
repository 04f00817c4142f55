"""What the shell is told after Tab, by the script that click makes for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from chansync.cli.program import program
from chansync.db.connection import Store


def offered(*words: str) -> list[str]:
    *typed, last = words
    completing = BashComplete(program, {}, "chansync", "_CHANSYNC_COMPLETE")
    return [item.value for item in completing.get_completions(list(typed), last)]


@pytest.fixture
def there(company: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CHANSYNC_DB", str(company.path))
    return company


def test_commands_and_options() -> None:
    assert offered("sy") == ["sync", "system"]
    assert "--open" in offered("log", "--")


@pytest.mark.parametrize(
    "words",
    [["sync", "sh"], ["channel", "show", "s"], ["why", "s"], ["map", "payment", "sh"], ["log", "--channel", "s"]],
)
def test_channels_of_the_database(there: Store, words: list[str]) -> None:
    assert offered(*words) == ["shop"]


def test_systems_of_the_database(there: Store) -> None:
    assert offered("system", "show", "") == ["woo"]


def test_no_database_offers_nothing_and_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "none.db"
    monkeypatch.setenv("CHANSYNC_DB", str(path))
    assert offered("sync", "") == []
    assert not path.exists()
