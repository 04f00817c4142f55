"""The list of all channels with their live state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync.model.times import local_text, now_ms
from chansync.store.channel_status import standing
from chansync.store.overview import ChannelLine, channel_lines
from chansync.store.pauses import pauses
from chansync_tui.formatting import TYPE_TONES, ago, counted, until
from chansync_tui.navigation_events import Edit
from chansync_tui.record_text import channel_paragraphs
from chansync_tui.screens.channel_actions import ChannelActions, is_failing, state_of
from chansync_tui.screens.filtered_page import FilteredPage, Narrowing
from chansync_tui.screens.finder import Option
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import Chip, FilterLine
from chansync_tui.widgets.line import Hint, Part
from chansync_tui.widgets.pane import Paragraph
from chansync_tui.widgets.table import Cell, MarkTable

_COLUMNS = (
    Column("Used", 4, drop=2),
    Column("Code", 11, 30),
    Column("Name", 10, 34, drop=4),
    Column("System", 8, 20, drop=5),
    Column("Type", 10),
    Column("POS", 6, 16, drop=6),
    Column("Last", 6, right=True),
    Column("Next", 6, drop=3, right=True),
    Column("Today", 5, right=True),
    Column("Open", 4, right=True),
    # Of one width, so that no column comes or goes while a sync runs.
    Column("Now", 14),
)

_NO_CHANNELS = """No channel yet.

  {w}   the guide: from nothing to a channel that syncs, step by step
  {a}   add a channel now

The same by commands is in the README: chansync system add, erp add, channel add.
To see how it looks first: chansync demo"""


#: The values of the filter "Now", with their meaning and condition.
_STANDS: dict[str, tuple[str, Callable[[ChannelLine], bool]]] = {
    "wrong": ("fails, or has open problems", lambda line: is_wrong(line)),
    "failing": ("its last run failed", lambda line: is_failing(line)),
    "running": ("syncs now", lambda line: line.running),
}


def is_wrong(line: ChannelLine) -> bool:
    return is_failing(line) or line.problems > 0


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the list; an empty one lets everything through."""

    system: str = ""
    type: str = ""
    used: str = ""
    now: str = ""
    text: str = ""

    def matches(self, line: ChannelLine) -> bool:
        return (
            (not self.system or line.system == self.system)
            and (not self.type or line.system_type == self.type)
            and (not self.used or line.used == (self.used == "yes"))
            and (not self.now or _STANDS[self.now][1](line))
            and (not self.text or self.text.casefold() in f"{line.code} {line.name} {line.pos}".casefold())
        )


