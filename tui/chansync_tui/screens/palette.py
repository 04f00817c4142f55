"""The palette: commands of the screen, and any order, sale, channel, field, item or customer by what is typed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from textual import on
from textual.app import SystemCommand
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input

from chansync.explain import find
from chansync.explain.find import Found
from chansync.model.errors import ChansyncError
from chansync_tui.context import context_of
from chansync_tui.navigation_events import Edit, Show
from chansync_tui.screens.finder import Finder, Option

Act = Callable[[], Any]

#: After so many seconds without a key the longer lists are searched: customers, items, documents.
_PAUSE = 0.15


class Palette(Finder[Act]):
    """Ends with what is to be done.

    Args:
        commands: those of the screen and of the program.
        missing: asks the sites for an order of that number.
    """

    def __init__(self, commands: Iterable[SystemCommand], missing: Callable[[str], Any]) -> None:
        self._commands = list(commands)
        self._missing = missing
        self._more: tuple[str, list[Found]] = ("", [])
        self._text = ""
        self._wait: Timer | None = None
        shown = [command for command in self._commands if command.discover]
        super().__init__("Find anything: a command, an order, a sale, a channel, a field, an item", _options(shown))
        self._word_width = 30

    def narrowed(self, text: str) -> list[Option[Act]]:
        text = text.strip()
        words = text.casefold().split()
        if not words:
            return list(self._options)
        commands = [
            each for each in self._commands if all(word in f"{each.title} {each.help}".casefold() for word in words)
        ]
        # What the title holds comes before what only its help does.
        commands.sort(key=lambda each: not all(word in each.title.casefold() for word in words))
        data = find.find(context_of(self).db, text)
        more = self._more[1] if self._more[0] == text else []
        found: list[Option[Act]] = [
            Option(partial(self.app.post_message, _opened(each)), each.title, each.about) for each in [*data, *more]
        ]
        number = text.lstrip("#")
        if any(map(str.isdecimal, number)) and not any(each.kind == "order" for each in data):
            ask = partial(self._missing, number)
            found.append(Option(ask, f"Why is {number} missing?", "asks the site for the order"))
        return [*found, *_options(commands)]

    @on(Input.Changed)
    def search_soon(self, event: Input.Changed) -> None:
        """The longer lists follow what is found at once."""
        self._text = event.value.strip()
        if self._wait is not None:
            self._wait.stop()
        if len(self._text) >= 3:
            self._wait = self.set_timer(_PAUSE, self._search)

    def _search(self) -> None:
        text, context = self._text, context_of(self)

        def search() -> None:
            from chansync_tui.screens.erp import find_records

            try:
                found = context.read(
                    lambda db: [*find.sales(db, text), *find_records(db, text)], lambda: self._text == text
                )
            except ChansyncError:
                return
            if found:
                self.call_later(self._show_more, text, found)

        self.run_worker(search, thread=True)

    def _show_more(self, text: str, found: list[Found]) -> None:
        """Add what the longer lists have."""
        if text == self._text:
            self._more = (text, found)
            self.table.show(self.narrowed(text))


def _opened(found: Found) -> Message:
    match found.kind:
        case "channel":
            return Edit("channel", found.key)
        case "field":
            return Edit("channel", found.channel_id, field=str(found.key))
    return Show(found.kind, found.key)


def _options(commands: Iterable[SystemCommand]) -> list[Option[Act]]:
    return [Option(each.callback, each.title, each.help) for each in commands]
