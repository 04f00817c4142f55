"""When streams run, with clocks that are set meanwhile."""

from __future__ import annotations

import time

import pytest

from chansync_daemon.timetable import Timetable


@pytest.mark.parametrize("jump", [-3600.0, -3.0, 3.0, 3600.0])
def test_a_clock_that_is_set_is_noticed_once(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    timetable = Timetable(lambda entry: None)
    timetable.clear()
    assert not timetable.clock_was_moved()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    assert timetable.clock_was_moved()
    timetable.clear()
    assert not timetable.clock_was_moved()


def test_summer_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    timetable = Timetable(lambda entry: None)
    timetable.clear()
    monkeypatch.setenv("TZ", "Europe/Athens")
    time.tzset()
    assert timetable.clock_was_moved()
    monkeypatch.undo()
    time.tzset()
