"""Amazon's flat files: tables with tabs between their cells."""

from __future__ import annotations

import csv
import io


def read_rows(data: bytes) -> list[dict[str, str]]:
    """The rows below the headings, each cell by its heading and without blanks around it."""
    rows = csv.DictReader(io.StringIO(_decoded(data)), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [{name: (value or "").strip() for name, value in row.items() if isinstance(name, str)} for row in rows]


def _decoded(data: bytes) -> str:
    """Amazon does not tell the encoding: it is UTF-8 in some countries and Windows-1252 in others."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")
