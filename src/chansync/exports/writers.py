"""Writing the rows of an export as CSV, JSON lines or an Excel workbook."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import IO, Any

import apsw

from chansync.exports.columns import EXPORTS, MONEY, NUMBER, Column
from chansync.exports.rows import Row, Wanted, rows
from chansync.model.errors import UsageError
from chansync.model.safe_text import as_cell, safe_json

Write = Callable[[Row], None]

#: The most rows of a worksheet, and the most digits of a number that a spreadsheet keeps exactly.
_MOST_ROWS, _EXACT_DIGITS = 1_048_576, 15


@contextmanager
def _csv(output: IO[bytes], columns: Sequence[Column]) -> Iterator[Write]:
    """UTF-8, commas, a line of names; a text that a spreadsheet would take for a formula begins with an apostrophe."""
    import io

    text = io.TextIOWrapper(output, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in columns])
    plain = [column.kind in (MONEY, NUMBER) for column in columns]

    def write(row: Row) -> None:
        writer.writerow(
            ["" if value is None else str(value) if is_plain else as_cell(str(value))
             for value, is_plain in zip(row.values, plain, strict=True)]
        )  # fmt: skip

    try:
        yield write
    finally:
        text.detach()


@contextmanager
def _jsonl(output: IO[bytes], columns: Sequence[Column]) -> Iterator[Write]:
    """An object a line; amounts are text, so that no reader rounds them."""
    names = [column.name for column in columns]

    def write(row: Row) -> None:
        values = (str(value) if isinstance(value, Decimal) else value for value in row.values)
        line = json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)
        output.write(safe_json(line).encode("utf-8", "backslashreplace") + b"\n")

    yield write


@contextmanager
def _xlsx(output: IO[bytes], columns: Sequence[Column]) -> Iterator[Write]:
    """A worksheet; amounts are numbers with their decimals, or text where a spreadsheet would round them."""
    # Imported here: it takes longer to load than a short command runs.
    import xlsxwriter

    book = xlsxwriter.Workbook(output, {"constant_memory": True})
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    formats: dict[int, Any] = {}
    for at, column in enumerate(columns):
        sheet.write_string(0, at, column.name, bold)
    sheet.freeze_panes(1, 0)
    count = 0

    def write(row: Row) -> None:
        nonlocal count
        count += 1
        if count >= _MOST_ROWS:
            raise UsageError(f"A worksheet holds {_MOST_ROWS - 1} rows, and there are more: take csv.")
        for at, value in enumerate(row.values):
            if isinstance(value, Decimal) and len(value.as_tuple().digits) <= _EXACT_DIGITS:
                places = max(0, -int(value.as_tuple().exponent))
                if places not in formats:
                    formats[places] = book.add_format({"num_format": "0." + "0" * places if places else "0"})
                sheet.write_number(count, at, value, formats[places])
            elif isinstance(value, int):
                sheet.write_number(count, at, value)
            elif value not in (None, ""):
                # A cell holds no more.
                sheet.write_string(count, at, str(value)[:32_767])

    yield write
    book.close()


#: Format → what writes it: a context that gives a function for each row, and ends the file.
FORMATS: dict[str, Callable[[IO[bytes], Sequence[Column]], AbstractContextManager[Write]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "xlsx": _xlsx,
}


def write_rows(
    db: apsw.Connection, wanted: Wanted, output: IO[bytes], form: str, takes: Callable[[Row], bool] = lambda row: True
) -> int:
    """Write the rows that are wanted and taken, of one state of everything, however long it takes; how many."""
    count = 0
    db.execute("BEGIN DEFERRED")
    try:
        with FORMATS[form](output, EXPORTS[wanted.what].columns) as write:
            for row in rows(db, wanted):
                if takes(row):
                    write(row)
                    count += 1
    finally:
        # At most a temporary table was written.
        db.execute("COMMIT")
    return count
