"""Screens with a list that can be filtered: a line of filters, and a search that works with every key."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import apsw
from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import Input

from chansync.model.times import local_text, now_ms
from chansync.store import channels, exporting
from chansync_tui.formatting import counted
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import COPY, Page
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import Chip
from chansync_tui.widgets.line import Hints
from chansync_tui.widgets.table import MarkTable, Table


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
        self.search(event.value.strip())

    @on(Search.Left)
    def leave_search(self) -> None:
        self.table.focus()


class Narrowing(NamedTuple):
    """A filter: its key and field, its title, what its key does; and what stands over its values, if not the title."""

    key: str
    field: str
    title: str
    does: str
    question: str = ""

    @property
    def binding(self) -> Binding:
        """Its key."""
        return Binding(self.key, f"narrow('{self.key}')", self.does)


class FilteredPage(SearchedPage):
    """Handles its filters and its marks; each screen keeps its own filters."""

    FILTERS: ClassVar[Sequence[Narrowing]] = ()
    FILTER_WIDTH: ClassVar[int] = 22

    #: The filters: a dataclass that lets everything through by its defaults, with a ``text`` among others.
    chosen: Any

    #: The code of the channel that the list is filtered by.
    channel_code = ""

    #: The keys for marked rows, besides those of every list.
    MARKED: ClassVar[Hints] = ()

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("E", "export", "Export the marked rows, or all shown, to a file", tooltip="Export"),
        COPY,
        Binding("escape", "clear", "Remove the marks; without any, clear the filters"),
    ]

    @property
    @abstractmethod
    def table(self) -> MarkTable[Any]:
        """The list."""

    def exported(self) -> MarkTable[Any]:
        """The list that an export writes, and whose marks count."""
        return self.table

    @on(MarkTable.Marked)
    def count_marks(self) -> None:
        """The hints name what is marked, and what can be done with it."""
        self.set_hints(self.exported().marked, [*self.MARKED, "c", "E"])

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
        from chansync_tui.screens.dialogs import Field, Question, path_of

        table = self.exported()
        items = list(table.marked.values()) or list(table.items)
        if not items:
            self.notify("There is nothing to export.")
            return
        read = None if table.marked else self.batches(table)
        titles, texts = table.titles, table.texts_of()

        def write(path: Path, db: apsw.Connection) -> str:
            # One snapshot of the list: an order that changes meanwhile would move from its end to its top.
            db.execute("BEGIN")
            parts = self.context.until_the_end(read(db) if read else [items])
            return f"{counted(exporting.write_reserved(path, titles, map(texts, parts)), 'row')} in {path}."

        def agreed(answer: Mapping[str, str]) -> None:
            path = path_of(answer["file"])
            self.context.note(f"Export to {path}")
            self.context.read_in_thread("Export", lambda db: write(path, db))

        rows = "every row that the filters let through" if read else counted(len(items), "row")
        about = f"Writes {rows} as CSV, or as JSON if the name ends so. An existing file stays."
        field = Field("file", "File", f"~/chansync-{self.tab()}-{local_text(now_ms())[:10]}.csv")
        question = Question(
            "Export", about, "Write", [field], lambda answer: exporting.reserve(path_of(answer["file"])), changes=False
        )
        question.ask(self, agreed)

    # Filters

    @abstractmethod
    def show_chosen(self) -> None:
        """Show what the filters let through."""

    def choose(self, chosen: Any) -> None:
        """Set the filters."""
        if chosen != self.chosen:
            self.chosen = chosen
            self.show_chosen()

    def narrow(self, field: str, value: Any) -> None:
        """Set one of the filters."""
        self.choose(replace(self.chosen, **{field: value}))

    def values_of(self, field: str) -> list[Option[Any]]:
        """What a filter can be set to; here: the channels."""
        return [Option(each.id, each.code, each.name) for each in channels.named(self.context.db)]

    def clear(self) -> None:
        """Clear the filters."""
        self.channel_code = ""
        self.choose(type(self.chosen)())

    @property
    def searched(self) -> str:
        text: str = self.chosen.text
        return text

    def search(self, text: str) -> None:
        self.narrow("text", text)

    def chips(self) -> list[Chip]:
        chosen, found = self.chosen, []
        for each in self.FILTERS:
            value = self.channel_code if each.field == "channel_id" else getattr(chosen, each.field)
            found.append(Chip(each.key, each.title, "yes" if value is True else value or ""))
        return [*found, Chip("/", "Text", chosen.text, "search")]

    def action_narrow(self, key: str) -> None:
        """Switch the filter, or let the user choose its value."""
        _, field, title, _, question = next(each for each in self.FILTERS if each.key == key)
        now = getattr(self.chosen, field)
        if isinstance(now, bool):
            self.narrow(field, not now)
            return
        options = self.values_of(field)

        def narrow(value: Any) -> None:
            if field == "channel_id":
                self.channel_code = next((each.word for each in options if each.value == value), "")
            self.narrow(field, value or getattr(type(self.chosen)(), field))

        every = Option[Any]("", "all", "no filter")
        Finder[Any](question or title, [every, *options], word_width=self.FILTER_WIDTH).ask(self, narrow)
