"""Reading the TOML files of a set-up as one: the secrets that they refer to, and where in them what is."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chansync.db.locations import path_of
from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.setup.typed_fields import InvalidFields

#: The format of the files; a later one that reads differently gets another number.
FORMAT = 1

#: The tables of a file, in the order in which they are applied.
SECTIONS = ("ledger", "erps", "systems", "channels", "notices", "retention")

#: The tables of a channel that are no fields: the mappings, and the paid statuses of its payment methods.
TABLES = ("payment", "delivery", "item", "tax", "paid")

#: Where a secret may come from.
SOURCES = ("file", "credential", "env")

#: The maximum length of a secret, in bytes, and the most lines of one value whose place is looked for.
_LONGEST, _MOST_LINES = 1_000_000, 1_000

#: No table of a set-up lies deeper.
_DEEPEST = 6

ReadFile = Callable[[Path], bytes]


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret that a file refers to. Never log or print it: it is in clear.

    Attributes:
        text: None: it is not read, and what is stored stays.
        error: why it cannot be had; continues the field's name.
    """

    text: str | None = field(default=None, repr=False)
    error: str = ""


@dataclass(frozen=True, slots=True)
class PlacedError(FieldError):
    """A wrong field of a file. ``where``: the file and the line."""

    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.name} {self.sentence}" if self.where else f"{self.name} {self.sentence}"


@dataclass(slots=True)
class _File:
    name: str
    text: str
    lines: dict[str, int] | None = None

    def line_of(self, place: str) -> int | None:
        """The line of what is called ``channels.shop.pos``, counted from 1; None: the file has none of that name."""
        if self.lines is None:
            self.lines = {".".join(path): line for path, line in reversed([*_statements(self.text)])}
        return self.lines.get(place)


@dataclass(slots=True)
class Document:
    """The files of a set-up as one."""

    data: dict[str, Any]
    files: list[_File]

    def table(self, section: str) -> dict[str, Any]:
        """A table of the files; empty where they have none."""
        found: dict[str, Any] = self.data.get(section, {})
        return found

    def wrong(self, errors: Iterable[FieldError]) -> InvalidFields:
        """The errors with their places, in the order of the files."""
        placed = [(self._place(error), error) for error in errors]
        placed.sort(key=lambda each: each[0])
        found: list[FieldError] = []
        for (number, line), error in placed:
            where = f"{self.files[number].name}, line {line}" if line else ""
            found.append(PlacedError(error.name, error.sentence, error.code, where))
        return InvalidFields(found)

    def _place(self, error: FieldError) -> tuple[int, int]:
        """The number of the file and the line; what is missing is looked for at the table that lacks it."""
        place = error.name
        while place:
            # Of what two files hold, the second is wrong.
            for number in reversed(range(len(self.files))):
                line = self.files[number].line_of(place)
                if line is not None:
                    return number, line
            place = place.rpartition(".")[0]
        return len(self.files), 0


def read(
    sources: Sequence[tuple[str, str]], *, read_file: ReadFile | None = None, keep_secrets: bool = False
) -> Document:
    """The set-up of these files, each given as its name and its text.

    Args:
        read_file: reads a file that a secret refers to.
        keep_secrets: leave the secrets alone that the files refer to.

    Raises:
        UsageError: one is no TOML (with line and column) or of a later format.
        InvalidFields: two of them hold the same, or a table is none.
    """
    document = Document({}, [_File(name, text.replace("\r\n", "\n")) for name, text in sources])
    for file in document.files:
        data = _parsed(file)
        folder = Path(file.name).parent
        for section in SECTIONS:
            if section in data:
                data[section] = _with_secrets(data[section], (section,), folder, read_file, keep_secrets)
        errors: list[FieldError] = []
        document.data = _merged(document.data, data, (), errors)
        if errors:
            raise document.wrong(errors)
    return document


def _parsed(file: _File) -> dict[str, Any]:
    try:
        data = tomllib.loads(file.text)
    except (ValueError, RecursionError) as error:
        # Deep nesting and endless numbers raise other errors than tomllib's own.
        raise UsageError(f"{file.name}: This is not a TOML file: {str(error)[:200]}.") from None
    for name, value in data.items():
        if name != "format" and name not in SECTIONS:
            raise UsageError(
                f"{file.name}, line {file.line_of(name) or 1}: {name!r:.40} is no part of a set-up: there are format, "
                f"{', '.join(SECTIONS)}."
            )
        if not isinstance(value, int if name == "format" else dict):
            kind = "a whole number" if name == "format" else "a table"
            raise UsageError(f"{file.name}, line {file.line_of(name) or 1}: {name} must be {kind}.")
    if data.pop("format", FORMAT) != FORMAT:
        raise UsageError(f"{file.name} has another format than this program reads, which is format {FORMAT}.")
    return data


