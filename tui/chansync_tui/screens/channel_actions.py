"""What the lists of channels share: how a channel stands, and actions on one or several of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.getters import query_one

from chansync.db.connection import Store
from chansync.model.errors import UsageError
from chansync.model.times import now_ms
from chansync.store.overview import ChannelLine
from chansync.store.pauses import Pause, pauses
from chansync_tui.formatting import ago, clock, counted, left, progress
from chansync_tui.navigation_events import Edit, ShowTab
from chansync_tui.screens.two_panes import TwoPanes
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.table import MarkTable, Table

#: Sign → its tone: ``bad`` for what fails, ``warn`` for open problems, ``off`` for what is not used.
SIGN_TONES = {"bad": "bad", "warn": "warn", "on": "good", "off": "dim"}


class ChannelActions(TwoPanes):
    """A page with a list of channels, and what its keys do with them.

    A screen adds ``ACTIONS`` to its own keys.
    """

    ACTIONS: ClassVar[list[BindingType]] = [
        Binding("s", "channel('sync')", "Sync the channel now, or those that are marked", tooltip="Sync"),
        Binding(
            "p",
            "channel('pause')",
            "Pause the channel or resume it, or those that are marked",
            tooltip="Pause or resume|Pause",
        ),
    ]

    #: The pauses of the channels, by their ids.
    pauses: Mapping[int, Pause] = {}

    channels: query_one[MarkTable[ChannelLine]] = query_one("#channels", MarkTable)

    @on(Table.Chosen, "#channels")
    def open_channel(self) -> None:
        if line := self.channels.selected:
            self.post_message(Edit("channel", line.id))

    def action_orders(self) -> None:
        if line := self.channels.selected:
            self.post_message(ShowTab("orders", "only_channel", line.id, line.code))

    def action_messages(self) -> None:
        if line := self.channels.selected:
            self.post_message(ShowTab("messages", "only_channel", line.id, line.code))

    def paused(self, line: ChannelLine) -> list[Part]:
        """Who paused the channel, and how it is resumed; nothing: it is not paused."""
        if (pause := self.pauses.get(line.id)) is None:
            return []
        resumes = f"{self.own_key('p')} resumes it."
        return [(f"Paused by {pause.by} since {clock(pause.at, now_ms())}: {resumes}", "warn")]

    def action_channel(self, name: str) -> None:
        """Sync or pause the marked channels, or the one under the cursor."""
        if lines := self.channels.chosen:
            (self._sync if name == "sync" else self._pause)(lines)

    def _sync(self, lines: list[ChannelLine]) -> None:
        def sync() -> None:
            for line in lines:
                self.context.ask(f"Sync {line.code}", "sync", line.id, {})

        self._agree(f"Sync {counted(len(lines), 'channel')} now?", "Sync", lines, sync)

    def _pause(self, lines: list[ChannelLine]) -> None:
        """Pause those that are used; where none is, resume those that are paused, or use all of them."""
        used = [line.code for line in lines if line.used]
        resumes = not used
        paused = pauses(self.context.db)
        codes = used or [line.code for line in lines if line.id in paused] or [line.code for line in lines]
        user, own = self.context.user, self.own_key

        def pause(store: Store) -> str:
            from chansync.setup import pausing

            done = _each(codes, lambda code: pausing.pause(store, code, user))
            return f"{done} paused: nothing syncs there by itself. {own('p')} resumes, {own('z')} undoes."

        def resume(store: Store) -> str:
            from chansync.setup import pausing

            return f"{_each(codes, lambda code: pausing.resume(store, code))} resumed."

        verb, do, undo = ("Resume", resume, pause) if resumes else ("Pause", pause, resume)

        def change() -> None:
            self.context.write(f"{verb} {_named(codes, len(codes))}", do, undo)

        self._agree(f"{verb} {counted(len(codes), 'channel')}?", verb, lines, change)

    def _agree(self, question: str, yes: str, lines: Sequence[ChannelLine], then: Callable[[], None]) -> None:
        """Ask first where it is for several."""
        if len(lines) == 1:
            then()
        else:
            from chansync_tui.screens.dialogs import Confirm

            names = ", ".join(line.code for line in lines[:8]) + (" …" if len(lines) > 8 else "")
            Confirm(f"{question}\n\n{names}", yes).ask(self, lambda _: then())

    def commands(self) -> Iterable[SystemCommand]:
        if lines := self.channels.chosen:
            named = _named([line.code for line in lines], len(lines))
            yield SystemCommand(f"Sync {named}", "Pull the orders now (key s)", partial(self.action_channel, "sync"))
            yield SystemCommand(
                f"Pause or resume {named}", "Switch it off or on (key p)", partial(self.action_channel, "pause")
            )


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


def is_failing(line: ChannelLine) -> bool:
    """Whether a stream of a used channel fails."""
    return line.used and bool(line.failing)


def sign_of(line: ChannelLine) -> str:
    """The sign of the channel's state."""
    if not line.used:
        return "off"
    return "bad" if line.failing else "warn" if line.problems else "on"


def state_of(line: ChannelLine, pause: Pause | None, now: int) -> str:
    """What the channel does now."""
    if line.progress is not None:
        # Imported when it is needed: the first screen is there sooner.
        from chansync.store.channel_status import remaining

        fetched, expected = line.progress
        still = left(remaining(fetched, expected, now - (line.run_began_at or now)))
        return f"sync {progress(fetched, expected)} {still}".rstrip()
    if line.running:
        return "sync"
    if pause is not None:
        return f"paused by {pause.by}"
    if not line.used:
        return "not used"
    if line.failing:
        return f"failing{f' {ago(line.last_ok_at, now)}' if line.last_ok_at else ''}"
    return "idle"
