"""One order's story: why it is as it is, its data, its sale and its history; also of an order never seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import apsw

from chansync.model.errors import UsageError
from chansync.model.times import local_text
from chansync.store import channels, jobs
from chansync.sync import story
from chansync.sync.story import Story
from chansync_tui.order_text import story_paragraphs
from chansync_tui.screens.order_actions import OrderActions, Subject
from chansync_tui.screens.text_page import Paragraph, TextPage
from chansync_tui.widgets.line import Hint


class OrderPage(OrderActions, TextPage):
    """``tell`` reads the story; it is called again whenever the database changes."""

    TAB = "orders"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("esc", "Back", keep=True),
        Hint("?", "Keys", keep=True),
        Hint("a", "Do with its sale", "Do"),
        Hint("t", "Take in now", "Take in"),
        Hint("r", "Retry"),
        Hint("m", "Messages", "Msgs"),
        Hint("[ ]", "Section"),
        Hint("o", "Channel"),
        Hint("c", "Copy"),
        Hint("q", "Quit"),
    )

    def __init__(self, tell: Callable[[apsw.Connection], Story | None]) -> None:
        super().__init__()
        self._tell = tell
        self._story: Story | None = None

    def paragraphs(self) -> list[Paragraph]:
        try:
            told = self._story = self._tell(self.context.db)
        except UsageError as error:
            self._story = None
            return [Paragraph(str(error), "bad")]
        if told is None:
            return [Paragraph("This order is gone: its channel was removed.", "bad")]
        paragraphs = story_paragraphs(self.context.db, told)
        if told.order is None and told.channel is not None:
            paragraphs += _unseen(self.context.db, told.channel.id, told.number)
        return paragraphs

    def subject(self) -> Subject | None:
        told = self._story
        if told is None:
            return None
        channel_id, code = (told.channel.id, told.channel.code) if told.channel else (None, "")
        order_id, state = (told.order.id, told.order.state) if told.order else (None, "")
        return Subject(order_id, told.number, channel_id, code, state, told.sale.sale.number if told.sale else "")


def _unseen(db: apsw.Connection, channel_id: int, number: str) -> list[Paragraph]:
    """How to find out more about an order that was never seen, and what the site said when it was asked last."""
    found = [Paragraph(""), Paragraph("Press t to ask the site for it now, and to take it in if the channel takes it.")]
    asked = jobs.last(db, "sync", channel_id, {"order_numbers": [number]})
    if asked is not None and asked.result is not None:
        at = local_text(asked.finished_at, seconds=True)
        found.append(Paragraph(f"The site was asked at {at}: {asked.result.get('sentence', '')}", "strong"))
    return found


def of_order(order_id: int) -> OrderPage:
    """The screen of a known order."""
    return OrderPage(lambda db: story.of_order(db, order_id))


def of_sale(number: str) -> OrderPage:
    """The screen of a sale."""
    return OrderPage(lambda db: story.of_sale(db, number))


def of_number(channel_id: int, number: str) -> OrderPage:
    """The screen of a channel's order by its number, seen or not."""

    def tell(db: apsw.Connection) -> Any:
        channel = channels.channel_by_id(db, channel_id)
        return story.of_number(db, channel, number) if channel else None

    return OrderPage(tell)
