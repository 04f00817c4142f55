"""Text from strangers, as screens and commands show it."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from wcwidth import wcwidth

from chansync.model import safe_text
from chansync.model.safe_text import escaped, on_one_line, width

WAYS = [on_one_line, escaped]

#: Letters of all kinds, and more often than chance would have it what is dangerous or has no sure width.
ODD = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Mn", "Mc", "Me", "Zs", "Zl", "Zp", "Co"]),
        st.sampled_from("\x1b\x07\x9b\x90\x9d\u202e\u2067\u200d\ufe0f\U0001f3fd\U0001f1e9\U0001f1ea👩❤東ｶאع์\u0301 a1"),
    )
)


@pytest.mark.parametrize("way", WAYS)
@given(text=ODD)
@example("\x1b]52;c;cm0gLXJmIH4=\x07")
@example("\x9d0;title\x9c\x1b[2J\x1bc\x0e")
def test_nothing_passes_that_a_terminal_obeys_or_hides(way: Callable[[str], str], text: str) -> None:
    shown = way(text)
    shown.encode()
    assert not [
        c for c in shown if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") or 0xFE00 <= ord(c) <= 0xFE0F
    ]


@pytest.mark.parametrize("way", WAYS)
@given(text=ODD)
def test_what_is_safe_stays_as_it_is(way: Callable[[str], str], text: str) -> None:
    assert way(way(text)) == way(text)


@pytest.mark.parametrize("way", WAYS)
@given(text=ODD)
@example("👩\u200d👩\u200d👧 👍🏽 ❤\ufe0f 🇩🇪 1\ufe0f\u20e3")
@example("e" + "\u0301" * 60)
@example("\u0301a")
def test_a_terminal_takes_as_many_cells_as_reckoned(way: Callable[[str], str], text: str) -> None:
    shown = way(text)[:60]
    assert width(shown) == cell_len(shown)
    screen = pyte.Screen(200, 3)
    stream = pyte.Stream(screen)
    for character in shown:
        # One at a time: this model drops what follows some vowel signs in one piece of input.
        stream.feed(character)
    assert screen.cursor.y == 0
    assert screen.cursor.x == width(shown)


def test_each_character_has_the_width_of_the_tables_whether_they_are_asked_or_not() -> None:
    characters = [character for code in range(0x20, 0x3000) if (character := chr(code)).isprintable()]
    assert [c for c in characters if width(c) != max(0, wcwidth(c))] == []


@pytest.mark.parametrize(
    ("text", "on_screen", "printed"),
    [
        ("plain [red]text[/] [@click=app.bell]x[/]",) * 3,
        ("\x1b[31m\x07", "␛[31m␇", "\\x1b[31m\\x07"),
        ("a\tb\nc\rd", "a b c d", "a\\tb\\nc\\rd"),
        ("\x7f\x9b", "␡\ufffd", "\\x7f\\x9b"),
        ("\u202eabc\u202c\u2066d\u2069", "abcd", "\\u202eabc\\u202c\\u2066d\\u2069"),
        ("👩\u200d👧 👍🏽 ❤\ufe0f 🇩🇪", "👩👧 👍 ❤ DE", "👩\\u200d👧 👍 ❤ DE"),
        ("\ud800 \U000e0041", "\ufffd ", "\\ud800 \\U000e0041"),
        ("a\u00a0b\u3000c", "a b  c", "a b  c"),
        ("東京 שלום عربي Müller é", "東京 שלום عربي Müller é", "東京 שלום عربي Müller é"),
        ("Z\u0310\u0311\u0312\u0313\u0314\u0315!", "Z\u0310\u0311\u0312\u0313!", "Z\u0310\u0311\u0312\u0313!"),
        ("\u0301lone", "◌\u0301lone", "◌\u0301lone"),
    ],
)
def test_by_example(text: str, on_screen: str, printed: str) -> None:
    assert on_one_line(text) == on_screen
    assert escaped(text) == printed


@given(st.text(st.sampled_from("'=+-@\t\r\n;\" ab\u202e\x9b")))
def test_a_cell_is_no_formula_and_reads_back_as_it_was(text: str) -> None:
    cell = safe_text.as_cell(text)
    assert cell[:1] not in tuple("=+-@\t\r")
    for part in re.split(r"[;\t\r\n]", cell)[1:]:
        assert part.lstrip('" ')[:1] not in tuple("=+-@")
    assert safe_text.from_cell(cell) == text
    assert json.loads(safe_text.safe_json(json.dumps(text, ensure_ascii=False))) == text
    assert safe_text.safe_json(json.dumps(text, ensure_ascii=False)).isprintable()
