"""When each channel's streams run.

The cadence is kept by ``schedule``; what outlives a restart (when a stream runs next) is in the database in UTC,
and the timetable is made anew from it whenever channels change or the local clock is moved (``schedule`` counts in
local time, and a change to or from daylight saving would shift every run by an hour).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import apsw
import schedule

from chansync.model.channel import STREAMS, Channel
from chansync.model.times import now_ms, parse_duration
from chansync.store import channels, streams
from chansync.sync.outgoing import why_off

#: Streams that are due at a start are spread over that long, in seconds, so that they do not all begin at once.
SPREAD_SECONDS = 30

StreamKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream that runs every ``seconds``, next at ``next_run_at`` (UTC milliseconds)."""

    channel_id: int
    channel_code: str
    stream: str
    seconds: int
    next_run_at: int


def entries(db: apsw.Connection) -> list[Entry]:
    """What runs when, by the channels' settings and what the database knows of earlier runs."""
    now = now_ms()
    wanted = [
        (channel, stream, seconds)
        for channel in channels.all_channels(db)
        for stream in STREAMS
        if (seconds := _cadence(channel, stream)) is not None
    ]
    found = []
    late = 0
    for channel, stream, seconds in wanted:
        state = streams.stream(db, channel.id, stream)
        due = state.next_run_at
        if due is None and state.last_started_at is not None:
            due = state.last_started_at + seconds * 1000
        # A cadence that was shortened counts from now on, not after the old, longer wait.
        due = min(due or 0, now + seconds * 1000)
        if due < now:
            due = now + late * SPREAD_SECONDS * 1000 // max(len(wanted), 1)
            late += 1
        found.append(Entry(channel.id, channel.code, stream, seconds, due))
    return found


def _cadence(channel: Channel, stream: str) -> int | None:
    if not channel["used"] or why_off(channel, stream):
        return None
    return parse_duration(channel[f"{stream}_every"] or "off")


def note_next_runs(db: apsw.Connection, next_runs: dict[StreamKey, int]) -> None:
    """Write when each stream runs next, for the screens and the next start."""
    for (channel_id, stream), at in next_runs.items():
        streams.set_next_run(db, channel_id, stream, at)


class Timetable:
    """The cadence of every stream; ``start`` is called for each stream that is due."""

    def __init__(self, start: Callable[[Entry], None]) -> None:
        self._start = start
        self._scheduler = schedule.Scheduler()
        self._offset = time.localtime().tm_gmtoff
        self._moved: dict[StreamKey, int] = {}

    def rebuild(self, wanted: list[Entry]) -> None:
        """Take up what runs when."""
        self._scheduler.clear()
        self._offset = time.localtime().tm_gmtoff
        self._moved.clear()
        for entry in wanted:
            job = self._scheduler.every(entry.seconds).seconds.do(self._run, entry).tag(_tag(entry))
            job.next_run = datetime.fromtimestamp(entry.next_run_at / 1000)  # noqa: DTZ006 - schedule's own reckoning
            self._moved[entry.channel_id, entry.stream] = entry.next_run_at

    def _run(self, entry: Entry) -> None:
        self._moved[entry.channel_id, entry.stream] = now_ms() + entry.seconds * 1000
        self._start(entry)

    def postpone(self, entry: Entry, until: int) -> None:
        """Let a stream rest until then (UTC milliseconds), because its site asked for it."""
        for job in self._scheduler.get_jobs(_tag(entry)):
            moment = datetime.fromtimestamp(until / 1000)  # noqa: DTZ006 - schedule's own reckoning
            if job.next_run is None or job.next_run < moment:
                job.next_run = moment
                self._moved[entry.channel_id, entry.stream] = until

    def clock_was_moved(self) -> bool:
        """Whether local time changed its distance from UTC since the last rebuild."""
        return time.localtime().tm_gmtoff != self._offset

    def run_due(self) -> None:
        """Start what is due."""
        self._scheduler.run_pending()

    def take_moved(self) -> dict[StreamKey, int]:
        """Streams whose next run is new since the last call, for ``note_next_runs``."""
        moved, self._moved = self._moved, {}
        return moved

    def idle_seconds(self) -> float:
        """How long until something is due."""
        idle = self._scheduler.idle_seconds
        return 3600.0 if idle is None else max(idle, 0.0)


def _tag(entry: Entry) -> str:
    return f"{entry.channel_id}/{entry.stream}"
