"""A widget that gives the lines that it drew last until it is refreshed.

Textual asks every widget of the screen for its lines whenever a cell of any of them changes.
"""

from __future__ import annotations

from typing import Any, Self

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Still(Widget):
    """Its lines change by ``refresh``, by its styles and by its size alone."""

    _drawn: tuple[Region, list[Strip]] | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._drawn is None or self._drawn[0] != crop:
            self._drawn = (crop, super().render_lines(crop))
        return self._drawn[1]

    def refresh(self, *regions: Region, **named: Any) -> Self:
        self._drawn = None
        return super().refresh(*regions, **named)

    def notify_style_update(self) -> None:
        self._drawn = None
        super().notify_style_update()
