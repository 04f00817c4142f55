"""A small company to begin with."""

from __future__ import annotations

from pathlib import Path

from .books import Books


def fill(books: Books) -> bool:
    """Fill empty books with the company of ``sample.sql``; whether they were empty."""
    if books.reference():
        return False
    script = Path(__file__).with_name("sample.sql").read_text(encoding="utf-8")
    books.db.executescript(f"BEGIN IMMEDIATE; {script} COMMIT;")
    return True
