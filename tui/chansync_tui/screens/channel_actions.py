"""Actions on one or several channels: for the overview and for the list of channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.db.connection import Store
from chansync.model.errors import UsageError
from chansync.store.overview import ChannelLine
from chansync.store.pauses import pauses
from chansync_tui.formatting import counted
from chansync_tui.screens.page import Page


class ChannelActions:
    """What the keys of a list of channels do.

    A screen adds ``BINDINGS`` to its own, and hands the name in ``channel('…')`` to ``run``.

    Args:
        page: the screen.
        chosen: the marked channels, or the one under the cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "channel('sync')", "Sync the channel now, or those that are marked"),
        Binding("p", "channel('pause')", "Pause the channel or resume it, or those that are marked"),
    ]

    def __init__(self, page: Page, chosen: Callable[[], Sequence[ChannelLine]]) -> None:
        self._page = page
        self._chosen = chosen

    def run(self, name: str) -> None:
        """Run the action of that name on the channels, if there are any."""
        lines = list(self._chosen())
        if lines:
            {"sync": self._sync, "pause": self._pause}[name](lines)

    def _sync(self, lines: list[ChannelLine]) -> None:
        def sync(agreed: bool | None) -> None:
            for line in lines if agreed else ():
                self._page.context.ask(f"Sync {line.code}", "sync", line.id, {})

        self._agree(f"Sync {counted(len(lines), 'channel')} now?", "Sync", lines, sync)

    def _pause(self, lines: list[ChannelLine]) -> None:
        """Pause those that are used; where none is, resume those that are paused, or use all of them."""
        used = [line.code for line in lines if line.used]
        resumes = not used
        paused = pauses(self._page.context.db)
        codes = used or [line.code for line in lines if line.id in paused] or [line.code for line in lines]
        user, own = self._page.context.user, self._page.own_key

        def pause(store: Store) -> str:
            from chansync.setup import pausing

            done = _each(codes, lambda code: pausing.pause(store, code, user))
            return f"{done} paused: nothing syncs there by itself. {own('p')} resumes, {own('z')} undoes."

        def resume(store: Store) -> str:
            from chansync.setup import pausing

            return f"{_each(codes, lambda code: pausing.resume(store, code))} resumed."

        def change(agreed: bool | None) -> None:
            if agreed:
                do, undo = (resume, pause) if resumes else (pause, resume)
                self._page.context.change(f"{'Resume' if resumes else 'Pause'} {_named(codes, len(codes))}", do, undo)

        verb = "Resume" if resumes else "Pause"
        self._agree(f"{verb} {counted(len(codes), 'channel')}?", verb, lines, change)

    def _agree(
        self, question: str, yes: str, lines: Sequence[ChannelLine], then: Callable[[bool | None], None]
    ) -> None:
        """Ask first where it is for several."""
        if len(lines) == 1:
            then(True)
        else:
            from chansync_tui.screens.dialogs import Confirm

            names = ", ".join(line.code for line in lines[:8]) + (" …" if len(lines) > 8 else "")
            self._page.app.push_screen(Confirm(f"{question}\n\n{names}", yes), then)

    def commands(self) -> Iterable[SystemCommand]:
        """What the command palette offers for the channels."""
        lines = list(self._chosen())
        if lines:
            named = _named([line.code for line in lines], len(lines))
            yield SystemCommand(f"Sync {named}", "Pull the orders now (key s)", partial(self.run, "sync"))
            yield SystemCommand(f"Pause or resume {named}", "Switch it off or on (key p)", partial(self.run, "pause"))


def _each(codes: Sequence[str], change: Callable[[str], bool]) -> str:
    """Change each channel; which, or how many, are changed now, and why others are not.

    Raises:
        UsageError: none is, for a reason.
    """
    done, refused = 0, []
    for code in codes:
        try:
            done += change(code)
        except UsageError as error:
            refused.append(error)
    if refused and not done:
        raise refused[0]
    return f"{refused[0]} {_named(codes, done)}" if refused else _named(codes, done)


def _named(codes: Sequence[str], count: int) -> str:
    return codes[0] if len(codes) == 1 else counted(count, "channel")
