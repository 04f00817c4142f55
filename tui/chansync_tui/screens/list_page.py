"""Screens over a list of any length: a window of it is held, read in a thread, and never all of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic

from textual import on
from textual.message import Message as TextualMessage
from textual.timer import Timer

from chansync.model.errors import ChansyncError
from chansync_tui.formatting import counted
from chansync_tui.row_window import Ask, Fetch, L, Source, Window
from chansync_tui.screens.filtered_page import FilteredPage
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.table import Table

#: How near the end of the window the cursor comes before more is fetched, in rows.
_NEAR = 50


class ListPage(FilteredPage, Generic[L]):
    """Only the handlers here change the window; reads happen in a thread. The list's table has the id ``list``."""

    class Fetched(TextualMessage):
        """A read for the window is done."""

        def __init__(self, fetch: Fetch[Any], found: list[Any] | None, failure: str = "") -> None:
            super().__init__()
            self.fetch = fetch
            self.found = found
            self.failure = failure

    def __init__(self, source: Source[L]) -> None:
        super().__init__()
        self.window: Window[L] = Window(source)
        self._under_way: Fetch[L] | None = None
        self._next: Ask | None = None
        self._slow: Timer | None = None
        self._says_searching = False

    # What each screen says about its list

    @abstractmethod
    def show_chips(self) -> None:
        """Show the filters and how many rows there are."""

    @abstractmethod
    def empty_text(self) -> str:
        """What to say, and what to do next, where the list has no rows."""

    @abstractmethod
    def explain(self) -> None:
        """Tell about the row under the cursor in the pane."""

    @property
    def table(self) -> Table[L]:
        """The list."""
        return self.query_one("#list", Table)

    def counted_rows(self, one: str) -> str:
        """``3 orders``, or ``200+ orders`` while the window holds only a part of the list."""
        count = len(self.window.lines)
        return counted(count, one) if self.window.at_end and self.window.at_top else f"{count}+ {one}s"

    # Reading

    def read(self) -> None:
        self.show_chips()
        self._fetch(Ask.AGAIN if self.window.lines else Ask.TOP)

    def _fetch(self, ask: Ask) -> None:
        """One read at a time; a wish that comes meanwhile waits, the strongest one."""
        if self._under_way is not None:
            if self._next in (None, Ask.AGAIN):
                self._next = ask
            return
        fetch = self._under_way = self.window.fetch(ask)
        self.run_worker(lambda: self._read_in_thread(fetch), thread=True, group="fetch", exit_on_error=False)

    def _read_in_thread(self, fetch: Fetch[L]) -> None:
        try:
            found = self.context.read(fetch.perform, lambda: self._under_way is fetch)
            self.post_message(self.Fetched(fetch, found))
        except ChansyncError as error:
            self.post_message(self.Fetched(fetch, None, str(error)))

    def set_source(self, source: Source[L]) -> None:
        """Show another list, or the same by other filters: what is being read is no longer wanted."""
        if source == self.window.source:
            return
        if self._under_way is not None:
            self.context.interrupt()
        self._under_way = self._next = None
        self.window = Window(source)
        self.show_chips()
        self._fetch(Ask.TOP)
        if self._slow:
            self._slow.stop()
        self._says_searching = False
        self._slow = self.set_timer(0.3, self._say_searching)

    @property
    def is_changing(self) -> bool:
        """Whether the rows are still those of other filters; once it says that it searches there are none."""
        under_way = self._under_way
        return under_way is not None and under_way.ask is Ask.TOP and not self._says_searching

    def _say_searching(self) -> None:
        if self._under_way is not None and self._under_way.ask is Ask.TOP:
            self._says_searching = True
            self.table.show([])
            self.table.set_empty("Searching...")
            self.show_chips()

    @on(Fetched)
    def take(self, event: Fetched) -> None:
        """Take in what was read, unless something else is wanted meanwhile."""
        if event.fetch is not self._under_way:
            return
        self._under_way = None
        if event.failure:
            self.fail(event.failure)
        elif event.found is not None:
            self._take(event.fetch, event.found)
        wish, self._next = self._next, None
        if wish is not None:
            self._fetch(wish)

    def _take(self, fetch: Fetch[L], found: list[L]) -> None:
        window = self.window
        window.take(fetch, found)
        self.table.set_empty(self.empty_text())
        # At the very top the cursor follows what is new.
        follow = fetch.ask is Ask.TOP or (fetch.ask is Ask.AGAIN and window.at_top and self.table.cursor == 0)
        self.table.show(window.lines, follow=follow)
        if fetch.ask is Ask.END and window.lines:
            self.table.select(self.table.key_of(window.lines[-1]))
        self.show_chips()
        self.explain_soon()

    # Moving

    @on(Table.Moved, "#list")
    def moved(self) -> None:
        """The cursor is on another row."""
        self.look_ahead()
        self.explain_soon()

    @on(Table.Scrolled, "#list")
    def look_ahead(self) -> None:
        """Fetch more before the end of the window comes into sight."""
        window, table = self.window, self.table
        top = table.scroll_offset.y
        if max(table.cursor, top + table.page) > len(window.lines) - _NEAR and not window.at_end:
            self._fetch(Ask.OLDER)
        elif min(table.cursor, top) < _NEAR and not window.at_top:
            self._fetch(Ask.NEWER)

    @on(Table.Ended, "#list")
    def go_to_end(self, event: Table.Ended) -> None:
        """The first or the last row of all, not only of the window."""
        if event.last and not self.window.at_end:
            self._fetch(Ask.END)
        elif not event.last and not self.window.at_top:
            self._fetch(Ask.TOP)

    def explain_soon(self) -> None:
        if self.query_one(Pane).display:
            super().explain_soon()
