"""Writing what a list shows to a file, as CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from chansync.model.errors import UsageError


def text_of(titles: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    """The rows as ``csv`` (a line of titles first) or ``json`` (a list of objects by title)."""
    if kind == "json":
        return json.dumps([dict(zip(titles, row, strict=True)) for row in rows], ensure_ascii=False, indent=2) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(titles)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def _harmless(cell: str) -> str:
    # A spreadsheet would run what begins like a formula; a shopper chooses what a cell begins with.
    return (
        f"'{cell}"
        if cell[:1] in ("=", "+", "@", "\t", "\r") or (cell[:1] == "-" and not cell[1:2].isdecimal())
        else cell
    )


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there yet, readable by its owner alone: it may hold customers' names.

    Raises:
        UsageError: it cannot be written, or there is one.
    """
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"There is a file {path} already: choose another name.") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}.") from error
