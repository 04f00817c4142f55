"""The two lines at the top of every screen: where one is, and whether the daemon works."""

from __future__ import annotations

from textual import events
from textual.message import Message

from chansync import __version__
from chansync.service_place import how_to_restart, how_to_start
from chansync.store.daemons import DaemonState
from chansync_tui.formatting import since
from chansync_tui.symbols import symbols
from chansync_tui.text import width
from chansync_tui.widgets.jump import Jumpable
from chansync_tui.widgets.line import Line, Part

TABS = {"channels": "Channels", "activity": "Activity", "messages": "Messages", "orders": "Orders", "erp": "ERP"}


class TopBar(Line, Jumpable):
    """The tabs with their keys, and user@host."""

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, mode: str) -> None:
            super().__init__()
            self.mode = mode

    def __init__(self, tab: str, who: str) -> None:
        super().__init__()
        self._tab = tab
        self._who = who
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
        self.post_message(self.Picked(list(TABS)[place]))

    def _tabs(self, *, short: bool = False) -> list[Part]:
        parts: list[Part] = []
        for number, (mode, title) in enumerate(TABS.items(), 1):
            here = mode == self._tab
            word = title[:4] if short else title
            letter = self.jump_letters[number - 1 : number]
            # The brackets say where one is, for screens without colours.
            parts.append((letter or ("[" if here else " "), "jump" if letter else "here" if here else ""))
            parts.append((f"{number} {word}{']' if here else ' '}", "here" if here else ""))
        return parts

    def on_click(self, event: events.Click) -> None:
        begin = self.text.find("1 ") - 1
        short = self._tabs()[1][0] not in self.text
        words = [text for text, _ in self._tabs(short=short)[1::2]]
        for mode, word in zip(TABS, words, strict=True):
            if begin <= event.x <= begin + width(word):
                self.post_message(self.Picked(mode))
                return
            begin += width(word) + 1


class DaemonLine(Line):
    """Whether the daemon runs, since when, or how to start it."""

    def tell(self, state: DaemonState | None, now: int, database: str) -> None:
        """Show its state, or what starts the daemon of this database."""
        if state is not None and state.running and state.version != __version__:
            restart = how_to_restart(database, state.pid)
            self.put(
                *_wordings(
                    (f" {symbols().on} ", "warn"),
                    (f"The daemon is {state.version}, this program {__version__}", "warn"),
                    (f"Daemon {state.version}, not {__version__}", "warn"),
                    f"restart it: {restart}",
                    restart,
                )
            )
            return
        if state is not None and state.running:
            sign: Part = (f" {symbols().on} ", "good")
            long = f" since {since(state.started_at, now)} on {state.host} (process {state.pid}, {state.version})"
            self.put(
                [sign, ("Daemon running", "good"), (long, "dim")],
                [sign, ("Daemon running", "good"), (f" since {since(state.started_at, now)}", "dim")],
            )
            return
        sign = (f" {symbols().off} ", "bad")
        if state is not None and state.is_silent:
            head = (f"Daemon silent since {since(state.beat_at, now)}", "bad")
            wake = f"kill -CONT {state.pid}, or restart it"
            self.put(
                [sign, head, (f": process {state.pid} hangs or was stopped; {wake}", "")],
                [sign, head, (f": {wake}", "")],
                [sign, head],
            )
            return
        start = how_to_start(database)
        long, short = "The daemon is not running", "Daemon not running"
        self.put(*_wordings(sign, (long, "bad"), (short, "bad"), f"start it with {start}", start))

    def fail(self, sentence: str) -> None:
        """The database cannot be read."""
        self.put([(" ! ", "bad"), (sentence, "bad")])


def _wordings(sign: Part, long: Part, short: Part, advice: str, command: str) -> list[list[Part]]:
    """What is wrong and what to do, from the longest wording to the shortest."""
    return [[sign, long, (f": {advice}", "")], [sign, short, (f": {advice}", "")], [sign, short, (f": {command}", "")]]
