"""Jump mode: letters on everything that can be jumped to; the next key goes there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import islice

from textual.widget import Widget

#: The letters in the order in which they are used: those of the home row first.
LETTERS = "asdfghjklqwertyuiopzxcvbnmASDFGHJKLQWERTYUIOPZXCVBNM1234567890"


class Jumpable(Widget):
    """A widget with places to jump to: rows, filters, tabs.

    Attributes:
        jump_letters: while jump mode is on, a letter for each of its places, as far as the letters go.
    """

    jump_letters: str = ""

    @abstractmethod
    def jump_count(self) -> int:
        """How many places it shows now."""

    @abstractmethod
    def jump_to(self, place: int) -> None:
        """Go to one of them, as by its key or a click."""

    def show_letters(self, letters: str) -> None:
        """Draw these letters on its places; none: draw it without."""
        if letters != self.jump_letters:
            self.jump_letters = letters
            self.redraw()

    def redraw(self) -> None:
        """Redraw it, with its letters or without."""
        self.refresh()


class Jump:
    """Jump mode over the widgets that are shown, the one with the focus first."""

    def __init__(self, widgets: Iterable[Widget]) -> None:
        shown = [widget for widget in widgets if isinstance(widget, Jumpable) and widget.display]
        shown.sort(key=lambda widget: not widget.has_focus)
        self._widgets: Sequence[Jumpable] = shown
        letters = iter(LETTERS)
        for widget in shown:
            widget.show_letters("".join(islice(letters, widget.jump_count())))

    def finish(self, character: str | None) -> None:
        """Remove the letters, and go to the place of that one, if there is one."""
        found = [(widget, widget.jump_letters.find(character)) for widget in self._widgets if character]
        for widget in self._widgets:
            widget.show_letters("")
        for widget, place in found:
            if place >= 0:
                widget.jump_to(place)
                return
