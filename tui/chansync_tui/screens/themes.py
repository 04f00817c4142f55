"""The choice of a theme: the screens show the one under the cursor."""

from __future__ import annotations

from textual import on
from textual.timer import Timer

from chansync_tui.screens.finder import Finder, Option
from chansync_tui.widgets.table import Table

#: A theme is shown once the cursor rests on it for so many seconds: every one repaints the whole screen.
_REST = 0.15


class Themes(Finder[str]):
    """Ends with the chosen theme; with None, the theme is again the one of before."""

    _wait: Timer | None = None

    def __init__(self, options: list[Option[str]]) -> None:
        super().__init__("Theme", options, word_width=22)

    def on_mount(self) -> None:
        super().on_mount()
        self.table.select(self.app.theme)

    @on(Table.Moved)
    def preview(self) -> None:
        """Show the theme under the cursor."""
        if self._wait is not None:
            self._wait.stop()
        self._wait = self.set_timer(_REST, self._show)

    def _show(self) -> None:
        chosen = self.table.selected
        if chosen is not None and self.is_current:
            self.app.theme = chosen.value
