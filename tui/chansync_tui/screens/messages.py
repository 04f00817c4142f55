"""The message log with filters, newest first, updated live."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import apsw
from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.widget import Widget

from chansync.model.message import CODES
from chansync.model.paging import Span
from chansync.model.times import local_text, now_ms
from chansync.store import messages
from chansync.store.message_search import Filter
from chansync.store.overview import MessageLine, message_lines, orders_with_problems
from chansync_tui.formatting import clock, counted
from chansync_tui.navigation import ShowMessage
from chansync_tui.screens.dialogs import Confirm
from chansync_tui.screens.finder import Option
from chansync_tui.screens.list_page import ListPage
from chansync_tui.screens.message import MessageActions
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import Chip, FilterLine
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.table import Cell, Table

_COLUMNS = (
    Column("Time", 5, 11, whole=True),
    Column("State", 7),
    Column("Channel", 9, 20, drop=1),
    Column("Order", 8, 24, whole=True),
    Column("Count", 5, right=True, drop=3),
    Column("Code", 18, 24, drop=2),
    Column("What happened", 28, 400),
)

#: The most orders that "retry all shown" retries.
_MOST_RETRIED = 5000


@dataclass(frozen=True, slots=True)
class MessageSource:
    """The log with its filters."""

    chosen: Filter

    def read(self, db: apsw.Connection, span: Span) -> list[MessageLine]:
        # The newest is first: rows further down have lower ids.
        edge = int(span.inclusive)
        below = None if span.after is None else int(span.after[0]) + edge
        above = None if span.before is None else int(span.before[0]) - edge
        chosen = replace(self.chosen, after_id=above)
        found = message_lines(db, chosen, limit=span.limit, before_id=below, oldest_first=span.backwards)
        return found[::-1] if span.backwards else found


class Messages(ListPage[MessageLine]):
    """The log."""

    TAB = "messages"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("?", "Keys", keep=True),
        Hint("q", "Quit", keep=True),
        Hint("enter", "Details", "More"),
        Hint("r", "Retry"),
        Hint("x", "Solved"),
        Hint("/", "Text"),
        Hint("R", "Retry all shown", "Retry all"),
        Hint("c", "Copy"),
        Hint("v", "The order", "Order"),
        Hint("o", "Channel"),
        Hint("^p", "Palette"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        *MessageActions.BINDINGS,
        Binding("R", "retry_all", "Retry the orders of all shown"),
        Binding("slash", "search", "Filter by text"),
        Binding("C", "narrow('C')", "Filter by channel"),
        Binding("S", "narrow('S')", "Filter by severity"),
        Binding("O", "toggle_open", "Open problems only, or all"),
        Binding("D", "narrow('D')", "Filter by code"),
        Binding("escape", "clear", "Clear the filters"),
    ]

    def __init__(self) -> None:
        super().__init__(MessageSource(Filter()))
        self._actions = MessageActions(self, self._selected_message)
        self._channel_code = ""
        self._order_number = ""

    def body(self) -> Iterable[Widget]:
        yield FilterLine()
        yield Search("sentence or order number")
        yield Table[MessageLine](_COLUMNS, _cells, lambda line: line.key, id="list", partial=True)
        yield Pane(id="pane")

    @property
    def chosen(self) -> Filter:
        """The filters."""
        source = self.window.source
        assert isinstance(source, MessageSource)
        return source.chosen

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.set_class(event.size.height >= 32, "-tall")

    def show_chips(self) -> None:
        chosen = self.chosen
        note = self.counted_rows("message")
        chips = [
            Chip("C", "Channel", self._channel_code),
            Chip("S", "Severity", chosen.severity or ""),
            Chip("O", "Open only", "yes" if chosen.open_only else "", "toggle_open"),
            Chip("D", "Code", chosen.code or ""),
            Chip("/", "Text", chosen.text, "search"),
        ]
        if chosen.order_id is not None:
            chips.insert(0, Chip("esc", "Order", self._order_number, "clear"))
        self.query_one(FilterLine).set_chips(chips, note)

    def empty_text(self) -> str:
        if self.chosen != Filter():
            return "No message matches the filters: esc clears them."
        return "No message yet: nothing has gone wrong."

    def explain(self) -> None:
        line = self.table.selected
        if line is None:
            self.query_one(Pane).put([])
            return
        code = CODES.get(line.code)
        times = f"{counted(line.count, 'time')}, last {local_text(line.last_at, seconds=True)}. Code: {line.code}."
        self.query_one(Pane).put(
            [(line.sentence, "strong"), (code.remedy if code else "", ""), (times, "dim"), ("enter: its data", "dim")]
        )

    # Filters

    def only_channel(self, channel_id: int, code: str, order_id: int | None = None, number: str = "") -> None:
        """Show the messages of one channel, or of one of its orders."""
        self._channel_code = code
        self._order_number = number
        self._set_filter(Filter(channel_id=channel_id, order_id=order_id))

    def _set_filter(self, chosen: Filter) -> None:
        self.set_source(MessageSource(chosen))

    @property
    def searched(self) -> str:
        return self.chosen.text

    def search(self, text: str) -> None:
        self._set_filter(replace(self.chosen, text=text))

    def action_clear(self) -> None:
        self._channel_code = ""
        self._set_filter(Filter())

    def action_toggle_open(self) -> None:
        self._set_filter(replace(self.chosen, open_only=not self.chosen.open_only))

    def action_narrow(self, key: str) -> None:
        if key == "C":
            self.choose_filter("Channel", self.channel_options(), self._narrow_channel)
        elif key == "S":
            severities = [Option(word, word) for word in ("problem", "warning", "info")]
            self.choose_filter(
                "Severity", severities, lambda each: self._set_filter(replace(self.chosen, severity=each.value or None))
            )
        else:
            codes = [Option(code.code, code.code, code.title) for code in CODES.values()]
            self.choose_filter(
                "Code", codes, lambda each: self._set_filter(replace(self.chosen, code=each.value or None))
            )

    def _narrow_channel(self, option: Option[str]) -> None:
        self._channel_code = option.word if option.value else ""
        channel_id = int(option.value) if option.value else None
        self._set_filter(replace(self.chosen, channel_id=channel_id, order_id=None))

    # Actions

    def action_message(self, name: str) -> None:
        self._actions.run(name)

    def _selected_message(self) -> messages.Message | None:
        line = self.table.selected
        return messages.message(self.context.db, line.id) if line else None

    @on(Table.Chosen)
    def open_details(self) -> None:
        """Open the message."""
        if line := self.table.selected:
            self.post_message(ShowMessage(line.id))

    def action_retry_all(self) -> None:
        found = orders_with_problems(self.context.db, self.chosen, limit=_MOST_RETRIED)
        order_ids = sorted(order_id for ids in found.values() for order_id in ids)
        if not order_ids:
            self.notify("No order with an open problem is shown.", markup=False)
            return
        only = next(iter(found)) if len(found) == 1 else None
        label = f"Retry {counted(len(order_ids), 'order')}"

        def retry(agreed: bool | None) -> None:
            if agreed:
                self.context.ask(label, "retry", only, {"order_ids": order_ids})

        most = f" (the newest {_MOST_RETRIED})" if len(order_ids) == _MOST_RETRIED else ""
        question = f"{label} of {counted(len(found), 'channel')}{most}: all with an open problem that the filters show?"
        self.app.push_screen(Confirm(question, "Retry"), retry)

    def commands(self) -> Iterable[SystemCommand]:
        yield from self._actions.commands()
        yield SystemCommand("Retry all shown", "The orders of the shown problems (key R)", self.action_retry_all)
        yield SystemCommand("Open problems only", "Or all messages (key O)", self.action_toggle_open)


def state_of(line: MessageLine) -> Cell:
    """The state of a message in one word."""
    if line.open:
        return Cell("open", "bad")
    if line.solved:
        return Cell("solved", "good")
    return Cell(line.severity, "warn" if line.severity == "warning" else "dim")


def _happened(line: MessageLine) -> str:
    """The sentence without the order's number, which has a column of its own."""
    prefix = f"Order {line.order_number}: "
    if not line.sentence.startswith(prefix):
        return line.sentence
    rest = line.sentence[len(prefix) :]
    return rest[:1].upper() + rest[1:]


def _cells(line: MessageLine) -> tuple[Cell | str, ...]:
    tone = "" if line.open or line.severity != "problem" else "dim"
    return (
        Cell(clock(line.last_at, now_ms()), tone),
        state_of(line),
        Cell(line.channel_code, tone),
        Cell(line.order_number, tone),
        Cell(f"{line.count}x" if line.count > 1 else "", tone),
        Cell(line.code, tone),
        Cell(_happened(line), tone),
    )
