"""Export of tables as CSV or JSON."""

from __future__ import annotations

import contextlib
import csv
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

import apsw

from chansync.model.safe_text import as_cell, escaped, safe_json

_TIME = "strftime('%Y-%m-%dT%H:%M:%SZ', {} / 1000, 'unixepoch') AS {}"

#: What can be exported: a query with ``:channel`` (a code, or null for all). Times are UTC.
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


def export(db: apsw.Connection, what: str, channel: str | None, form: str, output: TextIO) -> None:
    """Write a table as ``csv`` or ``json``, row by row, because it may be large."""
    found = db.execute(QUERIES[what], {"channel": channel})
    try:
        names = [name for name, _ in found.get_description()]
    except apsw.ExecutionCompleteError:
        # There are no rows.
        names = []
    if form == "csv":
        write_rows(output, names, found, _shown_cell if output.isatty() else as_cell)
    else:
        write_rows(output, names, map(_with_data, found) if "data" in names else found)


def _shown_cell(text: str) -> str:
    """A cell for output to a terminal, without the control characters that strangers may have written into it."""
    return escaped(as_cell(text))


def _with_data(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The row with its last column, ``data``, read: invalid JSON, which another program may have written, is text."""
    with contextlib.suppress(ValueError, TypeError):
        return (*row[:-1], json.loads(row[-1]))
    return row


def write_rows(
    output: TextIO, names: Sequence[str], rows: Iterable[Sequence[Any]], cell: Callable[[str], str] | None = None
) -> int:
    """Write rows with these names as CSV, each text as ``cell`` makes it, or without it as a list of JSON objects; how
    many there were."""
    count = 0
    if cell is not None:
        writer = csv.writer(output, lineterminator="\n")
        writer.writerows([names] if names else [])
        for row in rows:
            writer.writerow([cell(value) if isinstance(value, str) else value for value in row])
            count += 1
        return count
    for count, row in enumerate(rows, 1):
        line = json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        output.write(("[\n" if count == 1 else ",\n") + safe_json(line))
    output.write("\n]\n" if count else "[]\n")
    return count
