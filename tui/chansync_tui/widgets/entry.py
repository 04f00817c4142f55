"""Fields to type into: in windows, as a live filter (``Search``), and in place within a list (``InPlace``)."""

from __future__ import annotations

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
    """What no terminal may be given is shown by a sign for each character; the value itself stays as it is."""

    def __init__(self, value: str | None = None, **options: Any) -> None:
        super().__init__(value, compact=True, **options)
        # A cursor that blinks writes twice a second, for ever.
        self.cursor_blink = False
        self.highlighter = _Veil()


class _Veil(Highlighter):
    def __call__(self, text: str | Text) -> Text:
        # One for one: the cursor counts characters of the value.
        shown = "".join(map(_sign, text if isinstance(text, str) else text.plain))
        return Text(shown, no_wrap=True, overflow="ignore", end="")

    def highlight(self, text: Text) -> None:
        """No words stand out."""


def _sign(character: str) -> str:
    shown = on_one_line(character)
    # A mark keeps its place on the letter before it.
    is_mark = len(shown) > 1 and shown.endswith(character)
    return character if is_mark else shown if len(shown) == 1 else "\ufffd"


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
