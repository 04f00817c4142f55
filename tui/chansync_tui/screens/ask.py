"""One text is asked for, with what it is for."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.plain import Plain


class Ask(ModalScreen[str | None]):
    """Ends with what was typed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close")]

    def __init__(self, title: str, about: str, text: str) -> None:
        super().__init__()
        self._title, self._about, self._text = title, about, text

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain(self._title, id="title")
            yield Plain(self._about)
            yield Entry(self._text)
            yield Plain("enter go on   esc close", id="keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())
