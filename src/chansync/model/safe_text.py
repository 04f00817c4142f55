"""Making text from outside safe for a terminal: no control characters, no bidirectional overrides, known widths.

Order data comes from strangers. A control character in it could move the cursor, write to the clipboard or change the
title; a bidirectional override shows a number backwards; and terminals disagree about the width of emoji sequences
(families, flags, skin tones), which would shift all columns after them. The screens replace such characters by signs
and parts (``on_one_line``), the commands by escapes (``escaped``), which keep all information.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_VARIATIONS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))

#: Combining marks that are kept on one letter: scripts need three at most, and fifty would cover the lines above.
_MOST_MARKS = 4

#: Stands under a combining mark that has no letter.
_CARRIER = "\u25cc"


def on_one_line(text: str) -> str:
    """The text for screens: control characters become visible signs, characters without width are left out.

    A joined emoji is shown as its parts, a flag as its two letters.
    """
    return _each(text, _sign)


def escaped(text: str) -> str:
    """The text for commands: unsafe characters become escapes such as ``\\n`` or ``\\u202e``."""
    return _each(text, _escape)


def safe_json(text: str) -> str:
    """JSON with unsafe characters as JSON escapes, so that it reads back unchanged."""
    if text.isascii() and "\x7f" not in text:
        return text
    # DEL, C1, characters that reorder or hide text, halves of surrogate pairs.
    unsafe = (
        r"[\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
        r"\U000e0000-\U000e007f]"
    )
    return re.sub(unsafe, lambda match: _units(match[0]), text)


def _units(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


# A spreadsheet takes text that begins with these for a formula, which may open addresses and programs.
_BEGINNINGS = "=+-@\t\r"


# Where a spreadsheet begins a cell if it takes a file with commas for one with semicolons or tabs, or a quote for text.
_CUTS = re.compile(r"([;\t\r\n])")


def as_cell(text: str) -> str:
    """A text for a CSV file that a spreadsheet shows as it is and never calculates, whatever it splits the file at."""
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


#: Characters that take one cell each: Latin, Greek and Cyrillic letters, punctuation, and what screens draw with.
_NARROW = re.compile(
    r"[ -~\xa1-\xac\xae-\u02ff\u0391-\u03a1\u03a3-\u0482\u048a-\u052f\u2010-\u2027\u20ac\u2500-\u25cf✖]*"
)


def width(text: str) -> int:
    """How many terminal cells a text takes; it must come from one of these functions."""
    if text.isascii() or _NARROW.fullmatch(text):
        return len(text)
    # Imported here: most text has none, and loading the tables takes longer than a short command, and two megabytes.
    from wcwidth import wcwidth

    # Character by character, as terminals count.
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
        elif not (category := unicodedata.category(character)).startswith("M"):
            is_plain = character.isprintable() or category == "Zs"
            replaced = _plain(character) if is_plain else replace(character)
            # A mark after a character that is left out combines with the character before that.
            marks = 0 if replaced else marks
            shown.append(replaced)
        elif not any(ord(character) in span for span in _VARIATIONS):
            if not shown or shown[-1].isspace():
                shown.append(_CARRIER)
                marks = 0
            marks += 1
            if marks <= _MOST_MARKS:
                shown.append(character)
    return "".join(shown)


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
