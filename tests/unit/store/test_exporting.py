"""What a list shows, written to a file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from chansync.store import exporting


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("-12.50", "-12.50"),
        ("1,234.00", "1,234.00"),
        ("Anna", "Anna"),
        ("=1+1", "'=1+1"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("Anna;=1+1", "Anna;'=1+1"),
    ],
)
def test_a_spreadsheet_calculates_nothing_of_a_written_list(tmp_path: Path, cell: str, written: str) -> None:
    path = tmp_path / "list.csv"
    exporting.reserve(path)
    assert exporting.write_reserved(path, ["Name"], [[[cell]]]) == 1
    assert list(csv.reader(path.read_text().splitlines())) == [["Name"], [written]]
