"""Times: days and hours as people in a time zone know them."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from chansync.model import times
from chansync.model.errors import UsageError


@pytest.mark.parametrize(
    ("zone", "at", "began"),
    [
        ("Europe/Zurich", "2027-03-28T10:00:00Z", "2027-03-27T23:00:00Z"),
        ("Europe/Zurich", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:00:00Z", "2026-10-03T13:30:00Z"),
        ("America/New_York", "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z"),
        # Midnight does not exist there on that day: clocks go from 24:00 to 01:00.
        ("America/Santiago", "2026-09-06T15:00:00Z", "2026-09-06T04:00:00Z"),
        ("Asia/Kolkata", "2028-02-29T18:29:59Z", "2028-02-28T18:30:00Z"),
        ("UTC", "2026-12-31T23:59:59Z", "2026-12-31T00:00:00Z"),
    ],
)
def test_a_day_begins_at_its_own_midnight(monkeypatch: pytest.MonkeyPatch, zone: str, at: str, began: str) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    found = times.day_began(times.to_ms(datetime.fromisoformat(at)))
    monkeypatch.undo()
    time.tzset()
    assert times.utc_text(found) == began


NOW = times.to_ms(datetime.fromisoformat("2026-11-24T10:30:00Z"))


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2h", "2026-11-24T08:30:00Z", "2026-11-24T08:30:00Z"),
        ("90 min", "2026-11-24T09:00:00Z", "2026-11-24T09:00:00Z"),
        ("now", "2026-11-24T10:30:00Z", "2026-11-24T10:30:00Z"),
        ("2026-11-24 04:00", "2026-11-24T02:00:00Z", "2026-11-24T02:00:00Z"),
        ("2026-11-24T04:00:00Z", "2026-11-24T04:00:00Z", "2026-11-24T04:00:00Z"),
        ("2026-11-24 04:00-05:00", "2026-11-24T09:00:00Z", "2026-11-24T09:00:00Z"),
        ("2026-11-23", "2026-11-22T22:00:00Z", "2026-11-23T22:00:00Z"),
        ("yesterday", "2026-11-22T22:00:00Z", "2026-11-23T22:00:00Z"),
        ("2d", "2026-11-21T22:00:00Z", "2026-11-22T22:00:00Z"),
    ],
)
def test_a_moment_is_read(monkeypatch: pytest.MonkeyPatch, text: str, since: str, until: str) -> None:
    monkeypatch.setenv("TZ", "Europe/Sofia")
    time.tzset()
    monkeypatch.setattr(times, "now_ms", lambda: NOW)
    monkeypatch.setattr(times, "here", lambda moment=None: (moment or times.from_ms(NOW)).astimezone())
    found = times.parse_moment(text), times.parse_moment(text, end=True)
    monkeypatch.undo()
    time.tzset()
    assert tuple(map(times.utc_text, found)) == (since, until)


@pytest.mark.parametrize("text", ["", "5", "2 weeks", "25:00", "2026-13-01", "9999-12-31", "²h", "h"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        times.parse_moment(text, end=True)
