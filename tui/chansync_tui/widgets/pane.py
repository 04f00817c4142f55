"""A few lines about the row under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from chansync_tui.text import wrap
from chansync_tui.widgets.line import Part, content


class Pane(Widget):
    """Wraps each part to the width; what does not fit the height is left out."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: Sequence[Part] = ()

    def put(self, parts: Sequence[Part]) -> None:
        """Show these, each on lines of its own."""
        if parts != self._parts:
            self._parts = parts
            self.refresh()

    @property
    def text(self) -> str:
        """What is shown now."""
        return self.render().plain

    def render(self) -> Content:
        cells = self.size.width
        lines = [(line, tone) for text, tone in self._parts for line in wrap(text, max(10, cells))]
        return Content("\n").join(content([line], cells) for line in lines[: self.size.height])
