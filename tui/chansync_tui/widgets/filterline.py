"""The filters of a list on one line, each with the key that changes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual import events

from chansync_tui.text import safe, width
from chansync_tui.widgets.jump import Jumpable
from chansync_tui.widgets.line import Line, Part


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter, or a button.

    Attributes:
        key: the key that changes it.
        value: what it is set to; empty: it lets everything through.
        action: the screen's action that a click runs; empty: ``narrow`` with the usual key.
    """

    key: str
    title: str
    value: str = ""
    action: str = ""
    is_button: bool = False


class FilterLine(Line, Jumpable):
    """Shows the filters; a click on one does what its key does."""

    def __init__(self) -> None:
        super().__init__()
        self._chips: Sequence[Chip] = ()
        self._note = self._short_note = ""

    def set_chips(self, chips: Sequence[Chip], note: str = "", short_note: str = "") -> None:
        """Show these filters and a note at the right end, which is shorter if there is no room."""
        self._chips = [
            replace(chip, key=self.own_key(chip.key), action=chip.action or f"narrow('{chip.key}')") for chip in chips
        ]
        self._note, self._short_note = note, short_note
        self.redraw()

    def redraw(self) -> None:
        notes = [[(f"{note} ", "dim")] for note in (self._note, self._short_note) if note]
        self.put(*(self._parts(form) for form in ("all", "set", "short")), notes=notes)

    def _parts(self, form: str) -> list[Part]:
        parts: list[Part] = []
        for place, chip in enumerate(self._chips):
            letter = self.jump_letters[place : place + 1]
            # In place of the space, so that nothing moves.
            parts += [(letter or " ", "jump" if letter else ""), (chip.key, "key"), *self._words(chip, form), (" ", "")]
        return parts

    def jump_count(self) -> int:
        return len(self._chips)

    def jump_to(self, place: int) -> None:
        self.screen.call_later(self.screen.run_action, self._chips[place].action)

    @staticmethod
    def _words(chip: Chip, form: str) -> list[Part]:
        if chip.is_button:
            return [(f" {chip.title}", "strong")]
        if chip.value:
            return [(f" {chip.title}: " if form != "short" else " ", ""), (chip.value, "here")]
        if form == "all":
            return [(f" {chip.title}: ", "dim"), ("all", "dim")]
        return [(f" {chip.title}", "dim")]

    def on_click(self, event: events.Click) -> None:
        shown = self.text
        for form in ("all", "set", "short"):
            parts = self._parts(form)
            if not shown.startswith("".join(safe(text) for text, _ in parts)):
                continue
            end = 0
            for place, chip in enumerate(self._chips):
                end += sum(width(safe(text)) for text, _ in [(f" {chip.key}", ""), *self._words(chip, form), (" ", "")])
                if event.x < end:
                    self.jump_to(place)
                    return
