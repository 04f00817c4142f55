"""What can be done with one order and its sale, in the list and in its story."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.explain.outlook import PossibleStep, possible_steps
from chansync_tui.going import ShowChannel, ShowMessages
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import Page
from chansync_tui.screens.question import Field, Question


class Subject(NamedTuple):
    """The order that the keys act on. ``order_id``: None while it was never seen; ``channel_id``: None when removed."""

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
}


class OrderActions(Page):
    """Retry, take in now, the sale's steps, the channel, the messages."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "Retry the order"),
        Binding("t", "take_in", "Ask the site for it and take it in now"),
        Binding("a", "act", "Do something with its sale"),
        Binding("o", "channel", "Open the channel"),
        Binding("m", "messages", "Its messages"),
    ]

    def subject(self) -> Subject | None:
        """The order that the keys act on."""
        raise NotImplementedError

    def action_retry(self) -> None:
        order = self.subject()
        if order is None:
            return
        if order.order_id is None:
            self.notify("It was never seen here. Press t to ask the site for it.", markup=False)
            return
        self.desk.ask(f"Retry order {order.number}", "retry", order.channel_id, {"order_ids": [order.order_id]})

    def action_take_in(self) -> None:
        order = self.subject()
        if order is None:
            return
        if order.channel_id is None:
            self.notify("Its channel was removed: there is no site to ask.", markup=False)
            return
        label = f"Ask {order.channel_code} for order {order.number}"
        self.desk.ask(label, "sync", order.channel_id, {"order_numbers": [order.number]})

    def action_channel(self) -> None:
        order = self.subject()
        if order is not None and order.channel_id is not None:
            self.post_message(ShowChannel(order.channel_id))

    def action_messages(self) -> None:
        order = self.subject()
        if order is not None and order.channel_id is not None:
            if order.order_id is None:
                self.notify("It was never seen, so nothing was ever said of it.", markup=False)
                return
            self.post_message(ShowMessages(order.channel_id, order.channel_code, order.order_id, order.number))

    def action_act(self) -> None:
        order = self.subject()
        if order is None:
            return
        if not order.sale:
            self.notify("It has no sale: there is nothing to do with one.", markup=False)
            return
        found = possible_steps(self.desk.db, order.sale)
        if not found:
            self.notify(f"The sale {order.sale} is closed: nothing can be done with it.", markup=False)
            return
        options = [Option(step, step.label, step.will) for step in found]

        def ask(chosen: Option[PossibleStep] | None) -> None:
            if chosen is not None:
                self.ask_step(order.sale, chosen.value)

        self.app.push_screen(Finder(f"Do with the sale {order.sale}", options, word_width=24), ask)

    def ask_step(self, sale: str, step: PossibleStep) -> None:
        """Ask whether to take the step; it says what it will do, and the safe answer has the focus."""
        fields = [Field(name, _FIELDS[name], value) for name, value in step.asks]

        def perform(answer: Mapping[str, str] | None) -> None:
            if answer is not None:
                self.desk.write(f"{step.label}: {sale}", _performer(step.action, sale, answer))

        self.app.push_screen(
            Question(
                f"{step.label}: {sale}", step.will, step.label, fields, lambda answer: _parsed(step.action, answer)
            ),
            perform,
        )

    def commands(self) -> Iterable[SystemCommand]:
        order = self.subject()
        if order is None:
            return
        yield SystemCommand("Retry the order", f"Order {order.number} (key r)", self.action_retry)
        yield SystemCommand("Take it in now", f"Ask the site for order {order.number} (key t)", self.action_take_in)
        yield SystemCommand("Messages of the order", "Its part of the log (key m)", self.action_messages)
        for step in possible_steps(self.desk.db, order.sale) if order.sale else ():
            yield SystemCommand(f"{step.label}: {order.sale}", step.will, _bind(self.ask_step, order.sale, step))


def _bind(function: Callable[[str, PossibleStep], None], sale: str, step: PossibleStep) -> Callable[[], None]:
    return lambda: function(sale, step)


def _parsed(action: str, answer: Mapping[str, str]) -> dict[str, Any]:
    """The typed texts as the action's arguments.

    Raises:
        UsageError: they cannot be taken.
    """
    from chansync.model.errors import UsageError
    from chansync.orders.sale_actions import amount_from

    given = {name: text for name, text in answer.items() if text}
    if action in ("refund", "pay") and "amount" not in given:
        raise UsageError("Say how much.")
    return {name: amount_from(text) if name == "amount" else text for name, text in given.items()}


def _performer(action: str, sale: str, answer: Mapping[str, str]) -> Callable[[Any], str]:
    def do(db: Any) -> str:
        from chansync.orders.sale_actions import perform

        return perform(db, action, sale, **_parsed(action, answer))

    return do
