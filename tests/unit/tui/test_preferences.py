"""What a user chose for the screens alone."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from chansync_tui.user_files import preferences


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)
    return tmp_path / "config"


def test_a_theme_is_remembered_where_platformdirs_says(config: Path) -> None:
    assert preferences.theme() == ""
    assert preferences.keep_theme("nord") == ""
    assert preferences.theme() == "nord"
    assert (platformdirs.user_config_path("chansync") / "screens.json").exists()
    assert [path.name for path in (config / "chansync").iterdir()] == ["screens.json"]


def test_terminals_with_few_colours_have_a_theme_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    preferences.keep_theme("nord")
    monkeypatch.setenv("TEXTUAL_THEME", "ansi-dark")
    assert preferences.theme() == ""
    preferences.keep_theme("ansi-light")
    assert preferences.theme() == "ansi-light"
    monkeypatch.delenv("TEXTUAL_THEME")
    assert preferences.theme() == "nord"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"theme": 7}', "\udcff"])
def test_a_file_that_is_not_ours_is_as_none(config: Path, content: str) -> None:
    (config / "chansync").mkdir(parents=True)
    (config / "chansync" / "screens.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert preferences.theme() == ""
    assert preferences.keep_theme("nord") == ""
    assert preferences.theme() == "nord"


def test_what_cannot_be_written_is_said(config: Path) -> None:
    config.write_text("a file in the way")
    assert "is not stored" in preferences.keep_theme("nord")
