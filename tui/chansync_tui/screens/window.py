"""The base of all windows over a screen: they fit it at every size, also one that it gets while they are open."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

R = TypeVar("R")

#: On a screen with fewer lines a window has no empty ones.
_LOW = 24


class Window(ModalScreen[R]):
    """A window, whose frame has the id ``window``. What does not fit is scrolled to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll_pages(1)", "The rest of the window"),
        Binding("pageup", "scroll_pages(-1)", "The beginning of the window"),
    ]

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < _LOW, "-low")
        self.fit()

    def fit(self) -> None:
        """Give the frame the height that its content needs, as far as the screen has it."""

    @property
    def text_width(self) -> int:
        """How many cells a line of text in a frame of the usual width has."""
        return min(76, int(self.app.size.width * 0.96)) - 4

    def action_scroll_pages(self, pages: int) -> None:
        frame = self.query_one("#window")
        frame.scroll_relative(y=pages * frame.size.height, animate=False)
