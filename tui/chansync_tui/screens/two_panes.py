"""Screens with two panes: a list, and beside it what the row under the cursor is about."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget

from chansync_tui.screens.page import Page
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Pane, Paragraph, Side
from chansync_tui.widgets.table import Table

#: From so many columns on, the second pane is shown.
WIDE = 110


class TwoPanes(Page):
    """The second pane stands beside the list from ``WIDE`` columns on; else a few lines below the list say less.

    ``+`` shows what the second pane says on a screen of its own, at every width.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus", "zoom", "The second pane, on a screen of its own"),
    ]

    @abstractmethod
    def below(self) -> Sequence[Part]:
        """About the row under the cursor, in a few lines."""

    @abstractmethod
    def beside(self) -> Iterable[Paragraph]:
        """All about the row under the cursor; no more of it is read than fits the pane."""

    def panes(self, *lists: Widget) -> Iterable[Widget]:
        """The lists with both places for what the cursor is on."""
        with Horizontal(id="panes"):
            yield from lists
            yield Side(id="side")
        yield Pane(id="pane")

    @property
    def is_wide(self) -> bool:
        """Whether the second pane is shown."""
        return self.has_class("-wide")

    @property
    def explains_at_once(self) -> bool:
        return not self.is_wide

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.width >= WIDE, "-wide")
        self.explain_soon()

    @on(Table.Moved)
    def moved(self) -> None:
        self.explain_move()

    def explain(self) -> None:
        if self.is_wide:
            self.query_one("#side", Side).show(self.beside())
        if (pane := self.query_one("#pane", Pane)).display:
            pane.put(self.below())

    def action_zoom(self) -> None:
        from chansync_tui.screens.text_page import Zoomed

        if any(self.beside()):
            self.app.push_screen(Zoomed(self.tab(), lambda: [*self.beside()]))
