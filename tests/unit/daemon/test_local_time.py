"""A day on which the clocks are changed: every cadence is kept, nothing is left out, nothing runs twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from chansync.db import settings
from chansync.db.connection import Store
from chansync.store import channels
from chansync.sync import retention
from chansync_daemon import timetable
from chansync_daemon.timetable import Entry, Timetable, entries, note_next_runs

#: Zones, and the noon before their clocks are changed.
CHANGES = [
    ("Europe/Zurich", "2026-10-24T12:00"),
    ("Europe/Zurich", "2027-03-27T12:00"),
    ("America/New_York", "2026-10-31T12:00"),
    ("America/New_York", "2027-03-13T12:00"),
    ("Australia/Lord_Howe", "2027-04-03T12:00"),
    ("Australia/Lord_Howe", "2026-10-03T12:00"),
    # Here it is three o'clock, the hour of clearing away, that comes twice or not at all.
    ("Europe/Athens", "2026-10-24T12:00"),
    ("Europe/Athens", "2027-03-27T12:00"),
    ("Asia/Kolkata", "2026-12-31T12:00"),
    ("UTC", "2028-02-28T12:00"),
]

STEP = 10


@pytest.fixture(params=CHANGES, ids=lambda change: f"{change[0]} {change[1][:10]}")
def noon(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The noon before, in seconds since the epoch; this process is in the zone."""
    zone, at = request.param
    first = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield int(first.timestamp())
    monkeypatch.undo()
    time.tzset()


def test_the_schedule_of_a_daemon(company: Store, noon: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [noon]
    local = time.localtime
    monkeypatch.setattr(timetable, "now_ms", lambda: now[0] * 1000)
    monkeypatch.setattr(timetable.time, "localtime", lambda *at: local(*at or (now[0],)))
    monkeypatch.setattr(timetable, "clock_ahead", lambda: 0.0)
    channel = channels.channel(company.db, "shop")
    channels.save_channel(company.db, channel.id, {"orders_every": "5min", "comparison_every": "1d"}, {})
    begun: dict[str, list[int]] = {"orders": [], "comparison": []}

    def start(entry: Entry) -> None:
        begun[entry.stream].append(now[0])

    kept = Timetable(start)
    changes = -1
    for now[0] in range(noon, noon + 49 * 3600, STEP):
        if changes < 0 or kept.clock_was_moved():
            # As the daemon does: all of it is made anew from the database.
            changes += 1
            kept.clear()
            kept.replace({channel.id}, entries(company.db, {channel.id}))
        kept.run_due()
        if moved := kept.take_moved():
            note_next_runs(company.db, moved)
    assert changes == (time.localtime(noon).tm_gmtoff != time.localtime(noon + 86_400).tm_gmtoff)
    gaps = {after - before for before, after in pairwise(begun["orders"])}
    assert gaps <= {300 - STEP, 300, 300 + STEP}
    assert len(begun["orders"]) == 49 * 12
    assert [(at - begun["comparison"][0] + STEP) // 86_400 for at in begun["comparison"]] == [0, 1, 2]


def test_old_records_are_cleared_away_once_a_night(store: Store, noon: int) -> None:
    settings.put(store.db, "pruned_at", str((noon - 9 * 3600) * 1000))
    nights = []
    for at in range(noon, noon + 5 * 86_400, 300):
        if retention.is_time(store.db, datetime.fromtimestamp(at).astimezone()):
            settings.put(store.db, "pruned_at", str(at * 1000))
            nights.append(datetime.fromtimestamp(at))  # noqa: DTZ006 - as people there read the clock
    assert len(nights) == 5
    assert len({night.date() for night in nights}) == 5
    assert {night.hour for night in nights} <= {3, 4}
