"""Reading rows of a CSV, TSV or JSON file with sqlite-utils, in a process of its own as ``chansync.db.migrations``."""

from __future__ import annotations

import csv
import json
import sys
from typing import BinaryIO

from sqlite_utils.utils import Format, RowError, rows_from_file

from chansync.model.safe_text import from_cell


def read(file: BinaryIO) -> None:
    """Write the rows of a CSV, TSV or JSON file to standard output, one JSON object a line."""
    rows, form = rows_from_file(file)
    for row in rows:
        if form in (Format.CSV, Format.TSV):
            row = {name: from_cell(value) if isinstance(value, str) else value for name, value in row.items()}
        print(json.dumps(row, ensure_ascii=False))


def main() -> int:
    """From standard input: exit code 0, or 1 with a sentence on stderr."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    csv.field_size_limit(2**31 - 1)
    try:
        read(sys.stdin.buffer)
        sys.stdout.flush()
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
    sys.exit(main())
