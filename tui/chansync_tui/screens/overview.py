"""The first screen: each channel at a glance, and what needs a person, by its cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.getters import query_one
from textual.widget import Widget

from chansync.model.errors import ChansyncError
from chansync.model.money import format_sums
from chansync.model.times import local_text, now_ms
from chansync.store import day
from chansync.store.channels import pauses
from chansync.store.day import Day, quiet_hours
from chansync.store.overview import ChannelLine, channel_lines, open_count
from chansync.store.problem_causes import Cause
from chansync_tui.formatting import clock, counted, spark, until
from chansync_tui.navigation_events import ShowTab
from chansync_tui.screens.cause_reader import CAUSE_COLUMNS, CauseReader, cause_cells
from chansync_tui.screens.channel_actions import SIGN_TONES, ChannelActions, sign_of, state_of
from chansync_tui.screens.page import COPY
from chansync_tui.symbols import symbols
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Hint, Line, Part
from chansync_tui.widgets.pane import Paragraph
from chansync_tui.widgets.table import Cell, MarkTable, Table

if TYPE_CHECKING:
    from chansync.store.messages import Message

_COLUMNS = (
    Column("", 1),
    Column("Channel", 11, 30),
    Column("Last 24 hours", 24, drop=2, sorts=False),
    Column("Today", 5, right=True),
    Column("Problems", 8, right=True),
    Column("Next", 6, right=True, drop=3),
    Column("Sales today", 12, 30, right=True, drop=4, whole=True),
    Column("Now", 14, 40, drop=1),
)

_NOTHING = """No channel yet: {w} opens the guide, step by step to a channel that syncs."""

#: So many of a channel's problems are shown beside it.
_NEWEST = 50


class Overview(ChannelActions):
    """The channels, and below them the causes of open problems; wide screens show the channel's problems beside it."""

    TAB = "overview"
    SCOPE = "overview"
    ABOUT = "How every channel does, and below what needs you, by its cause: mend it where it shows."
    AUTO_FOCUS = "#channels"
    HINTS = ("?", "q", Hint("enter", "Open"), "m", "s", "p", "tab", "o", Hint("^p", "Find anything", "Find"))

    BINDINGS: ClassVar[list[BindingType]] = [
        *ChannelActions.ACTIONS,
        Binding("m", "mend", "Mend: the problem under the cursor, or the channel's newest", tooltip="Mend"),
        Binding("x", "solve", "Mark the problems under the cursor as solved", tooltip="Solved"),
        Binding("r", "retry", "Try again what waits for the cause under the cursor", tooltip="Retry"),
        Binding("o", "orders", "Orders of the channel", tooltip="Orders"),
        Binding("tab,shift+tab", "other", "Channels or problems", tooltip="Problems"),
        Binding("w", "app.open('Guide')", "The guide: first steps"),
        Binding("escape", "unmark", "Remove the marks"),
        COPY,
    ]

    causes: query_one[MarkTable[Cause]] = query_one("#causes", MarkTable)

    def __init__(self) -> None:
        super().__init__()
        self._days: dict[int, Day] = {}
        self._reading = False
        self._cause_reader = CauseReader(self, self._show_causes)

    def body(self) -> Iterable[Widget]:
        yield Line(id="today")
        yield from self.panes(
            Vertical(
                MarkTable[ChannelLine](
                    _COLUMNS, self._cells, lambda line: line.id, id="channels", list_name="overview"
                ),
                MarkTable[Cause](CAUSE_COLUMNS, cause_cells, lambda cause: cause.key, id="causes", list_name="causes"),
                id="lists",
            )
        )

    def on_mount(self) -> None:
        self.channels.set_empty(_NOTHING.format(w=self.own_key("w")))

    # Reading

    def read(self) -> None:
        db = self.context.db
        self.pauses = pauses(db)
        lines = channel_lines(db)
        # What needs a person is at the top.
        lines.sort(key=lambda line: ("bad", "warn", "good", "dim").index(SIGN_TONES[sign_of(line)]))
        self.channels.show(lines)
        if not self._cause_reader.is_known:
            # Until they are read, there is room for a cause each.
            self._share_height(len(lines), open_count(db))
        self._cause_reader.read()
        self._show_today(lines)
        # The lists are painted first.
        self.explain_soon()
        if not self._reading:
            self._reading = True
            # After the first paint: it takes a connection of its own.
            self.set_timer(0.3, lambda: self.run_worker(self._read_days, thread=True))

    def _show_causes(self, found: list[Cause]) -> None:
        self.causes.set_empty("No open problem.")
        self.causes.show(found)
        self._share_height(len(self.channels.items), len(found))

    def _read_days(self) -> None:
        try:
            found = self.context.read(day.days, lambda: True)
        except ChansyncError:
            found = None
        self.call_later(self._show_days, found)

    def _show_days(self, found: dict[int, Day] | None) -> None:
        """Show the hours and the sales of the day; None: they could not be read."""
        self._reading = False
        if found is not None and found != self._days:
            self._days = found
            self.channels.redraw_rows()
            self._show_today(self.channels.items)
            self.explain()

    def _share_height(self, channels: int, causes: int) -> None:
        """Half of the screen for problems at the most, unless the channels leave more of it."""
        room = max(8, self.size.height - 9)
        below = min(max(2, causes + 1), max(room // 2, room - channels - 1))
        # A line apart, where there is one; without channels, what to do is said there.
        above = min(channels + 2 if channels else 4, room - below)
        if self.channels.styles.height is None or self.channels.styles.height.value != above:
            self.channels.styles.height = above

    def _show_today(self, lines: Sequence[ChannelLine]) -> None:
        money: dict[str, Decimal] = {}
        for found in self._days.values():
            for currency, amount in found.money.items():
                money[currency] = money.get(currency, Decimal(0)) + amount
        used = [line for line in lines if line.used]
        failing = sum(bool(line.failing) for line in used)
        problems = sum(line.problems for line in lines)
        parts: list[Part] = [(f" {counted(len(used), 'channel')} in use", "")]
        parts += [(f", {failing} failing", "bad")] * bool(failing)
        parts += [(f", {counted(problems, 'open problem')}", "warn")] * bool(problems)
        today = f"today {counted(sum(line.orders_today for line in lines), 'sale')}"
        sold = format_sums(money)
        self.query_one("#today", Line).put(
            [*parts, (f"   {today}", "strong"), (f"  {sold}" if sold else "", "")],
            [*parts, (f"   {today}", "strong")],
            parts,
        )

    def _cells(self, line: ChannelLine) -> tuple[Cell | str, ...]:
        now = now_ms()
        found = self._days.get(line.id) or Day()
        sign = sign_of(line)
        tone = "" if line.used else "dim"
        quiet = quiet_hours(found.hours) if line.used else 0
        state = f"no sale for {quiet} h" if quiet and sign == "on" else state_of(line, self.pauses.get(line.id), now)
        return (
            Cell(*_sign(sign)),
            Cell(line.code, "strong" if line.used else "dim"),
            Cell(spark(found.hours), "warn" if quiet else "note"),
            Cell(str(line.orders_today), tone if line.orders_today else "dim"),
            Cell(str(line.problems) if line.problems else "", "bad"),
            Cell(*((until(line.next_run_at, now), tone, local_text(line.next_run_at)) if line.used else ("", tone))),
            Cell(format_sums(found.money), tone),
            Cell(state, "warn" if quiet else SIGN_TONES[sign]),
        )

    def on_descendant_focus(self) -> None:
        self.explain_soon()

    def below(self) -> Sequence[Part]:
        """The state of the channel under the cursor, or what can be done about the cause."""
        from chansync.store.channel_status import standing

        line = self.channels.selected
        told: list[Part] = []
        if self.causes.has_focus and (cause := self.causes.selected):
            told = [
                (cause.sentence, "strong"),
                (f"{self.own_key('m')} mends it, for all of them; enter shows them", "dim"),
            ]
        elif line is not None:
            told = self.paused(line)
            told = told or [(each.text, each.kind) for each in standing(self.context.db, line, now_ms())]
        return told

    def beside(self) -> Iterable[Paragraph]:
        """The newest problems of the channel."""
        line = self.channels.selected
        if line is None:
            return
        yield Paragraph(f"{line.code}  {line.name}", "title", heading=True)
        yield Paragraph("")
        found = self._newest(line, _NEWEST)
        if not found:
            yield Paragraph("No open problem.", "good")
            return
        yield Paragraph(f"{counted(line.problems, 'open problem')}, the newest:", "strong")
        for message in found:
            text = f"{clock(message.last_at, now_ms())}  {message.sentence}"
            yield Paragraph(text, "bad", opens=("message", message.id))

    def _newest(self, line: ChannelLine, count: int) -> list[Message]:
        from chansync.store import messages

        return messages.newest_open(self.context.db, line.id, count)

    # Actions

    @on(Table.Chosen, "#causes")
    def open_cause(self) -> None:
        if cause := self.causes.selected:
            self.post_message(ShowTab("messages", "only_cause", cause))

    def action_other(self) -> None:
        (self.channels if self.causes.has_focus else self.causes).focus()

    # What mends is imported when it is needed: the first screen is there sooner.

    def action_mend(self) -> None:
        from chansync_tui.screens import mend

        if self.causes.has_focus:
            if cause := self.causes.selected:
                mend.offer(self, cause.message_ids[0], of_cause=True)
        elif line := self.channels.selected:
            if found := self._newest(line, 1):
                mend.offer(self, found[0].id)
            else:
                self.notify(f"{line.code} has no open problem.")

    def _chosen_causes(self) -> list[Cause]:
        return self.causes.chosen if self.causes.has_focus else []

    def action_solve(self) -> None:
        from chansync_tui.screens import mend

        mend.solve(self, [each for cause in self._chosen_causes() for each in cause.message_ids])

    def action_retry(self) -> None:
        from chansync_tui.screens import mend

        found = self._chosen_causes()
        mend.retry(self, [each for cause in found for each in cause.message_ids], None)

    def action_unmark(self) -> None:
        self.channels.unmark()
        self.causes.unmark()

    @on(MarkTable.Marked)
    def count_marks(self) -> None:
        marked = self.channels.marked or self.causes.marked
        self.set_hints(marked, ["s", Hint("p", "Pause"), "r", "x"])


def _sign(sign: str) -> tuple[str, str]:
    drawn = {"on": symbols().on, "off": symbols().off, "bad": "x" if symbols().ascii_only else "✖", "warn": "!"}
    return drawn[sign], SIGN_TONES[sign]
