"""Text from outside made safe and even: no control characters, no markup, widths that every terminal agrees on."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len, set_cell_size

from chansync_tui.symbols import symbols

_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)
_VARIATIONS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def safe(text: str) -> str:
    """``text`` on one line as it may go to the terminal.

    Control characters become visible signs. What joins or turns the direction of characters is left out, because
    terminals disagree about its width: a joined emoji is shown as its parts, a flag as its two letters.
    """
    if text.isascii() and text.isprintable():
        return text
    cleaned = "".join(map(_safe_character, text))
    if symbols().ascii_only:
        return cleaned.encode("ascii", "replace").decode()
    return cleaned


def _safe_character(character: str) -> str:
    code = ord(character)
    if code in _SKIN_TONES or any(code in span for span in _VARIATIONS):
        return ""
    if code in _FLAG_LETTERS:
        return chr(ord("A") + code - _FLAG_LETTERS.start)
    if character.isprintable():
        return character
    if character in "\t\n\r\u2028\u2029":
        return " "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    category = unicodedata.category(character)
    if category == "Zs":
        return "  " if code == 0x3000 else " "
    return "" if category == "Cf" else "\ufffd"


def width(text: str) -> int:
    """How many cells safe text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Safe text that takes exactly ``cells``: padded, or cut with a sign that says so."""
    cleaned = safe(text)
    taken = width(cleaned)
    if taken > cells:
        return set_cell_size(cleaned, cells - 1) + symbols().cut if cells > 0 else ""
    padding = " " * (cells - taken)
    return padding + cleaned if right else cleaned + padding


def wrap(text: str, cells: int) -> list[str]:
    """Safe lines of at most ``cells``, broken at blanks where that is possible; line breaks of the text stay."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        rest = safe(paragraph.expandtabs(4))
        while width(rest) > cells:
            head = _cut(rest, cells)
            # A blank in the last half of the line is a good place; an earlier one would leave it too short.
            blank = head.rfind(" ") if rest[len(head) : len(head) + 1] != " " else len(head)
            end = blank if blank > len(head) // 2 else len(head)
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
        lines.append(rest)
    return lines


def _cut(text: str, cells: int) -> str:
    """The longest beginning of ``text`` that fits, at least one character."""
    if text.isascii():
        return text[:cells]
    taken = 0
    for index, character in enumerate(text):
        taken += cell_len(character)
        if taken > cells:
            return text[: max(index, 1)]
    return text
