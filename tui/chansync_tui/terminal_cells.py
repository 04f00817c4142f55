"""What the terminal shows, cell by cell, and the sequences that change only the cells that differ.

This reads the updates of Textual's compositor, which is not for others: ``terminal_output`` copes with its changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import TypeGuard

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import Strip

#: The text of a cell and the number of its style. A wide character has a second cell without text.
Cell = tuple[str, int]

#: Line, column and content of a part of an update.
Piece = tuple[int, int, list[Cell]]

#: So many unchanged cells between two changed ones are written again: to go over them costs as much.
_GAP = 4

#: Lines are moved where so many change that are as wide at least.
_LEAST_LINES, _LEAST_WIDTH = 6, 40

#: SGR codes of the attributes that Rich keeps as bits: bold, dim, italic, underline …
_ATTRIBUTES = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "21", "51", "52", "53")


class TerminalCells:
    """What the terminal shows, cell by cell."""

    def __init__(self, color_system: ColorSystem) -> None:
        self._color_system = color_system
        self._lines: dict[int, list[Cell | None]] = {}
        self._numbers: dict[Style | None, int] = {}
        self._codes: list[tuple[str, str, str, str]] = []

    def forget(self) -> None:
        """What the terminal shows is not known any more: everything is written again."""
        self._lines.clear()

    def write(self, update: CompositorUpdate) -> str:
        """The sequence that brings the terminal from what it shows to the update; empty if that is the same."""
        pieces = [(y, x, self._cells(strip)) for y, x, strip in _pieces(update)]
        out = [self._scroll(pieces)]
        place: tuple[int, int] | None = None
        style = -1
        for y, x, cells in pieces:
            line = self._line(y, x + len(cells))
            if line[x : x + len(cells)] == cells:
                continue
            for begin, end in _changes(line, x, cells):
                out.append(_move(place, y, begin))
                for text, number in cells[begin - x : end - x]:
                    if number != style:
                        out.append(self._change(style, number))
                        style = number
                    out.append(text)
                place = (y, end)
            line[x : x + len(cells)] = cells
        if style >= 0:
            out.append("\x1b[m")
        return "".join(out)

    def _line(self, y: int, least: int) -> list[Cell | None]:
        line = self._lines.setdefault(y, [])
        if len(line) < least:
            line += [None] * (least - len(line))
        return line

    def _scroll(self, pieces: Sequence[Piece]) -> str:
        """Where many lines are those that stand above or below now, let the terminal move them."""
        # What stands behind that on a line may be a scroll bar, which moves in another way.
        wanted = {y: cells for y, x, cells in pieces if x == 0 and len(cells) >= _LEAST_WIDTH}
        changed = [y for y, cells in wanted.items() if self._lines.get(y, [])[: len(cells)] != cells]
        if len(changed) < _LEAST_LINES:
            return ""
        places = {tuple(self._lines.get(y, ())[: len(cells)]): y for y, cells in wanted.items()}
        moved = [(y, places[found]) for y in changed if (found := tuple(wanted[y])) in places]
        steps = Counter(old - new for new, old in moved)
        step, votes = steps.most_common(1)[0] if steps else (0, 0)
        if not step or votes < len(changed) // 2:
            return ""
        ends = [y for new, old in moved if old - new == step for y in (new, old)]
        top, bottom = min(ends), max(ends)
        lines = [self._lines.get(y, []) for y in range(top, bottom + 1)]
        blank: list[list[Cell | None]] = [[] for _ in range(abs(step))]
        lines = [*lines[step:], *blank] if step > 0 else [*blank, *lines[:step]]
        self._lines |= dict(enumerate(lines, top))
        move = f"\x1b[{abs(step)}{'M' if step > 0 else 'L'}"
        return f"\x1b[{top + 1};{bottom + 1}r\x1b[{top + 1};1H{move}\x1b[r"

    def _cells(self, strip: Strip) -> list[Cell]:
        cells: list[Cell] = []
        for text, style, control in strip:
            if control:
                continue
            number = self._number(style)
            if text.isascii():
                cells += zip(text, repeat(number))
            elif sum(map(cell_len, text)) == cell_len(text):
                for character in text:
                    cells.append((character, number))
                    if cell_len(character) == 2:
                        cells.append(("", number))
            else:
                # The terminal joins characters: they are written together.
                cells.append((text, number))
                cells += repeat(("", number), max(0, cell_len(text) - 1))
        return cells

    def _number(self, style: Style | None) -> int:
        number = self._numbers.get(style)
        if number is None:
            number = self._numbers[style] = len(self._codes)
            self._codes.append(self._sgr(style or Style.null()))
        return number

    def _sgr(self, style: Style) -> tuple[str, str, str, str]:
        """Attributes, foreground, background and link of a style."""
        bits = style._attributes & style._set_attributes
        attributes = ";".join(code for place, code in enumerate(_ATTRIBUTES) if bits & (1 << place))
        fore, back = (
            ";".join(color.downgrade(self._color_system).get_ansi_codes(foreground)) if color is not None else standard
            for color, foreground, standard in ((style.color, True, "39"), (style.bgcolor, False, "49"))
        )
        return attributes, fore, back, style.link or ""

    def _change(self, old: int, new: int) -> str:
        """The shortest sequence from one style to another."""
        attributes, fore, back, _ = self._codes[new]
        before = self._codes[old] if old >= 0 else ("", "39", "49", "")
        codes = [] if attributes == before[0] else [f"0;{attributes}" if attributes else "0"]
        known = ("39", "49") if codes else before[1:3]
        codes += [code for code, was in zip((fore, back), known, strict=True) if code != was]
        return f"\x1b[{';'.join(codes)}m" if codes else ""


def is_known(renderable: object) -> TypeGuard[CompositorUpdate]:
    """Whether it is an update that can be compared with what the terminal shows."""
    return isinstance(renderable, LayoutUpdate | ChopsUpdate)


def _pieces(update: CompositorUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Line, column and content of everything in the update."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            x = update.region.x
            for whole in strips:
                yield y, x, whole
                x += whole.cell_length
    elif isinstance(update, ChopsUpdate):
        for y, begin, end in update.spans:
            for last, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x <= end and last > begin:
                    is_whole = begin <= x < end and last <= end
                    yield y, x, strip if is_whole else strip.crop(0, min(last, end) - x)


def _changes(line: list[Cell | None], x: int, cells: list[Cell]) -> Iterator[tuple[int, int]]:
    """Begin and end of the spans that differ from the line, which is written from ``x`` on; close ones are one."""
    begin = end = -1
    for place, cell in enumerate(cells, x):
        if line[place] == cell:
            continue
        if begin >= 0 and place - end > _GAP:
            yield _whole(cells, x, begin), end
            begin = -1
        begin, end = (place if begin < 0 else begin), place + 1
    if begin >= 0:
        yield _whole(cells, x, begin), end


def _whole(cells: list[Cell], x: int, begin: int) -> int:
    """From the second cell of a wide character back to its first."""
    while begin > x and not cells[begin - x][0]:
        begin -= 1
    return begin


def _move(place: tuple[int, int] | None, y: int, x: int) -> str:
    if place == (y, x):
        return ""
    if place is not None and place[0] == y and x > place[1]:
        return f"\x1b[{x - place[1]}C"
    return f"\x1b[{y + 1};{x + 1}H"


class Written(CompositorUpdate):
    """A sequence that is ready to be written."""

    def __init__(self, sequence: str) -> None:
        self._sequence = sequence

    def render_segments(self, console: object) -> str:
        return self._sequence
