"""Screens with two panes: a list, and beside it what the row under the cursor is about."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.timer import Timer
from textual.widget import Widget

from chansync_tui.screens.page import Page
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Pane, Paragraph, Side
from chansync_tui.widgets.table import Table

#: The cursor rests when it has not moved for that long.
_REST_SECONDS = 0.12

#: From so many columns on, the second pane is shown.
WIDE = 110


class TwoPanes(Page):
    """The second pane stands beside the list from ``WIDE`` columns on; else a few lines below the list say less.

    ``+`` shows what the second pane says on a screen of its own, at every width.
    """

    #: Until the cursor rests; and when it moved last.
    _explaining: Timer | None = None
    _moved_at = 0.0

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

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.explain_soon()

    def explain_soon(self) -> None:
        """Explain when the cursor rests, not for every row that it passes."""
        if self._explaining:
            self._explaining.stop()
        self._moved_at = time.monotonic()
        self._explaining = self.set_timer(_REST_SECONDS, self._explain)

    @on(Table.Moved)
    def explain_move(self) -> None:
        """Explain the row that the cursor moved to: at once after a rest, with the row in one update of the screen.

        All about it, beside the list, takes more than a moment.
        """
        moved, self._moved_at = self._moved_at, time.monotonic()
        if not self.is_wide and self._explaining is None and self._moved_at - moved > _REST_SECONDS:
            self.explain()
        else:
            self.explain_soon()

    def _explain(self) -> None:
        self._explaining = None
        self.explain()

    def explain(self) -> None:
        if self.is_wide:
            self.query_one("#side", Side).show(self.beside())
        if (pane := self.query_one("#pane", Pane)).display:
            pane.put(self.below())

    def action_zoom(self) -> None:
        from chansync_tui.screens.text_page import Zoomed

        if any(self.beside()):
            self.app.push_screen(Zoomed(self.beside))
