"""The floor for the screens: a bare Textual app with a table of 2,000 rows."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import DataTable

ROWS = 2000


class Bare(App[None]):
    """Nothing but a table."""

    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table = self.query_one(DataTable)
        table.add_columns("Used", "Code", "Name", "System", "Type", "Last", "Today", "Open")
        for number in range(ROWS):
            table.add_row("yes", f"row-{number:04}", f"Row number {number}", "shops", "production", "4 min", "17", "0")


if __name__ == "__main__":
    Bare().run()
