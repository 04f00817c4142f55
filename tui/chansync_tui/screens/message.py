"""One message in full, and the actions on a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar

import apsw
from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.model.safe_text import on_one_line
from chansync.store import messages
from chansync.store.messages import Message
from chansync_tui.message_text import as_text, details
from chansync_tui.navigation_events import Edit, ShowOrder
from chansync_tui.screens.copying import Copy, as_json
from chansync_tui.screens.mend import Mending
from chansync_tui.screens.page import Page
from chansync_tui.screens.text_page import TextPage
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.pane import Paragraph


class MessageActions:
    """Actions on one message: for the log, and for the page of a message.

    A screen adds ``BINDINGS`` to its own, and hands the name in ``message('…')`` to ``run``.

    Args:
        page: the screen.
        selected: the message that the keys act on.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("m", "message('mend')", "Mend it: choose what to do about it"),
        Binding("r", "message('retry')", "Retry the order"),
        Binding("x", "message('solve')", "Mark as solved"),
        Binding("o", "message('channel')", "Open the channel"),
        Binding("v", "message('order')", "View the order"),
    ]

    def __init__(self, page: Page, selected: Callable[[], Message | None]) -> None:
        self._page = page
        self._selected = selected
        self.mending = Mending(page)
        self._actions: Mapping[str, Callable[[Message], None]] = {
            "mend": lambda message: self.mending.open(message.id),
            "retry": self._retry,
            "solve": self._solve,
            "channel": self._show_channel,
            "order": self._show_order,
        }

    def run(self, name: str) -> None:
        """Run the action of that name on the message, if there is one."""
        if (message := self._selected()) is not None:
            self._actions[name](message)

    def _retry(self, message: Message) -> None:
        ask = self._page.context.ask
        if message.order_id is not None:
            label = f"Retry order {message.order_number}"
            ask(label, "retry", message.channel_id, {"order_ids": [message.order_id]})
        elif message.channel_id is not None:
            # A problem of the channel itself is tried again by a sync.
            ask(f"Sync {message.channel_code}", "sync", message.channel_id, {})
        else:
            self._page.notify("This message has neither an order nor a channel to try again.", markup=False)

    def _solve(self, message: Message) -> None:
        self.mending.solve([message.id])

    def _show_channel(self, message: Message) -> None:
        if message.channel_id is not None:
            self._page.post_message(Edit("channel", message.channel_id))

    def _show_order(self, message: Message) -> None:
        if message.order_id is None:
            self._page.notify("This message is about no order.", markup=False)
            return
        self._page.post_message(ShowOrder(message.order_id))

    def commands(self) -> Iterable[SystemCommand]:
        """What the command palette offers for the message."""
        for title, about, name in (
            ("Mend the problem", "Choose what to do about the message under the cursor (key m)", "mend"),
            ("Retry the order", "Of the message under the cursor (key r)", "retry"),
            ("Mark as solved", "The message under the cursor (key x)", "solve"),
            ("View the order", "Of the message under the cursor (key v)", "order"),
        ):
            yield SystemCommand(title, about, partial(self.run, name))
        yield SystemCommand(
            "Copy the message", "Its number, its text, JSON or the command (key c)", self._page.action_copy
        )

    def copies(self, message: Message) -> list[Copy]:
        """What can be copied of the message."""
        context = self._page.context
        return [
            Copy("message number", f"{message.id}\n"),
            Copy("order number", f"{on_one_line(message.order_number)}\n"),
            Copy("text", as_text(details(context.db, message))),
            Copy("JSON", as_json(message.as_data())),
            Copy("command", f"{context.command_line(['log', 'show', str(message.id)])}\n"),
        ]


def message_paragraphs(db: apsw.Connection, message: Message) -> list[Paragraph]:
    """What happened, what to do, and the data."""
    return [Paragraph(text, tone, tone == "title") for text, tone in details(db, message)]


class MessagePage(TextPage):
    """The page of a message: what happened, what to do, and the data."""

    TAB = "messages"
    SCOPE = "message"
    ABOUT = "One message with its data, and what can be done about it."
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("esc", "Back", keep=True),
        Hint("?", "Keys", keep=True),
        Hint("m", "Mend"),
        Hint("r", "Retry"),
        Hint("x", "Solved"),
        Hint("v", "The order", "Order"),
        Hint("c", "Copy"),
        Hint("o", "Channel"),
        Hint("q", "Quit"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [*MessageActions.BINDINGS]

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self._message_id = message_id
        self._actions = MessageActions(self, self._message)

    def paragraphs(self) -> list[Paragraph]:
        message = self._message()
        if message is None:
            return [Paragraph("This message is gone: its channel was removed.", "bad")]
        return message_paragraphs(self.context.db, message)

    def action_message(self, name: str) -> None:
        self._actions.run(name)

    def copies(self) -> Sequence[Copy]:
        message = self._message()
        return self._actions.copies(message) if message else super().copies()

    def commands(self) -> Iterable[SystemCommand]:
        yield from self._actions.commands()

    def _message(self) -> Message | None:
        return messages.message(self.context.db, self._message_id)
