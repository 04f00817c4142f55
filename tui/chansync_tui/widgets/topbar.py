"""The two lines at the top of every screen: where one is, and whether the daemon works."""

from __future__ import annotations

from textual import events

from chansync.doctor.daemon import OTHER_VERSION, RUNNING, STARTING, Diagnosis
from chansync.store.daemons import DaemonState
from chansync_tui.formatting import since
from chansync_tui.symbols import symbols
from chansync_tui.text import width
from chansync_tui.widgets.jump import Jumpable
from chansync_tui.widgets.line import Line, Part

#: The main screens; the key of each is its place, from 0 on.
TABS = {
    "overview": "Overview",
    "channels": "Channels",
    "activity": "Activity",
    "messages": "Messages",
    "orders": "Orders",
    "erp": "ERP",
}

#: Their titles where the screen is narrow, whole words too.
_SHORT = {"overview": "Home", "activity": "Runs", "messages": "Log"}


class TopBar(Line, Jumpable):
    """The tabs with their keys, and user@host."""

    def __init__(self, tab: str, who: str) -> None:
        super().__init__()
        self._tab = tab
        self._who = who
        self._counts: dict[str, int] = {}
        self.redraw()

    def count(self, counts: dict[str, int]) -> None:
        """Show a number behind the titles of these tabs."""
        if counts != self._counts:
            self._counts = counts
            self.redraw()

    def redraw(self) -> None:
        self.put(
            [(" chansync ", "strong"), *self._tabs()],
            self._tabs(),
            self._tabs(short=True),
            right=[(f"{self._who} ", "dim")],
        )

    def jump_count(self) -> int:
        return len(TABS)

    def jump_to(self, place: int) -> None:
        # In the app's own queue: the screen of this line may be closed by it.
        self.app.call_later(self.app.run_action, f"tab('{list(TABS)[place]}')")

    def _tabs(self, *, short: bool = False) -> list[Part]:
        parts: list[Part] = []
        for number, (mode, title) in enumerate(TABS.items()):
            here = mode == self._tab
            count = self._counts.get(mode, 0)
            word = (_SHORT.get(mode, title) if short else title) + (f" {count}" if count else "")
            letter = self.jump_letters[number : number + 1]
            # The brackets say where one is, for screens without colours.
            parts.append((letter or ("[" if here else " "), "jump" if letter else "here" if here else ""))
            parts.append((f"{number} {word}{']' if here else ' '}", "here" if here else ""))
        return parts

    def on_click(self, event: events.Click) -> None:
        begin = self.text.find("0 ") - 1
        short = not all(text in self.text for text, _ in self._tabs()[1::2])
        words = [text for text, _ in self._tabs(short=short)[1::2]]
        for place, word in enumerate(words):
            if begin <= event.x <= begin + width(word):
                self.jump_to(place)
                return
            begin += width(word) + 1


class DaemonLine(Line):
    """Whether the daemon runs, since when, or how to start it."""

    def tell(self, found: Diagnosis, state: DaemonState | None, now: int) -> None:
        """Show how the daemon is, and what to do."""
        if found.kind == RUNNING and state is not None:
            sign: Part = (f" {symbols().on} ", "good")
            long = f" since {since(state.started_at, now)} on {state.host} (process {state.pid}, {state.version})"
            self.put(
                [sign, ("Daemon running", "good"), (long, "dim")],
                [sign, ("Daemon running", "good"), (f" since {since(state.started_at, now)}", "dim")],
            )
            return
        mild = found.kind in (OTHER_VERSION, STARTING)
        sign = (f" {symbols().on if found.works else symbols().off} ", "warn" if mild else "bad")
        head: Part = (found.headline, sign[1])
        advice: Part = (f". {found.advice}" if found.advice else "", "")
        command: Part = (f": {found.command}" if found.command else "", "")
        self.put([sign, (found.sentence, sign[1]), advice], [sign, head, advice], [sign, head, command], [sign, head])

    def fail(self, sentence: str) -> None:
        """The database cannot be read."""
        self.put([(" ! ", "bad"), (sentence, "bad")])
