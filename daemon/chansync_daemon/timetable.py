"""When each channel's streams run.

``schedule`` holds the interval of each stream; the time of its next run is stored in the database in UTC. A channel's
part of the timetable is rebuilt from there when the channel changes, and all of it when the local clock changes:
``schedule`` uses local time, so a change to or from daylight saving time would shift every run by an hour.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import apsw
import schedule

from chansync.db.transaction import transaction
from chansync.model.address import place_of
from chansync.model.channel import Channel
from chansync.model.times import now_ms, parse_duration
from chansync.orders.stream_switches import why_off
from chansync.store import channels, streams
from chansync.store.leases import CLOCK_JUMP, clock_ahead
from chansync.store.streams import STREAMS

#: Overdue streams start one after the other, this fraction of their interval apart: a few start at once, a thousand are
#: spread over the whole interval.
SPREAD = 1000

#: After a standstill (the process was stopped, the database locked) due streams are started within this fraction of
#: their interval, and at least so many streams at each check.
CATCH_UP = 0.1
AT_LEAST = 4

#: The longest wait that a site may ask for, in seconds; more is probably a mistake.
LONGEST_REST = 86_400

#: Up to so many channels are read one by one, more by one query.
FEW = 50

StreamKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream that runs every ``seconds``, next at ``next_run_at`` (UTC milliseconds).

    Attributes:
        noted: the next run as stored in the database.
        host: the host of its site; empty if unknown.
    """

    channel_id: int
    channel_code: str
    stream: str
    seconds: int
    next_run_at: int
    noted: int | None = None
    host: str = ""

    @property
    def key(self) -> StreamKey:
        """What names the stream."""
        return self.channel_id, self.stream


def entries(db: apsw.Connection, channel_ids: Collection[int] | None = None) -> list[Entry]:
    """When each stream runs next, from the channels' settings and the earlier runs in the database.

    Args:
        channel_ids: only these channels.
    """
    now = now_ms()
    found = []
    overdue: list[tuple[int, Entry]] = []
    for channel in _channels(db, channel_ids):
        for stream in STREAMS:
            seconds = _cadence(channel, stream)
            if seconds is None:
                continue
            state = streams.stream(db, channel.id, stream)
            due = state.next_run_at
            if due is None and state.last_started_at is not None:
                due = state.last_started_at + seconds * 1000
            # A shortened interval takes effect now, not after the old, longer one.
            due = min(due or 0, now + seconds * 1000)
            entry = Entry(channel.id, channel.code, stream, seconds, due, state.next_run_at, _host(channel))
            if due < now:
                overdue.append((due, entry))
            else:
                found.append(entry)
    return found + _spread(overdue, now)


def _channels(db: apsw.Connection, channel_ids: Collection[int] | None) -> list[Channel]:
    if channel_ids is None or len(channel_ids) > FEW:
        wanted = channels.all_channels(db)
        return wanted if channel_ids is None else [channel for channel in wanted if channel.id in channel_ids]
    found = (channels.channel_by_id(db, channel_id) for channel_id in sorted(channel_ids))
    return [channel for channel in found if channel is not None]


def _spread(overdue: list[tuple[int, Entry]], now: int) -> list[Entry]:
    """Spread overdue streams: the longest overdue starts first, streams of one interval one after the other."""
    counts = Counter(entry.seconds for _, entry in overdue)
    placed: Counter[int] = Counter()
    spread = []
    for _, entry in sorted(overdue, key=lambda each: (each[0], each[1].channel_id)):
        step = entry.seconds * 1000 / max(SPREAD, counts[entry.seconds])
        spread.append(replace(entry, next_run_at=now + int(placed[entry.seconds] * step)))
        placed[entry.seconds] += 1
    return spread


def _cadence(channel: Channel, stream: str) -> int | None:
    if not channel["used"] or why_off(channel, stream):
        return None
    return parse_duration(channel[f"{stream}_every"] or "off")


def _host(channel: Channel) -> str:
    """Host and port of the channel's site; empty for a marketplace."""
    place = place_of(str(channel["store_domain"] or ""))
    return place.netloc if place is not None and not place.host.isalnum() else ""


def note_next_runs(db: apsw.Connection, next_runs: dict[StreamKey, int]) -> None:
    """Write when each stream runs next, for the screens and the next start."""
    with transaction(db):
        for (channel_id, stream), at in next_runs.items():
            streams.set_next_run(db, channel_id, stream, at)


def note_off(db: apsw.Connection, channel_ids: Collection[int], wanted: list[Entry]) -> None:
    """Store that the unwanted streams of these channels have no next run, so that they do not count as late."""
    running = {entry.key for entry in wanted}
    noted: list[Any] = db.execute("SELECT channel_id, stream FROM stream WHERE next_run_at IS NOT NULL").fetchall()
    off = [key for key in noted if key[0] in channel_ids and key not in running]
    if off:
        with transaction(db):
            for channel_id, stream in off:
                streams.set_next_run(db, channel_id, stream, None)


