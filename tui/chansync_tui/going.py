"""Where a screen asks to go; the app goes there."""

from __future__ import annotations

from textual.message import Message


class ShowMessages(Message):
    """Show the messages of one channel."""

    def __init__(self, channel_id: int, code: str) -> None:
        super().__init__()
        self.channel_id = channel_id
        self.code = code


class ShowChannel(Message):
    """Show a channel's settings and state."""

    def __init__(self, channel_id: int) -> None:
        super().__init__()
        self.channel_id = channel_id


class ShowMessage(Message):
    """Show a message in full."""

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self.message_id = message_id
