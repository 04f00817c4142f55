"""The page of an order: why it is in its state, its data, its sale and its history; also of an unknown order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import apsw
from textual.binding import BindingType

from chansync.explain import story
from chansync.explain.story import Story
from chansync.model.errors import UsageError
from chansync.model.safe_text import on_one_line
from chansync.model.times import local_text
from chansync.store import channels, jobs
from chansync_tui.order_text import story_paragraphs
from chansync_tui.screens.copying import Copy, as_json
from chansync_tui.screens.order_actions import OrderActions, Subject
from chansync_tui.screens.text_page import TextPage
from chansync_tui.user_files.own_keys import called
from chansync_tui.widgets.pane import Paragraph


class OrderPage(OrderActions, TextPage):
    """Shows what ``read_story`` returns; it is called again whenever the database changes."""

    TAB = "orders"
    SCOPE = "order"
    ABOUT = "Why this order is as it is, its sale, and everything that happened to it."
    HINTS = ("esc", "?", "a", "t", "r", "m", "[ ]", "o", "c", "q")

    BINDINGS: ClassVar[list[BindingType]] = [*OrderActions.ACTIONS]

    def __init__(self, read_story: Callable[[apsw.Connection], Story | None]) -> None:
        super().__init__()
        self._read_story = read_story
        self._story: Story | None = None

    def paragraphs(self) -> list[Paragraph]:
        try:
            found = self._story = self._read_story(self.context.db)
        except UsageError as error:
            self._story = None
            return [Paragraph(str(error), "bad")]
        if found is None:
            return [Paragraph("This order is gone: its channel was removed.", "bad")]
        paragraphs = [*story_paragraphs(self.context.db, found)]
        if found.order is None and found.channel is not None:
            paragraphs += _unseen(self.context.db, found.channel.id, found.number)
        return paragraphs

    def copies(self) -> Sequence[Copy]:
        found = self._story
        if found is None or found.channel is None:
            return super().copies()
        code = found.channel.code
        return [
            Copy("order number", f"{on_one_line(found.number)}\n"),
            Copy("sale", f"{on_one_line(found.papers.details.sale.number)}\n" if found.papers else ""),
            self.whole_text(),
            Copy("JSON", as_json(found.explanation.as_data(code))),
            Copy("command", f"{self.context.command_line(['why', code, found.number])}\n"),
        ]

    def subject(self) -> Subject | None:
        story = self._story
        if story is None:
            return None
        channel_id, code = (story.channel.id, story.channel.code) if story.channel else (None, "")
        order_id, state = (story.order.id, story.order.state) if story.order else (None, "")
        sale = story.papers.details.sale.number if story.papers else ""
        return Subject(order_id, story.number, channel_id, code, state, sale)


def _unseen(db: apsw.Connection, channel_id: int, number: str) -> list[Paragraph]:
    """For an order that was never seen: how to ask the site for it, and what the site answered last."""
    found = [
        Paragraph(""),
        Paragraph(f"Press {called('t', 'order')} to ask the site for it now, and to import it if the settings allow."),
    ]
    asked = jobs.last(db, "sync", channel_id, {"order_numbers": [number]})
    if asked is not None and asked.result is not None:
        at = local_text(asked.finished_at, seconds=True)
        found.append(Paragraph(f"The site was asked at {at}: {asked.result.get('sentence', '')}", "strong"))
    return found


def of_order(order_id: int) -> OrderPage:
    """The page of a known order."""
    return OrderPage(lambda db: story.of_order(db, order_id))


def of_sale(number: str) -> OrderPage:
    """The page of a sale."""
    return OrderPage(lambda db: story.of_sale(db, number))


def of_number(channel_id: int, number: str) -> OrderPage:
    """The page of a channel's order by its number, known or not."""

    def tell(db: apsw.Connection) -> Any:
        channel = channels.channel_by_id(db, channel_id)
        return story.of_number(db, channel, number) if channel else None

    return OrderPage(tell)
