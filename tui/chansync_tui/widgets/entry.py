"""A field to type into that shows what is in it safely, and whose cursor stands still."""

from __future__ import annotations

from typing import Any

from rich.highlighter import Highlighter
from rich.text import Text
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
