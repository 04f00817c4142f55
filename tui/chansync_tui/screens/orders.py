"""The orders of all channels, the last change first; Enter opens an order's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import apsw
from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.widget import Widget

from chansync.explain import find, story, why
from chansync.model.message import CODES
from chansync.model.paging import Span
from chansync.model.times import local_text, now_ms
from chansync.store import channels, order_list, orders
from chansync.store.order_list import OrderFilter, OrderLine, order_parts
from chansync_tui.formatting import SKIPPED_WHY, clock, counted, total_text
from chansync_tui.navigation_events import Show
from chansync_tui.order_text import story_paragraphs
from chansync_tui.screens.filtered_page import Narrowing
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.list_page import ListPage
from chansync_tui.screens.order_actions import OrderActions, Subject
from chansync_tui.user_files.own_keys import called
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import FilterLine
from chansync_tui.widgets.line import Hint, Part
from chansync_tui.widgets.pane import Paragraph
from chansync_tui.widgets.table import Cell, MarkTable, Table

_COLUMNS = (
    Column("Changed", 5, 11, whole=True),
    Column("State", 8),
    Column("Channel", 9, 20, drop=2),
    Column("Order", 8, 24, whole=True),
    Column("Status", 9, 24),
    Column("Customer", 8, 30, drop=3),
    Column("Total", 10, 20, right=True, drop=1, whole=True),
    Column("Sale", 10, 44, drop=5, front=True),
    Column("Why", 14, 40, drop=4),
)

STATE_TONES = {"imported": "good", "problem": "bad", "skipped": "dim"}

_NO_ORDERS = """No order yet. Sync a channel: go to its row with 1, and press {s}; or start the daemon.

