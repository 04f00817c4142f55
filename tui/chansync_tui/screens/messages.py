"""The message log with filters, newest first, updated live."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import apsw
from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync.model.message import CODES
from chansync.model.paging import Span
from chansync.model.times import local_text, now_ms
from chansync.orders.remedies import offered, subjects_of
from chansync.store import messages
from chansync.store.message_search import Filter
from chansync.store.overview import MessageLine, code_counts, message_lines, open_count, orders_with_problems
from chansync.store.problem_causes import Cause
from chansync_tui.formatting import clock, counted
from chansync_tui.navigation_events import Show
from chansync_tui.screens import mend
from chansync_tui.screens.cause_reader import CAUSE_COLUMNS, CauseReader, cause_cells
from chansync_tui.screens.copying import Copy
from chansync_tui.screens.dialogs import Confirm
from chansync_tui.screens.filtered_page import Narrowing
from chansync_tui.screens.finder import Option
from chansync_tui.screens.list_page import ListPage
from chansync_tui.screens.message import MessageActions, message_paragraphs
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import Chip, FilterLine
from chansync_tui.widgets.line import Hint, Hints, Part
from chansync_tui.widgets.pane import Paragraph
from chansync_tui.widgets.table import Cell, MarkTable, Table

_COLUMNS = (
    Column("First", 5, 11, whole=True),
    Column("State", 7),
    Column("Channel", 9, 20, drop=1),
    Column("Order", 8, 24, whole=True),
    Column("Count", 5, right=True, drop=3),
    Column("Code", 18, 24, drop=2),
    Column("What happened", 28, 400),
)

#: From so many open problems on they are shown by cause at first.
_MANY = 20

#: The most orders that "retry all shown" retries.
_MOST_RETRIED = 5000


class Messages(MessageActions, ListPage[MessageLine]):
    """The log."""

    TAB = "messages"
    SCOPE = "messages"
    ABOUT = "What went wrong, by cause or one by one: mend it, try it again, or mark it as solved."
    AUTO_FOCUS = "#list"
    HINTS = ("?", "q", Hint("enter", "Details", "More"), "m", "g", "r", "x", "/", "R", "c", "v", "o", "^p")

    FILTERS = (
        Narrowing("C", "channel_id", "Channel", "Filter by channel"),
        Narrowing("S", "severity", "Severity", "Filter by severity"),
        Narrowing("O", "open_only", "Open only", "Open problems only, or all"),
        Narrowing("D", "code", "Code", "Filter by code"),
    )

    MARKED = ("r", "x")

    chosen = Filter()

    BINDINGS: ClassVar[list[BindingType]] = [
        *MessageActions.ACTIONS,
        Binding("g", "by_cause", "Open problems by cause, or the log", tooltip="By cause|Cause"),
        Binding("R", "retry_all", "Retry the orders of all shown", tooltip="Retry all shown|Retry all"),
        Binding("slash", "search", "Filter by text", tooltip="Text"),
        *(each.binding for each in FILTERS),
    ]

    causes: query_one[MarkTable[Cause]] = query_one("#causes", MarkTable)

    def __init__(self) -> None:
        super().__init__()
        self._cause_reader = CauseReader(self, self._put_causes)
        self._order_number = ""
        self._cause_title = ""
        self._is_first = True

    def body(self) -> Iterable[Widget]:
        yield FilterLine()
        yield Search("sentence or order number")
        lists = (
            MarkTable[Cause](CAUSE_COLUMNS, cause_cells, lambda cause: cause.key, id="causes", list_name="causes"),
            MarkTable[MessageLine](
                _COLUMNS, _cells, lambda line: line.key, id="list", partial=True, list_name="messages"
            ),
        )
        for table in lists:
            # The key is the screen's own here; home goes to the first row.
            table._bindings.key_to_bindings.pop("g", None)
        yield from self.panes(*lists)

    @staticmethod
    def parts(db: apsw.Connection, chosen: Filter, span: Span, by: str) -> Iterator[tuple[list[MessageLine], int]]:
        # The newest is first: rows further down have lower ids.
        edge = int(span.inclusive)
        below = None if span.after is None else int(span.after[0]) + edge
        above = None if span.before is None else int(span.before[0]) - edge
        chosen = replace(chosen, after_id=above)
        found = message_lines(db, chosen, limit=span.limit, before_id=below, oldest_first=span.backwards)
        yield found[::-1] if span.backwards else found, 0

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= 32, "-tall")

    NEWEST_KEY = "home"

    @property
    def indexed_sorts(self) -> Mapping[str, tuple[str, bool]]:
        return {"First": ("", True)}

    @property
    def shows_causes(self) -> bool:
        """Whether open problems are shown by cause, and not the log."""
        return self.has_class("-causes")

    def exported(self) -> MarkTable[Any]:
        return self.causes if self.shows_causes else self.table

    def read(self) -> None:
        if self._is_first:
            self._is_first = False
            # So many problems are rarely as many causes.
            if self.chosen == Filter() and open_count(self.context.db) > _MANY:
                self._show_causes(True)
        if self.shows_causes:
            self._cause_reader.read()
            self.show_chips()
            self.explain_soon()
        else:
            super().read()

    def _put_causes(self, found: list[Cause]) -> None:
        self.causes.set_empty(f"No open problem. {self.own_key('g')} shows the log.")
        self.causes.show(found)
        if self.shows_causes:
            self.show_chips()
            self.explain_soon()

    def _show_causes(self, shown: bool) -> None:
        self.set_class(shown, "-causes")
        self.count_marks()
        (self.causes if shown else self.table).focus()

    def action_by_cause(self) -> None:
        self._show_causes(not self.shows_causes)
        if self.shows_causes:
            self._cause_title = ""
        elif self.chosen.ids:
            self.choose(Filter())
        self.read()
        self.show_chips()

    def only_cause(self, cause: Cause) -> None:
        """Show the problems of one cause."""
        self.channel_code = ""
        self._cause_title = cause.thing or cause.code
        self._show_causes(False)
        self.choose(Filter(ids=tuple(sorted(cause.message_ids, reverse=True))))

    def show_chips(self) -> None:
        if self.shows_causes:
            count = sum(cause.count for cause in self.causes.items)
            known = f"{counted(len(self.causes.items), 'cause')} of {counted(count, 'open problem')}"
            note = known if self._cause_reader.is_known else ""
            log = Chip("g", "The log", action="by_cause", is_button=True)
            self.query_one(FilterLine).set_chips([log], note)
            return
        chosen = self.chosen
        note = self.counted_rows("message")
        chips = self.chips()
        if chosen.ids:
            chips.insert(0, Chip("g", "Cause", self._cause_title, "by_cause"))
        if chosen.order_id is not None:
            chips.insert(0, Chip("esc", "Order", self._order_number, "clear"))
        self.query_one(FilterLine).set_chips(chips, note)

    def empty_text(self) -> str:
        if self.chosen != Filter():
            return f"No message matches the filters: {self.own_key('esc')} clears them."
        return "No message yet: nothing has gone wrong."

    def beside(self) -> Iterable[Paragraph]:
        if self.shows_causes:
            return self._of_cause()
        found = self.message()
        return message_paragraphs(self.context.db, found) if found else ()

    def _of_cause(self) -> Iterable[Paragraph]:
        """The problems of the cause under the cursor, the newest first."""
        cause = self.causes.selected
        if cause is None:
            return
        yield from (Paragraph(text, tone, tone == "strong") for text, tone in self.below())
        yield Paragraph("")
        for message_id in sorted(cause.message_ids, reverse=True):
            found = messages.message(self.context.db, message_id)
            if found is not None:
                text = f"{clock(found.last_at, now_ms())}  {found.channel_code}  {found.sentence}"
                yield Paragraph(text, opens=("message", message_id))

    def action_zoom(self) -> None:
        if self.shows_causes:
            super().action_zoom()
        else:
            self.open_details()

    def below(self) -> Sequence[Part]:
        if self.shows_causes:
            return self._about_cause()
        line = self.table.selected
        if line is None:
            return []
        found = " ".join(remedy.sentence for remedy in offered(*subjects_of(self.context.db, [line.id])))
        what = f"{self.own_key('m')} mends it: {found}" if found else ""
        times = f"{counted(line.count, 'time')}, last {local_text(line.last_at, seconds=True)}. Code: {line.code}."
        return [(line.sentence, "strong"), (what, ""), (times, "dim"), ("enter: its data", "dim")]

    def _about_cause(self) -> Sequence[Part]:
        cause = self.causes.selected
        if cause is None:
            return []
        named = ", ".join(sorted(cause.channels.values())[:6])
        return [
            (cause.sentence, "strong"), (f"{counted(cause.count, 'problem')} of {named or 'no channel'}", ""),
            (f"{self.own_key('m')} mends all of them, {self.own_key('r')} tries them again, enter lists them", "dim"),
        ]  # fmt: skip

    # Filters

    def only_channel(self, channel_id: int, code: str, order_id: int | None = None, number: str = "") -> None:
        """Show the messages of one channel, or of one of its orders."""
        self._is_first = False
        self._show_causes(False)
        self.channel_code = code
        self._order_number = number
        self.choose(Filter(channel_id=channel_id, order_id=order_id))

    def choose(self, chosen: Filter) -> None:
        if self.shows_causes and chosen != self.chosen:
            # Filters are those of the log. Who types into the search field stays there.
            self.set_class(False, "-causes")
            self.count_marks()
            if self.focused is self.causes:
                self.table.focus()
        super().choose(chosen)

    def clear(self) -> None:
        self._cause_title = ""
        super().clear()

    def narrow(self, field: str, value: Any) -> None:
        if field == "channel_id":
            self.choose(replace(self.chosen, channel_id=value, order_id=None))
        else:
            super().narrow(field, value)

    def values_of(self, field: str) -> list[Option[Any]]:
        if field == "severity":
            return [Option(word, word) for word in ("problem", "warning", "info")]
        if field == "code":
            # Those that there are, the most frequent of the open ones first.
            return [
                Option(code, code, f"{count} open. {CODES[code].title}" if count else CODES[code].title)
                for code, count in code_counts(self.context.db).items()
                if code in CODES
            ]
        return super().values_of(field)

    # Actions

    def action_message(self, name: str) -> None:
        several = self._several()
        if several and name in ("retry", "solve"):
            mend.retry(self, several, None) if name == "retry" else mend.solve(self, several)
        elif self.shows_causes and name == "mend":
            if cause := self.causes.selected:
                mend.offer(self, cause.message_ids[0], of_cause=True)
        else:
            super().action_message(name)

    def copies(self) -> Sequence[Copy]:
        found = super().copies()
        if self.shows_causes or self.table.marked or (message := self.message()) is None:
            return found
        row = [each for each in found if each.what == "row"]
        return [*self.copies_of(message), *row]

    def _several(self) -> list[int]:
        """The messages of the marked rows, or of the cause under the cursor; empty: the one under the cursor."""
        if self.shows_causes:
            return [each for cause in self.causes.chosen for each in cause.message_ids]
        return [line.id for line in self.table.marked.values()]

    @property
    def hint_keys(self) -> Hints:
        if not self.shows_causes:
            return self.HINTS
        return ("?", "q", Hint("enter", "Its problems", "List"), "m", Hint("g", "The log", "Log"), *self.HINTS[5:])

    def message(self) -> messages.Message | None:
        if self.shows_causes:
            cause = self.causes.selected
            return messages.message(self.context.db, cause.message_ids[0]) if cause else None
        line = self.table.selected
        return messages.message(self.context.db, line.id) if line else None

    @on(Table.Chosen, "#causes")
    def open_cause(self) -> None:
        if cause := self.causes.selected:
            self.only_cause(cause)

    @on(Table.Chosen, "#list")
    def open_details(self) -> None:
        if line := self.table.selected:
            self.post_message(Show("message", line.id))

    def action_retry_all(self) -> None:
        found = orders_with_problems(self.context.db, self.chosen, limit=_MOST_RETRIED)
        order_ids = sorted(order_id for ids in found.values() for order_id in ids)
        if not order_ids:
            self.notify("No order with an open problem is shown.")
            return
        only = next(iter(found)) if len(found) == 1 else None
        label = f"Retry {counted(len(order_ids), 'order')}"

        most = f" (the newest {_MOST_RETRIED})" if len(order_ids) == _MOST_RETRIED else ""
        question = f"{label} of {counted(len(found), 'channel')}{most}: all with an open problem that the filters show?"
        Confirm(question, "Retry").ask(self, lambda _: self.context.ask(label, "retry", only, {"order_ids": order_ids}))

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        yield SystemCommand("Retry all shown", "The orders of the shown problems (key R)", self.action_retry_all)
        yield SystemCommand("Open problems only", "Or all messages (key O)", partial(self.action_narrow, "O"))


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
        Cell(clock(line.first_at, now_ms()), tone, local_text(line.first_at)),
        state_of(line),
        Cell(line.channel_code, tone),
        Cell(line.order_number, tone),
        Cell(f"{line.count}x" if line.count > 1 else "", tone),
        Cell(line.code, tone),
        Cell(_happened(line), tone),
    )
