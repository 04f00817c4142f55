"""Rows of a label and a value, for screens that show one thing in full."""

from __future__ import annotations

from dataclasses import dataclass

from chansync_tui.widgets.table import Cell, Column

COLUMNS = (Column("", 24, 34), Column("", 20, 400))


@dataclass(frozen=True, slots=True)
class Entry:
    """One row. ``key`` tells it from the others; ``help`` is shown while it has the cursor.

    Attributes:
        opens: the message that Enter opens; None: Enter does nothing here.
    """

    key: str
    label: str
    value: str = ""
    tone: str = ""
    help: str = ""
    heading: bool = False
    opens: int | None = None

    def cells(self) -> tuple[Cell, Cell]:
        """For a table with ``COLUMNS``."""
        if self.heading:
            return Cell(self.label, "title"), Cell(self.value, "dim")
        return Cell(f"  {self.label}"), Cell(self.value, self.tone)
