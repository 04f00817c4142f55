"""Keys take effect one after another, however fast they come.

Over a slow line the keys of a word arrive together. Textual hands each of them to what has the focus at that moment,
so that the letters after ``/`` would go to the list, as commands, and not to the field that the slash opens. Here a key
waits until the one before it has done what it does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

#: How long a key waits for one that does not come to an end (its widget went away), in seconds.
_PATIENCE = 0.5

#: How often it is looked whether what a key acts on has come, in seconds.
_LOOK_EVERY = 0.02

#: How often its way up to the app is followed: the key itself, the message that its action posts, and what that asks.
_TRIPS = 3


class KeyQueue(App[None]):
    """An app that can be typed ahead of."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()
        #: Which key is under way; 0: none.
        self._turn = 0
        self._turns = 0

    async def on_event(self, event: events.Event) -> None:
        """Hand keys on in their turn; everything else at once."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or not self.screen_stack:
            await super().on_event(event)
        elif self._turn:
            self._typed.append(event)
            turn = self._turn
            self.set_timer(_PATIENCE, lambda: self._end(turn))
        else:
            await self._begin(event)

    async def _begin(self, event: events.Key | events.Paste) -> None:
        self._turns += 1
        turn = self._turn = self._turns
        target: MessagePump = self.focused or self.screen
        if not self.takes(event):
            await super().on_event(event)
        self._follow([*self._way_up(target)] * _TRIPS, turn)

    @property
    def is_changing(self) -> bool:
        """Whether the next key would act on what is about to be replaced."""
        return False

    def takes(self, event: events.Key | events.Paste) -> bool:
        """Whether the app itself does something with it, so that no widget gets it."""
        return False

    def _way_up(self, pump: MessagePump | None) -> Iterator[MessagePump]:
        while pump is not None:
            yield pump
            pump = pump._parent

    def _follow(self, way: list[MessagePump], turn: int) -> None:
        """Queue up behind what the key caused, at each stop; then behind what a new screen begins with."""
        while way and not way[0].call_later(self._follow, way[1:], turn):
            way = way[1:]
        if not way and not self.screen.call_later(self._end, turn):
            self.call_later(self._end, turn)

    async def _end(self, turn: int, waited: float = 0.0) -> None:
        if turn == self._turn:
            if self._typed and self.is_changing and waited < _PATIENCE:
                self.set_timer(_LOOK_EVERY, lambda: self._end(turn, waited + _LOOK_EVERY))
                return
            self._turn = 0
            if self._typed:
                await self._begin(self._typed.popleft())
