"""Writing what a list shows to a file, as CSV or JSON."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from chansync.db.export import write_rows
from chansync.model.errors import UsageError
from chansync.model.safe_text import as_cell

Rows = Sequence[Sequence[str]]

_NUMBER = re.compile(r"-?\d[\d,.]*")


def reserve(path: Path) -> None:
    """Create an empty file that is not there yet, readable by its owner alone: it may hold customers' names.

    Raises:
        UsageError: it cannot be written, or there is one.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise UsageError(f"There is a file {path} already: choose another name.") from None
    except OSError as error:
        raise _unwritable(path, error) from error


def write_reserved(path: Path, titles: Sequence[str], batches: Iterable[Rows]) -> int:
    """Write rows to a reserved file: as JSON (a list of objects by title) if its name ends so, else as CSV.

    The rows of a batch are written before the next one is read. The file gets its content at the end, all at once.

    Returns:
        How many rows were written.

    Raises:
        UsageError: it cannot be written; there is no file then.
    """
    part = path.with_name(f"{path.name}.part")
    cell = None if path.suffix.lower() == ".json" else _cell
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            count = write_rows(file, titles, chain.from_iterable(batches), cell)
        part.replace(path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(path, error) from error
        raise
    return count


def _cell(text: str) -> str:
    # Numbers stay numbers; a shopper chooses what other cells hold.
    return text if _NUMBER.fullmatch(text) else as_cell(text)


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror or error}.")
