"""One channel, to be read: its settings by section, mappings, lookups, last runs and open problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from chansync.model.channel import Channel
from chansync.store import channels
from chansync_tui.going import ShowMessage, ShowMessages
from chansync_tui.screens.channel_entries import entries_of
from chansync_tui.screens.lines import COLUMNS, Entry
from chansync_tui.screens.page import Page
from chansync_tui.widgets.hints import Hint
from chansync_tui.widgets.line import Line
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.search import Search
from chansync_tui.widgets.table import Table
from chansync_tui.words import TYPE_TONES


class ChannelView(Page):
    """Everything about a channel in one list; the pane explains the row under the cursor."""

    TAB = "channels"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("esc", "Back", keep=True),
        Hint("?", "Keys", keep=True),
        Hint("[ ]", "Section"),
        Hint("s", "Sync now", "Sync"),
        Hint("m", "Messages", "Msgs"),
        Hint("/", "Filter"),
        Hint("q", "Quit"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,h,left", "back", "Back"),
        Binding("right_square_bracket,tab", "section(1)", "Next section"),
        Binding("left_square_bracket,shift+tab", "section(-1)", "Previous section"),
        Binding("s", "sync", "Sync the channel now"),
        Binding("m", "messages", "Messages of the channel"),
        Binding("slash", "search", "Find a field"),
    ]

    def __init__(self, channel_id: int) -> None:
        super().__init__()
        self.channel_id = channel_id
        self._channel: Channel | None = None
        self._entries: list[Entry] = []
        self._text = ""

    def body(self) -> Iterable[Widget]:
        yield Line(id="about")
        yield Search("field or value")
        yield Table[Entry](COLUMNS, Entry.cells, lambda entry: entry.key, id="entries", head=False)
        yield Pane(id="pane")

    @property
    def table(self) -> Table[Entry]:
        return self.query_one("#entries", Table)

    def read(self) -> None:
        self._channel = channels.channel_by_id(self.desk.db, self.channel_id)
        about = self.query_one("#about", Line)
        if self._channel is None:
            about.put([(" This channel was removed meanwhile. ", "bad")])
            return
        kind = str(self._channel["system_type"])
        about.put(
            [(f" {self._channel.code} ", "strong"), (f"{self._channel['name'] or ''}  ", ""), (kind, TYPE_TONES[kind])],
            right=[("to be read here; change it with chansync channel set ", "dim")],
        )
        self._entries = entries_of(self.desk.db, self._channel)
        self._show()

    def _show(self) -> None:
        wanted = self._text.casefold()
        self.table.set_empty(f"Nothing here holds '{self._text}': esc shows all.")
        if not wanted:
            self.table.show(self._entries)
        else:
            self.table.show([e for e in self._entries if not e.heading and wanted in f"{e.label} {e.value}".casefold()])
        self.explain()

    @on(Table.Moved)
    def explain(self) -> None:
        """Tell about the row under the cursor."""
        entry = self.table.selected
        if entry is None:
            self.query_one(Pane).put([])
            return
        value = f"{entry.label}: {entry.value}" if entry.value else entry.label
        self.query_one(Pane).put([(value, "strong"), (entry.help, "")])

    @on(Table.Chosen)
    def open_row(self) -> None:
        """A problem opens its message."""
        entry = self.table.selected
        if entry is not None and entry.opens is not None:
            self.post_message(ShowMessage(entry.opens))

    def action_section(self, step: int) -> None:
        heads = [index for index, entry in enumerate(self.table.items) if entry.heading]
        if step > 0:
            target = next((index for index in heads if index > self.table.cursor), None)
        else:
            target = next((index for index in reversed(heads) if index < self.table.cursor), None)
        if target is not None:
            self.table.select(self.table.items[target].key, to_top=True)

    def action_search(self) -> None:
        self.query_one(Search).open(self._text)

    @on(Input.Changed)
    def narrow_text(self, event: Input.Changed) -> None:
        """Live, with every key."""
        self._text = event.value.strip()
        self._show()

    @on(Search.Left)
    def leave_search(self) -> None:
        """Back to the list."""
        self.table.focus()

    def action_back(self) -> None:
        if self._text:
            self._text = ""
            self._show()
        else:
            self.dismiss()

    def action_sync(self) -> None:
        if self._channel:
            self.desk.ask(f"Sync {self._channel.code}", "sync", self.channel_id, {})

    def action_messages(self) -> None:
        if self._channel:
            self.post_message(ShowMessages(self.channel_id, self._channel.code))

    def commands(self) -> Iterable[SystemCommand]:
        if self._channel:
            yield SystemCommand(f"Sync {self._channel.code}", "Pull its orders now (key s)", self.action_sync)
            yield SystemCommand(
                f"Messages of {self._channel.code}", "Its part of the log (key m)", self.action_messages
            )
