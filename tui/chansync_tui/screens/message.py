"""One message in full, with the order's data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from chansync.store import messages
from chansync.store.messages import Message
from chansync_tui.message_text import details
from chansync_tui.screens.message_actions import MessageActions
from chansync_tui.screens.text_page import Passage, ProsePage
from chansync_tui.widgets.hints import Hint


class Details(MessageActions, ProsePage):
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

    def passages(self) -> list[Passage]:
        message = self.selected_message()
        if message is None:
            return [Passage("This message is gone: its channel was removed.", "bad")]
        return [Passage(text, tone, tone == "title") for text, tone in details(self.desk.db, message)]

    def selected_message(self) -> Message | None:
        return messages.message(self.desk.db, self.message_id)