Is one missing? Press {w}: chansync asks its site for it, and says why it is not here."""


class Orders(OrderActions, ListPage[OrderLine]):
    """The list of orders."""

    TAB = "orders"
    SCOPE = "orders"
    ABOUT = "The orders of all channels: find one, see why it is as it is, and act on its sale."
    HINTS = ("?", "q", Hint("enter", "Details", "More"), "/", "w", "r", "t", "a", "m", "^p")

    FILTERS = (
        Narrowing("C", "channel_id", "Channel", "Filter by channel"),
        Narrowing("S", "state", "State", "Filter by state"),
        Narrowing("T", "status", "Status", "Filter by the site's status", "The site's status"),
    )

    MARKED = ("r",)

    BINDINGS: ClassVar[list[BindingType]] = [
        *OrderActions.ACTIONS,
        Binding("slash", "search", "Find by number or customer", tooltip="Find"),
        Binding("w", "missing", "Why is an order missing? Ask its site", tooltip="Why is one missing?|Missing?"),
        *(each.binding for each in FILTERS),
    ]

    chosen = OrderFilter()

    def body(self) -> Iterable[Widget]:
        yield FilterLine()
        yield Search("order number or customer")
        yield from self.panes(
            MarkTable[OrderLine](_COLUMNS, _cells, lambda line: line.id, id="list", partial=True, list_name="orders")
        )

    @property
    def indexed_sorts(self) -> Mapping[str, tuple[str, bool]]:
        return {"Changed": ("", True)}

    @staticmethod
    def parts(db: apsw.Connection, chosen: OrderFilter, span: Span, by: str) -> Iterator[tuple[list[OrderLine], int]]:
        return order_parts(db, chosen, span)

    def show_chips(self) -> None:
        self.query_one(FilterLine).set_chips(self.chips(), self.counted_rows("order"))

    def empty_text(self) -> str:
        chosen = self.chosen
        if chosen.text:
            return (
                f"No order here has '{chosen.text}' in its number or its customer's name.\n\n"
                f"Is {chosen.text} the number of an order that should be here? "
                f"Press {self.own_key('w')}: its site is asked for it.\n"
                f"{self.own_key('esc')} clears the filters."
            )
        if chosen == OrderFilter():
            return _NO_ORDERS.format(s=called("s", "channels"), w=self.own_key("w"))
        return f"No order matches the filters: {self.own_key('esc')} clears them."

    def beside(self) -> Iterable[Paragraph]:
        line = self.table.selected
        found = story.of_order(self.context.db, line.id) if line else None
        return story_paragraphs(self.context.db, found) if found else ()

    def action_zoom(self) -> None:
        self.open_story()

    def below(self) -> Sequence[Part]:
        line = self.table.selected
        if line is None:
            return []
        db = self.context.db
        channel, row = channels.channel_by_id(db, line.channel_id), orders.by_id(db, line.id)
        sentences = why.explain(db, channel, row).sentences[1:] if channel and row else []
        placed = f"Placed {local_text(line.placed_at)}. " if line.placed_at else ""
        return [(" ".join(sentences[:3]), "strong"), (f"{placed}enter: its sale and its history", "dim")]

    # Filters

    def only_channel(self, channel_id: int, code: str) -> None:
        """Show the orders of one channel."""
        self.channel_code = code
        self.choose(OrderFilter(channel_id=channel_id))

    def search(self, text: str) -> None:
        super().search(text.lstrip("#"))

    def values_of(self, field: str) -> list[Option[Any]]:
        if field == "state":
            return [Option(word, word, about) for word, about in _STATES.items()]
        if field == "status":
            return [Option(word, word) for word in order_list.statuses(self.context.db)]
        return super().values_of(field)

    # Actions

    def action_order(self, name: str) -> None:
        if name == "retry" and (marked := self.table.marked.values()):
            channels = {line.channel_id for line in marked}
            only = next(iter(channels)) if len(channels) == 1 else None
            label = f"Retry {counted(len(marked), 'order')}"
            self.context.ask(label, "retry", only, {"order_ids": sorted(line.id for line in marked)})
        else:
            super().action_order(name)

    def subject(self) -> Subject | None:
        line = self.table.selected
        if line is None:
            return None
        return Subject(line.id, line.number, line.channel_id, line.channel_code, line.state, line.sale)

    @on(Table.Chosen, "#list")
    def open_story(self) -> None:
        if line := self.table.selected:
            self.post_message(Show("order", line.id))

    def action_missing(self) -> None:
        """Ask for the number and the channel, unless the filters name them."""
        from chansync_tui.screens.dialogs import Field, Question

        options = self.values_of("channel_id")
        if not options:
            self.notify("There is no channel whose site could be asked.")
            return

        def with_number(answer: dict[str, str]) -> None:
            if number := answer["number"].lstrip("#"):
                self._missing_in(number, options)

        if self.chosen.text and not self.window.lines:
            self._missing_in(self.chosen.text, options)
            return
        sentence = "Which order is missing? Enter its number as the customer knows it, or the site's own id."
        fields = [Field("number", "Number")]
        Question("Why is an order missing?", sentence, "Go on", fields, changes=False).ask(self, with_number)

    def missing(self, number: str) -> None:
        """Say why the order of that number is missing; ask whose it is only where nothing tells it."""
        self._missing_in(number, self.values_of("channel_id"))

    def _missing_in(self, number: str, options: list[Option[Any]]) -> None:
        def go(channel_id: int) -> None:
            self.post_message(Show("number", channel_id, number))

        if self.chosen.channel_id is not None:
            go(self.chosen.channel_id)
            return
        able = find.channels_that_may_have(self.context.db, number)
        options = [option for option in options if option.value in able] or options
        if len(options) == 1:
            go(options[0].value)
        else:
            Finder[int](f"Whose order is {number}?", options, word_width=22).ask(self, go)

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        yield SystemCommand("Why is an order missing?", "Ask its site for it (key w)", self.action_missing)
        yield SystemCommand("Find an order", "By number or customer (key /)", self.action_search)


_STATES = {
    "imported": "they are sales",
    "problem": "they could not be imported; each is an open problem",
    "skipped": "the channel does not import them",
}


def _why(reason: str) -> str:
    """Why an order is skipped, or what its problem is, in a few words."""
    code = CODES.get(reason)
    return code.title if code else SKIPPED_WHY.get(reason, reason)


def _cells(line: OrderLine) -> tuple[Cell | str, ...]:
    tone = "dim" if line.state == "skipped" else ""
    return (
        Cell(clock(line.changed_at, now_ms()), tone, local_text(line.changed_at)),
        Cell(line.state, STATE_TONES.get(line.state, "")),
        Cell(line.channel_code, tone),
        Cell(line.number, "strong"),
        Cell(line.status, tone),
        Cell(line.customer, tone),
        Cell(total_text(line.total, line.currency), tone),
        Cell(line.sale, tone),
        Cell(_why(line.reason), tone),
    )
