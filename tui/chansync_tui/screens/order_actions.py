"""Actions on one order and its sale, for the list of orders and the page of an order."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.explain.outlook import PossibleStep, possible_steps
from chansync_tui.navigation_events import Edit, ShowTab
from chansync_tui.screens import mend
from chansync_tui.screens.dialogs import Field, Question
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import Page


class Subject(NamedTuple):
    """The order that the keys act on. ``order_id``: None if never seen; ``channel_id``: None if that was removed."""

    order_id: int | None
    number: str
    channel_id: int | None
    channel_code: str
    state: str
    sale: str


_FIELDS = {
    "amount": "Amount",
    "document_type": "Document type",
    "carrier": "Carrier",
    "tracking": "Tracking number",
    "package": "Package",
}

# The fields of a step's lines: an input's id may not be the id of a line on a site.
_LINE = "line-"


class OrderActions(Page):
    """A page with actions on one order and its sale: the list of orders, and the page of an order.

    A screen adds ``ACTIONS`` to its own keys.
    """

    ACTIONS: ClassVar[list[BindingType]] = [
        Binding("M", "order('mend')", "Mend its problem: choose what to do about it"),
        Binding("r", "order('retry')", "Retry the order, or those that are marked", tooltip="Retry"),
        Binding("t", "order('import')", "Ask the site for it and import it now", tooltip="Import now|Import"),
        Binding("a", "order('act')", "Actions for its sale", tooltip="Actions for its sale|Act"),
        Binding("o", "order('channel')", "Open the channel", tooltip="Channel"),
        Binding("m", "order('messages')", "Its messages", tooltip="Messages|Msgs"),
    ]

    @abstractmethod
    def subject(self) -> Subject | None:
        """The order that the keys act on."""

    def action_order(self, name: str) -> None:
        """Run the action of that name on the order, if there is one."""
        if (order := self.subject()) is not None:
            getattr(self, f"_order_{name}")(order)

    def _order_mend(self, order: Subject) -> None:
        problem = mend.open_problem_of(self.context.db, order.order_id) if order.order_id is not None else None
        if problem is None:
            self.notify(f"Order {order.number} has no open problem.")
        else:
            mend.offer(self, problem)

    def _order_retry(self, order: Subject) -> None:
        if order.order_id is None:
            self.notify(f"The order was never seen. Press {self.own_key('t')} to ask the site for it.")
            return
        label = f"Retry order {order.number}"
        self.context.ask(label, "retry", order.channel_id, {"order_ids": [order.order_id]})

    def _order_import(self, order: Subject) -> None:
        if order.channel_id is None:
            self.notify("Its channel was removed: there is no site to ask.")
            return
        label = f"Ask {order.channel_code} for order {order.number}"
        self.context.ask(label, "sync", order.channel_id, {"order_numbers": [order.number]})

    def _order_channel(self, order: Subject) -> None:
        if order.channel_id is not None:
            self.post_message(Edit("channel", order.channel_id))

    def _order_messages(self, order: Subject) -> None:
        if order.channel_id is None:
            return
        if order.order_id is None:
            self.notify("The order was never seen, so there are no messages about it.")
            return
        shown = order.channel_id, order.channel_code, order.order_id, order.number
        self.post_message(ShowTab("messages", "only_channel", *shown))

    def _order_act(self, order: Subject) -> None:
        if not order.sale:
            if order.state == "problem":
                self._order_mend(order)
            else:
                asks = f"{self.own_key('t')} asks the site for it and imports it if it may be"
                self.notify(f"It has no sale: enter says why, {asks}.")
            return
        found = possible_steps(self.context.db, order.sale)
        if not found:
            self.notify(f"The sale {order.sale} is closed: nothing can be done with it.")
            return

        options = [Option(step, step.label, step.will) for step in found]
        window = Finder[PossibleStep](f"Actions for the sale {order.sale}", options, word_width=24)
        window.ask(self, lambda step: self._ask_step(order.sale, step))

    def _ask_step(self, sale: str, step: PossibleStep) -> None:
        """Say what the step will do and ask whether to do it; the cancel button has the focus."""
        fields = [Field(name, _FIELDS[name], value) for name, value in step.asks]
        fields += [
            Field(f"{_LINE}{at}", f"Pieces of {line.item:.20}", str(line.quantity))
            for at, line in enumerate(step.lines)
        ]

        title = f"{step.label}: {sale}"

        def agreed(answer: Mapping[str, str]) -> None:
            from chansync.orders.sale_actions import perform

            given = _parsed(step, answer)
            self.context.write(title, lambda store: perform(store.db, step.action, sale, **given))

        Question(title, step.will, step.label, fields, lambda answer: _parsed(step, answer)).ask(self, agreed)

    def commands(self) -> Iterable[SystemCommand]:
        order = self.subject()
        if order is None:
            return
        number = order.number
        yield SystemCommand("Retry the order", f"Order {number} (key r)", partial(self.action_order, "retry"))
        yield SystemCommand(
            "Import it now", f"Ask the site for order {number} (key t)", partial(self.action_order, "import")
        )
        yield SystemCommand(
            "Messages of the order", "Its part of the log (key m)", partial(self.action_order, "messages")
        )
        for step in possible_steps(self.context.db, order.sale) if order.sale else ():
            ask = partial(self._ask_step, order.sale, step)
            yield SystemCommand(f"{step.label}: {order.sale}", step.will, ask)


def _parsed(step: PossibleStep, answer: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of the step's action from the typed texts.

    Raises:
        UsageError: one of them is missing or invalid.
    """
    from chansync.model.errors import UsageError
    from chansync.orders.sale_actions import amount_from

    given: dict[str, Any] = {name: text for name, text in answer.items() if text and not name.startswith(_LINE)}
    if step.action in ("refund", "pay") and "amount" not in given:
        raise UsageError("Enter the amount.")
    if "amount" in given:
        given["amount"] = amount_from(given["amount"])
    if "package" in given:
        if not (given["package"].isascii() and given["package"].isdigit()):
            raise UsageError("The package is a number.")
        given["package"] = int(given["package"])
    if step.lines and (lines := step.chosen([answer[f"{_LINE}{at}"] for at in range(len(step.lines))])):
        given["lines"] = lines
    return given
