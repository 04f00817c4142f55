"""Text from outside in cells: safe (``chansync.model.safe_text``), as wide as its place, in the locale's signs."""

from __future__ import annotations

from chansync.model.safe_text import on_one_line, width
from chansync_tui.symbols import symbols

__all__ = ["fit", "safe", "width", "wrap"]


def safe(text: str) -> str:
    """``text`` on one line as it may go to this terminal."""
    if text.isascii() and text.isprintable():
        return text
    cleaned = on_one_line(text)
    return cleaned.encode("ascii", "replace").decode() if symbols().ascii_only else cleaned


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Safe text that takes exactly ``cells``: padded, or cut with a sign that says so."""
    cleaned = _beginning(text, cells)
    taken = width(cleaned)
    if taken > cells:
        if cells <= 0:
            return ""
        cleaned = _cut(cleaned, cells - 1, least=0)
        return cleaned + " " * (cells - 1 - width(cleaned)) + symbols().cut
    padding = " " * (cells - taken)
    return padding + cleaned if right else cleaned + padding


def _beginning(text: str, cells: int) -> str:
    """Safe text that is all of ``text``, or more of it than ``cells``: a name of ten thousand letters costs no more."""
    several = 2 * max(0, cells) + 64
    while several < len(text):
        cleaned = safe(text[:several])
        if width(cleaned) > cells:
            return cleaned
        several *= 4
    return safe(text)


def wrap(text: str, cells: int) -> list[str]:
    """Safe lines of at most ``cells``, broken at blanks where that is possible; line breaks of the text stay."""
    lines: list[str] = []
    for paragraph in text.splitlines() or [""]:
        rest = safe(paragraph.expandtabs(4))
        start = 0
        while True:
            head = _cut(rest, cells, start)
            following = start + len(head)
            if following == len(rest):
                lines.append(head)
                break
            # A blank in the last half of the line is a good place; an earlier one would leave it too short.
            blank = head.rfind(" ") if rest[following] != " " else len(head)
            end = blank if blank > len(head) // 2 else len(head)
            lines.append(head[:end].rstrip())
            start += end
            while start < len(rest) and rest[start] == " ":
                start += 1
    return lines


def _cut(text: str, cells: int, start: int = 0, *, least: int = 1) -> str:
    """The longest part of ``text`` from ``start`` on that fits, of ``least`` so many characters."""
    if text.isascii():
        return text[start : start + cells]
    taken = 0
    for index in range(start, len(text)):
        taken += width(text[index])
        if taken > cells:
            return text[start : max(index, start + least)]
    return text[start:]
