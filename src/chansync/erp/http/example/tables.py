"""The tables of the example ERP, and what every part of it needs of them."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

#: A JSON object.
Json = dict[str, Any]

Db = sqlite3.Connection
Sale = sqlite3.Row


class Refused(Exception):
    """A step cannot be done; nothing of it was.

    Attributes:
        code: ``not_possible``, or one that says more: ``item_unknown``, ``number_taken``, ``no_document``,
            ``document_type_missing``, ``missing_stock``.
        missing: pieces that are missing, by item.
    """

    def __init__(self, sentence: str, code: str = "not_possible", missing: dict[str, int] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.missing = missing or {}


def sale_of(db: Db, key: str) -> Any:
    """The sale of that key, or None."""
    return db.execute("SELECT * FROM sale WHERE key = ?", (key,)).fetchone()


def is_known(db: Db, kind: str, code: str, or_kind: str = "") -> bool:
    """Whether there is reference data of that kind and code."""
    sql = "SELECT 1 FROM reference WHERE kind IN (?, ?) AND code = ?"
    return db.execute(sql, (kind, or_kind, code)).fetchone() is not None


def insert(db: Db, table: str, **row: Any) -> int:
    """Insert a row; its id."""
    marks = ", ".join("?" * len(row))
    made = db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    return int(made.lastrowid or 0)


def update(db: Db, sale: Sale, **row: Any) -> None:
    """Set columns of a sale."""
    columns = ", ".join(f"{name} = ?" for name in row)
    db.execute(f"UPDATE sale SET {columns} WHERE id = ?", (*row.values(), sale["id"]))


def now() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000
