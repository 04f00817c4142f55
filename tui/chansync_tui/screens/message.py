"""One message in full, and the actions on a message."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import ClassVar

import apsw
from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.model.safe_text import on_one_line
from chansync.model.times import local_text
from chansync.orders.remedies import offered, subjects_of
from chansync.store import messages, orders
from chansync.store.messages import Message
from chansync_tui.formatting import counted, total_text
from chansync_tui.navigation_events import Edit, Show
from chansync_tui.record_text import as_lines, as_sent
from chansync_tui.screens import mend
from chansync_tui.screens.copying import Copy, as_json
from chansync_tui.screens.page import Page
from chansync_tui.screens.text_page import TextPage
from chansync_tui.widgets.pane import Paragraph, heading, text_of


class MessageActions(Page):
    """A page with actions on one message: the log, and the page of a message.

    A screen adds ``ACTIONS`` to its own keys.
    """

    ACTIONS: ClassVar[list[BindingType]] = [
        Binding("m", "message('mend')", "Mend it: choose what to do about it", tooltip="Mend"),
        Binding("r", "message('retry')", "Retry the order", tooltip="Retry"),
        Binding("x", "message('solve')", "Mark as solved", tooltip="Solved"),
        Binding("o", "message('channel')", "Open the channel", tooltip="Channel"),
        Binding("v", "message('order')", "View the order", tooltip="The order|Order"),
    ]

    @abstractmethod
    def message(self) -> Message | None:
        """The message that the keys act on."""

    def action_message(self, name: str) -> None:
        """Run the action of that name on the message, if there is one."""
        if (message := self.message()) is not None:
            getattr(self, f"_message_{name}")(message)

    def _message_mend(self, message: Message) -> None:
        mend.offer(self, message.id)

    def _message_retry(self, message: Message) -> None:
        if message.order_id is not None:
            label = f"Retry order {message.order_number}"
            self.context.ask(label, "retry", message.channel_id, {"order_ids": [message.order_id]})
        elif message.channel_id is not None:
            # A problem of the channel itself is tried again by a sync.
            self.context.ask(f"Sync {message.channel_code}", "sync", message.channel_id, {})
        else:
            self.notify("This message has neither an order nor a channel to try again.")

    def _message_solve(self, message: Message) -> None:
        mend.solve(self, [message.id])

    def _message_channel(self, message: Message) -> None:
        if message.channel_id is not None:
            self.post_message(Edit("channel", message.channel_id))

    def _message_order(self, message: Message) -> None:
        if message.order_id is None:
            self.notify("This message is about no order.")
        else:
            self.post_message(Show("order", message.order_id))

    def commands(self) -> Iterable[SystemCommand]:
        for title, about, name in (
            ("Mend the problem", "Choose what to do about the message under the cursor (key m)", "mend"),
            ("Retry the order", "Of the message under the cursor (key r)", "retry"),
            ("Mark as solved", "The message under the cursor (key x)", "solve"),
            ("View the order", "Of the message under the cursor (key v)", "order"),
        ):
            yield SystemCommand(title, about, partial(self.action_message, name))
        yield SystemCommand("Copy the message", "Its number, its text, JSON or the command (key c)", self.action_copy)

    def copies_of(self, message: Message) -> list[Copy]:
        context = self.context
        return [
            Copy("message number", f"{message.id}\n"),
            Copy("order number", f"{on_one_line(message.order_number)}\n"),
            Copy("text", text_of(message_paragraphs(context.db, message))),
            Copy("JSON", as_json(message.as_data())),
            Copy("command", f"{context.command_line(['log', 'show', str(message.id)])}\n"),
        ]


def message_paragraphs(db: apsw.Connection, message: Message) -> Iterator[Paragraph]:
    """What happened, what to do, and the data."""
    yield Paragraph(message.sentence, "strong")
    if found := offered(*subjects_of(db, [message.id])):
        yield Paragraph("What to do (m):")
        yield from (Paragraph(f"  - {remedy.sentence}") for remedy in found)
    yield Paragraph("")
    yield Paragraph(_standing(message), "bad" if message.open else "")
    yield Paragraph(f"Code: {message.code} ({message.severity})")
    if message.channel_code:
        yield Paragraph(f"Channel: {message.channel_code}")
    first, last = (local_text(at, seconds=True) for at in (message.first_at, message.last_at))
    yield Paragraph(f"Occurred {counted(message.count, 'time')}: first {first}, last {last}")
    order = orders.by_id(db, message.order_id) if message.order_id is not None else None
    if order is not None:
        # Status, total and time of an order that cannot be read are not known.
        known = (f"Order: {order.number} (site's id {order.external_id})", order.status)
        yield Paragraph(", ".join(filter(None, (*known, total_text(order.total, order.currency)))))
        reason = f", {order.reason}" if order.reason else ""
        now = f"Placed: {local_text(order.placed_at)}; now" if order.placed_at else "Now"
        yield Paragraph(f"{now}: {order.state}{reason}")
        if order.next_try_at is not None:
            due = local_text(order.next_try_at) if order.next_try_at else "at once"
            yield Paragraph(f"Failed {counted(order.attempts, 'time')}; tried again: {due}")
    if message.data:
        yield from heading("Data of the message")
        yield from as_lines(message.data)
    if order is not None:
        yield from as_sent(db, order)


def _standing(message: Message) -> str:
    if message.open:
        return "State: open"
    if message.solved_at:
        return f"State: solved {local_text(message.solved_at, seconds=True)} by {message.solved_by or 'nobody known'}"
    return f"State: {message.severity}, logged once"


class MessagePage(MessageActions, TextPage):
    """The page of a message: what happened, what to do, and the data."""

    TAB = "messages"
    SCOPE = "message"
    ABOUT = "One message with its data, and what can be done about it."
    HINTS = ("esc", "?", "m", "r", "x", "v", "c", "o", "q")

    BINDINGS: ClassVar[list[BindingType]] = [*MessageActions.ACTIONS]

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self._message_id = message_id

    def paragraphs(self) -> list[Paragraph]:
        message = self.message()
        if message is None:
            return [Paragraph("This message is gone: its channel was removed.", "bad")]
        return [*message_paragraphs(self.context.db, message)]

    def copies(self) -> Sequence[Copy]:
        message = self.message()
        return self.copies_of(message) if message else super().copies()

    def message(self) -> Message | None:
        return messages.message(self.context.db, self._message_id)
