"""The ledger's tables are the ledger's: whoever else needs a sale asks the ERP that has it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCES = ("src", "daemon", "tui")
SQL = re.compile(r"\b(FROM|JOIN|INTO|UPDATE|TABLE|REFERENCES|ON)\s+\"?erp_", re.IGNORECASE)

#: Where the tables are used, and where they are made.
THEIRS = (
    "src/chansync/erp/ledger/",
    *(f"src/chansync/db/{name}" for name in ("first_schema.py", "first_ledger_schema.py", "migrations")),
)


def test_no_sql_outside_the_ledger_names_its_tables() -> None:
    found = [
        str(path.relative_to(ROOT))
        for source in SOURCES
        for path in (ROOT / source).rglob("*.py")
        if not str(path.relative_to(ROOT)).startswith(THEIRS) and SQL.search(path.read_text())
    ]
    assert found == []
