"""Output of text, tables and JSON. Data goes to stdout, everything else to stderr.

Order data comes from strangers: control characters in it could move the cursor, change the title or hide text.
Therefore they are printed as escapes.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from chansync.model.errors import UsageError
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
        arguments: the command line, without the program's name.
        quiet: print only errors and JSON.
        as_json: print JSON; a failure is an object on stdout.
        collects: the command has no JSON of its own: its messages become one object, which ``finish`` prints.
        said, errors, facts: the contents of that object.
        printed: JSON was already printed on stdout.
    """

    def __init__(self) -> None:
        self.begin(())

    def begin(self, arguments: Sequence[str]) -> None:
        """Start a new call of the command."""
        options = arguments[: arguments.index("--")] if "--" in arguments else arguments
        self.arguments = arguments
        self.quiet = False
        # Looked for here, to be known even if the line cannot be parsed.
        self.as_json = "--json" in options
        self.collects = False
        self.said: list[str] = []
        self.errors: list[tuple[str, str]] = []
        self.facts: dict[str, Any] = {}
        self.printed = False


mode = _Mode()


def print_line(text: str = "") -> None:
    """A line on stdout that is escaped already, and may be coloured."""
    if not (mode.quiet or mode.collects):
        print(text)


def print_text(text: str) -> None:
    """Output in a format of its own, such as TOML; printed even with ``--quiet``."""
    mode.printed = True
    sys.stdout.write(text)


def say(text: str) -> None:
    """A line for people on stdout."""
    if mode.collects:
        mode.said.append(text)
    else:
        print_line(clean_lines(text))


def say_each(sentences: Iterable[str]) -> bool:
    """Say sentences as they come; whether there were any."""
    said = False
    for sentence in sentences:
        say(sentence)
        said = True
    return said


def note(text: str) -> None:
    """A line for people on stderr that is neither requested data nor an error."""
    if not mode.quiet:
        print(clean_lines(text), file=sys.stderr)


def say_error(text: str, code: str = "error") -> None:
    """An error, on stderr; the command continues, and its exit code tells of the error."""
    if mode.collects:
        mode.errors.append((code, text))
    else:
        print(clean_lines(text), file=sys.stderr)


def is_agreed(question: str, nothing: str, *, yes: bool) -> bool:
    """Whether a person agrees, or has given ``--yes``; who does not is told that nothing was done.

    Raises:
        UsageError: there is no terminal to ask on.
    """
    import click

    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{nothing}: there is no terminal to confirm on; give --yes.")
    if click.confirm(question, err=True):
        return True
    note(f"{nothing}.")
    return False


def add_facts(**facts: Any) -> None:
    """Fields for the command's JSON object, such as ``changed=False``."""
    mode.facts |= facts


def say_changed(of: str, changed: Sequence[str], given: Iterable[str]) -> None:
    """Print which of the given fields changed: ``Changed name of shop.``"""
    add_facts(changed=bool(changed), fields=list(changed))
    if changed:
        say(f"Changed {', '.join(changed)} of {of}.")
    else:
        say(f"Unchanged: {', '.join(given)} of {of}.")


def finish(code: int) -> None:
    """Print the JSON object of a command that has none of its own."""
    if not mode.collects or mode.printed:
        return
    data: dict[str, Any] = {"ok": code == 0}
    if code:
        word = mode.errors[0][0] if mode.errors else "problems"
        data |= {"code": word, "error": " ".join(text for _, text in mode.errors) or " ".join(mode.said)}
    print_json(data | mode.facts | {"sentence": " ".join(mode.said)})


def fail(sentence: str, code: str, **more: Any) -> None:
    """Why the command failed: on stderr, or as JSON on stdout if that is wanted and nothing was printed there yet."""
    if mode.as_json and not mode.printed:
        print_json({"ok": False, "code": code, "error": sentence} | more | mode.facts, indent=None)
        sys.stdout.flush()
    else:
        print(clean_lines(sentence), file=sys.stderr)


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """The value as JSON: indented, or with ``indent=None`` on one line."""
    import json

    mode.printed = True
    print(safe_json(json.dumps(value, ensure_ascii=False, indent=indent, default=str)))


def data_of(row: Any, *, times: Sequence[str] = (), amounts: Sequence[str] = (), currency: str = "") -> dict[str, Any]:
    """A dataclass for JSON: its times in UTC, its amounts in major units of the currency, by default its own."""
    from dataclasses import asdict

    from chansync.model.money import from_minor
    from chansync.model.times import utc_text

    data = asdict(row)
    data |= {name: utc_text(data[name] or None) for name in times}
    return data | {name: str(from_minor(data[name], currency or data["currency"])) for name in amounts}


def when(milliseconds: int | None, *, seconds: bool = False) -> str:
    """A time for people in the terminal's time zone, which it names: ``2026-11-24 13:05 +0200``; empty for None."""
    from chansync.model.times import local_text

    return local_text(milliseconds, seconds=seconds, zone=True)


def is_coloured() -> bool:
    """Whether stdout is a terminal that wants colours (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str) -> str:
    """Escaped text in a colour, if colours are wanted; the meaning never depends on the colour."""
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m" if colour and is_coloured() else text


def fit(text: str, columns: int) -> str:
    """The text cut to ``columns``, with an ellipsis if it was longer."""
    if width(text) <= columns:
        return text
    mark = "…" if (sys.stdout.encoding or "").lower().startswith("utf") else "~"
    while text and width(text) > columns - 1:
        text = text[: max(0, len(text) - max(1, (width(text) - columns) // 2))]
    return text + mark


def terminal_columns() -> int | None:
    """The terminal's width; None if stdout is not a terminal, so that nothing is cut."""
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
        flexible: header of the column that is cut if the terminal is too narrow.
        colours: of each row; empty: none.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max([width(header), *(width(row[at]) for row in cells)]) for at, header in enumerate(headers)]
    columns = terminal_columns()
    if columns is not None and flexible in headers:
        at, excess = headers.index(flexible), sum(widths) + 2 * (len(widths) - 1) - columns
        widths[at] = max(10, widths[at] - excess) if excess > 0 else widths[at]
    print_line(paint(_line(headers, widths, headers, right), "bold"))
    for position, row in enumerate(cells):
        text = _line(row, widths, headers, right)
        print_line(paint(text, colours[position]) if colours else text)


def _line(cells: Sequence[str], widths: list[int], headers: Sequence[str], right: Sequence[str]) -> str:
    parts = []
    for cell, columns, header in zip(cells, widths, headers, strict=True):
        text = fit(cell, columns)
        blanks = " " * (columns - width(text))
        parts.append(blanks + text if header in right else text + blanks)
    return "  ".join(parts).rstrip()
