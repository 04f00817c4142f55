"""Fitting text into terminal cells: made safe (``chansync.model.safe_text``), cut, padded or wrapped."""

from __future__ import annotations

from chansync.model.safe_text import on_one_line, width
from chansync_tui.symbols import symbols

__all__ = ["fit", "safe", "width", "wrap"]


def safe(text: str) -> str:
    """The text on one line, safe for this terminal."""
    if text.isascii() and text.isprintable():
        return text
    cleaned = on_one_line(text)
    return cleaned.encode("ascii", "replace").decode() if symbols().ascii_only else cleaned


def fit(text: str, cells: int, *, right: bool = False, front: bool = False) -> str:
    """Safe text of exactly ``cells``: padded, or cut with a mark at its end; with ``front`` at its beginning."""
    if front and len(text) <= 1000:
        return _fit_end(safe(text), cells, right)
    cleaned = _beginning(text, cells)
    taken = width(cleaned)
    if taken > cells:
        if cells <= 0:
            return ""
        cleaned = _cut(cleaned, cells - 1, least=0)
        return cleaned + " " * (cells - 1 - width(cleaned)) + symbols().cut
    padding = " " * (cells - taken)
    return padding + cleaned if right else cleaned + padding


def _fit_end(cleaned: str, cells: int, right: bool) -> str:
    taken = width(cleaned)
    if taken <= cells:
        return fit(cleaned, cells, right=right)
    if cells <= 0:
        return ""
    start = 0
    while taken > cells - 1:
        taken -= width(cleaned[start])
        start += 1
    return symbols().cut + " " * (cells - 1 - taken) + cleaned[start:]


def _beginning(text: str, cells: int) -> str:
    """All of the text, or a beginning that is wider than ``cells``, so that a very long text takes no longer."""
    several = 2 * max(0, cells) + 64
    while several < len(text):
        cleaned = safe(text[:several])
        if width(cleaned) > cells:
            return cleaned
        several *= 4
    return safe(text)


def wrap(text: str, cells: int) -> list[str]:
    """Safe lines of at most ``cells``, broken at spaces where possible; line breaks in the text are kept."""
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
            # Break at a space in the second half of the line; an earlier one would leave the line too short.
            blank = head.rfind(" ") if rest[following] != " " else len(head)
            end = blank if blank > len(head) // 2 else len(head)
            lines.append(head[:end].rstrip())
            start += end
            while start < len(rest) and rest[start] == " ":
                start += 1
    return lines


def _cut(text: str, cells: int, start: int = 0, *, least: int = 1) -> str:
    """The longest part from ``start`` on that fits, but at least ``least`` characters."""
    if text.isascii():
        return text[start : start + cells]
    taken = 0
    for index in range(start, len(text)):
        taken += width(text[index])
        if taken > cells:
            return text[start : max(index, start + least)]
    return text[start:]


def wrap_indented(text: str, cells: int) -> list[str]:
    """As ``wrap``; continuation lines are indented like the beginning."""
    body = text.lstrip(" ")
    indent = " " * min(len(text) - len(body), cells // 2)
    first, *others = wrap(body, cells - len(indent))
    return [indent + first, *(f"{indent}  {other}" if indent else other for other in others)]
