"""One line of text in several tones, shortened to the width; and the line of key hints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from chansync_tui.text import fit, safe, width

#: (text, tone); a tone is a name of ``TONES`` or empty.
Part = tuple[str, str]

#: Styles of the tones, in the theme's colours.
TONES = {
    "": "",
    "good": "$text-success",
    "warn": "$text-warning",
    "bad": "bold $text-error",
    "note": "$text-primary",
    "dim": "$foreground-darken-3",
    "key": "bold $text-primary",
    "strong": "bold",
    "title": "bold $text-primary",
    "here": "reverse bold",
    "jump": "reverse bold $text-warning",
}


def parts_width(parts: Sequence[Part]) -> int:
    """How many cells the parts take."""
    return sum(width(safe(text)) for text, _ in parts)


def content(parts: Sequence[Part], cells: int) -> Content:
    """The parts as one line of at most ``cells``; a mark shows where it is cut."""
    pieces: list[str | tuple[str, str]] = []
    for text, tone in parts:
        cleaned = safe(text)
        if width(cleaned) > cells:
            pieces.append((fit(cleaned, cells), TONES[tone]))
            break
        pieces.append((cleaned, TONES[tone]))
        cells -= width(cleaned)
    return Content.assemble(*pieces)


class Still(Widget):
    """A widget whose lines change by ``refresh``, by its styles and by its size alone.

    Textual asks every widget of the screen for its lines whenever a cell of any of them changes.
    """

    _drawn: tuple[Region, list[Strip]] | None = None

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        # Otherwise it is redrawn when the mouse passes over it.
        self.auto_links = False

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._drawn is None or self._drawn[0] != crop:
            self._drawn = (crop, super().render_lines(crop))
        return self._drawn[1]

    def refresh(self, *regions: Region, **named: Any) -> Self:
        self._drawn = None
        return super().refresh(*regions, **named)

    def notify_style_update(self) -> None:
        self._drawn = None
        super().notify_style_update()


class Line(Still):
    """Shows the first of several wordings that fits (if none does, the last one, cut), and a text at the right."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._wordings: tuple[Sequence[Part], ...] = ((),)
        self._right: Sequence[Part] = ()
        self._notes: Sequence[Sequence[Part]] = ()

    def put(self, *wordings: Sequence[Part], right: Sequence[Part] = (), notes: Sequence[Sequence[Part]] = ()) -> None:
        """Show one of ``wordings``, longest first.

        Args:
            right: shown at the right end where there is room.
            notes: wordings of what is shown there, longest first; the text at the left becomes shorter for it.
        """
        if (wordings, right, notes) != (self._wordings, self._right, self._notes):
            self._wordings, self._right, self._notes = wordings, right, notes
            self.refresh()

    @property
    def text(self) -> str:
        """What is shown now."""
        return self.render().plain

    def render(self) -> Content:
        cells = self.size.width
        fitting = next((each for each in self._wordings if parts_width(each) <= cells), self._wordings[-1])
        choices = [(wording, note) for note in self._notes for wording in self._wordings]
        for wording, right in [*choices, (fitting, self._right)]:
            room = cells - parts_width(wording)
            if right and parts_width(right) + 2 <= room:
                end = content(right, room)
                return content(wording, cells) + Content(" " * (room - end.cell_length)) + end
        return content(fitting, cells)

    def own_key(self, key: str) -> str:
        """The user's own key in place of that one, on a screen where there can be one."""
        return str(getattr(self.screen, "own_key", str)(key)) if self.is_attached else key

    def on_resize(self, event: events.Resize) -> None:
        self.refresh()


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and its label. If there is no room, hints without ``keep`` are left out, the last ones first."""

    key: str
    label: str
    short: str = ""
    keep: bool = False


#: Hints by their keys, or whole.
Hints = Sequence["str | Hint"]


def _parts(hints: Sequence[Hint], *, short: bool) -> list[Part]:
    parts: list[Part] = []
    for hint in hints:
        parts += [(f"{'  ' if parts else ''}{hint.key}", "key"), (f" {(short and hint.short) or hint.label}", "dim")]
    return parts


class HintLine(Line):
    """The last line of a screen: all hints with long labels, all with short ones, or as many as fit."""

    @dataclass
    class Pressed(Message):
        """A hint was clicked: its key is meant."""

        key: str

    _hints: Sequence[Hint] = ()

    def on_click(self, event: events.Click) -> None:
        shown, place = self.text, 0
        for hint in self._hints:
            for label in (hint.label, hint.short):
                begin = shown.find(f"{hint.key} {label}", place) if label else -1
                if begin == place and begin <= event.x < begin + width(f"{hint.key} {label}"):
                    self.post_message(self.Pressed(hint.key))
                    return
                if begin == place:
                    place += width(f"{hint.key} {label}") + 2
                    break

    def set_hints(self, hints: Sequence[Hint]) -> None:
        """Show these hints, with the user's own keys."""
        hints = [replace(each, key=self.own_key(each.key)) for each in hints]
        self._hints = hints
        wordings = [_parts(hints, short=False), _parts(hints, short=True)]
        left = list(hints)
        while droppable := [hint for hint in left if not hint.keep]:
            left.remove(droppable[-1])
            wordings.append(_parts(left, short=True))
        self.put(*wordings)
