"""Text from outside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from chansync_tui import symbols
from chansync_tui.text import fit, safe, width, wrap


@pytest.fixture(autouse=True)
def utf8() -> Iterator[None]:
    symbols.choose({"LC_ALL": "C.UTF-8"})
    yield
    symbols.choose({"LC_ALL": "C.UTF-8"})


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red]text[/]", "plain [red]text[/]"),
        ("\x1b[31m", "␛[31m"),
        ("a\tb\nc", "a b c"),
        ("\x7f\x9b", "␡\ufffd"),
        ("\u202eabc\u202c", "abc"),
        ("👩‍👩‍👧", "👩👩👧"),
        ("👍🏽 ❤️", "👍 ❤"),
        ("🇩🇪", "DE"),
        ("\ud800", "\ufffd"),
        ("a\u00a0b\u3000c", "a b  c"),
        ("東京 שלום", "東京 שלום"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert safe(text) == shown


@given(st.text(st.characters()), st.integers(0, 30), st.booleans())
def test_fit_takes_exactly_its_cells(text: str, cells: int, right: bool) -> None:
    assert cell_len(fit(text, cells, right=right)) == cells


def test_fit_marks_what_is_cut() -> None:
    assert fit("Boutique", 5) == "Bout…"
    assert fit("東京都", 4) == "東 …"
    assert fit("5", 3, right=True) == "  5"


@given(st.text(st.characters()), st.integers(2, 40))
def test_wrapped_lines_fit(text: str, cells: int) -> None:
    assert all(width(line) <= cells for line in wrap(text, cells))


def test_wrap_breaks_at_blanks_and_loses_no_word() -> None:
    text = "Map it to a payment method of the POS. Then retry.\nSecond"
    lines = wrap(text, 20)
    assert lines == ["Map it to a payment", "method of the POS.", "Then retry.", "Second"]
    assert wrap("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_plain_locale_gives_plain_text() -> None:
    symbols.choose({"LC_ALL": "C", "LANG": "de_DE.UTF-8"})
    assert safe("Züge") == "Z?ge"
    assert fit("Boutique", 5) == "Bout~"


def test_a_very_long_name_is_cut_like_a_short_one() -> None:
    assert fit("東" * 10_000, 7) == "東東東…"
    assert fit("\u200b" * 10_000 + "end", 7) == "end    "
    assert fit("x" * 10_000, 3, right=True) == "xx…"
