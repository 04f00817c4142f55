"""The message log: newest first and live, with filters; a window of it is held, never all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message as TextualMessage
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from chansync.model.errors import ChansyncError
from chansync.model.message import CODES
from chansync.model.times import local_text, now_ms
from chansync.store import messages
from chansync.store.messages import Filter
from chansync.store.overview import MessageLine, orders_with_problems
from chansync_tui.going import ShowMessage
from chansync_tui.screens.confirm import Confirm
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.message_actions import MessageActions
from chansync_tui.screens.page import Page
from chansync_tui.widgets.filterline import Chip, FilterLine
from chansync_tui.widgets.hints import Hint
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.search import Search
from chansync_tui.widgets.table import Cell, Column, Table
from chansync_tui.window import Ask, Fetch, Window, perform
from chansync_tui.words import clock, counted

_COLUMNS = (
    Column("Time", 11),
    Column("State", 7),
    Column("Channel", 10, 14, drop=1),
    Column("Order", 8, 10),
    Column("Count", 5, right=True, drop=3),
    Column("Code", 20, 20, drop=2),
    Column("What happened", 24, 400),
)
_NARROW = tuple(replace(column, width=28) if column.most == 400 else column for column in _COLUMNS)

#: How near the end of the window the cursor comes before more is fetched, in rows.
_NEAR = 50

#: How many orders "retry all shown" takes at most.
_MOST_RETRIED = 5000


class Messages(MessageActions, Page):
    """The log. Only the handlers here change the window; reads happen in a thread."""

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
        Hint("o", "Channel"),
        Hint("^p", "Palette"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("R", "retry_all", "Retry the orders of all shown"),
        Binding("slash", "search", "Filter by text"),
        Binding("C", "narrow('C')", "Filter by channel"),
        Binding("S", "narrow('S')", "Filter by severity"),
        Binding("O", "toggle_open", "Open problems only, or all"),
        Binding("D", "narrow('D')", "Filter by code"),
        Binding("escape", "clear", "Clear the filters"),
    ]

    class Fetched(TextualMessage):
        """A read for the window is done."""

        def __init__(self, fetch: Fetch, found: list[MessageLine] | None, failure: str = "") -> None:
            super().__init__()
            self.fetch = fetch
            self.found = found
            self.failure = failure

    def __init__(self) -> None:
        super().__init__()
        self._window = Window()
        self._channel_code = ""
        self._under_way: Fetch | None = None
        self._next: Ask | None = None
        self._slow: Timer | None = None
        self._pane_timer: Timer | None = None

    def body(self) -> Iterable[Widget]:
        yield FilterLine()
        yield Search("sentence or order number")
        yield Table[MessageLine](_COLUMNS, _cells, lambda line: line.id, id="messages", partial=True)
        yield Pane(id="pane")

    @property
    def table(self) -> Table[MessageLine]:
        return self.query_one("#messages", Table)

    def on_resize(self, event: events.Resize) -> None:
        super().on_resize(event)
        self.table.set_columns(_NARROW if event.size.width < 130 else _COLUMNS)
        self.set_class(event.size.height >= 32, "-tall")

    # Reading

    def read(self) -> None:
        self._show_chips()
        self._fetch(Ask.AGAIN if self._window.lines else Ask.TOP)

    def _fetch(self, ask: Ask) -> None:
        """One read at a time; a wish that comes meanwhile waits, the strongest one."""
        if self._under_way is not None:
            if self._next in (None, Ask.AGAIN):
                self._next = ask
            return
        fetch = self._under_way = self._window.fetch(ask)
        self.run_worker(lambda: self._read_in_thread(fetch), thread=True, group="fetch", exit_on_error=False)

    def _read_in_thread(self, fetch: Fetch) -> None:
        try:
            found = self.desk.read(lambda db: perform(db, fetch), lambda: self._under_way is fetch)
            self.post_message(self.Fetched(fetch, found))
        except ChansyncError as error:
            self.post_message(self.Fetched(fetch, None, str(error)))

    def _start_over(self) -> None:
        """The filters changed: what is being read is no longer wanted."""
        self._under_way = self._next = None
        self.desk.interrupt()
        self._window = Window(chosen=self._window.chosen)
        self._show_chips()
        self._fetch(Ask.TOP)
        if self._slow:
            self._slow.stop()
        self._slow = self.set_timer(0.3, self._say_searching)

    def _say_searching(self) -> None:
        if self._under_way is not None and self._under_way.ask is Ask.TOP:
            self.table.show([])
            self.table.set_empty("Searching the log...")
            self._show_chips()

    @on(Fetched)
    def take(self, event: Fetched) -> None:
        """Take in what was read, unless the filters changed meanwhile."""
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

    def _take(self, fetch: Fetch, found: list[MessageLine]) -> None:
        window = self._window
        window.take(fetch, found)
        filtered = window.chosen != Filter()
        self.table.set_empty(
            "No message matches the filters: esc clears them."
            if filtered
            else "No message yet: nothing has gone wrong."
        )
        # At the very top the cursor follows what is new.
        follow = fetch.ask is Ask.TOP or (fetch.ask is Ask.AGAIN and window.at_top and self.table.cursor == 0)
        self.table.show(window.lines, follow=follow)
        if fetch.ask is Ask.END:
            self.table.select(window.lines[-1].id if window.lines else None)
        self._show_chips()
        self._explain_soon()

    def _show_chips(self) -> None:
        chosen, window = self._window.chosen, self._window
        more = "" if window.at_end and window.at_top else "+"
        note = f"{counted(len(window.lines), 'message')}{more}"
        chips = (
            Chip("C", "Channel", self._channel_code),
            Chip("S", "Severity", chosen.severity or ""),
            Chip("O", "Open only", "yes" if chosen.open_only else ""),
            Chip("D", "Code", chosen.code or ""),
            Chip("/", "Text", chosen.text),
        )
        self.query_one(FilterLine).set_chips(chips, note)

    # Moving

    @on(Table.Moved)
    def moved(self) -> None:
        """The cursor is on another row."""
        self.look_ahead()
        self._explain_soon()

    @on(Table.Scrolled)
    def look_ahead(self) -> None:
        """Fetch more before the end of the window comes into sight."""
        window, table = self._window, self.table
        top = table.scroll_offset.y
        if max(table.cursor, top + table.page) > len(window.lines) - _NEAR and not window.at_end:
            self._fetch(Ask.OLDER)
        elif min(table.cursor, top) < _NEAR and not window.at_top:
            self._fetch(Ask.NEWER)

    @on(Table.Ended)
    def go_to_end(self, event: Table.Ended) -> None:
        """The first or the last message of all, not only of the window."""
        if event.last and not self._window.at_end:
            self._fetch(Ask.END)
        elif not event.last and not self._window.at_top:
            self._fetch(Ask.TOP)

    def _explain_soon(self) -> None:
        """Not with every row that the cursor passes."""
        if not self.has_class("-tall"):
            return
        if self._pane_timer:
            self._pane_timer.stop()
        self._pane_timer = self.set_timer(0.12, self._explain)

    def _explain(self) -> None:
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

    def only_channel(self, channel_id: int, code: str) -> None:
        """Show the messages of that channel alone."""
        self._channel_code = code
        self._set_filter(Filter(channel_id=channel_id))

    def _set_filter(self, chosen: Filter) -> None:
        if chosen != self._window.chosen:
            self._window.chosen = chosen
            self._start_over()

    def action_search(self) -> None:
        self.query_one(Search).open(self._window.chosen.text)

    @on(Input.Changed)
    def narrow_text(self, event: Input.Changed) -> None:
        """Live, with every key."""
        self._set_filter(replace(self._window.chosen, text=event.value.strip()))

    @on(Search.Left)
    def leave_search(self) -> None:
        """Back to the list."""
        self.table.focus()

    def action_clear(self) -> None:
        self._channel_code = ""
        self._set_filter(Filter())

    def action_toggle_open(self) -> None:
        self._set_filter(replace(self._window.chosen, open_only=not self._window.chosen.open_only))

    @on(FilterLine.Picked)
    def pick_chip(self, event: FilterLine.Picked) -> None:
        """A click is like the key."""
        if event.key == "/":
            self.action_search()
        elif event.key == "O":
            self.action_toggle_open()
        else:
            self.action_narrow(event.key)

    def action_narrow(self, key: str) -> None:
        title, options = {
            "C": ("Channel", self._channel_options),
            "S": ("Severity", lambda: [Option(word, word) for word in ("problem", "warning", "info")]),
            "D": ("Code", lambda: [Option(code.code, code.code, code.title) for code in CODES.values()]),
        }[key]

        def narrow(chosen: Option[str] | None) -> None:
            if chosen is None:
                return
            value = chosen.value or None
            if key == "C":
                self._channel_code = chosen.word if value else ""
                self._set_filter(replace(self._window.chosen, channel_id=int(value) if value else None))
            elif key == "S":
                self._set_filter(replace(self._window.chosen, severity=value))
            else:
                self._set_filter(replace(self._window.chosen, code=value))

        self.app.push_screen(Finder(title, [Option("", "all", "no filter"), *options()], word_width=22), narrow)

    def _channel_options(self) -> list[Option[str]]:
        from chansync.store.channels import all_channels

        return [Option(str(c.id), c.code, str(c["name"] or "")) for c in all_channels(self.desk.db)]

    # What can be done with messages; the rest is in MessageActions

    def selected_message(self) -> messages.Message | None:
        line = self.table.selected
        return messages.message(self.desk.db, line.id) if line else None

    @on(Table.Chosen)
    def open_details(self) -> None:
        """The message in full."""
        if line := self.table.selected:
            self.post_message(ShowMessage(line.id))

    def action_retry_all(self) -> None:
        found = orders_with_problems(self.desk.db, self._window.chosen, limit=_MOST_RETRIED)
        order_ids = sorted(order_id for ids in found.values() for order_id in ids)
        if not order_ids:
            self.notify("No order with an open problem is shown.", markup=False)
            return
        only = next(iter(found)) if len(found) == 1 else None
        label = f"Retry {counted(len(order_ids), 'order')}"

        def retry(agreed: bool | None) -> None:
            if agreed:
                self.desk.ask(label, "retry", only, {"order_ids": order_ids})

        most = f" (the newest {_MOST_RETRIED})" if len(order_ids) == _MOST_RETRIED else ""
        question = f"{label} of {counted(len(found), 'channel')}{most}: all with an open problem that the filters show?"
        self.app.push_screen(Confirm(question, "Retry"), retry)

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        yield SystemCommand("Retry all shown", "The orders of the shown problems (key R)", self.action_retry_all)
        yield SystemCommand("Open problems only", "Or all messages (key O)", self.action_toggle_open)


def state_of(line: MessageLine) -> Cell:
    """One word for how a message stands."""
    if line.open:
        return Cell("open", "bad")
    if line.solved:
        return Cell("solved", "good")
    return Cell(line.severity, "warn" if line.severity == "warning" else "dim")


def _cells(line: MessageLine) -> tuple[Cell | str, ...]:
    tone = "" if line.open or line.severity != "problem" else "dim"
    return (
        Cell(clock(line.last_at, now_ms()), tone),
        state_of(line),
        Cell(line.channel_code, tone),
        Cell(line.order_number, tone),
        Cell(f"{line.count}x" if line.count > 1 else "", tone),
        Cell(line.code, tone),
        Cell(line.sentence, tone),
    )
