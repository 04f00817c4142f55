"""One message in full, and the actions on a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.store import messages
from chansync.store.messages import Message
from chansync_tui.message_text import as_text, details
from chansync_tui.navigation import ShowChannel, ShowOrder
from chansync_tui.screens.page import Page
from chansync_tui.screens.text_page import Paragraph, TextPage
from chansync_tui.widgets.line import Hint


class MessageActions(Page):
    """Retry, solve, copy, open the channel or the order."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "retry", "Retry the order"),
        Binding("x", "solve", "Mark as solved"),
        Binding("c,y", "copy", "Copy (through the terminal)"),
        Binding("o", "channel", "Open the channel"),
        Binding("v", "order", "View the order"),
    ]

    def selected_message(self) -> Message | None:
        """The message that the keys act on."""
        raise NotImplementedError

    def action_retry(self) -> None:
        message = self.selected_message()
        if message is None:
            return
        if message.order_id is not None:
            label = f"Retry order {message.order_number}"
            self.context.ask(label, "retry", message.channel_id, {"order_ids": [message.order_id]})
        elif message.channel_id is not None:
            # A problem of the channel itself is tried again by a sync.
            self.context.ask(f"Sync {message.channel_code}", "sync", message.channel_id, {})
        else:
            self.notify("This message has neither an order nor a channel to try again.", markup=False)

    def action_solve(self) -> None:
        message = self.selected_message()
        if message is None:
            return
        if not message.open:
            self.notify("It is not open.", markup=False)
            return
        message_id, by = message.id, self.context.user
        self.context.write("Mark as solved", lambda db: messages.solve(db, message_id, by))

    def action_copy(self) -> None:
        message = self.selected_message()
        if message is not None:
            self.app.copy_to_clipboard(as_text(details(self.context.db, message)))
            self.notify("Copied, where the terminal allows it (OSC 52).", markup=False, timeout=3)

    def action_channel(self) -> None:
        message = self.selected_message()
        if message is not None and message.channel_id is not None:
            self.post_message(ShowChannel(message.channel_id))

    def action_order(self) -> None:
        message = self.selected_message()
        if message is None or message.order_id is None:
            self.notify("This message is about no order.", markup=False)
            return
        self.post_message(ShowOrder(message.order_id))

    def commands(self) -> Iterable[SystemCommand]:
        yield SystemCommand("Retry the order", "Of the message under the cursor (key r)", self.action_retry)
        yield SystemCommand("Mark as solved", "The message under the cursor (key x)", self.action_solve)
        yield SystemCommand("View the order", "Of the message under the cursor (key v)", self.action_order)
        yield SystemCommand("Copy the message", "With its data (key c)", self.action_copy)


class MessagePage(MessageActions, TextPage):
    """What happened, what to do, and the data."""

    TAB = "messages"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("esc", "Back", keep=True),
        Hint("?", "Keys", keep=True),
        Hint("r", "Retry"),
        Hint("x", "Solved"),
        Hint("v", "The order", "Order"),
        Hint("c", "Copy"),
        Hint("o", "Channel"),
        Hint("q", "Quit"),
    )

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self.message_id = message_id

    def paragraphs(self) -> list[Paragraph]:
        message = self.selected_message()
        if message is None:
            return [Paragraph("This message is gone: its channel was removed.", "bad")]
        return [Paragraph(text, tone, tone == "title") for text, tone in details(self.context.db, message)]

    def selected_message(self) -> Message | None:
        return messages.message(self.context.db, self.message_id)
