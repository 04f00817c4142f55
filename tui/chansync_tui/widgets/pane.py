"""Text on several lines: about the row under the cursor (``Pane``, ``Side``), and in windows (``Plain``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, zip_longest
from typing import NamedTuple

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.visual import VisualType
from textual.widgets import Static

from chansync.model.safe_text import on_one_line
from chansync_tui.text import fit, safe, width, wrap, wrap_indented
from chansync_tui.widgets.line import TONES, Part, Still


class Paragraph(NamedTuple):
    """A paragraph. ``opens``: what ``Show`` gets when Enter is pressed."""

    text: str
    tone: str = ""
    heading: bool = False
    opens: tuple[str, int | str] | None = None


def heading(title: str) -> Iterable[Paragraph]:
    """A heading, after an empty line."""
    return Paragraph(""), Paragraph(title, "title", heading=True)


def pairs(values: Mapping[str, object], name_width: int = 16) -> Iterable[Paragraph]:
    """A line for each name with a value."""
    return [Paragraph(f"  {name.replace('_', ' '):<{name_width}} {value}") for name, value in values.items() if value]


def text_of(paragraphs: Iterable[Paragraph]) -> str:
    """The text for the clipboard, without control characters, as it may be pasted into a shell."""
    return "".join(f"{on_one_line(each.text)}\n" for each in paragraphs)


class Pane(Still):
    """Shows parts, each wrapped to the width; lines that do not fit the height are left out."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts: Sequence[Part] = ()
        #: The size for which the lines were made last, and they.
        self._wrapped: tuple[Size, Sequence[Part]] | None = None

    def put(self, parts: Sequence[Part]) -> None:
        """Show these parts; only lines that change are redrawn."""
        if parts == self._parts:
            return
        before, self._parts = self._lines(), parts
        self._wrapped = None
        for y, (old, new) in enumerate(zip_longest(before, self._lines())):
            if old != new:
                self.refresh(Region(0, self.gutter.top + y, self.outer_size.width, 1))

    @property
    def text(self) -> str:
        """What is shown now."""
        return "\n".join(safe(line) for line, _ in self._lines())

    def _lines(self) -> Sequence[Part]:
        if self._wrapped is None or self._wrapped[0] != self.size:
            self._wrapped = self.size, self._wrap(*self.size)
        return self._wrapped[1]

    def _wrap(self, cells: int, height: int) -> Sequence[Part]:
        """The lines of the parts that there is room for."""
        lines = [(line, tone) for text, tone in self._parts for line in wrap(text, max(10, cells))]
        return lines[:height]

    def render_line(self, y: int) -> Strip:
        # Made here: Textual's own way takes several times as long, and this is done after each key.
        lines, cells, base = self._lines() or [("", "")], self.size.width, self.visual_style
        if y >= len(lines):
            return Strip.blank(cells, base.rich_style)
        text, tone = lines[y]
        style = base + self.app.stylesheet.parse_style(TONES[tone]) if tone else base
        cleaned = safe(text)
        shown = fit(cleaned, cells) if width(cleaned) > cells else cleaned
        return Strip([Segment(shown, style.rich_style)])


class Side(Pane):
    """Shows the beginning of a longer text beside a list; where it goes on, its last line says how to see the rest."""

    #: A text is compared and wrapped up to so many paragraphs: no screen has more lines.
    MOST = 300

    def show(self, paragraphs: Iterable[Paragraph]) -> None:
        """Show the first of these paragraphs."""
        self.put([(each.text, each.tone) for each in islice(paragraphs, self.MOST)])

    def _wrap(self, cells: int, height: int) -> Sequence[Part]:
        lines: list[Part] = []
        for text, tone in self._parts:
            # The lines of an indented paragraph are indented by two more.
            room = cells - 2 if text.startswith(" ") else cells
            lines += [(line, tone) for line in wrap_indented(text, max(10, room))]
            if len(lines) > height:
                return [*lines[: max(0, height - 1)], ("+ shows all of it", "dim")]
        return lines


class Plain(Static):
    """Shows text without markup, safe for the terminal."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(_harmless(text), id=id, classes=classes, markup=False)

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        super().update(_harmless(content) if isinstance(content, str) else content, layout=layout)


class Notice(Plain):
    """A sentence on as many lines as it takes, in a tone; hidden while there is none."""

    TONES = ("bad", "warn", "good", "note", "strong")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.display = False

    def put(self, sentence: str, tone: str = "") -> None:
        """Show a sentence; an empty one hides it."""
        self.display = bool(sentence)
        self.update(sentence)
        for each in self.TONES:
            self.set_class(each == tone, f"-{each}")


def _harmless(text: str) -> str:
    return "\n".join(map(safe, text.split("\n")))
