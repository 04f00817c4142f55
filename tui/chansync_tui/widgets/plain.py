"""Words in a window: no markup, and nothing that a terminal would obey."""

from __future__ import annotations

from textual.visual import VisualType
from textual.widgets import Static

from chansync_tui.text import safe


class Plain(Static):
    """Shows text as it is, on as many lines as it has."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(_harmless(text), id=id, classes=classes, markup=False)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Show other words."""
        super().update(_harmless(content) if isinstance(content, str) else content, layout=layout)


def _harmless(text: str) -> str:
    return "\n".join(map(safe, text.split("\n")))
