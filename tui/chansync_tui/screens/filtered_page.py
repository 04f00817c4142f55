"""Screens with a list that can be filtered: a line of filters, and a search that works with every key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from textual import on
from textual.widgets import Input

from chansync.store import channels
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import Page
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import FilterLine
from chansync_tui.widgets.table import Table


class FilteredPage(Page):
    """Handles its ``Search`` and its ``FilterLine``; each screen keeps its own filters."""

    @property
    @abstractmethod
    def table(self) -> Table[Any]:
        """The list."""

    @property
    @abstractmethod
    def searched(self) -> str:
        """The text that filters the list now."""

    @abstractmethod
    def search(self, text: str) -> None:
        """Filter the list by a text; empty: all rows."""

    def action_search(self) -> None:
        self.query_one(Search).open(self.searched)

    @on(Input.Changed, "Search")
    def search_typed(self, event: Input.Changed) -> None:
        """Filter with every key."""
        self.search(event.value.strip())

    @on(Search.Left)
    def leave_search(self) -> None:
        """Give the focus back to the list."""
        self.table.focus()

    @on(FilterLine.Picked)
    async def pick_chip(self, event: FilterLine.Picked) -> None:
        """A click on a filter does what its key does."""
        await self.run_action(event.action)

    def choose_filter(
        self,
        title: str,
        options: Iterable[Option[str]],
        chosen: Callable[[Option[str]], None],
        *,
        word_width: int = 22,
    ) -> None:
        """Let the user choose one of the options, or "all", whose value is empty."""

        def finish(option: Option[str] | None) -> None:
            if option is not None:
                chosen(option)

        everything = Option("", "all", "no filter")
        self.app.push_screen(Finder(title, [everything, *options], word_width=word_width), finish)

    def channel_options(self) -> list[Option[str]]:
        """Every channel, with its id as the value."""
        found = channels.all_channels(self.context.db)
        return [Option(str(each.id), each.code, str(each["name"] or "")) for each in found]
