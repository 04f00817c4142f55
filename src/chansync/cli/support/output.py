"""Printing: harmless text, tables, JSON. Data goes to stdout, everything else to stderr.

Order data comes from strangers: a control character in it could move the cursor, change the title or hide text.
All of them are shown as escapes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from chansync.model.safe_text import escaped, safe_json, width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_COLOURS = {"red": "31", "yellow": "33", "green": "32", "cyan": "36", "bold": "1", "dim": "2"}


def clean(value: Any) -> str:
    """The value as harmless text of one line (``safe_text.escaped``); empty for None."""
    return "" if value is None else escaped(str(value))


def clean_lines(text: str) -> str:
    """Clean text that may have several lines."""
    return "\n".join(map(clean, text.split("\n")))


class _Mode:
    """How this call of the command prints.

    Attributes:
        quiet: nothing but errors, and JSON.
        as_json: JSON is wanted: a failure is an object on stdout.
        collects: the command has no JSON of its own: what it says becomes one object, which ``finish`` prints.
        said, errors, facts: what that object is made of.
        printed: stdout has JSON already.
        arguments: the line as it was called.
    """

    def __init__(self, arguments: Sequence[str] = (), *, as_json: bool = False) -> None:
        self.arguments = arguments
        self.quiet = False
        self.as_json = as_json
        self.collects = False
        self.said: list[str] = []
        self.errors: list[tuple[str, str]] = []
        self.facts: dict[str, Any] = {}
        self.printed = False


_mode = _Mode()


def begin(arguments: Sequence[str]) -> None:
    """A new call of the command. Whether it wants JSON must be known where its line cannot be read, too."""
    global _mode
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    _mode = _Mode(arguments, as_json="--json" in options)


def called() -> Sequence[str]:
    """The line as it was called, without the program's name."""
    return _mode.arguments


def be_quiet() -> None:
    """Print nothing for people but errors from now on."""
    _mode.quiet = True


def is_quiet() -> bool:
    """Whether nothing but errors is printed."""
    return _mode.quiet


def collect() -> None:
    """Keep what the command says for one JSON object."""
    _mode.collects = True


def is_collected() -> bool:
    """Whether what the command says becomes one JSON object."""
    return _mode.collects


def print_line(text: str = "") -> None:
    """A line on stdout that is clean already, and may be coloured."""
    if not (_mode.quiet or _mode.collects):
        print(text)


def print_text(text: str) -> None:
    """What was asked for in a format of its own, such as TOML: also where nothing is printed for people."""
    _mode.printed = True
    sys.stdout.write(text)


def say(text: str) -> None:
    """A line for people on stdout."""
    if _mode.collects:
        _mode.said.append(text)
    else:
        print_line(clean_lines(text))


def note(text: str) -> None:
    """A line for people on stderr: what is not the data that was asked for, and is no failure."""
    if not _mode.quiet:
        print(clean_lines(text), file=sys.stderr)


def say_error(text: str, code: str = "error") -> None:
    """What failed, on stderr; the command goes on, and its exit code says so."""
    if _mode.collects:
        _mode.errors.append((code, text))
    else:
        print(clean_lines(text), file=sys.stderr)


def add_facts(**facts: Any) -> None:
    """Facts of what the command did, for its JSON object: ``changed=False``."""
    _mode.facts |= facts


def say_changed(of: str, changed: Sequence[str], given: Iterable[str]) -> None:
    """Say which of the given fields of something changed, and report it: ``Changed name of shop.``"""
    add_facts(changed=bool(changed), fields=list(changed))
    if changed:
        say(f"Changed {', '.join(changed)} of {of}.")
    else:
        say(f"Unchanged: {', '.join(given)} of {of}.")


def finish(code: int) -> None:
    """Print the JSON object of a command that has none of its own."""
    if not _mode.collects or _mode.printed:
        return
    data: dict[str, Any] = {"ok": code == 0}
    if code:
        word = _mode.errors[0][0] if _mode.errors else "problems"
        data |= {"code": word, "error": " ".join(text for _, text in _mode.errors) or " ".join(_mode.said)}
    print_json(data | _mode.facts | {"sentence": " ".join(_mode.said)})


def fail(sentence: str, code: str, **more: Any) -> None:
    """Why the command failed: on stderr; as JSON on stdout where that is wanted and nothing stands there yet."""
    if _mode.as_json and not _mode.printed:
        print_json({"ok": False, "code": code, "error": sentence} | more | _mode.facts, indent=None)
        sys.stdout.flush()
    else:
        print(clean_lines(sentence), file=sys.stderr)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """The value as JSON: indented, or with ``indent=None`` on one line."""
    import json

    _mode.printed = True
    print(safe_json(json.dumps(value, ensure_ascii=False, indent=indent, default=str)))


def when(milliseconds: int | None, *, seconds: bool = False) -> str:
    """A time for people in the terminal's time zone, which it names: ``2026-11-24 13:05 +0200``; empty for None."""
    from chansync.model.times import local_text

    return local_text(milliseconds, seconds=seconds, zone=True)


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
    print_line(paint(_line(headers, widths, headers, right), "bold"))
    for position, row in enumerate(cells):
        text = _line(row, widths, headers, right)
        print_line(paint(text, colours[position]) if colours else text)


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
