"""Amazon's flat files: tables with tabs between their cells."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Literal

from chansync.model.errors import DataError
from chansync.model.times import to_ms

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_rows(data: bytes, charset: str, needed: Collection[str]) -> list[dict[str, str]]:
    """The rows below the headings, each cell by its heading and without blanks around it.

    Args:
        charset: the encoding that Amazon names with the file; empty where it names none.
        needed: headings that the table must have, once.

    Raises:
        DataError: it has not, or a row has more cells than there are headings: it cannot be told which is which.
    """
    text = _decoded(data, charset)
    # Quotes are as a rule part of what is written: 27" monitor. Some files have an empty cell too many in each row.
    for quoting in (csv.QUOTE_NONE, csv.QUOTE_MINIMAL):
        with contextlib.suppress(DataError):
            return list(_rows(text, needed, quoting, tolerant=False))
    return list(_rows(text, needed, csv.QUOTE_NONE, tolerant=True))


def read_moment(written: str, *forms: str) -> int | None:
    """UTC milliseconds of a day or moment as ``strptime`` reads it by one of the forms, or in ISO 8601; else None."""
    for form in forms:
        with contextlib.suppress(ValueError):
            return to_ms(datetime.strptime(written, form).replace(tzinfo=UTC))
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(written)
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return None


def _rows(text: str, needed: Collection[str], quoting: Literal[0, 3], tolerant: bool) -> Iterator[dict[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter="\t", quoting=quoting, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if missing := [name for name in needed if names.count(name) != 1]:
            raise DataError(f"the report lacks the columns {', '.join(missing)}, or has them twice")
        for cells in reader:
            told = [cell.strip() for cell in cells]
            if any(told[len(names) :]) or (told[len(names) :] and not tolerant):
                raise DataError(f"row {reader.line_num} has {len(told)} cells, and there are {len(names)} headings")
            if any(told):
                yield dict.fromkeys(names, "") | dict(zip(names, told, strict=False))
    except csv.Error as error:
        raise DataError(f"row {reader.line_num} cannot be read: {error}") from None


def _decoded(data: bytes, charset: str) -> str:
    """UTF-8 where it is that; else as Amazon says; else as it is written in Japan, or in Europe."""
    if data.startswith(_UTF16) or data[1:2] == b"\0":
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        return data.decode(charset or "ascii")
    except (UnicodeError, LookupError):
        return data.decode("cp932" if b"JPY" in data else "cp1252", "replace")
