"""The answers that come before the command parser."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.cli import quick
from chansync.locations import database_path

_VARIABLES = ("CHANSYNC_DB", "STATE_DIRECTORY", "XDG_STATE_HOME")


@pytest.mark.parametrize("given_path", [None, "x.db", "~/x.db", "/tmp/x.db", "a/../b.db"])
@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"CHANSYNC_DB": "~/other.db"},
        {"STATE_DIRECTORY": "/var/lib/chansync"},
        {"XDG_STATE_HOME": "/srv/state"},
        {"XDG_STATE_HOME": ""},
    ],
)
def test_the_database_is_the_one_that_every_other_command_opens(
    monkeypatch: pytest.MonkeyPatch, given_path: str | None, environment: dict[str, str]
) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Path(quick.database_name(given_path)).resolve() == database_path(given_path).resolve()


@given(st.lists(st.sampled_from(["status", "--json", "--help", "--version", "log", "-x", ""]), max_size=3))
def test_only_plain_questions_are_answered(arguments: list[str]) -> None:
    if arguments in (["--version"], ["status"], ["status", "--json"]):
        return
    assert quick.answer(arguments) is None
