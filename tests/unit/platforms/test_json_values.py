"""Values of a site's JSON: whatever is taken can be used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.model.errors import DataError
from chansync.model.times import from_ms
from chansync.platforms.json_values import moment


@given(
    st.datetimes(),
    st.integers(-14, 14),
    st.integers(-12, 14),
)
def test_every_time_that_is_taken_can_be_written_in_every_zone(at: datetime, ahead: int, hours: int) -> None:
    try:
        taken = moment(at.isoformat(), "a time", ahead * 3_600_000)
    except DataError:
        return
    assert taken is not None
    assert from_ms(taken).astimezone(timezone(timedelta(hours=hours))).astimezone(UTC) == from_ms(taken)


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59", "9999-12-31T23:59:59+14:00", "1969-12-31T23:59:59"])
def test_a_time_beyond_all_calendars_is_none(text: str) -> None:
    with pytest.raises(DataError, match="is no time"):
        moment(text, "a time", -1)
