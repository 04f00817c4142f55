"""How a channel stands, in a word or two, for lists."""

from __future__ import annotations

from chansync.store.overview import ChannelLine
from chansync.store.pauses import Pause
from chansync_tui.formatting import ago, left, progress

#: Sign → its tone: ``bad`` for what fails, ``warn`` for open problems, ``off`` for what is not used.
SIGN_TONES = {"bad": "bad", "warn": "warn", "on": "good", "off": "dim"}


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
