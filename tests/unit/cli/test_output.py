"""Printing: harmless text, tables that fit, JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.cli.support import output
from chansync.model.safe_text import width


@pytest.fixture(autouse=True)
def _a_call_of_its_own() -> None:
    """A command that ran before in this process may have been asked to be quiet."""
    output.mode.begin([])


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_json_reads_back_and_holds_no_control_characters(value: dict[str, object]) -> None:
    import contextlib
    import io

    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        output.print_json(value, indent=None)
    text = stream.getvalue()
    assert json.loads(text) == value
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text.rstrip("\n"))


def test_plain_text_stays_as_it_is() -> None:
    assert output.clean("Обувки №5 – 12,50 €") == "Обувки №5 – 12,50 €"
    assert output.clean(None) == ""
    assert output.clean("a\tb\nc\x1b]0;x\x07") == "a\\tb\\nc\\x1b]0;x\\x07"


def test_columns_are_aligned_by_what_a_terminal_shows(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("name", "count"), [("日本", 5), ("abcdef", 12)], right=("count",))
    assert capsys.readouterr().out.splitlines() == ["name    count", "日本        5", "abcdef     12"]


def test_only_a_terminal_cuts(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    row = ("x" * 60, "y" * 60)
    output.table(("long", "other"), [row], flexible="long")
    assert capsys.readouterr().out.splitlines()[1] == "  ".join(row)
    monkeypatch.setattr(output, "terminal_columns", lambda: 80)
    output.table(("long", "other"), [row], flexible="long")
    cut = capsys.readouterr().out.splitlines()[1]
    assert len(cut) == 80
    assert cut.endswith("…  " + "y" * 60)


@given(st.text(min_size=1, max_size=40), st.integers(1, 40))
def test_what_is_cut_fits(text: str, columns: int) -> None:
    cut = output.fit(output.clean(text), columns)
    assert width(cut) <= columns


def test_no_colour_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert output.paint("x", "red") == "x"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert output.paint("x", "red") == "\x1b[31mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.paint("x", "red") == "x"