class Channels(FilteredPage, ChannelActions):
    """The list of channels by code; Enter opens one."""

    TAB = "channels"
    SCOPE = "channels"
    ABOUT = "The channels with their settings: add and open them, sync, pause and resume."
    HINTS = ("?", "q", "a", Hint("enter", "Open"), Hint("s", "Sync now", "Sync"), "p", "e", "m", "o", "/", "^p")

    FILTERS = (
        Narrowing("S", "system", "System", "Filter by system"),
        Narrowing("T", "type", "Type", "Filter by type"),
        Narrowing("U", "used", "Used", "Filter by used or not"),
        Narrowing("N", "now", "Now", "Filter by what it does now: failing, running, with problems"),
    )
    FILTER_WIDTH = 16

    MARKED = ("s", "p")

    chosen = Filters()

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add a channel", tooltip="Add"),
        Binding("w", "app.open('Guide')", "The guide: first steps"),
        *ChannelActions.ACTIONS,
        Binding(
            "e",
            "next_wrong",
            "Next channel that fails; if none does, that has open problems",
            tooltip="Next wrong|Wrong",
        ),
        Binding("m", "messages", "Messages of the channel", tooltip="Messages|Msgs"),
        Binding("o", "orders", "Orders of the channel", tooltip="Orders"),
        Binding("slash", "search", "Filter by text", tooltip="Filter"),
        *(each.binding for each in FILTERS),
    ]

    table: query_one[MarkTable[ChannelLine]] = query_one("#channels", MarkTable)

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[ChannelLine] = []

    def body(self) -> Iterable[Widget]:
        yield FilterLine()
        yield Search("code, name or POS")
        yield from self.panes(
            MarkTable[ChannelLine](_COLUMNS, self._cells, lambda line: line.id, id="channels", list_name="channels")
        )

    def read(self) -> None:
        self._lines = channel_lines(self.context.db)
        self.pauses = pauses(self.context.db)
        self.show_chosen()

    def show_chosen(self) -> None:
        shown = [line for line in self._lines if self.chosen.matches(line)]
        self.table.set_empty(
            f"No channel matches the filters: {self.own_key('esc')} clears them."
            if self._lines
            else _NO_CHANNELS.format(w=self.own_key("w"), a=self.own_key("a"))
        )
        self.table.show(shown)
        chips = [Chip("a", "Add", action="add", is_button=True), *self.chips()]
        self.query_one(FilterLine).set_chips(chips, *(_summary(shown) if self._lines else ()))
        self.explain()

    def below(self) -> Sequence[Part]:
        line = self.table.selected
        if line is None:
            return []
        return [*self.paused(line), *((each.text, each.kind) for each in standing(self.context.db, line, now_ms()))]

    def beside(self) -> Iterable[Paragraph]:
        line = self.table.selected
        return channel_paragraphs(self.context.db, line, self.below()) if line else ()

    def _cells(self, line: ChannelLine) -> tuple[Cell | str, ...]:
        now = now_ms()
        tone = "" if line.used else "dim"
        failing = is_failing(line)
        return (
            Cell("yes" if line.used else "no", tone),
            Cell(line.code, "strong" if line.used else "dim"),
            Cell(line.name, tone),
            Cell(line.system, tone),
            Cell(line.system_type, TYPE_TONES.get(line.system_type, "")),
            Cell(line.pos, tone),
            Cell(ago(line.last_ok_at, now), "bad" if failing else tone, local_text(line.last_ok_at, seconds=True)),
            Cell(*((until(line.next_run_at, now), tone, local_text(line.next_run_at)) if line.used else ("off", tone))),
            Cell(str(line.orders_today), tone if line.orders_today else "dim"),
            Cell(str(line.problems), "bad" if line.problems else "dim"),
            Cell(state_of(line, self.pauses.get(line.id), now), _tone(line)),
        )

    # Filters

    def values_of(self, field: str) -> list[Option[Any]]:
        if field == "now":
            return [Option(word, word, about) for word, (about, _) in _STANDS.items()]
        words = {
            "system": sorted({line.system for line in self._lines}),
            "type": ["production", "working", "test"],
            "used": ["yes", "no"],
        }[field]
        return [Option(word, word) for word in words]

    # Actions

    def action_add(self) -> None:
        self.post_message(Edit("channel"))

    def action_next_wrong(self) -> None:
        lines = self.table.items
        after = [*lines[self.table.cursor + 1 :], *lines[: self.table.cursor + 1]]
        line = next((line for line in after if is_failing(line)), None) or next(filter(is_wrong, after), None)
        if line is None:
            self.notify("No channel here fails, and none has open problems.", timeout=4)
        else:
            self.table.select(line.id)

    def commands(self) -> Iterable[SystemCommand]:
        if line := self.table.selected:
            yield SystemCommand(f"Open {line.code}", "Settings, mappings, runs (enter)", self.open_channel)
            yield from super().commands()
            yield SystemCommand(f"Orders of {line.code}", "The last change first (key o)", self.action_orders)
        yield SystemCommand("Add a channel", "A new one (key a)", self.action_add)
        yield SystemCommand("Filter by text", "Narrow the list (key /)", self.action_search)


def _summary(lines: Sequence[ChannelLine]) -> tuple[str, str]:
    """The number of channels with what is wrong among them, and a shorter text with the latter alone."""
    failing, problems = sum(map(is_failing, lines)), sum(line.problems for line in lines)
    running = sum(line.running for line in lines)
    parts = [f"{failing} failing"] * bool(failing) + [f"{running} running"] * bool(running)
    wrong = [*parts, counted(problems, "open problem")]
    return ", ".join([counted(len(lines), "channel"), *wrong]), f"{failing} failing, {counted(problems, 'problem')}"


def _tone(line: ChannelLine) -> str:
    if line.running:
        return "note"
    return "bad" if is_failing(line) else "dim"
