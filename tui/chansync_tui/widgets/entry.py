"""Input fields: in windows (``Entry``), as a live filter (``Search``), and in place within a list (``InPlace``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Input

from chansync.model.safe_text import on_one_line


class Entry(Input):
    """An input that shows a sign for each unsafe character; the value itself stays unchanged."""

    def __init__(self, value: str | None = None, **options: Any) -> None:
        super().__init__(value, compact=True, **options)
        # A blinking cursor would write to the terminal twice a second.
        self.cursor_blink = False
        self.highlighter = _SafeText()


class _SafeText(Highlighter):
    def __call__(self, text: str | Text) -> Text:
        # One sign for each character, because the cursor counts characters of the value.
        shown = "".join(map(_sign, text if isinstance(text, str) else text.plain))
        return Text(shown, no_wrap=True, overflow="ignore", end="")

    def highlight(self, text: Text) -> None:
        """Nothing is highlighted."""


def _sign(character: str) -> str:
    shown = on_one_line(character)
    # A combining mark stays on the letter before it.
    is_mark = len(shown) > 1 and shown.endswith(character)
    return character if is_mark else shown if len(shown) == 1 else "\ufffd"


class Search(Entry):
    """The search field. Enter and the arrows keep the text and leave the field; escape clears it first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down,up,tab", "leave", "Back to the list"),
        Binding("escape", "drop", "Clear and back to the list"),
    ]

    class Left(Message):
        """The search field was left."""

    def __init__(self, what: str) -> None:
        super().__init__(placeholder=what)
        self.display = False

    def open(self, text: str) -> None:
        """Show the field with the current text."""
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


class InPlace(Entry):
    """An input over a cell of a list. Enter and the arrows accept what was typed, escape cancels."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down,tab", "accept(1)", "Accept, next field", priority=True),
        Binding("up,shift+tab", "accept(-1)", "Accept, previous field", priority=True),
        Binding("f2,ctrl+s", "confirm", "Accept and confirm", priority=True),
        Binding("escape", "drop", "Leave the field as it was", priority=True),
    ]

    @dataclass
    class Left(Message):
        """The text is accepted; the cursor moves by ``step``, or the form is saved. ``went``: by a click elsewhere."""

        text: str
        step: int
        confirm: bool = False
        went: bool = False

    class Dropped(Message):
        """Typing was cancelled."""

    def __init__(self) -> None:
        super().__init__(id="inplace", select_on_focus=False)
        self.display = False

    def open(self, text: str, place: Region, *, secret: bool, hint: str) -> None:
        """Show the input at a place within its parent."""
        self.password = secret
        self.placeholder = hint
        self.move(place)
        self.display = True
        with self.prevent(Entry.Changed):
            self.value = text
        self.cursor_position = len(text)
        self.focus()

    def move(self, place: Region) -> None:
        """Move to another place, after the screen changed."""
        self.styles.offset = (place.x, place.y)
        self.styles.width = max(8, place.width)

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return self.display

    def _close(self) -> str:
        text = self.value
        self.display = False
        # A secret must not stay in a hidden field.
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
        # A click elsewhere accepts the text; if the whole terminal loses the focus, typing goes on afterwards.
        if self.is_open and self.app.app_focus:
            self.post_message(self.Left(self._close(), 0, went=True))
