"""The command palette."""

from __future__ import annotations

from textual.command import CommandPalette
from textual.widgets import Input


class Palette(CommandPalette):
    """Textual's, with a placeholder that every locale can show, and a cursor that writes nothing while it waits."""

    def __init__(self) -> None:
        super().__init__(placeholder="Search for commands", id="--command-palette")

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
