"""Screens of text: paragraphs under headings, wrapped to the width, in a list that scrolls by lines."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from textual import events, on
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync_tui.navigation_events import Show
from chansync_tui.screens.copying import Copy
from chansync_tui.screens.page import COPY, Page
from chansync_tui.text import wrap_indented
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.pane import Paragraph, text_of
from chansync_tui.widgets.table import Cell, Table


class _Row(NamedTuple):
    number: int
    text: str
    paragraph: Paragraph


class TextPage(Page):
    """Shows ``paragraphs`` as a list of lines, so that a text of any length scrolls quickly."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,h,left", "dismiss", "Back", tooltip="Back"),
        Binding("right_square_bracket", "section(1)", "Next section", tooltip="Section"),
        Binding("left_square_bracket", "section(-1)", "Previous section"),
        COPY,
    ]

    table: query_one[Table[_Row]] = query_one("#prose", Table)

    def __init__(self) -> None:
        super().__init__()
        self._paragraphs: list[Paragraph] = []

    @abstractmethod
    def paragraphs(self) -> list[Paragraph]:
        """The text, read from the database."""

    def body(self) -> Iterable[Widget]:
        yield Table[_Row](
            (Column("", 10, 1000),),
            lambda row: (Cell(row.text, row.paragraph.tone),),
            lambda row: row.number,
            id="prose",
            head=False,
        )

    def read(self) -> None:
        self._paragraphs = self.paragraphs()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        self._show()

    def _show(self) -> None:
        cells = max(20, self.size.width - 4)
        lines = [(line, paragraph) for paragraph in self._paragraphs for line in wrap_indented(paragraph.text, cells)]
        self.table.show([_Row(number, *line) for number, line in enumerate(lines)])

    @on(Table.Chosen, "#prose")
    def open_line(self) -> None:
        row = self.table.selected
        if row is not None and row.paragraph.opens is not None:
            self.post_message(Show(*row.paragraph.opens))

    def action_section(self, step: int) -> None:
        self.table.go_to_section(step, lambda row: row.paragraph.heading)

    def copies(self) -> Sequence[Copy]:
        return [self.whole_text()]

    def whole_text(self) -> Copy:
        """All of the text, to copy."""
        return Copy("text", text_of(self._paragraphs))


class Zoomed(TextPage):
    """What stands beside a list, on a screen of its own."""

    TAB = None
    ABOUT = "All about the row under the cursor."
    HINTS = ("esc", "?", Hint("enter", "Open what the line names", "Open"), "[ ]", "c", "q")

    BINDINGS: ClassVar[list[BindingType]] = [Binding("plus", "dismiss", "Back")]

    def __init__(self, read: Callable[[], Iterable[Paragraph]]) -> None:
        super().__init__()
        self._read_text = read

    def paragraphs(self) -> list[Paragraph]:
        return [*self._read_text()]