class Timetable:
    """The schedule of every stream; ``start`` is called for each stream that is due."""

    def __init__(self, start: Callable[[Entry], None]) -> None:
        self._start = start
        self.clear()

    def clear(self) -> None:
        """Remove everything, and start again with the current local time."""
        self._scheduler = schedule.Scheduler()
        self._offset = time.localtime().tm_gmtoff
        self._ahead = clock_ahead()
        self._jobs: dict[StreamKey, tuple[schedule.Job, Entry]] = {}
        #: When each stream is due, which of these changed, and how many wait until a time that their sites named.
        self._due: dict[StreamKey, int] = {}
        self._moved: dict[StreamKey, int] = {}
        self._resting: Counter[int] = Counter()
        self._at_a_look = AT_LEAST

    def replace(self, channel_ids: Collection[int], wanted: list[Entry]) -> None:
        """Replace the schedule of these channels."""
        self._jobs = {key: found for key, found in self._jobs.items() if key[0] not in channel_ids}
        self._due = {key: self._due[key] for key in self._jobs}
        for entry in wanted:
            self._jobs[entry.key] = self._scheduler.every(entry.seconds).seconds.do(self._start, entry), entry
            self._set(entry, entry.next_run_at)
            if entry.next_run_at == entry.noted:
                del self._moved[entry.key]
        self._scheduler.jobs = [job for job, _ in self._jobs.values()]
        pace = sum(1 / (job.interval * CATCH_UP) for job in self._scheduler.jobs)
        self._at_a_look = max(AT_LEAST, math.ceil(pace))

    def _set(self, entry: Entry, at: int) -> None:
        job, _ = self._jobs[entry.key]
        job.next_run = datetime.fromtimestamp(at / 1000)  # noqa: DTZ006 - schedule's own reckoning
        self._due[entry.key] = self._moved[entry.key] = at

    def entry(self, channel_id: int, stream: str) -> Entry | None:
        """What is scheduled for a stream; None: it is not scheduled."""
        found = self._jobs.get((channel_id, stream))
        return found[1] if found else None

    def postpone(self, entry: Entry, until: int) -> None:
        """Postpone a stream until then (UTC milliseconds), because its site asked for it.

        If many sites name the same time (the end of their host's maintenance), their streams start one after the other
        from then on, as if they were overdue.
        """
        now = now_ms()
        until = min(until, now + LONGEST_REST * 1000)
        if self._due.get(entry.key, until) < until:
            before = self._resting[until // 1000]
            self._resting[until // 1000] += 1
            self._set(entry, until + before * entry.seconds * 1000 // SPREAD)
        for second in [second for second in self._resting if second < now // 1000]:
            del self._resting[second]

    def clock_was_moved(self) -> bool:
        """Whether the UTC offset has changed since the last rebuild, or the clock was set.

        If the clock was set back, everything would otherwise wait for as long as it was set back by.
        """
        return time.localtime().tm_gmtoff != self._offset or abs(clock_ahead() - self._ahead) > CLOCK_JUMP

    @property
    def put_back_by(self) -> int:
        """How far the clock was set back since the last rebuild, in milliseconds."""
        return max(0, int((self._ahead - clock_ahead()) * 1000))

    def run_due(self) -> None:
        """Start what is due. The next run of each stream is one interval after it was due, not after it started.

        So streams that a standstill has moved together are spread again after one round. Until then a few are started
        at each check.
        """
        if self.clock_was_moved():
            # It is rebuilt first.
            return
        # Not run_pending(): it starts all of them at once, and compares local times, in which an hour occurs twice in
        # autumn.
        now = now_ms()
        # Of those that are due at the same time, in the order of ``STREAMS``.
        due = sorted((at, place, key) for place, (key, at) in enumerate(self._due.items()) if at <= now)
        for at, _, key in due[: self._at_a_look]:
            job, entry = self._jobs[key]
            job.run()  # type: ignore[no-untyped-call]
            cadence = entry.seconds * 1000
            self._set(entry, at + (max(0, now - at) // cadence + 1) * cadence)

    def take_moved(self) -> dict[StreamKey, int]:
        """Streams whose next run has changed since the last call, for ``note_next_runs``."""
        moved, self._moved = self._moved, {}
        return moved

    def idle_seconds(self) -> float:
        """How long until something is due."""
        next_at = min(self._due.values(), default=None)
        return 3600.0 if next_at is None else max(0.0, (next_at - now_ms()) / 1000)
