"""Tables out of the database and rows out of files, by sqlite-utils: in a process of its own, never beside apsw.

sqlite-utils uses Python's own SQLite library; ``chansync.store.evolution`` says why the two must not meet.
"""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlite_utils import Database
from sqlite_utils.utils import Format, RowError, rows_from_file

from chansync.model.safe_text import as_cell, escaped, from_cell, safe_json

#: The exit code when whoever read the output stopped reading.
OUTPUT_CLOSED = 141

_TIME = "strftime('%Y-%m-%dT%H:%M:%SZ', {} / 1000, 'unixepoch') AS {}"

#: What can be taken out: a query with ``:channel`` (a code, or null for all). Times are UTC.
QUERIES = {
    "mappings": """
        SELECT c.code AS channel, m.kind, m.site_code, m.title, m.on_site, m.target
        FROM mapping m JOIN channel c ON c.id = m.channel_id WHERE :channel IS NULL OR c.code = :channel
        ORDER BY c.code, m.kind, m.site_code""",
    "messages": f"""
        SELECT m.id, c.code AS channel, m.order_number, m.severity, m.code, m.sentence, m.count,
            {_TIME.format("m.first_at", "first_at")}, {_TIME.format("m.last_at", "last_at")}, m.open,
            {_TIME.format("m.solved_at", "solved_at")}, m.solved_by, m.data
        FROM message m LEFT JOIN channel c ON c.id = m.channel_id WHERE :channel IS NULL OR c.code = :channel
        ORDER BY m.id""",
    "orders": f"""
        SELECT c.code AS channel, o.external_id, o.number, o.status, o.placed_on, o.currency, o.total, o.state,
            o.reason, l.number AS sale, {_TIME.format("o.first_seen_at", "first_seen_at")},
            {_TIME.format("o.changed_at", "changed_at")}
        FROM "order" o JOIN channel c ON c.id = o.channel_id LEFT JOIN sale_link l ON l.order_id = o.id
        WHERE :channel IS NULL OR c.code = :channel ORDER BY o.id""",
}


def export(path: Path, what: str, channel: str | None, form: str) -> None:
    """Write a table to standard output, as ``csv`` or as ``json``, row by row: it may be long."""
    db = Database(path)
    try:
        rows = db.query(QUERIES[what], {"channel": channel})
        if form == "csv":
            _write_csv(rows)
        else:
            _write_json(rows)
    finally:
        db.close()


def _write_csv(rows: Iterator[dict[str, Any]]) -> None:
    writer = None
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(sys.stdout, row, lineterminator="\n")
            writer.writeheader()
        writer.writerow({name: _cell(value) if isinstance(value, str) else value for name, value in row.items()})


def _cell(text: str) -> str:
    cell = as_cell(text)
    # A terminal is not a file: what strangers wrote could move its cursor.
    return escaped(cell) if sys.stdout.isatty() else cell


def _write_json(rows: Iterator[dict[str, Any]]) -> None:
    between = "[\n"
    for row in rows:
        if "data" in row:
            row["data"] = json.loads(row["data"])
        sys.stdout.write(between + safe_json(json.dumps(row, ensure_ascii=False)))
        between = ",\n"
    sys.stdout.write("[]\n" if between == "[\n" else "\n]\n")


def read(path: Path) -> None:
    """Write the rows of a CSV, TSV or JSON file to standard output, one JSON object a line."""
    with open(path, "rb") as file:
        rows, form = rows_from_file(file)
        for row in rows:
            if form in (Format.CSV, Format.TSV):
                row = {name: from_cell(value) if isinstance(value, str) else value for name, value in row.items()}
            print(json.dumps(row, ensure_ascii=False))


def main(arguments: list[str]) -> int:
    """``export PATH WHAT CHANNEL FORM`` or ``read FILE``: exit code 0, 1 with a sentence on stderr, or 141."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    csv.field_size_limit(2**31 - 1)
    try:
        if arguments[0] == "export":
            _, path, what, channel, form = arguments
            export(Path(path), what, channel or None, form)
        else:
            read(Path(arguments[1]))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still in the buffer would raise again when Python closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OUTPUT_CLOSED
    except UnicodeDecodeError:
        print("it is not text in UTF-8", file=sys.stderr)
        return 1
    except (OSError, RowError, ValueError, csv.Error) as error:
        print(getattr(error, "strerror", None) or error, file=sys.stderr)
        return 1
    except Exception as error:
        print(f"it cannot be read as CSV, TSV or JSON: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
