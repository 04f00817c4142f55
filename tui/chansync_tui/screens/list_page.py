"""Screens with a list of any length: only a window of its rows is held, and it is read in a thread."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Generic

import apsw
from textual import on
from textual.getters import query_one
from textual.timer import Timer

from chansync.model.errors import ChansyncError
from chansync.model.paging import Span
from chansync_tui import row_window
from chansync_tui.formatting import counted
from chansync_tui.list_view import View
from chansync_tui.row_window import Ask, Fetch, L, Listing, Source, TooManyRows, Window
from chansync_tui.screens.filtered_page import FilteredPage
from chansync_tui.screens.two_panes import TwoPanes
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.table import MarkTable, Table

#: More rows are fetched when the cursor is so near to an end of the window.
_NEAR = 50

#: So many rows are read at once for an export.
_BATCH = 1000

#: What a search has found is shown so often, in seconds.
_TELL_SECONDS = 0.1


class _NotWanted(Exception):
    """Another read was started meanwhile."""


class ListPage(FilteredPage, TwoPanes, Generic[L]):
    """Reads in a thread; only the handlers here change the window. The list's table has the id ``list``."""

    #: Whether new rows come at the top.
    NEWEST_FIRST: ClassVar[bool] = True

    #: The key that leads to them.
    NEWEST_KEY: ClassVar[str] = "g"

    table: query_one[MarkTable[L]] = query_one("#list", MarkTable)

    def __init__(self) -> None:
        super().__init__()
        self.window: Window[L] = Window(Listing(self._source))
        self._is_opened = False
        self._running_fetch: Fetch[L] | None = None
        self._next: Ask | None = None
        self._slow: Timer | None = None
        #: How many rows the search that is running has looked through, and whether any that it found are shown.
        self._looked = 0
        self._shows_part = False
        #: Before that moment the rows are not read again only because something was written.
        self._not_before = 0.0
        self._later: Timer | None = None

    # What each screen defines for its list

    @staticmethod
    @abstractmethod
    def parts(db: apsw.Connection, chosen: Any, span: Span, by: str) -> Iterable[tuple[list[L], int]]:
        """Read what these filters let through, in any thread, as a ``Source``."""

    @abstractmethod
    def show_chips(self) -> None:
        """Show the filters and the number of rows."""

    @abstractmethod
    def empty_text(self) -> str:
        """The text of an empty list: why it is empty, and what to do next."""

    @property
    def indexed_sorts(self) -> Mapping[str, tuple[str, bool]]:
        """The columns by which the list can be sorted however long it is, as the database reads it by an index.

        Title → the name of that order for the source, empty for its own, and whether its highest comes first.
        """
        return {}

    def counted_rows(self, one: str) -> str:
        """``3 orders``, or ``200+ orders`` while the window holds only a part of the list."""
        if self._looked or self._shows_part:
            return f"{counted(len(self.table.items), one)} so far, {self._looked:,} searched"
        count = len(self.window.lines)
        rows = counted(count, one) if self.window.at_end and self.window.at_top else f"{count}+ {one}s"
        if not self.NEWEST_FIRST or not count or self.table.view.sort is not None:
            return rows
        # Where the top is not visible, the key that leads there is named.
        return f"live, {rows}" if self.is_live else f"{self.NEWEST_KEY}: the newest, {rows}"

    @property
    def is_live(self) -> bool:
        """Whether new rows are visible as they come."""
        return self.window.at_top and self.table.scroll_offset.y == 0

    def batches(self, table: Table[Any]) -> Callable[[apsw.Connection], Iterable[Sequence[Any]]] | None:
        if table is not self.table or (self.window.at_top and self.window.at_end):
            return None
        listing = self.window.listing

        def read(db: apsw.Connection) -> Iterable[Sequence[Any]]:
            lines = listing.read(db, Span(_BATCH))
            while lines:
                yield lines
                lines = listing.read(db, Span(_BATCH, after=lines[-1].key))

        return read

    # Reading

    def read(self) -> None:
        if not self._is_opened:
            self._is_opened = True
            self.window = Window(self._listing())
        self.show_chips()
        wait = self._not_before - time.monotonic()
        if wait <= 0:
            self._fetch(Ask.AGAIN if self.window.lines else Ask.TOP)
        elif self._later is None:
            self._later = self.set_timer(wait, self._read_later)

    def _read_later(self) -> None:
        self._later = None
        self.read()

    def _fetch(self, ask: Ask) -> None:
        """Start a read, or remember it until the one that is running is done; an update gives way to other reads."""
        if self._running_fetch is not None:
            if self._next in (None, Ask.AGAIN):
                self._next = ask
            return
        fetch = self._running_fetch = self.window.fetch(ask)
        self.run_worker(lambda: self._read_in_thread(fetch), thread=True, group="fetch")

    def _read_in_thread(self, fetch: Fetch[L]) -> None:
        told, begun = 0.0, time.monotonic()

        def tell(found: list[L], looked: int) -> None:
            nonlocal told
            if self._running_fetch is not fetch:
                raise _NotWanted
            if fetch.ask is Ask.TOP and time.monotonic() - told >= _TELL_SECONDS:
                told = time.monotonic()
                self.call_later(self._show_part, fetch, found, looked)

        try:
            found = self.context.read(lambda db: fetch.run(db, tell), lambda: self._running_fetch is fetch)
            # At most a tenth of the time is spent on reading the same again, however long the list is.
            self._not_before = time.monotonic() + 9 * (time.monotonic() - begun)
            self.call_later(self._finish_read, fetch, found)
        except _NotWanted:
            return
        except ChansyncError as error:
            self.call_later(self._finish_read, fetch, None, error)

    @property
    def _source(self) -> Source[L]:
        chosen, parts = self.chosen, self.parts
        return lambda db, span, by: parts(db, chosen, span, by)

    def _listing(self) -> Listing[L]:
        sort = self.table.view.sort
        if sort is not None and sort.title in self.indexed_sorts:
            by, descending = self.indexed_sorts[sort.title]
            return Listing(self._source, turned=sort.descending != descending, by=by)
        return Listing(self._source, sort=self.table.sorter())

    def change_view(self, table: Table[Any], view: View) -> None:
        is_sorted = view.sort != table.view.sort
        super().change_view(table, view)
        if table is self.table and is_sorted:
            self.show_chosen()

    def sort_limit(self, table: Table[Any], column: Column) -> str:
        if table is not self.table or not column.sorts or column.title in self.indexed_sorts:
            return ""
        is_whole = self.window.at_top and self.window.at_end
        return "" if is_whole else f"sorts up to {row_window.MOST_SORTED:,} rows"

    def _refuse_sort(self) -> None:
        """Show the list in its own order again, and say why."""
        view, sorts = self.table.view, self.indexed_sorts
        if view.sort is not None:
            able = f" Lists of any length can be sorted by {' and '.join(sorts)}." if sorts else ""
            self.notify(
                f"This list is too long to be sorted by {view.sort.title}: more than {row_window.MOST_SORTED:,} rows "
                f"pass the filters. Filter it first, then sort.{able}",
                severity="warning",
            )  # fmt: skip
            self.change_view(self.table, replace(view, sort=None))

    def show_chosen(self) -> None:
        """Read the list from its beginning; a read that is running is interrupted."""
        if self._running_fetch is not None:
            self.context.interrupt()
        self._running_fetch = self._next = None
        self._looked, self._shows_part, self._not_before = 0, False, 0.0
        self.window = Window(self._listing())
        self._is_opened = True
        self.show_chips()
        self._fetch(Ask.TOP)
        if self._slow:
            self._slow.stop()
        self._slow = self.set_timer(0.3, self._say_searching)

    @property
    def is_changing(self) -> bool:
        """Whether the rows of the filters are still being read."""
        return self._running_fetch is not None and self._running_fetch.ask is Ask.TOP and not self._shows_part

    def _say_searching(self) -> None:
        if self.is_changing:
            self.table.show([])
            self.table.set_empty("Searching...")
            self.show_chips()

    def _show_part(self, fetch: Fetch[L], found: list[L], looked: int) -> None:
        """Show what is found so far of a list that is searched for a text."""
        if fetch is not self._running_fetch:
            return
        self._looked = looked
        if found:
            self.table.show(found, follow=not self._shows_part)
            self._shows_part = True
        self.show_chips()

    def _finish_read(self, fetch: Fetch[L], found: list[L] | None, failure: ChansyncError | None = None) -> None:
        """Show what was read, unless another read was started meanwhile."""
        if fetch is not self._running_fetch:
            return
        self._running_fetch = None
        if isinstance(failure, TooManyRows):
            self._refuse_sort()
        elif failure is not None:
            self.fail(str(failure))
        elif found is not None:
            self._show(fetch, found)
        following, self._next = self._next, None
        if following is not None:
            self._fetch(following)

    def _show(self, fetch: Fetch[L], found: list[L]) -> None:
        window = self.window
        window.apply(fetch, found)
        self.table.set_empty(self.empty_text())
        # The cursor stays on its row when new ones come: an action is for the row that was read.
        self.table.show(window.lines, follow=fetch.ask is Ask.TOP and not self._shows_part)
        self._looked, self._shows_part = 0, False
        if fetch.ask is Ask.END and window.lines:
            self.table.select(self.table.key_of(window.lines[-1]))
        self.show_chips()
        self.explain_soon()

    # Moving

    @on(Table.Scrolled, "#list")
    def scrolled(self) -> None:
        self.show_chips()

    @on(Table.Moved, "#list")
    def look_ahead(self) -> None:
        """Fetch more rows before an end of the window is visible."""
        window, table = self.window, self.table
        if self._shows_part:
            return
        top = table.scroll_offset.y
        if max(table.cursor, top + table.page) > len(window.lines) - _NEAR and not window.at_end:
            self._fetch(Ask.OLDER)
        elif min(table.cursor, top) < _NEAR and not window.at_top:
            self._fetch(Ask.NEWER)

    @on(Table.Ended, "#list")
    def go_to_end(self, event: Table.Ended) -> None:
        """Go to the first or the last row of the whole list."""
        if event.last and not self.window.at_end:
            self._fetch(Ask.END)
        elif not event.last and not self.window.at_top:
            self._fetch(Ask.TOP)
