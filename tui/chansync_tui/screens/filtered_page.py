"""Screens with a list that can be filtered: a line of filters, and a search that works with every key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import apsw
from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from chansync.model.times import local_text, now_ms
from chansync.store import channels, exporting
from chansync_tui.context import Done
from chansync_tui.formatting import counted
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import COPY, Page
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import FilterLine
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.mark_table import MarkTable
from chansync_tui.widgets.table import Table


class SearchedPage(Page):
    """Handles its ``Search``, which narrows ``table`` with every key."""

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


class FilteredPage(SearchedPage):
    """Handles its ``FilterLine`` and its marks; each screen keeps its own filters."""

    #: The keys for marked rows, besides those of every list.
    MARKED: ClassVar[Sequence[Hint]] = ()

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "export", "Export the marked rows, or all shown, to a file"),
        COPY,
        Binding("escape", "clear", "Remove the marks; without any, clear the filters"),
    ]

    @property
    @abstractmethod
    def table(self) -> MarkTable[Any]:
        """The list."""

    @abstractmethod
    def clear(self) -> None:
        """Clear the filters."""

    def exported(self) -> MarkTable[Any]:
        """The list that an export writes, and whose marks count."""
        return self.table

    @on(MarkTable.Marked)
    def count_marks(self) -> None:
        """The hints name what is marked, and what can be done with it."""
        self.set_hints(self.exported().marked, [*self.MARKED, Hint("c", "Copy"), Hint("E", "Export")])

    def action_clear(self) -> None:
        if self.exported().marked:
            self.exported().unmark()
        else:
            self.clear()

    def batches(self, table: Table[Any]) -> Callable[[apsw.Connection], Iterable[Sequence[Any]]] | None:
        """Reads, in a thread, all rows that the filters let through; None where the list holds them all."""
        return None

    def action_export(self) -> None:
        """Write the marked rows, or all that the filters let through, to a file: CSV, or JSON if its name ends so."""
        from chansync_tui.screens.dialogs import Field, Question

        table = self.exported()
        items = list(table.marked.values()) or list(table.items)
        if not items:
            self.notify("There is nothing to export.")
            return
        read = None if table.marked else self.batches(table)
        titles, texts = table.titles, table.texts_of()

        def path_of(answer: Mapping[str, str]) -> Path:
            return Path(answer["file"]).expanduser().absolute()

        def write(path: Path, db: apsw.Connection) -> int:
            # One snapshot of the list: an order that changes meanwhile would move from its end to its top.
            db.execute("BEGIN")
            parts = self.context.until_the_end(read(db) if read else [items])
            return exporting.write_reserved(path, titles, map(texts, parts))

        def agreed(answer: dict[str, str] | None) -> None:
            if answer is not None:
                path = path_of(answer)
                self.context.note(f"Export to {path}")
                self.context.read_in_thread(
                    "Export", lambda db: write(path, db),
                    lambda count: self.app.post_message(Done("Export", f"{counted(count, 'row')} in {path}."))
                )  # fmt: skip

        rows = "every row that the filters let through" if read else counted(len(items), "row")
        about = f"Writes {rows} as CSV, or as JSON if the name ends so. An existing file stays."
        field = Field("file", "File", f"~/chansync-{self.tab()}-{local_text(now_ms())[:10]}.csv")
        question = Question(
            "Export", about, "Write", [field], lambda answer: exporting.reserve(path_of(answer)), changes=False
        )
        self.app.push_screen(question, agreed)

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
        return [Option(str(each.id), each.code, each.name) for each in channels.named(self.context.db)]
