"""Text from outside as a terminal may get it: no control characters, no tricks with direction, widths that are sure.

Order data comes from strangers. A control character in it could move the cursor, write to the clipboard or change the
title; what turns the direction of writing makes a number read backwards; and of what is joined or varied (families and
flags of emoji, skin tones) every terminal takes another width, so that all columns after it are out of line. The
screens show such characters by signs and parts (``on_one_line``), the commands by escapes (``escaped``), which lose
nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_VARIATIONS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))

#: So many marks may stand on one letter; scripts need three at most, and a pile of fifty covers the lines above.
_MOST_MARKS = 4

#: Carries a mark that has no letter.
_CARRIER = "\u25cc"


def on_one_line(text: str) -> str:
    """The text as screens show it: control characters become visible signs, what has no width is left out.

    A joined emoji is shown as its parts, a flag as its two letters.
    """
    return _each(text, _sign)


def escaped(text: str) -> str:
    """The text as commands print it: what cannot be shown is written as an escape, ``\\n`` or ``\\u202e``."""
    return _each(text, _escape)


def safe_json(text: str) -> str:
    """JSON in which what a terminal must not get is written as JSON's own escapes: it reads back as it was."""
    if text.isascii() and "\x7f" not in text:
        return text
    # DEL, C1, what reorders or hides text, halves of surrogate pairs.
    unsafe = (
        r"[\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
        r"\U000e0000-\U000e007f]"
    )
    return re.sub(unsafe, lambda match: _units(match[0]), text)


def _units(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


# What a spreadsheet takes for a formula, which may call up addresses and programs; and what is written to prevent it.
_BEGINNINGS = "=+-@\t\r"


# Where a spreadsheet begins a cell if it takes a file with commas for one with semicolons or tabs, or a quote for text.
_CUTS = re.compile(r"([;\t\r\n])")


def as_cell(text: str) -> str:
    """A text for a table that a spreadsheet may open: shown as it is, never calculated, whatever it cuts at."""
    first, *others = _CUTS.split(text)
    safe = first + "".join(f"'{part}" if _begins_formula(part) else part for part in others)
    return f"'{safe}" if text.lstrip("'")[:1] in tuple(_BEGINNINGS) else safe


def from_cell(text: str) -> str:
    """The text that ``as_cell`` wrote."""
    first, *others = _CUTS.split(text)
    plain = first + "".join(part[1:] if part[:1] == "'" and _begins_formula(part[1:]) else part for part in others)
    return plain[1:] if plain[:1] == "'" and plain.lstrip("'")[:1] in tuple(_BEGINNINGS) else plain


def _begins_formula(part: str) -> bool:
    return part.lstrip("'\" ")[:1] in ("=", "+", "-", "@")


def width(text: str) -> int:
    """How many cells of a terminal text takes that one of these functions made."""
    if text.isascii():
        return len(text)
    # Imported here: most text is ASCII, and its tables take longer to load than a short command runs.
    from wcwidth import wcwidth

    # One by one, as terminals count: what wcwidth knows of whole syllables they do not.
    return sum(max(0, wcwidth(character)) for character in text)


def _each(text: str, replace: Callable[[str], str]) -> str:
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = _MOST_MARKS
    for character in text:
        if character.isascii() and character.isprintable():
            marks = 0
            shown.append(character)
        elif not unicodedata.category(character).startswith("M"):
            replaced = _plain(character) if _is_plain(character) else replace(character)
            # A mark after something that is left out stands on what was before that.
            marks = 0 if replaced else marks
            shown.append(replaced)
        elif _is_variation(character):
            continue
        else:
            if not shown or shown[-1].isspace():
                shown.append(_CARRIER)
                marks = 0
            marks += 1
            if marks <= _MOST_MARKS:
                shown.append(character)
    return "".join(shown)


def _is_variation(character: str) -> bool:
    return any(ord(character) in span for span in _VARIATIONS)


def _is_plain(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _plain(character: str) -> str:
    code = ord(character)
    if code in _SKIN_TONES:
        return ""
    if code in _FLAG_LETTERS:
        return chr(ord("A") + code - _FLAG_LETTERS.start)
    if character.isprintable():
        return character
    return "  " if code == 0x3000 else " "


def _sign(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r\u2028\u2029":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return "" if unicodedata.category(character) == "Cf" else "\ufffd"


def _escape(character: str) -> str:
    code = ord(character)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return named or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
