"""Keys are handled one after another, however fast they are typed.

Over a slow line the keys of a word arrive together. Textual sends each to the widget that has the focus at that moment:
the letters after ``/`` would go to the list, as commands, and not to the field that the slash opens. Here a key waits
until the one before it is handled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

#: How often it is checked that the widget in whose queue the key before waits is still there, in seconds.
_WATCH_EVERY = 0.5

#: How often it is checked whether the rows that a key acts on are there, in seconds.
_CHECK_EVERY = 0.02

#: How long a key waits for these rows, in seconds.
_LONGEST_WAIT = 5.0

#: Keys that act on no row, and so wait for none.
_NEED_NO_ROWS = frozenset({"escape", "slash", "q", "ctrl+q"})

#: How many times the queues from the widget up to the app are passed: for the key, for the message that its action
#: posts, and for the messages that follow from that.
_PASSES = 3


def _has_nothing(pump: MessagePump) -> bool:
    """Whether it has no message and handles none, as its task waits for the next; False where that cannot be told."""
    if pump._task is None:
        return True
    ready = getattr(pump._message_queue, "ready_event", None)
    return ready is not None and not ready.is_set() and bool(getattr(ready, "_waiters", ()))


class _Step:
    """A callback for ``events.Callback``."""

    #: Read by Textual, which otherwise inspects the signature of every callback anew.
    _param_count = 0

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act

    def __call__(self) -> None:
        self._act()


class KeyQueue(App[None]):
    """An app that queues keys while an earlier one is handled."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[events.Key | events.Paste] = deque()
        #: The number of the key that is being handled; 0: none.
        self._turn = 0
        self._turns = 0
        #: The key whose widget is watched; 0: none.
        self._watched = 0
        #: The pumps that have messages of the key, and whether it follows them through their queues.
        self._way: list[MessagePump] = []
        self._follows = False
        #: Where the key that is being handled waits for messages before it.
        self._waits_in: MessagePump = self

    async def on_event(self, event: events.Event) -> None:
        """Queue keys; pass on all other events at once."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded or not self.screen_stack:
            await super().on_event(event)
        elif self._turn and not self._is_over(event):
            self._typed.append(event)
            self._go_after()
        else:
            await self._begin(event)

    async def _begin(self, event: events.Key | events.Paste) -> None:
        self._turns += 1
        turn = self._turn = self._turns
        self._way = [*self._way_up(self.focused or self.screen)]
        self._follows = bool(self._typed)
        if self._follows:
            self._watch()
        if not self.takes(event):
            await super().on_event(event)
        if self._follows:
            self._follow(self._way * _PASSES, turn)

    def _is_over(self, event: events.Key | events.Paste) -> bool:
        """Whether the key before is handled: a look is cheaper than to follow every key, for when none comes soon."""
        pumps = {*self._way, self.screen} - {self}
        is_over = not self._follows and self._message_queue.empty() and all(map(_has_nothing, pumps))
        return is_over and not (self._needs_rows(event) and self.is_changing)

    def _go_after(self) -> None:
        """Follow the key that is being handled, as another one waits for it."""
        self._watch()
        if not self._follows:
            self._follows = True
            self._follow(self._way * _PASSES, self._turn)

    def _watch(self) -> None:
        """Go on with the next key once the widget that this one waits in is gone; a slow one is waited for."""
        turn = self._turn

        async def look() -> None:
            if turn != self._turn:
                return
            self._watched = 0
            if self._waits_in is self or self._waits_in._task is not None:
                self._watch()
            else:
                await self._end(turn)

        if self._watched != turn:
            self._watched = turn
            self.set_timer(_WATCH_EVERY, look)

    @property
    def is_changing(self) -> bool:
        """Whether the rows on the screen are about to be replaced, so that the next key must wait."""
        return False

    def takes(self, event: events.Key | events.Paste) -> bool:
        """Whether the app itself handles the key, so that no widget gets it."""
        return False

    def _way_up(self, pump: MessagePump | None) -> Iterator[MessagePump]:
        while pump is not None:
            yield pump
            pump = pump._parent

    def _follow(self, way: list[MessagePump], turn: int) -> None:
        """Pass through the message queues behind what the key caused, then through that of a new screen."""
        if not self.is_running:
            # The app is closing: there may be no screen any more.
            return
        step = events.Callback(_Step(lambda: self._follow(way[1:], turn)))
        while way and not way[0].post_message(step):
            way = way[1:]
        if way:
            self._waits_in = way[0]
            return
        self._waits_in = self.screen
        if not self.screen.call_later(self._end, turn):
            self._waits_in = self
            self.call_later(self._end, turn)

    async def _end(self, turn: int, waited: float = 0.0) -> None:
        if turn == self._turn and self.is_running:
            if self._typed and self._needs_rows(self._typed[0]) and self.is_changing and waited < _LONGEST_WAIT:
                self.set_timer(_CHECK_EVERY, lambda: self._end(turn, waited + _CHECK_EVERY))
                return
            self._turn = 0
            if self._typed:
                await self._begin(self._typed.popleft())

    def _needs_rows(self, event: events.Key | events.Paste) -> bool:
        return isinstance(event, events.Key) and event.key not in _NEED_NO_ROWS