def _merged(before: Any, more: Any, path: tuple[str, ...], errors: list[FieldError]) -> Any:
    merged = dict(before)
    for name, value in more.items():
        if name not in merged:
            merged[name] = value
        elif isinstance(merged[name], dict) and isinstance(value, dict) and len(path) < _DEEPEST:
            merged[name] = _merged(merged[name], value, (*path, name), errors)
        else:
            errors.append(FieldError(".".join((*path, name)), "is in another of the files, too"))
    return merged


def _with_secrets(
    value: Any, path: tuple[str, ...], folder: Path, read_file: ReadFile | None, keep: bool
) -> Any:  # fmt: skip
    """The value with its references to secrets replaced by what they refer to."""
    if not isinstance(value, dict) or len(path) > _DEEPEST:
        return value
    if _may_be_secret(path) and len(value) == 1 and next(iter(value)) in SOURCES:
        return Secret() if keep else _secret(*next(iter(value.items())), folder, read_file)
    return {name: _with_secrets(each, (*path, name), folder, read_file, keep) for name, each in value.items()}


def _may_be_secret(path: tuple[str, ...]) -> bool:
    """Whether a secret may stand there: no table of a channel is taken for one."""
    if path[0] in ("erps", "systems", "channels"):
        return len(path) == 3 and not (path[0] == "channels" and path[2] in TABLES)
    return path[0] == "notices" and (len(path) == 2 or (len(path) == 4 and path[1] == "services"))


def _secret(source: str, name: Any, folder: Path, read_file: ReadFile | None) -> Secret:
    if not isinstance(name, str) or not name or "\0" in name:
        return Secret(error=f"is wrong: {source} must be a text that is not empty")
    if source == "env":
        text = os.environ.get(name)
        return _line(text, f"the variable {name}") if text else Secret(error=f"is not there: {name} is not set")
    if source == "credential":
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        if not given:
            return Secret(error="is not there: a credential is had by a service of systemd only (systemd-run -P -p "
                                f"LoadCredential={name}:FILE chansync apply …)")  # fmt: skip
        if "/" in name or name in (".", ".."):
            return Secret(error=f"is wrong: {name!r:.60} is no name of a credential")
        path = Path(given) / name
    else:
        path = folder / path_of(name)
    if read_file is None:
        return Secret(error="is not there: no file is read here")
    try:
        return _line(read_file(path)[:_LONGEST].decode(), str(path))
    except UsageError as error:
        return Secret(error=f"is not there: {error}".rstrip("."))
    except OSError as error:
        return Secret(error=f"is not there: {path} cannot be read: {error.strerror or error}")
    except UnicodeDecodeError:
        return Secret(error=f"is wrong: {path} is not text")


def _line(text: str, what: str) -> Secret:
    text = text.strip()
    if not text or "\n" in text:
        return Secret(error=f"is wrong: {what} must hold one line, the secret")
    return Secret(text)


def _statements(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every table and every field of valid TOML, by its path, with its line, counted from 1."""
    lines, at = text.split("\n"), 0
    table: tuple[str, ...] = ()
    while at < len(lines):
        line = lines[at].strip()
        if not line or line.startswith("#"):
            at += 1
            continue
        if line.startswith("["):
            for table in _paths(_loads(line)):
                yield table, at + 1
            at += 1
            continue
        # A value may take several lines: what parses is a whole one.
        length = next(
            (n for n in range(1, min(_MOST_LINES, len(lines) - at) + 1) if _loads("\n".join(lines[at : at + n]))), 1
        )
        for path in _paths(_loads("\n".join(lines[at : at + length]))):
            yield (*table, *path), at + 1
        at += length


def _loads(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}


def _paths(data: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, ...]]:
    """The path of everything in it, each table before what is in it; of nothing an empty one."""
    if not data:
        yield ()
    for name, value in data.items():
        yield (name,)
        within = value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value
        if isinstance(within, dict) and within and depth < _DEEPEST:
            for path in _paths(within, depth + 1):
                yield (name, *path)
