"""The widths of a table's columns: by their content, within limits, and never shrinking while they are shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chansync_tui.text import safe, width

#: Cells between two columns: the minimum, and if there is room.
_NARROW_GAP, _WIDE_GAP = 1, 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``width`` cells, or of as many as its content needs: at least ``width`` and at most ``most``.

    Attributes:
        title: empty in lists without headings, whose columns are never narrower than ``width``.
        most: the widest that it gets; 0: it has exactly ``width`` cells, whatever it holds.
        drop: columns with the highest number go first where the screen is too narrow; 0 stays always.
        whole: what it holds is of no use when it is cut (a number, an amount); others give way to it.
        front: it is cut in front: of keys and numbers the end tells one from another.
        sorts: whether a list can be ordered by it; a chart has no order.
    """

    title: str
    width: int
    most: int = 0
    drop: int = 0
    right: bool = False
    whole: bool = False
    front: bool = False
    sorts: bool = True

    def headed(self, sign: str) -> Column:
        """The column with a sign behind its title; it is always shown."""
        title = f"{self.title}{sign}"
        most = max(self.most, width(title)) if self.most else 0
        return replace(self, title=title, width=max(self.width, width(title)), most=most, drop=0)

    def least(self, needed: int) -> int:
        """The minimum width when its content needs so many cells."""
        return needed if self.whole or needed < self.width else self.width


def lay_out(
    columns: Sequence[Column], cells: int, needs: Mapping[int, int], hidden: Collection[int] = ()
) -> dict[int, int]:
    """The columns that are shown, with their widths.

    Args:
        needs: what each column's content takes, as ``Needs`` counts it.
        hidden: columns that are left out, whatever room there is.
    """
    least = {index: column.least(needs[index]) for index, column in enumerate(columns) if index not in hidden}
    shown = dict.fromkeys(least)
    for index in sorted(shown, key=lambda i: -columns[i].drop):
        if _taken(least[i] for i in shown) <= cells or not columns[index].drop:
            break
        del shown[index]
    widths = {index: least[index] for index in shown}
    room = cells - _taken(widths.values())
    for index in sorted(widths, key=lambda i: -widths[i]):
        if room >= 0:
            break
        # If the remaining columns do not fit either, those marked whole are cut too, the widest first.
        given = min(-room, max(0, widths[index] - columns[index].width))
        widths[index] -= given
        room += given
    # Widen first those that lack the fewest cells, so that as many as possible are shown in full.
    for index in sorted(widths, key=lambda i: needs[i] - widths[i]):
        given = min(max(0, room), needs[index] - widths[index])
        widths[index] += given
        room -= given
    return widths


def gap_between(widths: Mapping[int, int], cells: int, needs: Mapping[int, int]) -> int:
    """The cells between two columns: the wider gap if nothing is cut by it."""
    roomy = _taken(widths.values(), _WIDE_GAP) <= cells and all(widths[index] >= needs[index] for index in widths)
    return _WIDE_GAP if roomy else _NARROW_GAP


def _taken(widths: Iterable[int], gap: int = _NARROW_GAP) -> int:
    return sum(cells + gap for cells in widths)


@dataclass(slots=True)
class Needs:
    """The widths that the content has needed so far. They only grow, so that columns do not move while scrolling."""

    columns: Sequence[Column]
    cells: dict[int, int] = field(init=False)
    measured: bool = False

    def __post_init__(self) -> None:
        # Before any row is measured: the column's own width.
        self.cells = {index: max(column.width, width(column.title)) for index, column in enumerate(self.columns)}

    def measure(self, rows: Iterable[Sequence[str]]) -> bool:
        """Measure more rows; whether a column needs more than before."""
        grown = False
        for row in rows:
            if row and not self.measured:
                self.measured = True
                self.cells = {i: width(c.title) if c.most and c.title else c.width for i, c in enumerate(self.columns)}
                grown = True
            for index, text in enumerate(row):
                most, needed = self.columns[index].most, self.cells[index]
                if needed < most and len(text) > needed // 2:
                    taken = min(most, width(safe(text[: most + 1])))
                    if taken > needed:
                        self.cells[index] = taken
                        grown = True
        return grown
