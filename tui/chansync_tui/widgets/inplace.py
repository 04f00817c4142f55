"""A field that is typed into at its place in a list."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from chansync_tui.widgets.entry import Entry


class InPlace(Entry):
    """Hidden until it is opened. Enter and the arrows accept what was typed, escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down,tab", "accept(1)", "Accept, next field", priority=True),
        Binding("up,shift+tab", "accept(-1)", "Accept, previous field", priority=True),
        Binding("f2,ctrl+s", "confirm", "Accept and confirm", priority=True),
        Binding("escape", "drop", "Leave the field as it was", priority=True),
    ]

    class Left(Message):
        """What was typed is accepted; the cursor goes on by ``step``, or the form is confirmed."""

        def __init__(self, text: str, step: int, *, confirm: bool = False, went: bool = False) -> None:
            super().__init__()
            self.text = text
            self.step = step
            self.confirm = confirm
            self.went = went

    class Dropped(Message):
        """The field was left as it was."""

    def __init__(self) -> None:
        super().__init__(id="inplace", select_on_focus=False)
        self.display = False

    def open(self, text: str, place: Region, *, secret: bool, hint: str) -> None:
        """Show the field at a place within its parent."""
        self.password = secret
        self.placeholder = hint
        self.move(place)
        self.display = True
        with self.prevent(Entry.Changed):
            self.value = text
        self.cursor_position = len(text)
        self.focus()

    def move(self, place: Region) -> None:
        """Stand at another place: the screen changed."""
        self.styles.offset = (place.x, place.y)
        self.styles.width = max(8, place.width)

    @property
    def is_open(self) -> bool:
        """Whether something is typed into it now."""
        return self.display

    def _close(self) -> str:
        text = self.value
        self.display = False
        # What was typed may be a secret: it does not stay in a hidden field.
        with self.prevent(Entry.Changed):
            self.value = ""
        return text

    def action_accept(self, step: int) -> None:
        self.post_message(self.Left(self._close(), step))

    def action_confirm(self) -> None:
        self.post_message(self.Left(self._close(), 0, confirm=True))

    def action_drop(self) -> None:
        self._close()
        self.post_message(self.Dropped())

    def on_blur(self, event: events.Blur) -> None:
        # A click elsewhere accepts; when the whole terminal loses the focus, typing goes on afterwards.
        if self.is_open and self.app.app_focus:
            self.post_message(self.Left(self._close(), 0, went=True))
