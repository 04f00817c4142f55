"""Printing: harmless text, tables, JSON. Data goes to stdout, everything else to stderr.

Order data comes from strangers: a control character in it could move the cursor, change the title or hide text.
All of them are shown as escapes.
"""

from __future__ import annotations

import os
import sys

from chansync.model.safe_text import escaped, safe_json, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Types alone, which ``status`` starts without.
    from collections.abc import Iterable, Sequence
    from typing import Any

_COLOURS = {"red": "31", "yellow": "33", "green": "32", "cyan": "36", "bold": "1", "dim": "2"}


def clean(value: Any) -> str:
    """The value as harmless text of one line (``safe_text.escaped``); empty for None."""
    return "" if value is None else escaped(str(value))


def clean_lines(text: str) -> str:
    """Clean text that may have several lines."""
    return "\n".join(map(clean, text.split("\n")))


def say(text: str) -> None:
    """A line for people on stdout."""
    print(clean_lines(text))


def note(text: str) -> None:
    """A line for people on stderr: what is not the data that was asked for."""
    print(clean_lines(text), file=sys.stderr)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """The value as JSON: indented, or with ``indent=None`` on one line."""
    import json

    print(safe_json(json.dumps(value, ensure_ascii=False, indent=indent, default=str)))


def is_coloured() -> bool:
    """Whether stdout is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """Clean text in a colour, where colours are wanted; meaning never hangs on it."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and is_coloured() else text


def fit(text: str, columns: int) -> str:
    """The text cut to ``columns``, with an ellipsis where it was longer."""
    if width(text) <= columns:
        return text
    mark = "…" if (sys.stdout.encoding or "").lower().startswith("utf") else "~"
    while text and width(text) > columns - 1:
        text = text[: max(0, len(text) - max(1, (width(text) - columns) // 2))]
    return text + mark


def terminal_columns() -> int | None:
    """The terminal's width; None where stdout is none, so that nothing is cut."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    flexible: str = "",
    colours: Sequence[str] = (),
) -> None:
    """Print rows in columns.

    Args:
        right: headers of the columns that are aligned to the right.
        flexible: header of the column that is cut where the terminal is too narrow.
        colours: of each row; empty: none.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max([width(header), *(width(row[at]) for row in cells)]) for at, header in enumerate(headers)]
    _narrow(widths, headers, flexible)
    print(paint(_line(headers, widths, headers, right), "bold"))
    for position, row in enumerate(cells):
        line = _line(row, widths, headers, right)
        print(paint(line, colours[position]) if colours else line)


def _narrow(widths: list[int], headers: Sequence[str], flexible: str) -> None:
    columns = terminal_columns()
    if columns is None or flexible not in headers:
        return
    at = headers.index(flexible)
    excess = sum(widths) + 2 * (len(widths) - 1) - columns
    if excess > 0:
        widths[at] = max(10, widths[at] - excess)


def _line(cells: Sequence[str], widths: list[int], headers: Sequence[str], right: Sequence[str]) -> str:
    parts = []
    for cell, columns, header in zip(cells, widths, headers, strict=True):
        text = fit(cell, columns)
        blanks = " " * (columns - width(text))
        parts.append(blanks + text if header in right else text + blanks)
    return "  ".join(parts).rstrip()
