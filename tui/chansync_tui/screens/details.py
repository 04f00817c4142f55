"""One message in full, with the order's data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.binding import Binding, BindingType
from textual.widget import Widget

from chansync.store import messages
from chansync.store.messages import Message
from chansync_tui.details_text import details
from chansync_tui.screens.message_actions import MessageActions
from chansync_tui.text import wrap
from chansync_tui.widgets.hints import Hint
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.table import Cell, Column, Table


class _Row(NamedTuple):
    number: int
    text: str
    tone: str


class Details(MessageActions):
    """Lines wrapped to the width; a list, so that an order of any length scrolls as a short one does."""

    TAB = "messages"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("esc", "Back", keep=True),
        Hint("?", "Keys", keep=True),
        Hint("r", "Retry"),
        Hint("x", "Solved"),
        Hint("c", "Copy"),
        Hint("o", "Channel"),
        Hint("q", "Quit"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,backspace,h,left", "dismiss", "Back")]

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self.message_id = message_id
        self._parts: list[Part] = []

    def body(self) -> Iterable[Widget]:
        yield Table[_Row](
            (Column("", 10, 1000),), lambda row: (Cell(row.text, row.tone),), lambda row: row.number, head=False
        )

    def read(self) -> None:
        message = self.selected_message()
        if message is None:
            self._parts = [("This message is gone: its channel was removed.", "bad")]
        else:
            self._parts = details(self.desk.db, message)
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self._show()

    def _show(self) -> None:
        cells = max(20, self.size.width - 4)
        lines = [(line, tone) for text, tone in self._parts for line in wrap_indented(text, cells)]
        self.query_one(Table).show([_Row(number, *line) for number, line in enumerate(lines)])

    def selected_message(self) -> Message | None:
        return messages.message(self.desk.db, self.message_id)


def wrap_indented(text: str, cells: int) -> list[str]:
    """As ``wrap``; what a line continues on is indented like its beginning."""
    body = text.lstrip(" ")
    indent = " " * min(len(text) - len(body), cells // 2)
    first, *others = wrap(body, cells - len(indent))
    return [indent + first, *(f"{indent}  {other}" if indent else other for other in others)]
