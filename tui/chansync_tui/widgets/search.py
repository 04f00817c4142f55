"""The field of the ``/`` key: it filters while one types, and hides when it is left."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from chansync_tui.widgets.entry import Entry


class Search(Entry):
    """Enter and the arrows keep the text and leave; escape clears it first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down,up,tab", "leave", "Back to the list"),
        Binding("escape", "drop", "Clear and back to the list"),
    ]

    class Left(Message):
        """The field was left."""

    def __init__(self, what: str) -> None:
        super().__init__(placeholder=what)
        self.display = False

    def open(self, text: str) -> None:
        """Show the field with the text that filters now."""
        self.display = True
        with self.prevent(Input.Changed):
            self.value = text
        self.focus()

    def action_leave(self) -> None:
        self.display = False
        self.post_message(self.Left())

    def action_drop(self) -> None:
        self.value = ""
        self.action_leave()
