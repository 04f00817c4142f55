"""The base of all windows over a screen: they fit it at every size, also one that it gets while they are open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.dom import DOMNode
from textual.screen import ModalScreen

from chansync_tui.widgets.pane import Plain

R = TypeVar("R")

#: On a screen with fewer lines a window has no empty ones.
_LOW = 24


class Window(ModalScreen[R]):
    """A window, whose frame has the id ``window``. What does not fit is scrolled to. Left without an answer: None."""

    #: The last line of the frame: what the keys do.
    KEYS: ClassVar[str] = ""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll_pages(1)", "The rest of the window"),
        Binding("pageup", "scroll_pages(-1)", "The beginning of the window"),
    ]

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self._title = title

    def ask(self, node: DOMNode, then: Callable[[R], object]) -> None:
        """Open the window over the node's screen; ``then`` gets the answer, if there is one."""

        def answered(answer: R | None) -> Any:
            return None if answer is None else then(answer)

        node.app.push_screen(self, answered)

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            if self._title:
                yield Plain(self._title, id="title")
            yield from self.body()
            if self.KEYS:
                yield Plain(self.KEYS, id="keys")

    def body(self) -> ComposeResult:
        """What stands between the title and the keys."""
        yield from ()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < _LOW, "-low")
        self.fit()

    def fit(self) -> None:
        """Give the frame the height that its content needs, as far as the screen has it."""

    def set_height(self, lines: int, margin: int = 2) -> None:
        """Give the frame so many lines, or as many as the screen has beside that margin."""
        self.query_one("#window").styles.height = min(lines, max(8, self.app.size.height - margin))

    @property
    def text_width(self) -> int:
        """How many cells a line of text in a frame of the usual width has."""
        return min(76, int(self.app.size.width * 0.96)) - 4

    def action_scroll_pages(self, pages: int) -> None:
        frame = self.query_one("#window")
        frame.scroll_relative(y=pages * frame.size.height, animate=False)
